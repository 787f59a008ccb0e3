// Requests to the API. Every change goes through here; the WebSocket only receives.

/** @import { Channel, Instance, Mapping, Notice, Show, Value } from "./types.js" */

/** After this time, in milliseconds, what could not be read is asked for again. */
export const AGAIN = 2000;

/** An answer that is not a success. */
export class Failure extends Error {
    /**
     * @param {number} status 0 if there was no answer
     * @param {string} message
     */
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

/**
 * @param {string} method
 * @param {string} path below /api/v1/
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
async function call(method, path, body, signal) {
    const limit = AbortSignal.timeout(8000);
    /** @type {RequestInit} */
    const request = { method, signal: signal ? AbortSignal.any([signal, limit]) : limit };
    if (body !== undefined) {
        request.headers = { "content-type": "application/json" };
        request.body = JSON.stringify(body);
    }
    let response;
    try {
        response = await fetch(`/api/v1/${path}`, request);
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new Failure(0, "no answer from crosspatch");
    }
    const date = Date.parse(response.headers.get("date") ?? "");
    if (date) setClock(date);
    const text = await response.text();
    let answer = null;
    try {
        answer = text ? JSON.parse(text) : null;
    } catch {
        throw new Failure(response.status, "the answer was not understood");
    }
    if (!response.ok) throw new Failure(response.status, answer?.error ?? response.statusText);
    return answer;
}

let offset = 0;

/**
 * Follows the clock of the server, if the difference matters: a phone's clock may be wrong.
 * @param {number} serverTime
 */
function setClock(serverTime) {
    const difference = serverTime + 500 - Date.now();
    offset = Math.abs(difference) > 2500 ? difference : 0;
}

/** The time on the clock of the server, in milliseconds. */
export function now() {
    return Date.now() + offset;
}

/** @returns {Promise<Show>} */
export const show = () => call("GET", "show");

/** @returns {Promise<Instance[]>} */
export const instances = () => call("GET", "instances");

/**
 * @param {{ search?: string, instance?: string, order?: string, offset?: number, limit?: number }} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ total: number, channels: Channel[] }>}
 */
export function channels(query, signal) {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== "") words.set(name, String(value));
    }
    return call("GET", `channels?${words}`, undefined, signal);
}

/**
 * @param {string} name
 * @returns {Promise<Channel>}
 */
export const channel = (name) => call("GET", `channels/${encodeURIComponent(name)}`);

/**
 * @param {string} name
 * @param {Value} value
 */
export const send = (name, value) => call("PUT", `channels/${encodeURIComponent(name)}`, { value });

/**
 * @param {string} search
 * @returns {Promise<{ total: number, mappings: Mapping[] }>}
 */
export const mappings = (search) => call("GET", search ? `mappings?${new URLSearchParams({ search })}` : "mappings");

/**
 * @param {number} after
 * @returns {Promise<{ last: number, notices: Notice[] }>}
 */
export const notices = (after) => call("GET", `notices?after=${after}`);

/** @param {boolean} locked */
export const lock = (locked) => call("PUT", "lock", { locked });

/** @param {string} password */
export const logIn = (password) => call("POST", "session", { password });

export const logOut = () => call("DELETE", "session");
