// Where the page is: the view, what is searched, and what the panel shows. All of it is in the address.

import { changed } from "./store.js";

export const VIEWS = /** @type {const} */ (["show", "mappings", "channels", "notices"]);

/** @typedef {typeof VIEWS[number]} View */

/**
 * @typedef {object} Place
 * @property {View} view
 * @property {string} search
 * @property {string} channel the channel in the panel; empty for none
 * @property {number} line the mapping in the panel; -1 for none
 * @property {string} instance the instance whose channels are listed; empty for all
 * @property {boolean} follow whether the latest changes come first
 */

/** @type {Place} */
export let place = read();

/** @returns {Place} */
function read() {
    const [view, query = ""] = location.hash.slice(1).split("?");
    const words = new URLSearchParams(query);
    return {
        view: VIEWS.find((name) => name === view) ?? "show",
        search: words.get("search") ?? "",
        channel: words.get("channel") ?? "",
        line: Number(words.get("line") ?? -1),
        instance: words.get("instance") ?? "",
        follow: words.has("follow"),
    };
}

/**
 * The address of a place that differs from this one.
 * @param {Partial<Place>} change
 */
export function address(change) {
    const { view, search, channel, line, instance, follow } = { ...place, ...change };
    const words = new URLSearchParams();
    if (search) words.set("search", search);
    if (channel) words.set("channel", channel);
    if (line >= 0) words.set("line", String(line));
    if (instance) words.set("instance", instance);
    if (follow) words.set("follow", "1");
    const query = words.toString();
    return `#${view}${query ? `?${query}` : ""}`;
}

/**
 * Goes there; the browser's "back" leads here again.
 * @param {Partial<Place>} change
 */
export function go(change) {
    const to = address(change);
    if (to === location.hash) return;
    history.pushState(null, "", to);
    arrive();
}

/**
 * Goes there in place of here, for small steps such as each letter of a search.
 * @param {Partial<Place>} change
 */
export function adjust(change) {
    history.replaceState(null, "", address(change));
    arrive();
}

function arrive() {
    place = read();
    changed("place");
}

addEventListener("popstate", arrive);
