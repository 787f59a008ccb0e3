// The WebSocket: values, notices and states as they change. Connects again by itself.

import * as api from "./api.js";
import { changed, store } from "./store.js";
import { forget, learn, setHeld } from "./values.js";

/** @import { ChannelId, Direction, Notice, Value } from "./types.js" */

/** The most channels that the server reports to one page. */
export const MOST_CHANNELS = 2000;

const MOST_NOTICES = 1000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;
/** How often the page asks whether crosspatch still answers, which also shows the lock of others. */
const CHECK_EVERY = 5000;

/** @type {WebSocket | null} */
let socket = null;
let pause = FIRST_PAUSE;
let plan = -1;
let started = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;

/** @type {Map<string, ChannelId[]>} */
const interests = new Map();
let sentInterest = "";
let interestIsDue = false;

/** Connects, and stays connected. */
export async function connect() {
    clearTimeout(retry);
    socket?.close();
    socket = null;
    try {
        await readShow();
    } catch (error) {
        if (error instanceof api.Failure && error.status === 401) return askForPassword();
        return lose();
    }
    store.needsLogIn = false;
    const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/events`);
    socket = opened;
    opened.onmessage = ({ data }) => socket === opened && handle(JSON.parse(data));
    opened.onclose = () => socket === opened && lose();
}

/** Reads what is asked for rather than pushed. */
async function readShow() {
    const show = await api.show();
    if (show.started !== started) {
        // Another run of the program counts from the beginning.
        started = show.started;
        store.notices = [];
    }
    store.show = show;
    changed("show");
}

function askForPassword() {
    socket?.close();
    socket = null;
    store.needsLogIn = true;
    changed("login");
}

function lose() {
    socket = null;
    sentInterest = "";
    if (store.connection !== "lost") store.lostAt = Date.now();
    store.connection = "lost";
    const wait = pause * (0.75 + Math.random() / 2);
    pause = Math.min(pause * 1.6, LONGEST_PAUSE);
    store.retryAt = Date.now() + wait;
    clearTimeout(retry);
    retry = setTimeout(connect, wait);
    changed("connection");
}

/** @param {any} message */
function handle(message) {
    switch (message.type) {
        case "hello":
            return greet(message.plan);
        case "plan":
            return setPlan(message.plan);
        case "values":
            return handleValues(message);
        case "notices":
            return addNotices(message.notices);
        case "instances":
            store.instances = message.instances;
            return changed("instances");
        case "show":
        case "lock":
            if (store.show) store.show = { ...store.show, locked: message.locked ?? message.show?.locked };
            return changed("show");
    }
}

/**
 * The page is connected after it has read what is asked for. Until then the old values stay on the screen.
 * @param {number} number
 */
async function greet(number) {
    const greeted = socket;
    let instances = store.instances;
    let notices;
    try {
        ({ notices } = await api.notices(store.notices.at(-1)?.number ?? 0));
        instances = await api.instances();
    } catch (error) {
        // A show that is too busy to answer is connected all the same; one that is about to end is not.
        const isBusy = error instanceof api.Failure && error.status === 503;
        if (!isBusy) greeted?.close();
        if (!isBusy) return;
    }
    if (socket !== greeted) return;
    pause = FIRST_PAUSE;
    store.connection = "live";
    store.instances = instances;
    changed("connection");
    changed("instances");
    setPlan(number);
    if (!notices) return;
    if (store.seenNotice < 0) store.seenNotice = notices.at(-1)?.number ?? 0;
    addNotices(notices);
}

/** @param {number} number */
function setPlan(number) {
    const isFirst = plan < 0;
    plan = number;
    sentInterest = "";
    forget();
    changed("plan");
    if (!isFirst) readShow().catch(() => undefined);
    sendInterest();
}

/**
 * @param {{ plan: number, changes: [number, number, Direction, Value, number, number | null][],
 *           held?: [number, number, number, number, string][] }} message
 */
function handleValues(message) {
    if (message.plan !== plan) return;
    /** @type {Map<string, [ChannelId, string][]>} */
    const held = new Map();
    for (const [from, slot, to, toSlot, reason] of message.held ?? []) {
        const key = `${from},${slot}`;
        held.set(key, [...(held.get(key) ?? []), [[to, toSlot], reason]]);
    }
    for (const [instance, slot, direction, value, count, at] of message.changes) {
        learn([instance, slot], direction, { value, count, at });
        // With each value of an input comes all that holds it back.
        if (direction === "in") setHeld([instance, slot], held.get(`${instance},${slot}`) ?? []);
    }
    changed("values");
}

/** @param {Notice[]} notices */
function addNotices(notices) {
    const last = store.notices.at(-1)?.number ?? 0;
    const fresh = notices.filter((notice) => notice.number > last);
    if (!fresh.length) return;
    store.notices = [...store.notices, ...fresh].slice(-MOST_NOTICES);
    changed("notices");
}

/**
 * Says which channels a part of the page shows; their values are reported from now on.
 * @param {string} owner
 * @param {ChannelId[]} ids none to end it
 */
export function look(owner, ids) {
    if (ids.length) interests.set(owner, ids);
    else interests.delete(owner);
    if (interestIsDue) return;
    interestIsDue = true;
    // Scrolling changes this many times a second.
    setTimeout(() => {
        interestIsDue = false;
        sendInterest();
    }, 80);
}

function sendInterest() {
    if (store.connection !== "live" || socket?.readyState !== WebSocket.OPEN) return;
    /** @type {Map<string, ChannelId>} */
    const ids = new Map();
    for (const list of interests.values()) for (const id of list) ids.set(String(id), id);
    const text = JSON.stringify({ channels: [...ids.values()].slice(0, MOST_CHANNELS) });
    if (text === sentInterest) return;
    sentInterest = text;
    socket.send(text);
}

/** Ends the pause before the next attempt. */
export function tryNow() {
    pause = FIRST_PAUSE;
    connect();
}

setInterval(async () => {
    if (store.connection !== "live" || document.hidden) return;
    const asked = socket;
    try {
        await readShow();
    } catch (error) {
        if (socket !== asked || !asked) return;
        if (error instanceof api.Failure && error.status === 401) askForPassword();
        else if (error instanceof api.Failure && error.status === 0) {
            asked.close();
            lose();
        }
    }
}, CHECK_EVERY);

addEventListener("online", tryNow);
document.addEventListener("visibilitychange", () => {
    // A phone that slept has lost its connection; nobody wants to wait for the next attempt.
    if (!document.hidden && store.connection === "lost") tryNow();
});
