// The panel of a channel: its values, the lines that use it, and how to send one.

import * as api from "../api.js";
import { icon as shapeOf, setIcon, setText, ValueCell } from "../cells.js";
import { Curve } from "../curve.js";
import * as format from "../format.js";
import { onValues } from "../frame.js";
import { line as lineOf, lines, placeOf } from "../lines.js";
import { look } from "../live.js";
import { address, go } from "../place.js";
import { on } from "../store.js";
import { icon } from "../templates.js";
import { last } from "../values.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { doing, watched, writeLine } from "../written.js";
import { sendForm } from "./send.js";

/** @import { Channel, ChannelId, Direction, Mapping } from "../types.js" */

/** How many lines are listed. */
const MOST_LINES = 50;

/** One direction of a channel: value, curve, age and count. @param {Direction} direction */
function meter(direction) {
    const el = document.createElement("div");
    el.className = "meter";
    const title = document.createElement("span");
    title.className = "title";
    title.append(shapeOf(direction), direction === "in" ? "In" : "Out");
    const value = new ValueCell("large");
    value.el.removeAttribute("role");
    const curve = new Curve(`The last 30 seconds, ${direction}`);
    const words = document.createElement("span");
    words.className = "words";
    el.append(title, value.el, curve.el, words);
    return {
        el,
        /** @param {ChannelId} id */
        tick(id) {
            const now = api.now();
            const reading = last(id, direction);
            value.set(reading, now);
            if (typeof reading?.value === "number" && reading.at) curve.add(reading.at, reading.value);
            el.classList.toggle("still", !curve.points.length);
            curve.draw(now);
            if (!reading) return setText(words, "no value yet");
            if (!reading.at) return setText(words, "unchanged since this page opened");
            const age = format.age(now - reading.at);
            setText(words, `${age === "now" ? "now" : `${age} ago`}, ${format.count(reading.count, "change")}`);
        },
    };
}

/** @param {string} name */
export function channelPanel(name) {
    const el = document.createElement("div");
    const stop = new AbortController();
    /** @type {Channel | undefined} */
    let channel;
    const [input, output] = [meter("in"), meter("out")];
    const form = sendForm(name, stop.signal, () => (channel ? last(channel.id, "in")?.value : undefined));
    let problem = "";
    /** @type {{ line: Mapping, shape: SVGElement, words: HTMLElement }[]} */
    let uses = [];

    async function load() {
        try {
            channel = await api.channel(name);
            problem = "";
        } catch (error) {
            const isMissing = error instanceof api.Failure && error.status === 404;
            problem = isMissing ? "No channel has this name." : `It could not be read: ${String(error)}`;
            if (!isMissing) setTimeout(() => stop.signal.aborted || load(), api.AGAIN);
        }
        if (!stop.signal.aborted) draw();
    }

    function tick() {
        if (!channel) return;
        input.tick(channel.id);
        output.tick(channel.id);
        const now = api.now();
        for (const { line, shape, words } of uses) {
            const state = doing(line, now);
            setIcon(shape, state.light);
            setText(words, state.light === "held" ? state.words : "");
        }
    }

    function draw() {
        uses = [];
        if (channel) {
            for (const number of channel.lines.slice(0, MOST_LINES)) addUse(number);
            look("panel", [channel.id, ...uses.flatMap(({ line }) => watched(line))]);
        }
        render(template(), el);
        form.draw();
        tick();
    }

    /** @param {number} number */
    function addUse(number) {
        const line = lineOf(number);
        if (!line) return;
        const words = document.createElement("span");
        words.className = "reason";
        uses.push({ line, shape: shapeOf("idle"), words });
    }

    const template = () => html`<header>
            <h2 tabindex="-1">${name}</h2>
            <button class="plain" aria-label="Close" title="Close (Esc)" @click=${() => go({ channel: "" })}>${icon("close")}</button>
        </header>
        ${problem ? html`<p class="hint">${problem}</p>` : nothing} ${channel ? content(channel) : nothing}`;

    /** @param {Channel} channel */
    const content = (channel) => html`<div class="meters">
            ${channel.input || channel.in ? input.el : nothing} ${channel.output || channel.out ? output.el : nothing}
        </div>
        <h3>Send a value</h3>
        ${channel.input
            ? form.el
            : html`<p class="hint">No mapping starts at this channel, so a value from here would lead nowhere.</p>`}
        <h3>Used in ${format.count(channel.lines.length, "line")}</h3>
        ${channel.lines.length ? nothing : html`<p class="hint">No mapping uses this channel.</p>`}
        <ul class="uses">
            ${uses.map(use)}
        </ul>
        ${channel.lines.length > MOST_LINES
            ? html`<p class="hint">And ${channel.lines.length - MOST_LINES} more.</p>`
            : nothing}
        ${channel.lines.length && !lines.all ? html`<p class="hint">Waiting for crosspatch …</p>` : nothing}`;

    /** @param {(typeof uses)[number]} use */
    function use({ line, shape, words }) {
        const text = document.createElement("code");
        writeLine(text, line.text);
        return html`<li>
            <a href=${address({ line: line.number, channel: "" })}>${shape} ${text}</a>
            <span class="place">${placeOf(line)}</span> ${words}
        </li>`;
    }

    on(["plan"], load, stop.signal);
    on(["mappings"], draw, stop.signal);
    onValues(tick, stop.signal);
    draw();
    load();
    return {
        el,
        close() {
            stop.abort();
            look("panel", []);
        },
    };
}
