// Show: each instance with its state, what is in trouble first.

import * as api from "../api.js";
import * as format from "../format.js";
import { instanceContains } from "../matching.js";
import { address, place } from "../place.js";
import { on, store } from "../store.js";
import { empty, icon, marked, since } from "../templates.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { SEVERITIES } from "../words.js";
import { elsewhere } from "../search.js";

/** @import { Condition, Instance, Link, Notice } from "../types.js" */

/** @type {Condition[]} the worst first */
const ORDER = ["failing", "waiting", "starting", "working"];

/** @param {Instance} instance */
const nameOf = (instance) => instance.name;

/** @param {Instance} instance */
const rank = (instance) => ORDER.indexOf(instance.condition);

export function showView() {
    const el = document.createElement("div");
    el.className = "view scrolls";
    const stop = new AbortController();
    const draw = () => render(template(), el);
    on(["instances", "show", "connection", "place"], draw, stop.signal);
    const timer = setInterval(draw, 1000);
    draw();
    return {
        el,
        close() {
            clearInterval(timer);
            stop.abort();
        },
    };
}

function template() {
    if (!store.instances) return empty("Waiting for crosspatch …");
    const { search } = place;
    const found = store.instances.filter((instance) => !search || instanceContains(instance, search));
    const sorted = found
        .map((instance, at) => ({ instance, at }))
        .sort((a, b) => rank(a.instance) - rank(b.instance) || a.at - b.at)
        .map(({ instance }) => instance);
    if (!store.instances.length) return empty("This show has no instances.");
    if (!sorted.length) return elsewhere("show", "No instance");
    return html`${summary(store.instances)}
        <ul class="instances">
            ${repeat(sorted, nameOf, (/** @type {Instance} */ instance) => row(instance, search))}
        </ul>
        ${footer()}`;
}

/** @param {Instance[]} instances */
function summary(instances) {
    const numbers = ORDER.map((condition) => ({
        condition,
        number: instances.filter((instance) => instance.condition === condition).length,
    }));
    const isGood = numbers.every(({ condition, number }) => condition === "working" || !number);
    if (isGood) {
        const all = instances.length === 1 ? "The only instance works" : `All ${instances.length} instances work`;
        return html`<h2 class="summary good">${icon("working")} ${all}</h2>`;
    }
    return html`<h2 class="summary">
        ${numbers.map(({ condition, number }) =>
            number
                ? html`<span class="count ${condition}">${icon(condition)} ${number} ${condition}</span>`
                : nothing,
        )}
    </h2>`;
}

/**
 * @param {Instance} instance
 * @param {string} search
 */
function row(instance, search) {
    const { name, backend, condition, links } = instance;
    const notice = says(instance.notice, instance) ? null : instance.notice;
    const channels = address({ view: "channels", instance: name, search: "", channel: "", line: -1 });
    return html`<li class="instance ${condition}">
        <div class="state">${icon(condition)} <span>${condition}</span></div>
        <h3><span class="name">${marked(name, search)}</span> <span class="backend">${marked(backend, search)}</span></h3>
        <ul class="links">
            ${trouble(instance, search)} ${links.map((link) => linkRow(link, instance, search))}
        </ul>
        <a class="io" href=${channels} title="The channels of ${name}">
            <span>${icon("in")} ${instance.inputs.toLocaleString("en-GB")}<span class="hidden"> channels in, </span></span>
            <span>${icon("out")} ${instance.outputs.toLocaleString("en-GB")}<span class="hidden"> out</span></span>
        </a>
        <p class="notice">
            ${notice
                ? html`<time>${format.moment(notice.at, api.now())}</time> ${icon(notice.severity, SEVERITIES[notice.severity])}
                      <span>${marked(notice.text, search)}</span>`
                : nothing}
        </p>
    </li>`;
}

/**
 * Whether the reason of the trouble says what a notice says.
 * @param {Notice | null} notice
 * @param {Instance} instance
 */
function says(notice, { reason, links }) {
    return [reason, ...links.map((link) => link.reason)].some((text) => text && notice?.text.includes(text));
}

/**
 * The reason of the instance, unless one of its links says the same.
 * @param {Instance} instance
 * @param {string} search
 */
function trouble({ reason, since: at, links }, search) {
    if (!reason || links.some((link) => link.reason === reason)) return nothing;
    return html`<li><span class="reason">${marked(reason, search)}</span> ${since(at)}</li>`;
}

/**
 * @param {Link} link
 * @param {Instance} instance
 * @param {string} search
 */
function linkRow(link, instance, search) {
    const works = link.condition === "working";
    const mixed = !works || instance.condition !== "working";
    return html`<li class=${link.condition}>
        <span class="peer">${mixed ? icon(link.condition, link.condition) : nothing}
            <span class="address">${marked(link.name, search)}</span></span>
        ${link.description ? html`<span class="description">${marked(link.description, search)}</span>` : nothing}
        ${link.reason ? html`<span class="reason">${marked(link.reason, search)}</span>` : nothing}
        ${works ? nothing : since(link.since)}
    </li>`;
}

function footer() {
    const { show } = store;
    if (!show) return nothing;
    return html`<p class="footer">
        ${show.name}, ${format.count(show.mappings, "mapping")}, running since
        ${format.moment(show.started, api.now())}. crosspatch ${show.version}
    </p>`;
}
