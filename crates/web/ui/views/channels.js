// Channels: all of them with their last values, or those that moved last.

import * as api from "../api.js";
import { cell, icon, setIcon, setText, ValueCell } from "../cells.js";
import { ChannelPages, Followed } from "../channels.js";
import * as format from "../format.js";
import { onValues } from "../frame.js";
import { line as lineOf } from "../lines.js";
import { List } from "../list.js";
import { look } from "../live.js";
import { adjust, go, place } from "../place.js";
import { elsewhere } from "../search.js";
import { on, store } from "../store.js";
import { empty } from "../templates.js";
import { last } from "../values.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { writeLine } from "../written.js";

/** @import { Channel } from "../types.js" */

/** @param {Channel} channel */
function directions(channel) {
    if (channel.input && channel.output) return { shape: "both", words: "in and out" };
    return channel.output ? { shape: "out", words: "out" } : { shape: "in", words: "in" };
}

/** @param {(index: number) => Channel | undefined} at */
function createRow(at) {
    const el = document.createElement("div");
    const direction = cell("direction");
    const shape = icon("in");
    const meaning = document.createElement("span");
    meaning.className = "hidden";
    direction.append(shape, meaning);
    const [name, inAge, outAge] = [cell("name"), cell("age"), cell("age out-age")];
    const [uses, use] = [cell("uses"), cell("use line")];
    const input = new ValueCell("in");
    const output = new ValueCell("out");
    el.append(direction, name, input.el, inAge, output.el, outAge, uses, use);
    /** @type {Channel | undefined} */
    let channel;
    const tick = () => {
        if (!channel) return;
        const now = api.now();
        const [a, b] = [last(channel.id, "in"), last(channel.id, "out")];
        input.set(a, now);
        output.set(b, now);
        setText(inAge, a?.at ? format.age(now - a.at) : "");
        setText(outAge, b?.at ? format.age(now - b.at) : "");
    };
    return {
        el,
        tick,
        /** @param {number} index */
        fill(index) {
            channel = at(index);
            el.classList.toggle("is-loading", !channel);
            if (!channel) {
                setText(name, "…");
                for (const empty of [input, output]) empty.set(null, 0);
                for (const empty of [inAge, outAge, uses, use, meaning]) setText(empty, "");
                return;
            }
            const { shape: which, words } = directions(channel);
            setIcon(shape, which);
            setText(meaning, words);
            direction.title = words;
            setText(name, channel.name);
            name.title = channel.name;
            input.el.classList.toggle("absent", !channel.input);
            output.el.classList.toggle("absent", !channel.output);
            const used = channel.lines.length;
            setText(uses, used ? String(used) : "–");
            uses.title = used ? `Used in ${format.count(used, "line")}` : "No mapping uses it";
            const line = lineOf(channel.lines[0] ?? -1);
            writeLine(use, line?.text ?? "");
            use.title = line?.text ?? "";
            tick();
        },
    };
}

export function channelsView() {
    const el = document.createElement("div");
    el.className = "view";
    const tools = document.createElement("div");
    const message = document.createElement("div");
    const stop = new AbortController();
    /** @type {ChannelPages | Followed} */
    let source = new ChannelPages("", "", () => undefined);
    let key = "";

    const list = new List({
        label: "Channels",
        kind: "channel-list",
        columns: ["", "Channel", "In", "Age", "Out", "Age", "Lines", "Used in"],
        height: [28, 56],
        create: () => createRow((index) => source.at(index)),
        open: (index) => go({ channel: source.at(index)?.name ?? "", line: -1 }),
        scrolled: (first, end) => watch(first, end),
    });
    el.append(tools, message, list.el);

    /**
     * @param {number} first
     * @param {number} end
     */
    function watch(first, end) {
        look("channels", source.watched(first, end));
    }

    function reload() {
        source.close();
        const { search, instance, follow } = place;
        source = follow ? new Followed(search, instance, arrived) : new ChannelPages(search, instance, arrived);
        list.toTop();
        source.load();
    }

    function arrived() {
        list.show(source.total);
        watch(list.first, list.end);
        draw();
    }

    function draw() {
        render(toolbar(), tools);
        render(note(), message);
        list.el.hidden = !source.total;
    }

    function toolbar() {
        const names = (store.instances ?? []).map((instance) => instance.name);
        return html`<div class="tools">
            <label class="switch" title="Key: F">
                <input type="checkbox" role="switch" .checked=${place.follow} @change=${() => adjust({ follow: !place.follow })} />
                <span>Follow what moves</span>
            </label>
            <label class="pick"
                ><span class="hidden">Channels of</span>
                <select @change=${pick}>
                    <option value="" ?selected=${!place.instance}>all instances</option>
                    ${names.map((name) => html`<option value=${name} ?selected=${name === place.instance}>${name}</option>`)}
                </select>
            </label>
            <span class="amount">${source.isLoaded ? amount() : nothing}</span>
        </div>`;
    }

    const amount = () =>
        place.follow ? `${format.count(source.total, "channel")}, the latest first` : format.count(source.total, "channel");

    /** @param {Event} event */
    function pick(event) {
        adjust({ instance: /** @type {HTMLSelectElement} */ (event.target).value });
    }

    function note() {
        if (source.problem) return empty(`The channels could not be read: ${source.problem}.`);
        if (!source.isLoaded) return empty("Waiting for crosspatch …");
        if (source.total) return nothing;
        if (place.search) return elsewhere("channels", place.follow ? "No channel that has moved" : "No channel");
        if (!place.follow) return empty("There are no channels here.");
        const hint = html`<p class="hint">Move a fader or press a button: its channel appears here.</p>`;
        return empty("Nothing has moved yet.", hint);
    }

    const react = () => {
        const next = [place.search, place.instance, place.follow].join("\n");
        if (next === key) return;
        key = next;
        reload();
        draw();
    };
    on(["place"], react, stop.signal);
    on(["plan"], () => source.load(), stop.signal);
    on(["instances"], draw, stop.signal);
    on(["mappings"], () => list.redraw(), stop.signal);
    onValues(() => list.tick(), stop.signal);
    react();
    return {
        el,
        focus: () => list.el.focus(),
        close() {
            stop.abort();
            source.close();
            list.close();
            look("channels", []);
        },
    };
}
