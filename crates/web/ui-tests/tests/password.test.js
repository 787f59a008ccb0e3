// The log-in, and the page of somebody who may only look.

import assert from "node:assert/strict";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, Show, SIZES, until } from "./show.js";

/** @type {Show} */
let show;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "crosspatch-"));
    const text = await readFile(new URL("../show.cfg", import.meta.url), "utf8");
    const web = "[web]\npassword = operate it\nview-password = look at it\n\n";
    await writeFile(join(folder, "show.cfg"), web + text, { mode: 0o600 });
    show = new Show(8785, [], join(folder, "show.cfg"));
    await show.ready();
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await show?.stop();
});

for (const [name, size] of Object.entries(SIZES)) {
    test(`who may only look sees everything and changes nothing, on a ${name}`, async () => {
        const { page, mistakes, close } = await open(browser, size);
        await page.goto(`${show.address}/#channels?channel=qlab.%2Fgo`);
        await page.getByLabel("Password").fill("wrong");
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByRole("alert").getByText(/\w/).waitFor();
        // After a wrong password, the next attempt has to wait.
        await page.getByLabel("Password").fill("look at it");
        await until(async () => {
            await page.getByRole("button", { name: "Log in" }).click({ timeout: 500 }).catch(() => undefined);
            return page.getByText("Read-only").isVisible();
        }, "logged in");
        await page.locator(".panel").getByText("You are logged in to look, not to operate.").waitFor();
        assert.ok(await page.getByRole("button", { name: "Press" }).isDisabled());
        assert.equal(await page.getByRole("button", { name: "Lock", exact: true }).count(), 0);
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: "Log out" }).click();
        await page.getByLabel("Password").fill("operate it");
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByRole("button", { name: "Lock", exact: true }).waitFor();
        await close();
        assert.deepEqual(mistakes, []);
    });
}
