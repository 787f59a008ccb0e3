// The page follows a configuration that changes while the show runs.

import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, Show, SIZES } from "./show.js";

/** @type {string} */
let file;
/** @type {Show} */
let show;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
    file = join(await mkdtemp(join(tmpdir(), "crosspatch-")), "show.cfg");
    await writeFile(file, "[loopback a]\n[map]\na.one > a.two\n");
    show = new Show(8788, [], file);
    await show.ready();
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await show?.stop();
});

test("a reload shows the new lines, and the values of the new channels", async () => {
    const { page, mistakes, close } = await open(browser, SIZES.desktop);
    await page.goto(`${show.address}/#mappings`);
    await page.locator(".row", { hasText: "a.one > a.two" }).waitFor();
    await writeFile(file, "[loopback b]\n[loopback a]\n[map]\na.one > a.two\nb.three | invert > b.four\n");
    const line = page.locator(".row", { hasText: "b.three | invert > b.four" });
    await line.waitFor();
    const answer = await page.request.put(`${show.address}/api/v1/channels/b.three`, { data: { value: 0.25 } });
    assert.ok(answer.ok());
    await line.getByText("0.250").waitFor();
    await line.getByText("0.750").waitFor();
    await page.keyboard.press("1");
    await page.getByText("All 2 instances work").waitFor();
    await close();
    assert.deepEqual(mistakes, []);
});
