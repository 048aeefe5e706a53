/** The handle between before and after: a slider that is dragged, or moved by keys. */

const STEP = 0.02, LARGE_STEP = 0.1;

export class Divider {
    #seen = null;

    /**
     * @param {{at: () => number, move: (at: number) => void}} place  where it is now, which may be
     *     more than the last frame shows: two keys can come within one
     */
    constructor(parent, { t }, { at, move }) {
        this.t = t;
        this.at = at;
        this.move = move;
        this.parent = parent;
        const handle = document.createElement("div");
        handle.className = "divider";
        handle.tabIndex = 0;
        handle.hidden = true;
        const set = { role: "slider", "aria-valuemin": 0, "aria-valuemax": 100,
            "aria-orientation": "horizontal" };
        for (const [name, value] of Object.entries(set)) {
            handle.setAttribute(name, String(value));
        }
        handle.addEventListener("pointerdown", (event) => this.#down(event));
        handle.addEventListener("pointermove", (event) => this.#drag(event));
        handle.addEventListener("keydown", (event) => this.#key(event));
        parent.append(handle);
        this.handle = handle;
    }

    #down(event) {
        if (event.button === 0) {
            event.stopPropagation();
            this.handle.setPointerCapture(event.pointerId);
            this.handle.focus({ preventScroll: true });
            event.preventDefault();
        }
    }

    #drag(event) {
        if (this.handle.hasPointerCapture(event.pointerId)) {
            event.stopPropagation();
            const { left, right } = this.#seen;
            const x = event.clientX - this.parent.getBoundingClientRect().left;
            this.move(Math.min(Math.max((x - left) / Math.max(1, right - left), 0), 1));
        }
    }

    #key(event) {
        const step = event.shiftKey || event.key.startsWith("Page") ? LARGE_STEP : STEP;
        const by = { ArrowLeft: -step, ArrowDown: -step, PageDown: -step, ArrowRight: step,
            ArrowUp: step, PageUp: step, Home: -1, End: 1 }[event.key];
        if (by !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey) {
            event.preventDefault();
            event.stopPropagation();
            this.move(Math.min(Math.max(this.at() + by, 0), 1));
        }
    }

    /** `seen`: the part of the picture that is seen; at: 0 to 1, x: where that is in the view */
    lay({ shown, at, x, seen }) {
        const { handle } = this;
        handle.hidden = !shown;
        this.#seen = seen;
        handle.style.setProperty("left", `${x}px`);
        handle.style.setProperty("top", `${seen.top}px`);
        handle.style.setProperty("height", `${Math.max(44, seen.bottom - seen.top)}px`);
        handle.setAttribute("aria-valuenow", String(Math.round(100 * at)));
        handle.setAttribute("aria-label", this.t("compare.at"));
    }
}
