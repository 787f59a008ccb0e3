// A show with very many channels and mappings stays fluent.

import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, PATIENCE, Show, SIZES, until } from "./show.js";

const CHANNELS = 100_000;

/** @type {Show} */
let show;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
    const file = join(await mkdtemp(join(tmpdir(), "crosspatch-")), "large.cfg");
    const lines = Array.from({ length: 12_000 }, (_, at) => `a.single${at} > b.single${at}`);
    const ranges = `a.{1..${CHANNELS / 2}} > b.{1..${CHANNELS / 2}}`;
    await writeFile(file, `[loopback a]\n[loopback b]\n[map]\n${ranges}\n${lines.join("\n")}\n`);
    show = new Show(8784, [], file);
    await show.ready();
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await show?.stop();
});

test("only the rows on the screen exist, and the last one can be reached", async () => {
    const { page, mistakes, close } = await open(browser, SIZES.desktop);
    await page.goto(`${show.address}/#channels`);
    const list = page.locator(".channel-list");
    await list.locator(".row").first().waitFor();
    const rows = Number(await list.getAttribute("aria-rowcount"));
    assert.ok(rows > CHANNELS, `${rows} rows`);
    await list.focus();
    await page.keyboard.press("End");
    await until(async () => /^b\./.test((await page.locator(".row.active .name").innerText()) ?? ""), "the last row is there");
    // Scrolling through everything, as fast as the wheel allows.
    const slowest = await list.evaluate(async (el) => {
        let slowest = 0;
        for (let step = 0; step < 60; step += 1) {
            const began = performance.now();
            el.scrollTop = (el.scrollHeight * step) / 60;
            await new Promise((resolve) => requestAnimationFrame(() => resolve(undefined)));
            slowest = Math.max(slowest, performance.now() - began);
        }
        return slowest;
    });
    assert.ok(slowest < PATIENCE / 20, `a picture took ${slowest} ms`);
    assert.ok((await page.locator(".row").count()) < 120, "rows are used again");
    await close();
    assert.deepEqual(mistakes, []);
});

test("more mapping lines than the page loads are searched by the server", async () => {
    const { page, mistakes, close } = await open(browser, SIZES.desktop);
    await page.goto(`${show.address}/#mappings`);
    await page.getByText("12,001 lines").waitFor();
    await page.getByLabel("Search everything").fill("single11999");
    await page.getByText("1 line", { exact: true }).waitFor();
    await page.locator(".row", { hasText: "a.single11999 > b.single11999" }).waitFor();
    await close();
    assert.deepEqual(mistakes, []);
});
