// Makes the libraries of the page, each as one ES module in ui/vendor, and the table that lists them.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const vendor = new URL("../ui/vendor/", here);

const libraries = [
    {
        name: "lit-html",
        file: "lit-html.js",
        exports: `export { html, svg, render, nothing } from "lit-html";
                  export { repeat } from "lit-html/directives/repeat.js";`,
    },
];

let rows = "";
for (const library of libraries) {
    const folder = new URL(`node_modules/${library.name}/`, here);
    const { version, license } = JSON.parse(await readFile(new URL("package.json", folder), "utf8"));
    const made = await build({
        stdin: { contents: library.exports, resolveDir: here.pathname },
        bundle: true,
        format: "esm",
        minify: true,
        charset: "utf8",
        legalComments: "none",
        write: false,
        banner: { js: `// @ts-nocheck\n// ${library.name} ${version}, Copyright Google LLC, ${license}: see README.md` },
    });
    const text = made.outputFiles[0]?.text ?? "";
    await writeFile(new URL(library.file, vendor), text);
    await writeFile(new URL(`${library.name}.LICENSE`, vendor), await readFile(new URL("LICENSE", folder)));
    const hash = createHash("sha256").update(text).digest("hex");
    rows += `| [${library.file}](${library.file}) | ${library.name} | ${version} | [${license}](${library.name}.LICENSE) | \`${hash}\` |\n`;
}

await writeFile(
    new URL("README.md", vendor),
    `# Libraries of the page

Each file is one library, bundled and minified by esbuild from the package of the npm registry, with
the versions of [package-lock.json](../../ui-tests/package-lock.json). Do not edit them.
\`just page vendor\` makes them and this table again; a test compares the checksums.

| file | library | version | licence | SHA-256 |
| --- | --- | --- | --- | --- |
${rows}`,
);
