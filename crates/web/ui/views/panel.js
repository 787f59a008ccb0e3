// The panel beside a view: one channel, or one mapping line.

import { place } from "../place.js";
import { on } from "../store.js";
import { channelPanel } from "./channel.js";
import { linePanel } from "./line.js";

/** @typedef {{ el: HTMLElement, close: () => void }} Panel */

/** Shows the panel that the place names, and gives the focus back after it. */
export function panels() {
    const el = document.createElement("aside");
    el.className = "panel";
    el.hidden = true;
    let key = "";
    /** @type {Panel | undefined} */
    let panel;
    /** @type {Element | null} */
    let before = null;

    const react = () => {
        const next = place.channel ? `channel ${place.channel}` : place.line >= 0 ? `line ${place.line}` : "";
        if (next === key) return;
        if (!key) before = document.activeElement;
        key = next;
        panel?.close();
        panel = undefined;
        el.textContent = "";
        el.hidden = !next;
        document.documentElement.classList.toggle("has-panel", Boolean(next));
        if (!next) {
            if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
            return;
        }
        panel = place.channel ? channelPanel(place.channel) : linePanel(place.line);
        el.setAttribute("aria-label", place.channel ? `Channel ${place.channel}` : "Mapping line");
        el.append(panel.el);
        panel.el.querySelector("h2")?.focus({ preventScroll: true });
    };
    on(["place"], react);
    react();
    return el;
}
