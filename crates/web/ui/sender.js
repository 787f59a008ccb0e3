// Sends values to a channel in their order, without a queue that grows.

import * as api from "./api.js";

/** @import { Value } from "./types.js" */

export class Sender {
    /**
     * @param {string} channel
     * @param {(problem: string) => void} done called after each answer; without a problem the text is empty
     */
    constructor(channel, done) {
        this.channel = channel;
        this.done = done;
        /** @type {{ value: Value, isLevel: boolean }[]} */
        this.queue = [];
        this.isBusy = false;
    }

    /**
     * A level of a movement: only the last one matters.
     * @param {number} value
     */
    level(value) {
        const waiting = this.queue.at(-1);
        if (waiting?.isLevel) waiting.value = value;
        else this.queue.push({ value, isLevel: true });
        this.run();
    }

    /**
     * A press, a release or a text: none is left out.
     * @param {Value} value
     */
    event(value) {
        this.queue.push({ value, isLevel: false });
        this.run();
    }

    async run() {
        if (this.isBusy) return;
        this.isBusy = true;
        for (let next = this.queue.shift(); next; next = this.queue.shift()) {
            try {
                await api.send(this.channel, next.value);
                this.done("");
            } catch (error) {
                // What waits was meant for a moment that has passed, except for the release of a button.
                this.queue = this.queue.filter((waiting) => !waiting.isLevel && waiting.value === 0);
                this.done(error instanceof Error ? error.message : String(error));
            }
        }
        this.isBusy = false;
    }
}
