// The curve of a value over the last half minute.

/** The span of the curve, in milliseconds. */
const SPAN = 30_000;

/** How many points it keeps. */
const MOST = 600;

export class Curve {
    /** @param {string} label */
    constructor(label) {
        this.el = document.createElement("canvas");
        this.el.className = "curve";
        this.el.setAttribute("role", "img");
        this.el.setAttribute("aria-label", label);
        /** @type {{ at: number, value: number }[]} ascending */
        this.points = [];
    }

    /**
     * @param {number} at
     * @param {number} value
     */
    add(at, value) {
        const last = this.points.at(-1);
        if (last && last.at >= at) return;
        this.points.push({ at, value });
        if (this.points.length > MOST) this.points.shift();
    }

    /** @param {number} now */
    draw(now) {
        const { el, points } = this;
        const scale = devicePixelRatio;
        const [width, height] = [Math.round(el.clientWidth * scale), Math.round(el.clientHeight * scale)];
        if (!width) return;
        if (el.width !== width || el.height !== height) [el.width, el.height] = [width, height];
        const context = el.getContext("2d");
        if (!context) return;
        const style = getComputedStyle(el);
        context.clearRect(0, 0, width, height);
        context.strokeStyle = style.color;
        context.lineWidth = 1.5 * scale;
        context.beginPath();
        const x = (/** @type {number} */ at) => width * (1 - (now - at) / SPAN);
        const y = (/** @type {number} */ value) => height - 2 * scale - value * (height - 4 * scale);
        for (const [number, { at, value }] of points.entries()) {
            // A value holds until the next one.
            if (number === 0) context.moveTo(x(at), y(value));
            else context.lineTo(x(at), y(points[number - 1]?.value ?? 0));
            context.lineTo(x(at), y(value));
        }
        const last = points.at(-1);
        if (last) context.lineTo(width, y(last.value));
        context.stroke();
    }
}
