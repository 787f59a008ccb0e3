// Reads new warnings to screen readers. Values are never read: they change all the time.

import { on, store } from "./store.js";

/** How many are read at once. */
const MOST = 3;

export function speakNotices() {
    const log = document.getElementById("spoken");
    let last = -1;
    on(["notices"], () => {
        const number = store.notices.at(-1)?.number ?? 0;
        const isFirst = last < 0;
        const fresh = store.notices.filter((notice) => notice.number > last);
        last = number;
        if (isFirst || !log) return;
        const worth = fresh.filter(({ severity }) => severity === "warning" || severity === "error").slice(-MOST);
        for (const { instance, text } of worth) {
            const line = document.createElement("p");
            line.textContent = instance ? `${instance}: ${text}` : text;
            log.append(line);
        }
        while (log.childElementCount > MOST) log.firstElementChild?.remove();
    });
}
