// The pictures of the manual. With ACCEPT=1 they are written to docs/images; look at them before you commit them.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { pack } from "./png.js";
import { Devices, launch, open, Show, SIZES, until } from "./show.js";

const MOST_BYTES = 150_000;

const images = new URL("../../../../docs/images/", import.meta.url);

/** @type {Show} */
let show;
/** @type {Devices} */
let devices;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {ReturnType<typeof setInterval>} */
let hands;

before(async () => {
    devices = new Devices();
    show = new Show(8783);
    await show.ready();
    browser = await launch();
    let turn = 0;
    // Somebody plays the tablet.
    hands = setInterval(() => {
        turn += 1;
        for (const fader of [1, 2, 5]) devices.tablet(`/fader/${fader}`, 0.5 + Math.sin(turn / 25 + fader) / 2);
        devices.tablet("/house/1", 0.5 + Math.sin(turn / 40) / 2);
        if (turn === 5) for (const fader of [3, 4, 6]) devices.tablet(`/fader/${fader}`, fader / 8);
        if (turn === 6) for (const name of ["/haze", "/house/2"]) devices.tablet(name, 0.4);
        if (turn === 7) for (const level of [1, 0]) devices.tablet("/blackout", level);
        if (turn === 8) devices.tablet("/work", 0.7);
    }, 50);
    await new Promise((resolve) => setTimeout(resolve, 3000));
});

after(async () => {
    clearInterval(hands);
    await browser?.close();
    await show?.stop();
    devices?.close();
});

const PLACES = [
    ["show", "#show", ".instance"],
    ["mappings", "#mappings", '.row [data-name="held"]'],
    ["channels", "#channels?channel=tablet.%2Ffader%2F1", ".panel .uses li"],
    ["follow", "#channels?follow=1", ".row .value:not(.absent)"],
    ["notices", "#notices", ".notices li"],
];

for (const [name, size] of Object.entries(SIZES)) {
    test(name, async () => {
        for (const [view, place, ready] of PLACES) {
            const { page, close } = await open(browser, size);
            await page.goto(`${show.address}/${place}`);
            await page.locator(ready ?? "").first().waitFor();
            if (view !== "show" && view !== "notices") {
                await until(async () => (await page.locator('.value[data-age="0"]').count()) > 0, "values move");
            }
            // A curve needs some time to be one.
            if (view === "channels") await page.waitForTimeout(6000);
            if (view === "follow") await page.waitForTimeout(1500);
            const picture = pack(await page.screenshot());
            assert.ok(picture.length < MOST_BYTES, `${view} has ${picture.length} bytes`);
            if (process.env.ACCEPT) {
                await mkdir(images, { recursive: true });
                await writeFile(new URL(`${view}-${name}.png`, images), picture);
            }
            await close();
        }
    });
}
