// What people do with the page, on a desktop and on a phone.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Devices, launch, open, Show, SIZES, until } from "./show.js";

/** @import { Browser, Page } from "playwright-core" */

/** @type {Show} */
let show;
/** @type {Devices} */
let devices;
/** @type {Browser} */
let browser;

before(async () => {
    devices = new Devices();
    show = new Show(8781);
    await show.ready();
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await show?.stop();
    devices?.close();
});

for (const [name, size] of Object.entries(SIZES)) {
    describe(name, () => {
        /** @type {Page} */
        let page;
        /** @type {string[]} */
        let mistakes;
        /** @type {() => Promise<void>} */
        let close;

        before(async () => {
            ({ page, mistakes, close } = await open(browser, size));
        });

        after(async () => {
            await close();
            assert.deepEqual(mistakes, []);
        });

        beforeEach(async () => {
            await page.goto("about:blank");
        });

        /** @param {string} place */
        const visit = async (place) => {
            await page.goto(`${show.address}/${place}`);
            await page.getByText("live", { exact: true }).waitFor();
        };

        test("the dead console comes first, with its reason and since when", async () => {
            await visit("#show");
            const first = page.locator(".instance").first();
            await first.getByText("127.0.0.1:8585").waitFor();
            const text = await first.innerText();
            assert.match(text, /backup/);
            assert.match(text, /waiting/);
            assert.match(text, /nobody listens there/);
            assert.match(text, /since \d\d:\d\d:\d\d/);
            assert.match(await page.locator(".summary").innerText(), /2 waiting[\s\S]*7 working/);
            assert.match(await page.title(), /▲/);
        });

        test("a value moves on the page while messages arrive", async () => {
            await visit("#channels?search=fader/3");
            const value = page.locator(".row", { hasText: "tablet./fader/3" }).locator(".value.in");
            for (const level of [0.125, 0.75]) {
                devices.tablet("/fader/3", level);
                await until(async () => (await value.innerText()) === level.toFixed(3), `the value is ${level}`);
            }
            assert.equal(await value.getAttribute("data-age"), "0");
        });

        test("a mapping shows what goes in and out, and why another one holds back", async () => {
            await visit("#mappings");
            devices.tablet("/haze", 0.5);
            const haze = page.locator(".row", { hasText: "tablet./haze | range" });
            await until(async () => /0\.500\s+0\.500/.test(await haze.innerText()), "in and out of the range");
            const dead = page.locator(".row", { hasText: "> backup.page1.fader{1..8}" });
            await until(async () => /backup waiting: .*nobody listens/.test(await dead.innerText()), "the reason of the dead target");
            // The first press switches the blackout on. Then the line of the work light holds back.
            devices.tablet("/blackout", 1);
            devices.tablet("/blackout", 0);
            devices.tablet("/work", 0.7);
            const work = page.locator(".row", { hasText: "when not moved.blackout" });
            await until(async () => /moved\.blackout/.test(await work.locator(".words").innerText()), "the reason of the gate");
            assert.equal(await work.locator("[data-name=held]").count(), 1);
            devices.tablet("/blackout", 1);
            devices.tablet("/blackout", 0);
            devices.tablet("/work", 0.6);
            await until(async () => (await work.locator("[data-name=held]").count()) === 0, "the gate is open");
        });

        test("one search finds things in all views", async () => {
            await visit("#show");
            await page.getByLabel("Search everything").fill("qlab");
            const tab = (/** @type {string} */ view) => page.getByRole("navigation").getByText(view);
            await until(async () => /[1-9]/.test(await tab("Mappings").innerText()), "mappings are counted");
            assert.equal(await page.locator(".instance").count(), 1);
            await tab("Channels").click();
            await page.getByText("qlab./go", { exact: true }).waitFor();
            await page.getByLabel("Search everything").fill("no such thing");
            await page.getByText("No channel contains “no such thing”.").waitFor();
        });

        test("a channel tells where it is used, and sends a value that arrives", async () => {
            await visit("#channels?search=note");
            await page.locator(".name", { hasText: "tablet./note" }).click();
            const panel = page.locator(".panel");
            await panel.getByText("tablet./note | dedup > qlab./note").waitFor();
            await panel.getByPlaceholder("Text").fill(`from ${name}`);
            await panel.getByRole("button", { name: "Send text" }).click();
            await until(() => devices.valuesOf("/note").includes(`from ${name}`), "the text arrives at QLab");
            await panel.getByText("Sent.").waitFor();
            await page.keyboard.press("Escape");
            await panel.waitFor({ state: "hidden" });
        });

        test("the slider and the button send as the channel would", async () => {
            await visit("#channels?channel=qlab.%2Fstandby");
            const panel = page.locator(".panel");
            const [level, large] = [panel.getByLabel("Level", { exact: true }), panel.locator(".value.large").first()];
            await level.fill("0.4");
            await until(async () => (await large.innerText()) === "0.400", "the level is there");
            const press = panel.getByRole("button", { name: "Press" });
            await press.focus();
            await page.keyboard.down(" ");
            await until(async () => (await large.innerText()) === "1.000", "pressed");
            await page.keyboard.up(" ");
            await until(async () => (await large.innerText()) === "0.000", "released");
        });

        test("what has moved last comes first", async () => {
            await visit("#channels");
            await page.getByRole("switch", { name: "Follow what moves" }).check({ force: true });
            devices.qlab("/standby", 0.3 + Math.random() / 10);
            await until(
                async () => /standby|house\.21/.test(await page.locator('.row[data-index="0"]').innerText()),
                "the channel is first",
            );
        });

        test("the lock is seen and refuses", async () => {
            await visit("#channels?channel=qlab.%2Fstandby");
            const other = await open(browser, size);
            await other.page.goto(`${show.address}/#show`);
            await other.page.getByRole("button", { name: "Lock", exact: true }).click();
            await page.locator(".banner.locked").waitFor();
            await page.locator(".panel").getByText("The show is locked.").waitFor();
            assert.ok(await page.getByRole("button", { name: "Press" }).isDisabled());
            const answer = await page.request.put(`${show.address}/api/v1/channels/qlab.%2Fstandby`, { data: { value: 1 } });
            assert.ok(!answer.ok());
            await other.page.getByRole("button", { name: "Unlock" }).click();
            await page.locator(".banner").waitFor({ state: "hidden" });
            await other.close();
        });

        test("a restart of the program is seen, and survived", async () => {
            await visit("#channels?search=fader/5");
            await page.locator(".row", { hasText: "tablet./fader/5" }).waitFor();
            await show.stop();
            await page.getByText("Connection lost").waitFor();
            assert.match(await page.title(), /Connection lost/);
            show.start();
            await show.ready();
            await page.locator(".banner").waitFor({ state: "hidden" });
            const value = page.locator(".row", { hasText: "tablet./fader/5" }).locator(".value.in");
            devices.tablet("/fader/5", 0.25);
            await until(async () => (await value.innerText()) === "0.250", "values move again");
        });
    });
}

test("the keyboard is enough", async () => {
    const { page, mistakes, close } = await open(browser, SIZES.desktop);
    await page.goto(`${show.address}/#show`);
    await page.getByText("live", { exact: true }).waitFor();
    await page.keyboard.press("3");
    await page.locator(".channel-list .row").first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("tablet./fader/2");
    await until(async () => (await page.locator(".row:not([hidden])").count()) === 1, "one channel");
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.locator(".row.active").count(), 1);
    await page.keyboard.press("Enter");
    await page.locator(".panel h2").getByText("tablet./fader/2").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".panel").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("role")), "grid");
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await close();
    assert.deepEqual(mistakes, []);
});

test("the theme is remembered", async () => {
    const { page, close } = await open(browser, SIZES.desktop, "light");
    await page.goto(`${show.address}/`);
    assert.equal(await page.getAttribute("html", "data-theme"), "light");
    await page.getByRole("button", { name: "Dark or light" }).click();
    assert.equal(await page.getAttribute("html", "data-theme"), "dark");
    assert.equal(await page.evaluate(() => localStorage.getItem("theme")), "dark");
    await close();
});
