// What all parts of the page share, and who wants to know when it changes.

import { remembered } from "./remembered.js";

/** @import { Instance, Notice, Show } from "./types.js" */

/** @typedef {"show" | "instances" | "notices" | "connection" | "plan" | "values" | "mappings" | "place" | "login"} Topic */

/** @typedef {"connecting" | "live" | "lost"} Connection */

export const store = {
    /** @type {Show | null} */
    show: null,
    /** @type {Instance[] | null} */
    instances: null,
    /** @type {Notice[]} ascending */
    notices: [],
    /** The number of the last notice that was on the screen. */
    seenNotice: -1,
    /** @type {Connection} */
    connection: "connecting",
    /** When the connection was lost, on our own clock. */
    lostAt: 0,
    /** When the next attempt begins, on our own clock. */
    retryAt: 0,
    needsLogIn: false,
    /** Whether this browser has logged in, so that it can log out. */
    hasSession: remembered.get("session") === "yes",
};

/** @type {Map<Topic, Set<() => void>>} */
const listeners = new Map();

/**
 * Calls a function whenever one of the topics has changed, until the signal says stop.
 * @param {Topic[]} topics
 * @param {() => void} listener
 * @param {AbortSignal} [signal]
 */
export function on(topics, listener, signal) {
    for (const topic of topics) {
        const set = listeners.get(topic) ?? new Set();
        listeners.set(topic, set.add(listener));
        signal?.addEventListener("abort", () => set.delete(listener));
    }
}

/** @param {Topic} topic */
export function changed(topic) {
    for (const listener of [...(listeners.get(topic) ?? [])]) listener();
}

/** Whether this page may change anything now, and why not. Empty if it may. */
export function whyReadOnly() {
    if (store.connection !== "live") return "There is no connection to crosspatch.";
    if (store.show?.role !== "operate") return "You are logged in to look, not to operate.";
    if (store.show.locked) return "The show is locked.";
    return "";
}

/** @param {boolean} has */
export function setSession(has) {
    store.hasSession = has;
    remembered.set("session", has ? "yes" : "no");
}
