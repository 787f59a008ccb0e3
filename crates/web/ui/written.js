// A mapping line as written, and what it is doing.

import * as format from "./format.js";
import { pairs } from "./lines.js";
import { store } from "./store.js";
import { held, last } from "./values.js";

/** @import { ChannelId, Mapping } from "./types.js" */
/** @import { Known } from "./values.js" */

/** For how long a line counts as fired, in milliseconds. */
const FIRED = 1000;

/**
 * @typedef {object} Doing what a line is doing
 * @property {"fired" | "idle" | "held"} light
 * @property {string} words why it is held, or how long ago it fired
 * @property {Known | undefined} in
 * @property {Known | undefined} out
 */

/**
 * What a line is doing: that of its mappings whose input came last.
 * @param {Mapping} line
 * @param {number} now
 * @returns {Doing}
 */
export function doing(line, now) {
    /** @type {Known | undefined} */
    let input;
    /** @type {Known | undefined} */
    let output;
    let reason = "";
    for (const { fromId, toId } of pairs(line)) {
        const from = last(fromId, "in");
        if (from && (!input || from.at > input.at)) {
            input = from;
            output = last(toId, "out");
        }
        reason ||= held(fromId, toId);
    }
    // Without a value, the list is all that is known.
    if (!input) reason ||= line.held[0] ?? "";
    reason ||= missing(line);
    const words = reason || (input?.at ? format.age(now - input.at) : "");
    const isFresh = input?.at && now - input.at < FIRED;
    return { light: reason ? "held" : isFresh ? "fired" : "idle", words, in: input, out: output };
}

/**
 * Which end of a line has no connection, and why. Its values go nowhere, or cannot come.
 * @param {Mapping} line
 */
function missing(line) {
    for (const [number] of [...line.to_ids, ...line.from_ids]) {
        const instance = store.instances?.[number];
        if (instance?.condition !== "waiting" && instance?.condition !== "failing") continue;
        return `${instance.name} ${instance.condition}${instance.reason ? `: ${instance.reason}` : ""}`;
    }
    return "";
}

/**
 * The channels of a line that are worth watching.
 * @param {Mapping} line
 * @returns {ChannelId[]}
 */
export const watched = (line) => pairs(line).flatMap(({ fromId, toId }) => [fromId, toId]);

/** How a line's channels and operators are told apart when it is written. */
const TOKEN = /"[^"]*"|<>|[<>|]/g;

/**
 * Writes a line with its operators set apart.
 * @param {HTMLElement} el
 * @param {string} text
 */
export function writeLine(el, text) {
    el.textContent = "";
    let end = 0;
    for (const match of text.matchAll(TOKEN)) {
        if (match[0].startsWith('"')) continue;
        el.append(text.slice(end, match.index));
        const operator = document.createElement("i");
        operator.textContent = match[0];
        el.append(operator);
        end = match.index + match[0].length;
    }
    el.append(text.slice(end));
}
