// One function call for each picture on the screen, however often values change.

import { on, store } from "./store.js";

/**
 * Calls a function after values have changed, at most once for each picture, and from time to time for their ages.
 * @param {() => void} tick
 * @param {AbortSignal} signal
 */
export function onValues(tick, signal) {
    let isDue = false;
    const soon = () => {
        if (isDue) return;
        isDue = true;
        requestAnimationFrame(() => {
            isDue = false;
            if (!signal.aborted) tick();
        });
    };
    on(["values"], soon, signal);
    // Without a connection nothing is known, so ages stand still.
    const timer = setInterval(() => store.connection === "live" && soon(), 500);
    signal.addEventListener("abort", () => clearInterval(timer));
}
