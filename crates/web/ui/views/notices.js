// Notices: what crosspatch wanted to say, the latest first.

import * as api from "../api.js";
import * as format from "../format.js";
import { noticeContains } from "../matching.js";
import { place } from "../place.js";
import { changed, on, store } from "../store.js";
import { empty, icon, marked } from "../templates.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { SEVERITIES } from "../words.js";
import { elsewhere } from "../search.js";

/** @import { Notice } from "../types.js" */

/** @type {Record<string, Notice["severity"][]>} */
const LEVELS = {
    trouble: ["error", "warning"],
    normal: ["error", "warning", "info"],
    everything: ["error", "warning", "info", "debug"],
};

let level = "normal";

export function noticesView() {
    const el = document.createElement("div");
    el.className = "view";
    const stop = new AbortController();
    const draw = () => {
        render(template(draw), el);
        const last = store.notices.at(-1)?.number ?? 0;
        if (last === store.seenNotice || document.hidden) return;
        store.seenNotice = last;
        changed("show");
    };
    on(["notices", "place", "connection"], draw, stop.signal);
    draw();
    return { el, close: () => stop.abort() };
}

/** @param {() => void} draw */
function template(draw) {
    const { search } = place;
    const shown = store.notices
        .filter((notice) => LEVELS[level]?.includes(notice.severity) && (!search || noticeContains(notice, search)))
        .reverse();
    return html`<div class="tools">
            <fieldset class="choice">
                <legend class="hidden">Which notices</legend>
                ${choice("trouble", "Warnings", draw)} ${choice("normal", "Normal", draw)}
                ${choice("everything", "With details", draw)}
            </fieldset>
            <span class="amount">${format.count(shown.length, "notice")}</span>
        </div>
        ${shown.length ? table(shown, search) : nobody(search)}`;
}

/**
 * @param {string} name
 * @param {string} label
 * @param {() => void} draw
 */
function choice(name, label, draw) {
    const pick = () => {
        level = name;
        draw();
    };
    return html`<label
        ><input type="radio" name="level" value=${name} .checked=${level === name} @change=${pick} /><span>${label}</span></label
    >`;
}

/** @param {string} search */
function nobody(search) {
    if (search && !store.notices.some((notice) => noticeContains(notice, search))) return elsewhere("notices", "No notice");
    if (search) return empty(`No notice of this kind contains “${search}”.`);
    return empty(
        level === "trouble" ? "No warnings." : "No notices.",
        html`<p class="hint">Connections, mistakes and everything that was lost will be listed here.</p>`,
    );
}

/**
 * @param {Notice[]} notices
 * @param {string} search
 */
function table(notices, search) {
    const now = api.now();
    return html`<ol class="notices scrolls" tabindex="0" aria-label="Notices, the latest first">
        ${repeat(
            notices,
            (/** @type {Notice} */ notice) => notice.number,
            (/** @type {Notice} */ notice) => html`<li class=${notice.severity}>
                <time>${format.moment(notice.at, now)}</time>
                <span class="severity">${icon(notice.severity)} ${SEVERITIES[notice.severity]}</span>
                <span class="source">${notice.instance ? marked(notice.instance, search) : "crosspatch"}</span>
                <span class="words"
                    >${marked(notice.text, search)}${notice.held
                        ? html` <span class="more">(and ${notice.held} more like this)</span>`
                        : nothing}</span
                >
            </li>`,
        )}
    </ol>`;
}
