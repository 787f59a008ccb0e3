// The vendored libraries are those of the table.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const vendor = new URL("../../ui/vendor/", import.meta.url);

test("each library has the checksum of the table", async () => {
    const table = await readFile(new URL("README.md", vendor), "utf8");
    const files = (await readdir(vendor)).filter((name) => name.endsWith(".js"));
    assert.ok(files.length > 0);
    for (const name of files) {
        const hash = createHash("sha256").update(await readFile(new URL(name, vendor))).digest("hex");
        const row = table.split("\n").find((line) => line.startsWith(`| [${name}]`));
        assert.ok(row?.includes(`\`${hash}\``), name);
    }
});
