// axe finds nothing serious in any view, in both themes and on both screens.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Devices, launch, open, Show, SIZES } from "./show.js";

const axe = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** @type {Show} */
let show;
/** @type {Devices} */
let devices;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
    devices = new Devices();
    show = new Show(8782);
    await show.ready();
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await show?.stop();
    devices?.close();
});

const PLACES = [
    ["#show", ".instance"],
    ["#mappings", ".row"],
    ["#mappings?line=7", ".panel .pairs"],
    ["#channels", ".row"],
    ["#channels?channel=tablet.%2Ffader%2F1", ".panel .uses li"],
    ["#channels?search=nothing+has+this+name", ".empty"],
    ["#notices", ".notices li"],
];

for (const theme of /** @type {const} */ (["dark", "light"])) {
    for (const [name, size] of Object.entries(SIZES)) {
        test(`${theme} on a ${name}`, async () => {
            const { page, close } = await open(browser, size, theme);
            for (const [place, ready] of PLACES) {
                await page.goto("about:blank");
                await page.goto(`${show.address}/${place}`);
                await page.locator(ready ?? "").first().waitFor();
                devices.tablet("/fader/1", Math.random());
                await page.evaluate(axe);
                const { violations } = await page.evaluate(() => Reflect.get(window, "axe").run());
                const bad = violations
                    .filter((/** @type {any} */ found) => ["serious", "critical"].includes(found.impact))
                    .map((/** @type {any} */ found) => ({ id: found.id, at: found.nodes.slice(0, 4).map((/** @type {any} */ node) => `${node.target} ${node.failureSummary}`) }));
                assert.deepEqual(bad, [], place);
            }
            await close();
        });
    }
}
