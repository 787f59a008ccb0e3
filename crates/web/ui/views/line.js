// The panel of a mapping line: all its mappings with their values.

import * as api from "../api.js";
import { setIcon, setText, ValueCell, icon as shapeOf } from "../cells.js";
import * as format from "../format.js";
import { onValues } from "../frame.js";
import { line as lineOf, lines, MOST_PAIRS, pairs, placeOf } from "../lines.js";
import { look } from "../live.js";
import { address, go } from "../place.js";
import { on } from "../store.js";
import { icon } from "../templates.js";
import { held, last } from "../values.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { doing, watched, writeLine } from "../written.js";

/** @import { Mapping } from "../types.js" */

/** @type {Record<string, string>} */
const LIGHTS = { fired: "Fired just now", idle: "Idle", held: "Held back" };

/** @param {number} number */
export function linePanel(number) {
    const el = document.createElement("div");
    const stop = new AbortController();
    const text = document.createElement("code");
    const shape = shapeOf("idle");
    const words = document.createElement("span");
    /** @type {{ tick: (now: number) => void }[]} */
    let rows = [];
    /** @type {Mapping | undefined} */
    let line;

    function tick() {
        if (!line) return;
        const now = api.now();
        const state = doing(line, now);
        setIcon(shape, state.light);
        el.classList.toggle("is-held", state.light === "held");
        const idle = state.words ? `Idle, fired ${state.words} ago` : "Idle, has not fired since this page opened";
        const told = { fired: LIGHTS.fired, idle, held: `Held back: ${state.words}` }[state.light];
        setText(words, told ?? "");
        for (const row of rows) row.tick(now);
    }

    function draw() {
        line = lineOf(number);
        rows = [];
        if (line) {
            writeLine(text, line.text);
            look("panel", watched(line));
        }
        render(template(), el);
        tick();
    }

    const template = () => html`<header>
            <h2 tabindex="-1">${line ? placeOf(line) : "Mapping line"}</h2>
            <button class="plain" aria-label="Close" title="Close (Esc)" @click=${() => go({ line: -1 })}>${icon("close")}</button>
        </header>
        ${line ? content(line) : html`<p class="hint">${lines.all ? "This line no longer exists." : "Waiting for crosspatch …"}</p>`}`;

    /** @param {Mapping} line */
    function content(line) {
        const more = line.count - MOST_PAIRS;
        return html`<p class="written">${text}</p>
            <p class="doing">${shape} ${words}</p>
            <h3>${format.count(line.count, "mapping")}</h3>
            <ul class="pairs">
                ${pairs(line).map((pair) => pairRow(pair))}
            </ul>
            ${more > 0 ? html`<p class="hint">And ${more.toLocaleString("en-GB")} more.</p>` : nothing}`;
    }

    /** @param {import("../lines.js").Pair} pair */
    function pairRow({ from, to, fromId, toId }) {
        const [input, output] = [new ValueCell("in"), new ValueCell("out")];
        for (const value of [input, output]) value.el.removeAttribute("role");
        const reason = document.createElement("span");
        reason.className = "reason";
        rows.push({
            tick(now) {
                input.set(last(fromId, "in"), now);
                output.set(last(toId, "out"), now);
                setText(reason, held(fromId, toId));
            },
        });
        return html`<li>
            <a href=${address({ channel: from, line: -1 })}>${from}</a> ${input.el}
            <a class="target" href=${address({ channel: to, line: -1 })}>${to}</a> ${output.el} ${reason}
        </li>`;
    }

    on(["mappings"], draw, stop.signal);
    onValues(tick, stop.signal);
    draw();
    return {
        el,
        close() {
            stop.abort();
            look("panel", []);
        },
    };
}
