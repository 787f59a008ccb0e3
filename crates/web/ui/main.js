// The frame of the page: views, search, connection, lock, keys.

import * as api from "./api.js";
import { file } from "./format.js";
import { keysDialog, listenForKeys } from "./keys.js";
import { connect, tryNow } from "./live.js";
import { address, adjust, go, place, VIEWS } from "./place.js";
import { remembered } from "./remembered.js";
import { found, TITLES } from "./search.js";
import { speakNotices } from "./spoken.js";
import { changed, on, setSession, store } from "./store.js";
import { icon } from "./templates.js";
import { html, nothing, render } from "./vendor/lit-html.js";
import { channelsView } from "./views/channels.js";
import { logInView } from "./views/login.js";
import { mappingsView } from "./views/mappings.js";
import { noticesView } from "./views/notices.js";
import { panels } from "./views/panel.js";
import { showView } from "./views/show.js";

/** @import { View } from "./place.js" */

/** @typedef {{ el: HTMLElement, close: () => void, focus?: () => void }} Open */

/** @type {Record<View, () => Open>} */
const MAKE = { show: showView, mappings: mappingsView, channels: channelsView, notices: noticesView };

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const panel = panels();
const keys = keysDialog();
document.body.append(keys);

/** @type {Open | undefined} */
let view;
let shown = "";
let lockProblem = "";

function draw() {
    const wanted = store.needsLogIn ? "log in" : place.view;
    if (wanted !== shown) {
        view?.close();
        shown = wanted;
        view = store.needsLogIn ? logInView() : MAKE[place.view]();
    }
    render(store.needsLogIn ? view?.el : frame(), app);
    document.documentElement.dataset.connection = store.connection;
    const mark = trouble() ? "▲ " : "";
    const name = showName();
    document.title = store.connection === "lost" ? `Connection lost – ${name}` : `${mark}${TITLES[place.view]} – ${name}`;
}

const showName = () => (store.show ? file(store.show.name, store.show.name) : "crosspatch");

const trouble = () =>
    store.instances?.filter(({ condition }) => condition === "failing" || condition === "waiting").length ?? 0;

const unseen = () =>
    store.notices.filter(
        ({ number, severity }) => number > store.seenNotice && (severity === "warning" || severity === "error"),
    ).length;

const frame = () => html`<a class="skip" href="#" @click=${skip}>To the content</a>
    <header class="top">
        <div class="brand">
            <h1 title=${store.show?.name ?? ""}>${showName()}</h1>
            ${connection()}
        </div>
        <nav aria-label="Views">${VIEWS.map(tab)}</nav>
        <form class="search" role="search" @submit=${submitSearch}>
            ${icon("search")}
            <label class="hidden" for="search">Search everything</label>
            <input
                id="search"
                type="search"
                placeholder="Search all"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                title="Key: /"
                .value=${place.search}
                @input=${search}
            />
        </form>
        <div class="controls">${role()} ${theme()} ${help()} ${leave()}</div>
    </header>
    ${banner()}
    <main aria-label=${TITLES[place.view]} tabindex="-1">${view?.el}</main>
    ${panel}`;

/** @param {View} name */
function tab(name) {
    const isHere = place.view === name;
    return html`<a href=${address({ view: name, channel: "", line: -1 })} aria-current=${isHere ? "page" : nothing}
        >${TITLES[name]}${badge(name)}</a
    >`;
}

/** @param {View} name */
function badge(name) {
    const number = found[name];
    if (number !== null) {
        return html`<span class="badge found"><span class="hidden">, found: </span>${number.toLocaleString("en-GB")}</span>`;
    }
    const [count, what] = name === "show" ? [trouble(), "in trouble"] : name === "notices" ? [unseen(), "new warnings"] : [0, ""];
    if (!count) return nothing;
    const worst = store.instances?.some(({ condition }) => condition === "failing");
    const kind = name === "show" && worst ? "failing" : "waiting";
    return html`<span class="badge ${kind}"><span class="hidden">, </span>${count}<span class="hidden"> ${what}</span></span>`;
}

function connection() {
    const words = { connecting: "connecting", live: "live", lost: "lost" }[store.connection];
    const shape = { connecting: "starting", live: "working", lost: "failing" }[store.connection];
    return html`<span class="connection ${store.connection}">${icon(shape)} ${words}</span>`;
}

function role() {
    if (!store.show) return nothing;
    const { role, locked } = store.show;
    if (role !== "operate") return html`<span class="chip">${icon(locked ? "locked" : "eye")} Read-only</span>`;
    const label = locked ? "Unlock" : "Lock";
    const why = locked ? "Allow changes again" : "Make everything read-only";
    return html`<button class="plain lock" aria-label=${label} title=${why} @click=${toggleLock}>
        ${icon(locked ? "locked" : "unlocked")} <span class="label">${label}</span>
    </button>`;
}

const theme = () => html`<button class="plain" title="Dark or light" aria-label="Dark or light" @click=${toggleTheme}>${icon("theme")}</button>`;

const help = () => html`<button class="plain wide-only" title="Keys (?)" aria-label="Keys" @click=${() => keys.showModal()}>${icon("keys")}</button>`;

function leave() {
    if (!store.hasSession) return nothing;
    return html`<button class="plain" title="Log out" aria-label="Log out" @click=${logOut}>${icon("leave")}</button>`;
}

function banner() {
    if (store.connection === "lost") {
        const seconds = Math.max(0, Math.round((Date.now() - store.lostAt) / 1000));
        return html`<div class="banner lost" role="alert">
            ${icon("failing")}
            <span><b>Connection lost</b> <span aria-hidden="true">${seconds} s ago.</span> The values are old.</span>
            <button @click=${tryNow}>Try now</button>
        </div>`;
    }
    if (lockProblem) return html`<div class="banner lost" role="alert">${icon("failing")} <span>${lockProblem}</span></div>`;
    if (store.show?.locked) {
        return html`<div class="banner locked" role="status">
            ${icon("locked")} <span><b>Locked.</b> Nothing can be changed until it is unlocked.</span>
        </div>`;
    }
    return nothing;
}

/** @param {Event} event */
function search(event) {
    adjust({ search: /** @type {HTMLInputElement} */ (event.target).value.trim() });
}

/** Enter goes to the view that has something. @param {SubmitEvent} event */
function submitSearch(event) {
    event.preventDefault();
    const to = found[place.view] === 0 ? VIEWS.find((name) => found[name]) : undefined;
    if (to) go({ view: to });
    view?.focus?.();
}

async function toggleLock() {
    lockProblem = "";
    try {
        const locked = !store.show?.locked;
        await api.lock(locked);
        if (store.show) store.show = { ...store.show, locked };
    } catch (error) {
        lockProblem = `The lock did not change: ${error instanceof Error ? error.message : error}.`;
        setTimeout(() => {
            lockProblem = "";
            draw();
        }, 5000);
    }
    changed("show");
}

function toggleTheme() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    remembered.set("theme", root.dataset.theme);
}

async function logOut() {
    await api.logOut().catch(() => undefined);
    setSession(false);
    connect();
}

/** @param {Event} event */
function skip(event) {
    event.preventDefault();
    if (view?.focus) view.focus();
    else app.querySelector("main")?.focus();
}

on(["show", "instances", "notices", "connection", "place", "login"], draw);
setInterval(() => store.connection === "lost" && draw(), 1000);
listenForKeys(keys, () => view?.focus?.());
speakNotices();
draw();
connect();
