// Mappings: each line as written, with what goes in, what comes out, and what it is doing.

import * as api from "../api.js";
import { cell, icon, setIcon, setText, ValueCell } from "../cells.js";
import * as format from "../format.js";
import { find, lines, placeOf } from "../lines.js";
import { onValues } from "../frame.js";
import { List } from "../list.js";
import { look } from "../live.js";
import { go, place } from "../place.js";
import { elsewhere } from "../search.js";
import { on } from "../store.js";
import { empty } from "../templates.js";
import { html, render } from "../vendor/lit-html.js";
import { doing, watched, writeLine } from "../written.js";

/** @import { Mapping } from "../types.js" */

/** @param {() => Mapping[]} rows */
function createRow(rows) {
    const el = document.createElement("div");
    const light = cell("light");
    const shape = icon("idle");
    const meaning = document.createElement("span");
    meaning.className = "hidden";
    light.append(shape, meaning);
    const [written, at] = [cell("written"), cell("place")];
    const [text, words] = [document.createElement("span"), document.createElement("span")];
    text.className = "line";
    words.className = "words";
    written.append(text, words);
    const input = new ValueCell("in");
    const output = new ValueCell("out");
    el.append(light, written, input.el, output.el, at);
    /** @type {Mapping | undefined} */
    let line;
    const tick = () => {
        if (!line) return;
        const now = api.now();
        const state = doing(line, now);
        setIcon(shape, state.light);
        setText(meaning, state.light);
        el.classList.toggle("is-held", state.light === "held");
        const several = line.count > 1 ? `× ${line.count}` : "";
        setText(words, state.light === "held" ? state.words : [several, state.words].filter(Boolean).join("  "));
        words.title = state.light === "held" ? state.words : "";
        input.set(state.in, now);
        output.set(state.out, now);
    };
    return {
        el,
        tick,
        /** @param {number} index */
        fill(index) {
            line = rows()[index];
            if (!line) return;
            writeLine(text, line.text);
            text.title = line.text;
            setText(at, placeOf(line));
            at.title = `${line.file}, line ${line.line}`;
            tick();
        },
    };
}

export function mappingsView() {
    const el = document.createElement("div");
    el.className = "view";
    const message = document.createElement("div");
    /** @type {Mapping[]} */
    let rows = [];
    let total = 0;
    let generation = 0;
    const stop = new AbortController();
    const list = new List({
        label: "Mapping lines",
        kind: "mapping-list",
        columns: ["State", "Line as written", "In", "Out", "Place"],
        height: [28, 62],
        create: () => createRow(() => rows),
        open: (index) => go({ line: rows[index]?.number ?? -1, channel: "" }),
        scrolled: (first, end) => watch(first, end),
    });
    el.append(message, list.el);

    /**
     * @param {number} first
     * @param {number} end
     */
    function watch(first, end) {
        look("mappings", rows.slice(first, end).flatMap(watched));
    }

    let searched = "";
    async function load() {
        const mine = (generation += 1);
        const { search } = place;
        if (search !== searched) list.toTop();
        searched = search;
        try {
            const answer = await find(search);
            if (mine !== generation) return;
            ({ rows, total } = answer);
        } catch {
            return;
        }
        list.show(rows.length);
        watch(list.first, list.end);
        render(note(), message);
        list.el.hidden = !rows.length;
    }

    function note() {
        if (lines.problem) return empty(`The mappings could not be read: ${lines.problem}.`);
        if (!lines.all) return empty("Waiting for crosspatch …");
        if (!rows.length && place.search) return elsewhere("mappings", "No mapping line");
        if (!rows.length) {
            const hint = html`<p class="hint">They are the lines below <code>[map]</code> in the configuration.</p>`;
            return empty("This show has no mappings.", hint);
        }
        const more = total > rows.length ? html`<span>The first ${rows.length.toLocaleString("en-GB")} are listed.</span>` : "";
        return html`<div class="tools"><span class="amount">${format.count(total, "line")}</span> ${more}</div>`;
    }

    on(["mappings", "place"], load, stop.signal);
    onValues(() => list.tick(), stop.signal);
    load();
    return {
        el,
        focus: () => list.el.focus(),
        close() {
            stop.abort();
            list.close();
            look("mappings", []);
        },
    };
}
