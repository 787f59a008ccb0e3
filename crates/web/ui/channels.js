// Where the rows of the channel list come from.

import * as api from "./api.js";
import { latest, learnChannel } from "./values.js";

/** @import { Channel, ChannelId } from "./types.js" */

/** Channels in one answer of the API. */
const PAGE = 200;

/** All channels that contain a text, in the order of the show. Reads them in pages, as they are scrolled to. */
export class ChannelPages {
    /**
     * @param {string} search
     * @param {string} instance
     * @param {() => void} arrived
     */
    constructor(search, instance, arrived) {
        this.query = { search, instance };
        this.arrived = arrived;
        this.total = 0;
        this.isLoaded = false;
        this.problem = "";
        /** @type {Map<number, Channel[] | null>} null while it is on its way */
        this.pages = new Map();
        this.stop = new AbortController();
    }

    load() {
        this.pages.clear();
        this.read(0);
    }

    /** @param {number} page */
    async read(page) {
        if (this.pages.has(page)) return;
        this.pages.set(page, null);
        try {
            const query = { ...this.query, offset: page * PAGE, limit: PAGE };
            const { total, channels } = await api.channels(query, this.stop.signal);
            for (const channel of channels) learnChannel(channel);
            this.pages.set(page, channels);
            this.total = total;
            this.isLoaded = true;
            this.problem = "";
        } catch (error) {
            if (this.stop.signal.aborted) return;
            this.pages.delete(page);
            this.problem = error instanceof Error ? error.message : String(error);
            setTimeout(() => this.stop.signal.aborted || this.read(page), api.AGAIN);
        }
        this.arrived();
    }

    /** @param {number} index */
    at(index) {
        const page = Math.floor(index / PAGE);
        const rows = this.pages.get(page);
        if (rows === undefined && !this.problem) this.read(page);
        return rows?.[index % PAGE];
    }

    /**
     * @param {number} first
     * @param {number} end
     * @returns {ChannelId[]}
     */
    watched(first, end) {
        const ids = [];
        for (let index = first; index < end; index += 1) {
            const channel = this.at(index);
            if (channel) ids.push(channel.id);
        }
        return ids;
    }

    close() {
        this.stop.abort();
    }
}

/** How many channels are followed. More than a screen, and few enough to sort each second. */
const FOLLOWED = 200;

/** How often the order is made anew, in milliseconds. Faster would be restless. */
const SORT_EVERY = 1000;

/**
 * The channels that moved last. A channel that goes on moving keeps its place; one that begins to move comes first.
 */
export class Followed {
    /**
     * @param {string} search
     * @param {string} instance
     * @param {() => void} arrived
     */
    constructor(search, instance, arrived) {
        this.query = { search, instance, order: "recent", limit: FOLLOWED };
        this.arrived = arrived;
        /** @type {Channel[]} */
        this.rows = [];
        this.isLoaded = false;
        this.problem = "";
        this.stop = new AbortController();
        this.timer = setInterval(() => this.load(), SORT_EVERY);
    }

    get total() {
        return this.rows.length;
    }

    async load() {
        try {
            const { channels } = await api.channels(this.query, this.stop.signal);
            for (const channel of channels) learnChannel(channel);
            this.sort(channels);
            this.isLoaded = true;
            this.problem = "";
        } catch (error) {
            if (this.stop.signal.aborted) return;
            this.problem = error instanceof Error ? error.message : String(error);
        }
        this.arrived();
    }

    /** @param {Channel[]} channels */
    sort(channels) {
        const moved = channels.filter((channel) => latest(channel.id)?.at);
        const began = new Map(moved.map((channel) => [channel, latest(channel.id)?.began ?? 0]));
        this.rows = moved.sort((a, b) => (began.get(b) ?? 0) - (began.get(a) ?? 0));
    }

    /** @param {number} index */
    at(index) {
        return this.rows[index];
    }

    watched() {
        return this.rows.map((channel) => channel.id);
    }

    close() {
        clearInterval(this.timer);
        this.stop.abort();
    }
}
