// Keys that work everywhere, and the list of them.

import { adjust, go, place, VIEWS } from "./place.js";
import { store } from "./store.js";
import { html, render } from "./vendor/lit-html.js";

const KEYS = [
    ["1 … 4", "Show, Mappings, Channels, Notices"],
    ["/", "search everything"],
    ["↑ ↓ Page Home End", "move in a list"],
    ["Enter", "open the row"],
    ["F", "in Channels: follow what moves"],
    ["Esc", "close the panel, then clear the search"],
    ["?", "this list"],
];

export function keysDialog() {
    const dialog = document.createElement("dialog");
    dialog.className = "keys";
    dialog.setAttribute("aria-label", "Keys");
    render(
        html`<h2>Keys</h2>
            <dl>${KEYS.map(([key, meaning]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${meaning}</dd></div>`)}</dl>
            <form method="dialog"><button autofocus>Close</button></form>`,
        dialog,
    );
    return dialog;
}

/** @param {EventTarget | null} target */
const takesText = (target) =>
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=range])"));

/**
 * @param {HTMLDialogElement} dialog
 * @param {() => void} focusView
 */
export function listenForKeys(dialog, focusView) {
    document.addEventListener("keydown", (event) => {
        if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || dialog.open || store.needsLogIn) return;
        if (event.key === "Escape") return escape(event, focusView);
        if (takesText(event.target)) return;
        const view = VIEWS[Number(event.key) - 1];
        if (view) go({ view, channel: "", line: -1 });
        else if (event.key === "/") document.getElementById("search")?.focus();
        else if (event.key === "?") dialog.showModal();
        else if (event.key.toLowerCase() === "f" && place.view === "channels") adjust({ follow: !place.follow });
        else return;
        event.preventDefault();
    });
}

/**
 * @param {KeyboardEvent} event
 * @param {() => void} focusView
 */
function escape(event, focusView) {
    const isSearching = event.target instanceof HTMLElement && event.target.id === "search";
    if (isSearching && place.search) adjust({ search: "" });
    else if (isSearching) focusView();
    else if (place.channel || place.line >= 0) go({ channel: "", line: -1 });
    else if (place.search) adjust({ search: "" });
    else return;
    event.preventDefault();
}
