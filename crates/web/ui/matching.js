// Whether something contains what is searched.

import { SEVERITIES } from "./words.js";

/** @import { Instance, Mapping, Notice } from "./types.js" */

/**
 * Whether each word is in one of the texts.
 * @param {(string | null | undefined)[]} texts
 * @param {string} search
 */
function anyContains(texts, search) {
    const lower = texts.map((text) => text?.toLowerCase() ?? "");
    return words(search).every((word) => lower.some((text) => text.includes(word)));
}

/**
 * The words of a search, in lower case. As on the server, all of them must be found, in any order.
 * @param {string} search
 */
export const words = (search) => search.toLowerCase().split(/\s+/).filter(Boolean);

/**
 * @param {Instance} instance
 * @param {string} search
 */
export function instanceContains(instance, search) {
    const { name, backend, reason, condition, notice, links } = instance;
    const peers = links.flatMap((link) => [link.name, link.description, link.reason]);
    return anyContains([name, backend, reason, condition, notice?.text, ...peers], search);
}

/**
 * A line: as written, by the names of its channels, or by its place.
 * @param {Mapping} line
 * @param {string} search
 */
export const lineContains = (line, search) =>
    anyContains([line.text, `${line.file}:${line.line}`, ...line.from, ...line.to], search);

/**
 * @param {Notice} notice
 * @param {string} search
 */
export const noticeContains = (notice, search) =>
    anyContains([notice.text, notice.instance, notice.id, SEVERITIES[notice.severity]], search);
