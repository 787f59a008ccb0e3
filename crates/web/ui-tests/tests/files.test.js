// The files of the page: libraries as in their table, nothing inline, no address of others, no module too late.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const ui = new URL("../../ui/", import.meta.url);
const vendor = new URL("vendor/", ui);

const read = (/** @type {string} */ name) => readFile(new URL(name, ui), "utf8");

const names = (await readdir(ui, { recursive: true })).filter((name) => /\.(js|css|html|svg)$/.test(name));

test("each library has the checksum of the table", async () => {
    const table = await read("vendor/README.md");
    const files = (await readdir(vendor)).filter((name) => name.endsWith(".js"));
    assert.ok(files.length > 0);
    for (const name of files) {
        const hash = createHash("sha256").update(await readFile(new URL(name, vendor))).digest("hex");
        const row = table.split("\n").find((line) => line.startsWith(`| [${name}]`));
        assert.ok(row?.includes(`\`${hash}\``), name);
    }
});

test("every module is asked for at once, not one after the other", async () => {
    const index = await read("index.html");
    const listed = [...index.matchAll(/(?:modulepreload" href|module" src)="\/ui\/([^"]+)"/g)].map((match) => match[1]);
    // `theme.js` is no module, and `types.js` is empty.
    const modules = names.filter((name) => name.endsWith(".js") && name !== "theme.js" && name !== "types.js");
    assert.deepEqual(listed.sort(), modules.sort());
});

test("nothing is inline, and nothing comes from elsewhere", async () => {
    for (const name of names.filter((name) => !name.startsWith("vendor/"))) {
        const text = await read(name);
        assert.ok(!/\sstyle="|<style|\son\w+="/.test(text), `${name}: inline`);
        const addresses = text.match(/https?:\/\/[^\s"'`$]+/g) ?? [];
        assert.deepEqual(addresses.filter((address) => !address.startsWith("http://www.w3.org/")), [], name);
        assert.ok(text.split("\n").length <= 600, `${name} is too long`);
    }
});
