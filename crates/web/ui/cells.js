// Small pieces of rows that are written directly, without rendering: values change twenty times a second.

import * as format from "./format.js";

/** @import { Known } from "./values.js" */

/**
 * An element with a class and a role as a cell of a list.
 * @param {string} className
 */
export function cell(className) {
    const el = document.createElement("span");
    el.className = className;
    el.setAttribute("role", "gridcell");
    return el;
}

/** @param {string} name */
export function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    setIcon(svg, name);
    return svg;
}

/**
 * @param {SVGElement} svg
 * @param {string} name
 */
export function setIcon(svg, name) {
    if (svg.dataset.name === name) return;
    svg.dataset.name = name;
    svg.classList.remove(...[...svg.classList].filter((word) => word.startsWith("is-")));
    svg.classList.add(`is-${name}`);
    svg.firstElementChild?.setAttribute("href", `#i-${name}`);
}

/**
 * @param {HTMLElement} el
 * @param {string} text
 */
export function setText(el, text) {
    if (el.textContent !== text) el.textContent = text;
}

/** A value with a bar behind it, and how old it is. */
export class ValueCell {
    /** @param {string} className */
    constructor(className) {
        this.el = cell(`value ${className}`);
        this.bar = document.createElement("i");
        this.text = document.createElement("b");
        this.el.append(this.bar, this.text);
    }

    /**
     * @param {Known | null | undefined} reading
     * @param {number} now
     */
    set(reading, now) {
        const { el, bar, text } = this;
        if (!reading) {
            setText(text, "–");
            el.dataset.age = "none";
            bar.style.transform = "scaleX(0)";
            return;
        }
        const isNumber = typeof reading.value === "number";
        setText(text, format.value(reading.value));
        el.classList.toggle("text", !isNumber);
        el.title = isNumber ? "" : String(reading.value);
        const level = isNumber ? Math.min(Math.max(Number(reading.value), 0), 1) : 0;
        bar.style.transform = `scaleX(${level})`;
        const fading = format.fading(now - reading.at);
        if (el.dataset.age !== fading) el.dataset.age = fading;
    }
}
