// The search over everything: what was found in which view.

import * as api from "./api.js";
import { find } from "./lines.js";
import { instanceContains, noticeContains } from "./matching.js";
import { address, place, VIEWS } from "./place.js";
import { changed, on, store } from "./store.js";
import { html, nothing } from "./vendor/lit-html.js";

/** @import { View } from "./place.js" */

/** @type {Record<View, string>} */
export const TITLES = { show: "Show", mappings: "Mappings", channels: "Channels", notices: "Notices" };

/** @type {Record<View, string>} what a view lists, in the singular */
const NOUNS = { show: "instance", mappings: "mapping line", channels: "channel", notices: "notice" };

/** @type {Record<View, number | null>} how many were found; null while nothing is searched */
export const found = { show: null, mappings: null, channels: null, notices: null };

let searched = "";
let generation = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;

function countAll() {
    const { search } = place;
    if (!search) {
        for (const view of VIEWS) found[view] = null;
        return;
    }
    found.show = store.instances?.filter((instance) => instanceContains(instance, search)).length ?? 0;
    found.notices = store.notices.filter((notice) => noticeContains(notice, search)).length;
}

async function ask() {
    const { search } = place;
    const mine = (generation += 1);
    if (!search) return;
    try {
        const [lines, channels] = await Promise.all([find(search), api.channels({ search, limit: 1 })]);
        if (mine !== generation) return;
        found.mappings = lines.total;
        found.channels = channels.total;
        changed("show");
    } catch {
        // The numbers are missing until the connection is back.
    }
}

on(["place"], () => {
    countAll();
    if (place.search === searched) return;
    searched = place.search;
    clearTimeout(later);
    later = setTimeout(ask, 150);
});
on(["instances", "notices"], countAll);
on(["mappings", "plan"], () => void ask());

/**
 * Says that the present view has nothing of what is searched, and which others have.
 * @param {View} here
 * @param {string} nothingHere "No channel"
 */
export function elsewhere(here, nothingHere) {
    const others = VIEWS.filter((view) => view !== here && found[view]);
    return html`<div class="empty">
        <p>${nothingHere} contains “${place.search}”.</p>
        ${others.length
            ? html`<p>
                  ${others.map((view) => {
                      const number = found[view] ?? 0;
                      return html`<a class="button" href=${address({ view })}
                          >${number.toLocaleString("en-GB")} ${NOUNS[view]}${number === 1 ? "" : "s"}</a
                      > `;
                  })}
              </p>`
            : nothing}
    </div>`;
}
