// Sends a value by hand: a level, a press, or a text.

import { Sender } from "../sender.js";
import { on, whyReadOnly } from "../store.js";
import { html, nothing, render } from "../vendor/lit-html.js";

/** @import { Value } from "../types.js" */

/**
 * @param {string} channel
 * @param {AbortSignal} signal
 * @param {() => Value | undefined} current its present value, where the slider begins
 */
export function sendForm(channel, signal, current) {
    const el = document.createElement("div");
    el.className = "send";
    /** @type {number | undefined} */
    let moved;
    let told = "";
    let isProblem = false;
    let isDown = false;
    const sender = new Sender(channel, (problem) => {
        isProblem = Boolean(problem);
        told = problem ? `Not sent: ${problem}.` : "Sent.";
        draw();
    });

    /** @param {Event} event */
    function slide(event) {
        moved = Number(/** @type {HTMLInputElement} */ (event.target).value);
        sender.level(moved);
        draw();
    }

    /** @param {Event} event */
    function type(event) {
        const value = Number(/** @type {HTMLInputElement} */ (event.target).value);
        moved = Math.min(Math.max(value, 0), 1);
        sender.level(moved);
        draw();
    }

    function press() {
        if (isDown) return;
        isDown = true;
        sender.event(1);
        draw();
    }

    function release() {
        if (!isDown) return;
        isDown = false;
        sender.event(0);
        draw();
    }

    /** @param {PointerEvent} event */
    function pointerDown(event) {
        if (event.button !== 0) return;
        const button = /** @type {HTMLElement} */ (event.currentTarget);
        // The release must arrive, wherever the finger is by then.
        button.setPointerCapture(event.pointerId);
        press();
    }

    /** @param {KeyboardEvent} event */
    function keyDown(event) {
        if ((event.key !== " " && event.key !== "Enter") || event.repeat) return;
        event.preventDefault();
        press();
    }

    /** @param {KeyboardEvent} event */
    function keyUp(event) {
        if (event.key !== " " && event.key !== "Enter") return;
        event.preventDefault();
        release();
    }

    /** A click without a pointer or a key comes from a screen reader. @param {MouseEvent} event */
    function click(event) {
        if (event.detail !== 0 || isDown) return;
        press();
        release();
    }

    /** @param {SubmitEvent} event */
    function sendText(event) {
        event.preventDefault();
        const form = /** @type {HTMLFormElement} */ (event.target);
        const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("text"));
        sender.event(input.value);
    }

    function draw() {
        render(template(), el);
    }

    function template() {
        const why = whyReadOnly();
        const off = Boolean(why);
        const present = current();
        const level = moved ?? (typeof present === "number" ? present : 0);
        return html`${why ? html`<p class="why">${why}</p>` : nothing}
            <div class="level">
                <label class="hidden" for="send-level">Level</label>
                <input id="send-level" type="range" min="0" max="1" step="0.005" .value=${String(level)} ?disabled=${off} @input=${slide} />
                <label class="hidden" for="send-number">Level as a number</label>
                <input id="send-number" type="number" min="0" max="1" step="0.001" .value=${level.toFixed(3)} ?disabled=${off} @change=${type} />
            </div>
            <div class="actions">
                <button
                    class="press ${isDown ? "down" : ""}"
                    ?disabled=${off}
                    @pointerdown=${pointerDown}
                    @pointerup=${release}
                    @pointercancel=${release}
                    @keydown=${keyDown}
                    @keyup=${keyUp}
                    @blur=${release}
                    @click=${click}
                >
                    Press
                </button>
                <form @submit=${sendText}>
                    <label class="hidden" for="send-text">Text</label>
                    <input id="send-text" name="text" placeholder="Text" autocomplete="off" ?disabled=${off} />
                    <button ?disabled=${off}>Send text</button>
                </form>
            </div>
            <p class="told ${isProblem ? "problem" : ""}" role="status">
                ${told || "As if the channel had sent it. Press sends 1, and 0 when you let go."}
            </p>`;
    }

    on(["show", "connection"], draw, signal);
    signal.addEventListener("abort", release);
    draw();
    return { el, draw };
}
