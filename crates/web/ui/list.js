// A list of any length. Only the rows on the screen exist; they are moved and filled again while the list scrolls.
//
// For screen readers it is a grid that knows how many rows there are. The keyboard moves an active row, which
// `aria-activedescendant` names.

/**
 * @typedef {object} Row
 * @property {HTMLElement} el
 * @property {(index: number) => void} fill shows the row with this number
 * @property {() => void} tick shows what has changed since
 */

/**
 * @typedef {object} ListOptions
 * @property {string} label
 * @property {string} kind a class: the columns
 * @property {string[]} columns their headings
 * @property {[wide: number, narrow: number]} height of a row in pixels
 * @property {() => Row} create
 * @property {(index: number) => void} open
 * @property {(first: number, end: number) => void} [scrolled] which rows are on the screen
 */

export const narrow = matchMedia("(max-width: 719px)");

/** Rows above and below the screen that exist as well. */
const SPARE = 6;

let lists = 0;

export class List {
    /** @param {ListOptions} options */
    constructor(options) {
        this.options = options;
        this.count = 0;
        this.active = -1;
        this.first = 0;
        this.end = 0;
        /** @type {Map<number, Row>} */
        this.rows = new Map();
        /** @type {Row[]} */
        this.spare = [];
        this.id = `list${(lists += 1)}`;
        this.drawIsDue = false;

        this.el = document.createElement("div");
        this.el.className = `list ${options.kind}`;
        this.el.tabIndex = 0;
        this.el.setAttribute("role", "grid");
        this.el.setAttribute("aria-label", options.label);
        this.head = document.createElement("div");
        this.head.className = "list-head";
        this.head.setAttribute("role", "row");
        for (const column of options.columns) {
            const cell = document.createElement("span");
            cell.setAttribute("role", "columnheader");
            cell.textContent = column;
            this.head.append(cell);
        }
        this.body = document.createElement("div");
        this.body.className = "list-body";
        this.body.setAttribute("role", "rowgroup");
        this.el.append(this.head, this.body);

        this.el.addEventListener("scroll", () => this.drawSoon(), { passive: true });
        this.el.addEventListener("keydown", (event) => this.handleKey(event));
        this.body.addEventListener("click", (event) => this.handleClick(event));
        this.watcher = new ResizeObserver(() => this.drawSoon());
        this.watcher.observe(this.el);
        narrow.addEventListener("change", this.redraw);
    }

    /** The height of a row in pixels. */
    get height() {
        return this.options.height[narrow.matches ? 1 : 0];
    }

    /** Gives up everything that would keep the list alive. */
    close() {
        this.watcher.disconnect();
        narrow.removeEventListener("change", this.redraw);
    }

    /** Shows all rows anew, for example because others have come. @param {number} count */
    show(count) {
        this.count = count;
        if (this.active >= count) this.setActive(count - 1);
        this.el.setAttribute("aria-rowcount", String(count + 1));
        this.redraw();
    }

    redraw = () => {
        // Rows keep their elements, so that a click that has begun arrives.
        for (const [index, row] of this.rows) {
            if (index >= this.count) this.drop(index, row);
            else this.fill(index, row);
        }
        this.body.style.height = `${this.count * this.height}px`;
        this.draw();
    };

    /** Shows what has changed in the rows on the screen. */
    tick() {
        for (const row of this.rows.values()) row.tick();
    }

    toTop() {
        this.el.scrollTop = 0;
        this.setActive(-1);
    }

    drawSoon() {
        if (this.drawIsDue) return;
        this.drawIsDue = true;
        requestAnimationFrame(() => {
            this.drawIsDue = false;
            this.draw();
        });
    }

    draw() {
        const { height, count } = this;
        const top = this.el.scrollTop;
        const first = Math.max(0, Math.floor(top / height) - SPARE);
        const end = Math.min(count, Math.ceil((top + this.el.clientHeight) / height) + SPARE);
        for (const [index, row] of this.rows) if (index < first || index >= end) this.drop(index, row);
        for (let index = first; index < end; index += 1) if (!this.rows.has(index)) this.put(index);
        if (first === this.first && end === this.end) return;
        [this.first, this.end] = [first, end];
        this.options.scrolled?.(first, end);
    }

    /**
     * @param {number} index
     * @param {Row} row
     */
    drop(index, row) {
        this.rows.delete(index);
        row.el.remove();
        this.spare.push(row);
    }

    /** @param {number} index */
    put(index) {
        let row = this.spare.pop();
        if (!row) {
            row = this.options.create();
            row.el.setAttribute("role", "row");
            row.el.classList.add("row");
        }
        const { el } = row;
        el.id = `${this.id}-${index}`;
        el.dataset.index = String(index);
        el.setAttribute("aria-rowindex", String(index + 2));
        this.rows.set(index, row);
        this.mark(index);
        this.fill(index, row);
        this.body.append(el);
    }

    /**
     * @param {number} index
     * @param {Row} row
     */
    fill(index, row) {
        row.el.style.transform = `translateY(${index * this.height}px)`;
        row.fill(index);
    }

    /** @param {number} index */
    mark(index) {
        const el = this.rows.get(index)?.el;
        if (!el) return;
        el.classList.toggle("active", index === this.active);
        el.setAttribute("aria-selected", String(index === this.active));
    }

    /** @param {number} index */
    setActive(index) {
        const before = this.active;
        this.active = index;
        this.mark(before);
        this.mark(index);
        if (index >= 0) this.el.setAttribute("aria-activedescendant", `${this.id}-${index}`);
        else this.el.removeAttribute("aria-activedescendant");
    }

    /** @param {number} index */
    reveal(index) {
        const [top, height] = [index * this.height, this.height];
        const room = this.el.clientHeight - this.head.offsetHeight;
        if (top < this.el.scrollTop) this.el.scrollTop = top;
        else if (top + height > this.el.scrollTop + room) this.el.scrollTop = top + height - room;
        this.draw();
    }

    /** @param {KeyboardEvent} event */
    handleKey(event) {
        if (event.target !== this.el || event.ctrlKey || event.metaKey || event.altKey) return;
        const screen = Math.max(1, Math.floor(this.el.clientHeight / this.height) - 2);
        /** @type {Record<string, number>} */
        const steps = {
            ArrowDown: this.active + 1,
            ArrowUp: this.active - 1,
            PageDown: this.active + screen,
            PageUp: this.active - screen,
            Home: 0,
            End: this.count - 1,
        };
        if (event.key in steps && this.count) {
            event.preventDefault();
            const index = Math.min(Math.max(steps[event.key] ?? 0, 0), this.count - 1);
            this.setActive(index);
            this.reveal(index);
        } else if (event.key === "Enter" && this.active >= 0) {
            event.preventDefault();
            this.options.open(this.active);
        }
    }

    /** @param {MouseEvent} event */
    handleClick(event) {
        const target = /** @type {HTMLElement} */ (event.target);
        const row = target.closest(".row");
        // Whoever marks a text with the mouse does not want to open it.
        if (!(row instanceof HTMLElement) || !getSelection()?.isCollapsed) return;
        const index = Number(row.dataset.index);
        this.setActive(index);
        this.options.open(index);
    }
}
