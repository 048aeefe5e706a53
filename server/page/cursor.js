/**
 * The picture by keyboard: without a tool the arrow keys move it; with one they move a cursor,
 * which Space or Enter puts down and lifts again. Shift makes the steps large, Ctrl makes them one
 * pixel of the picture.
 */
import { rectangleBetween, rounded } from "./layer.js";

const STEP = 8, LARGE_STEP = 48; /* CSS pixels */
const PAN = 40, LARGE_PAN = 200;

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Cursor {
    #at = null;    /* in the picture; null: not in use */
    #drawn = null; /* what is put down: see Tools.finish() */

    constructor(tools, canvas) {
        this.tools = tools;
        this.canvas = canvas;
        canvas.element.addEventListener("keydown", (event) => this.#key(event));
        canvas.element.addEventListener("blur", () => this.leave());
    }

    /** Where it is in the view, or null. */
    get place() {
        return this.#at && this.canvas.view.toScreen(this.#at.x, this.#at.y);
    }

    /** Whether something is half drawn into the layer. */
    get isDrawing() {
        return Boolean(this.#drawn?.operation);
    }

    /** @returns {boolean} whether it was in use */
    leave() {
        const used = Boolean(this.#at);
        const drawn = this.#drawn;
        this.#at = null;
        this.#drawn = null;
        if (drawn) {
            this.tools.draft.clear();
        }
        if (drawn && drawn.operation) {
            this.canvas.reset();
        }
        if (used) {
            this.tools.layOut();
        }
        return used;
    }

    layOut() {
        this.tools.draft.showCross(this.place, Boolean(this.#drawn));
    }

    #key(event) {
        const { canvas, tools } = this;
        if (event.target !== canvas.element || !canvas.picture || event.altKey || event.metaKey) {
            return;
        }
        const way = WAYS[event.key];
        const acts = event.key === "Enter" || event.key === " ";
        if (way && !tools.name) {
            const by = event.shiftKey ? LARGE_PAN : PAN;
            canvas.panBy(-way[0] * by, -way[1] * by);
        } else if (way) {
            this.#move(way, event);
        } else if (acts && tools.name && (this.#at || canvas.element.matches(":focus-visible"))) {
            this.#press();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    /* Begins in the middle of what is seen of the picture. */
    #begin() {
        const { view, picture } = this.canvas;
        const { width, height } = view.pane;
        const { x, y } = view.toPicture(width / 2, height / 2);
        this.#at = { x: rounded(Math.min(Math.max(x, 0), picture.width)),
            y: rounded(Math.min(Math.max(y, 0), picture.height)) };
    }

    #move(way, { shiftKey, ctrlKey }) {
        const { canvas, tools } = this;
        if (!this.#at) {
            this.#begin();
        }
        const step = ctrlKey ? 1 : (shiftKey ? LARGE_STEP : STEP) / canvas.view.scale;
        const within = (value, size) => rounded(Math.min(Math.max(value, 0), size));
        this.#at = { x: within(this.#at.x + way[0] * step, canvas.picture.width),
            y: within(this.#at.y + way[1] * step, canvas.picture.height) };
        canvas.reveal(this.#at.x, this.#at.y);
        this.#drag();
        tools.layOut();
        this.#say();
    }

    #drag() {
        const drawn = this.#drawn;
        const { canvas, tools } = this;
        if (!drawn) {
            return;
        }
        if (drawn.operation) {
            drawn.operation.points.push(this.#at.x, this.#at.y);
            canvas.draw(drawn.operation, drawn.operation.points.length - 2);
        } else if (drawn.points) {
            drawn.points.push(this.#at.x, this.#at.y);
            tools.draft.showLine(drawn.points, canvas.view);
        } else {
            drawn.rectangle = rectangleBetween(drawn.from, this.#at, canvas.picture, tools.add);
            tools.draft.showRectangle(drawn.rectangle, canvas.view);
        }
    }

    /* Puts the tool down, or lifts it. */
    #press() {
        const { tools } = this;
        const drawn = this.#drawn;
        if (!this.#at) {
            this.#begin();
        } else if (drawn) {
            this.#drawn = null;
            tools.finish({ ...drawn, add: tools.add });
        } else if (tools.name === "fill") {
            tools.fill(this.#at);
        } else {
            this.#put();
        }
        tools.layOut();
        this.#say();
    }

    #put() {
        const { canvas, tools } = this;
        const { x, y } = this.#at;
        if (tools.isLine) {
            this.#drawn = { operation: { tool: tools.name, size: tools.size, points: [x, y] } };
            canvas.draw(this.#drawn.operation, 0);
        } else {
            this.#drawn = tools.name === "lasso" ? { points: [x, y] } : { from: { x, y } };
        }
    }

    /* Where it is, whether it draws, and whether that is in the region. */
    #say() {
        const { canvas } = this;
        if (!this.#at) {
            return;
        }
        const { x, y } = this.#at;
        const { width, height } = canvas.picture;
        const { t } = canvas.words;
        const place = t("cursor.at", { x: Math.round(100 * x / width),
            y: Math.round(100 * y / height) });
        const inside = t(canvas.mask.has(x, y) ? "cursor.inside" : "cursor.outside");
        canvas.tell("cursor", { words: t(this.#drawn ? "cursor.draws" : "cursor.moves",
            { place, inside }) });
    }
}
