// The last values of channels, as far as anybody looked at them.

/** @import { Channel, ChannelId, Direction, Reading, Value } from "./types.js" */

/**
 * @typedef {object} Known
 * @property {Value} value
 * @property {number} at 0 if it was there before anybody looked
 * @property {number} count
 * @property {number} began when the present movement began
 */

/** A pause that ends a movement, in milliseconds. */
const PAUSE = 3000;

/** @type {Map<string, Known>} */
const known = new Map();

/** @type {Map<string, Map<string, string>>} by input, then by target */
const heldBack = new Map();

/**
 * @param {ChannelId} id
 * @param {Direction} direction
 */
export const last = (id, direction) => known.get(`${id[0]}:${id[1]}:${direction}`);

/**
 * @param {ChannelId} id
 * @param {Direction} direction
 * @param {Reading} reading
 */
export function learn(id, direction, reading) {
    const key = `${id[0]}:${id[1]}:${direction}`;
    const at = reading.at ?? 0;
    const before = known.get(key);
    // A list may arrive after a newer value.
    if (before && (before.at > at || (before.at === at && before.count === reading.count))) return;
    const goesOn = before && at - before.at < PAUSE;
    known.set(key, { ...reading, at, began: goesOn ? before.began : at });
}

/** @param {Channel} channel */
export function learnChannel(channel) {
    if (channel.in) learn(channel.id, "in", channel.in);
    if (channel.out) learn(channel.id, "out", channel.out);
}

/**
 * What holds a mapping back, or nothing.
 * @param {ChannelId} from
 * @param {ChannelId} to
 */
export const held = (from, to) => heldBack.get(String(from))?.get(String(to)) ?? "";

/**
 * Sets what holds back the mappings from an input.
 * @param {ChannelId} from
 * @param {[to: ChannelId, reason: string][]} reasons
 */
export function setHeld(from, reasons) {
    if (reasons.length) heldBack.set(String(from), new Map(reasons.map(([to, reason]) => [String(to), reason])));
    else heldBack.delete(String(from));
}

/** After a reload, numbers may mean other channels. */
export function forget() {
    known.clear();
    heldBack.clear();
}

/**
 * The later of the two directions.
 * @param {ChannelId} id
 */
export function latest(id) {
    const [a, b] = [last(id, "in"), last(id, "out")];
    if (!a || !b) return a ?? b;
    return a.at >= b.at ? a : b;
}
