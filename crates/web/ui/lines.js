// All mapping lines of the show.

import * as api from "./api.js";
import { file } from "./format.js";
import { lineContains } from "./matching.js";
import { changed, on, store } from "./store.js";

/** @import { ChannelId, Mapping } from "./types.js" */

/** How many pairs of a line are watched. A line with a range may have thousands. */
export const MOST_PAIRS = 16;

export const lines = {
    /** @type {Mapping[] | null} */
    all: null,
    /** More than `all` if there are too many to load. */
    total: 0,
    problem: "",
};

/** @type {Map<number, Mapping>} */
let byNumber = new Map();

/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;

async function load() {
    clearTimeout(again);
    try {
        const { total, mappings } = await api.mappings("");
        lines.all = mappings;
        lines.total = total;
        lines.problem = "";
        byNumber = new Map(mappings.map((line) => [line.number, line]));
    } catch (error) {
        lines.problem = error instanceof Error ? error.message : String(error);
        // A connection that is lost begins with a new plan.
        if (store.connection === "live") again = setTimeout(load, api.AGAIN);
    }
    changed("mappings");
}

/**
 * Where a line stands, as short as possible.
 * @param {Mapping} line
 */
export const placeOf = (line) => `${file(line.file, store.show?.name ?? "")}:${line.line}`;

/** @param {number} number */
export const line = (number) => byNumber.get(number);

/** @param {string} search */
export async function find(search) {
    if (!search || !lines.all) return { total: lines.total, rows: lines.all ?? [] };
    if (lines.total > lines.all.length) {
        const { total, mappings } = await api.mappings(search);
        for (const line of mappings) byNumber.set(line.number, line);
        return { total, rows: mappings };
    }
    const rows = lines.all.filter((line) => lineContains(line, search));
    return { total: rows.length, rows };
}

/** @typedef {{ from: string, to: string, fromId: ChannelId, toId: ChannelId }} Pair */

/**
 * The first mappings that a line consists of. The API names each channel once, so a line from one channel to several has one
 * name on the left.
 * @param {Mapping} line
 * @returns {Pair[]}
 */
export function pairs(line) {
    const { from, to, from_ids, to_ids } = line;
    /** @type {Pair[]} */
    const found = [];
    const number = Math.min(Math.max(from.length, to.length), MOST_PAIRS);
    for (let at = 0; at < number; at += 1) {
        const [left, right] = [Math.min(at, from.length - 1), Math.min(at, to.length - 1)];
        const [fromId, toId] = [from_ids[left], to_ids[right]];
        if (fromId && toId) found.push({ from: from[left] ?? "", to: to[right] ?? "", fromId, toId });
    }
    return found;
}

on(["plan"], () => {
    if (store.connection === "live") load();
});
