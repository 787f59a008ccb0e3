// Starts the real program with the show of the tests, and plays the devices around it.

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

const program = [process.env.CROSSPATCH, `${root}target/debug/crosspatch`, `${root}target/release/crosspatch`].find(
    (path) => path && existsSync(path),
);

export const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };

const TABLET = 8700;
const TABLET_ANSWERS = 8701;
const QLAB = 8702;
const QLAB_ANSWERS = 8703;

/** For how long a test waits for something, in milliseconds. The machine may be busy. */
export const PATIENCE = 20_000;

/**
 * @param {() => boolean | Promise<boolean>} condition
 * @param {string} what
 */
export async function until(condition, what) {
    const end = Date.now() + PATIENCE;
    while (!(await condition())) {
        if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
    }
}

/** A running program and what it printed. */
export class Show {
    /**
     * @param {number} port of the page
     * @param {string[]} [more] arguments
     * @param {string} [file]
     */
    constructor(port, more = [], file = "show.cfg") {
        this.address = `http://127.0.0.1:${port}`;
        // As somebody starts it who stands in the folder.
        this.start = () => {
            if (!program) throw new Error("build the program first: cargo build -p crosspatch");
            const folder = new URL("../", import.meta.url);
            this.log = "";
            this.process = spawn(program, ["run", file, "--web", `127.0.0.1:${port}`, ...more], { cwd: folder });
            for (const stream of [this.process.stdout, this.process.stderr]) {
                stream.on("data", (data) => (this.log += data));
            }
        };
        // Also after a run that was interrupted.
        process.once("exit", () => this.process?.kill("SIGKILL"));
        this.start();
    }

    /** Waits until the page answers. */
    async ready() {
        const answers = async () => {
            if (this.process?.exitCode !== null) throw new Error(`crosspatch ended: ${this.log}`);
            return fetch(`${this.address}/`).then((response) => response.ok, () => false);
        };
        await until(answers, "the page answers");
    }

    async stop() {
        const child = this.process;
        if (!child || child.exitCode !== null) return;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        await ended;
    }
}

/**
 * A message of Open Sound Control with one number or text.
 * @param {string} address
 * @param {number | string} value
 */
function encode(address, value) {
    const padded = (/** @type {string} */ text) => Buffer.concat([Buffer.from(text), Buffer.alloc(4 - (text.length % 4))]);
    if (typeof value === "string") return Buffer.concat([padded(address), padded(",s"), padded(value)]);
    const number = Buffer.alloc(4);
    number.writeFloatBE(value);
    return Buffer.concat([padded(address), padded(",f"), number]);
}

/** @param {Buffer} datagram */
function decode(datagram) {
    const text = (/** @type {number} */ start) => datagram.toString("utf8", start, datagram.indexOf(0, start));
    const address = text(0);
    const types = Math.ceil((address.length + 1) / 4) * 4;
    const kind = text(types);
    const at = types + Math.ceil((kind.length + 1) / 4) * 4;
    return { address, value: kind === ",f" ? datagram.readFloatBE(at) : kind === ",s" ? text(at) : null };
}

/** The tablet and the QLab of the show. */
export class Devices {
    constructor() {
        this.socket = createSocket("udp4");
        /** @type {{ address: string, value: number | string | null }[]} */
        this.heard = [];
        this.ears = [TABLET_ANSWERS, QLAB_ANSWERS].map((port) => {
            const ear = createSocket("udp4").bind(port, "127.0.0.1");
            ear.on("message", (datagram) => this.heard.push(decode(datagram)));
            return ear;
        });
    }

    /**
     * The tablet sends.
     * @param {string} address
     * @param {number | string} value
     */
    tablet(address, value) {
        this.socket.send(encode(address, value), TABLET, "127.0.0.1");
    }

    /**
     * @param {string} address
     * @param {number | string} value
     */
    qlab(address, value) {
        this.socket.send(encode(address, value), QLAB, "127.0.0.1");
    }

    /**
     * All values that have arrived at an address.
     * @param {string} address
     */
    valuesOf(address) {
        return this.heard.filter((message) => message.address === address).map((message) => message.value);
    }

    close() {
        for (const socket of [this.socket, ...this.ears]) socket.close();
    }
}

export async function launch() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
    });
}

/**
 * A page that fails the test with the first mistake in its console.
 * @param {import("playwright-core").Browser} browser
 * @param {{ width: number, height: number }} size
 * @param {"dark" | "light"} [theme]
 */
export async function open(browser, size, theme = "dark") {
    const isPhone = size.width < 720;
    const context = await browser.newContext({ viewport: size, hasTouch: isPhone, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    /** @type {string[]} */
    const mistakes = [];
    page.on("pageerror", (error) => mistakes.push(String(error.stack)));
    page.on("console", (message) => {
        // Requests that fail while the program is stopped are meant to.
        const isMeant = /ERR_CONNECTION|Failed to load resource|WebSocket connection/.test(message.text());
        if (message.type() === "error" && !isMeant) mistakes.push(message.text());
    });
    await page.addInitScript((name) => {
        if (location.protocol === "http:" && !localStorage.getItem("theme")) localStorage.setItem("theme", name);
    }, theme);
    return { page, mistakes, close: () => context.close() };
}
