// Numbers, times and ages as texts.

/** @import { Value } from "./types.js" */

/**
 * A value: numbers with three decimals, so that they align.
 * @param {Value} value
 */
export function value(value) {
    if (typeof value === "string") return value === "" ? "“”" : value;
    if (Number.isNaN(value)) return "–";
    return value.toFixed(3);
}

/**
 * How long ago something was, short enough for a column.
 * @param {number} milliseconds
 */
export function age(milliseconds) {
    const seconds = Math.floor(milliseconds / 1000);
    if (seconds < 1) return "now";
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

/**
 * The step of fading: 0 for the last moment, 3 for long ago.
 * @param {number} milliseconds
 */
export function fading(milliseconds) {
    if (milliseconds < 1000) return "0";
    if (milliseconds < 10_000) return "1";
    return milliseconds < 120_000 ? "2" : "3";
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** @param {number} at */
export const time = (at) => clock.format(at);

/**
 * The time of day, with the day unless it is today.
 * @param {number} at
 * @param {number} now
 */
export function moment(at, now) {
    const isToday = new Date(at).toDateString() === new Date(now).toDateString();
    return isToday ? time(at) : `${day.format(at)}, ${time(at)}`;
}

/**
 * A count and its noun.
 * @param {number} number
 * @param {string} noun in the singular
 */
export const count = (number, noun) => `${number.toLocaleString("en-GB")} ${noun}${number === 1 ? "" : "s"}`;

/**
 * The path of a file without the folder of the show.
 * @param {string} path
 * @param {string} show the path of the show
 */
export function file(path, show) {
    const folder = show.slice(0, show.lastIndexOf("/") + 1);
    return path.startsWith(folder) ? path.slice(folder.length) : path;
}
