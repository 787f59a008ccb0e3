// Pieces of templates that several views use.

import * as api from "./api.js";
import * as format from "./format.js";
import { words } from "./matching.js";
import { html, nothing } from "./vendor/lit-html.js";

/**
 * A shape. What it means is always written beside it, or given as a label.
 * @param {string} name
 * @param {string} [label]
 */
export const icon = (name, label) =>
    label
        ? html`<svg class="icon is-${name}" role="img" aria-label=${label}><use href="#i-${name}"></use></svg>`
        : html`<svg class="icon is-${name}" aria-hidden="true"><use href="#i-${name}"></use></svg>`;

/**
 * Since when, with how long ago.
 * @param {number | null} at
 */
export function since(at) {
    if (!at) return nothing;
    const now = api.now();
    return html`<span class="since">since <time>${format.moment(at, now)}</time>, ${format.age(now - at)}</span>`;
}

/**
 * A text with the first word of a search marked in it.
 * @param {string} text
 * @param {string} search
 */
export function marked(text, search) {
    const lower = text.toLowerCase();
    const word = words(search).find((word) => lower.includes(word));
    if (!word) return text;
    const at = lower.indexOf(word);
    const end = at + word.length;
    return html`${text.slice(0, at)}<mark>${text.slice(at, end)}</mark>${text.slice(end)}`;
}

/**
 * What stands where nothing is.
 * @param {unknown} title
 * @param {unknown} [more]
 */
export const empty = (title, more = nothing) => html`<div class="empty"><p>${title}</p>${more}</div>`;
