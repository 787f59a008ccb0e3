// Makes the pictures of the browser small: with a palette of at most 256 colours, as a page of text needs.

import { crc32, deflateSync, inflateSync } from "node:zlib";

/**
 * @param {string} kind
 * @param {Buffer} data
 */
function chunk(kind, data) {
    const whole = Buffer.concat([Buffer.alloc(4), Buffer.from(kind), data, Buffer.alloc(4)]);
    whole.writeUInt32BE(data.length, 0);
    whole.writeUInt32BE(crc32(whole.subarray(4, -4)), whole.length - 4);
    return whole;
}

/**
 * The pixels of a picture with 8 bits for each of red, green, blue, and perhaps alpha.
 * @param {Buffer} png
 */
function decode(png) {
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
    const size = png[25] === 6 ? 4 : 3;
    const parts = [];
    for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
        if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
    }
    const raw = inflateSync(Buffer.concat(parts));
    const row = width * size;
    const pixels = Buffer.alloc(row * height);
    for (let y = 0; y < height; y += 1) {
        const filter = raw[y * (row + 1)];
        for (let x = 0; x < row; x += 1) {
            const left = x < size ? 0 : pixels[y * row + x - size] ?? 0;
            const up = y === 0 ? 0 : pixels[(y - 1) * row + x] ?? 0;
            const corner = x < size || y === 0 ? 0 : pixels[(y - 1) * row + x - size] ?? 0;
            const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
            pixels[y * row + x] = (raw[y * (row + 1) + 1 + x] ?? 0) + guess;
        }
    }
    return { width, height, size, pixels };
}

/**
 * The predictor of the PNG specification, 9.4.
 * @param {number} a
 * @param {number} b
 * @param {number} c
 */
function paeth(a, b, c) {
    const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
    if (toA <= toB && toA <= toC) return a;
    return toB <= toC ? b : c;
}

/**
 * The same picture in fewer bytes.
 * @param {Buffer} png
 */
export function pack(png) {
    const { width, height, size, pixels } = decode(png);
    /** @type {Map<number, number>} */
    const counts = new Map();
    const colours = new Uint32Array(width * height);
    for (let at = 0; at < colours.length; at += 1) {
        const colour = pixels.readUIntBE(at * size, 3);
        colours[at] = colour;
        counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    const palette = choose(counts);
    const numbers = new Map(palette.map((colour, number) => [colour, number]));
    const rows = Buffer.alloc((width + 1) * height);
    for (const [at, colour] of colours.entries()) {
        const number = numbers.get(colour) ?? nearest(palette, colour);
        numbers.set(colour, number);
        rows[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = number;
    }
    const head = Buffer.from(png.subarray(16, 29));
    // Eight bits, a palette.
    head[8] = 8;
    head[9] = 3;
    const table = Buffer.alloc(palette.length * 3);
    for (const [number, colour] of palette.entries()) table.writeUIntBE(colour, number * 3, 3);
    const body = deflateSync(rows, { level: 9, memLevel: 9 });
    return Buffer.concat([
        png.subarray(0, 8),
        chunk("IHDR", head),
        chunk("PLTE", table),
        chunk("IDAT", body),
        chunk("IEND", Buffer.alloc(0)),
    ]);
}

/**
 * At most 256 colours: of those that are nearly equal, the most frequent one. So a small green light stays green.
 * @param {Map<number, number>} counts
 */
function choose(counts) {
    const sorted = [...counts].sort((a, b) => b[1] - a[1]);
    for (let bits = 0; ; bits += 1) {
        const mask = [16, 8, 0].reduce((sum, shift) => sum | (((255 << bits) & 255) << shift), 0);
        /** @type {Map<number, number>} */
        const buckets = new Map();
        for (const [colour] of sorted) if (!buckets.has(colour & mask)) buckets.set(colour & mask, colour);
        if (buckets.size <= 256) return [...buckets.values()];
    }
}

/**
 * @param {number[]} palette
 * @param {number} colour
 */
function nearest(palette, colour) {
    const distance = (/** @type {number} */ other) =>
        [16, 8, 0].reduce((sum, shift) => sum + (((other >> shift) & 255) - ((colour >> shift) & 255)) ** 2, 0);
    let best = 0;
    for (const [number, other] of palette.entries()) {
        if (distance(other) < distance(palette[best] ?? 0)) best = number;
    }
    return best;
}
