// The log-in.

import * as api from "../api.js";
import { connect } from "../live.js";
import { setSession } from "../store.js";
import { html, nothing, render } from "../vendor/lit-html.js";

export function logInView() {
    const el = document.createElement("main");
    el.className = "login";
    let problem = "";
    let isBusy = false;

    /** @param {SubmitEvent} event */
    async function submit(event) {
        event.preventDefault();
        const form = /** @type {HTMLFormElement} */ (event.target);
        const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("password"));
        isBusy = true;
        problem = "";
        draw();
        try {
            await api.logIn(input.value);
            setSession(true);
            connect();
        } catch (error) {
            const text = error instanceof Error ? error.message : String(error);
            problem = text.charAt(0).toUpperCase() + text.slice(1);
            // After "too many attempts" the same password may be tried again.
            if (error instanceof api.Failure && error.status === 401) input.value = "";
        }
        isBusy = false;
        draw();
        input.focus();
    }

    const draw = () =>
        render(
            html`<form @submit=${submit}>
                <h1>crosspatch</h1>
                <label for="password">Password</label>
                <input id="password" name="password" type="password" autocomplete="current-password" required ?disabled=${isBusy} autofocus />
                <button ?disabled=${isBusy}>${isBusy ? "Checking …" : "Log in"}</button>
                <p class="told problem" role="alert">${problem ? `${problem}.` : nothing}</p>
                <p class="hint">The password for looking shows everything and changes nothing.</p>
            </form>`,
            el,
        );
    draw();
    return { el, close() {} };
}
