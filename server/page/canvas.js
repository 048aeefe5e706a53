/**
 * The view of the picture: what is seen, and how large; the region over it, the preview and the
 * result, before and after. The document is not kept here: what a person draws is told as an event
 * "stroke" {operation}, and comes back by setStrokes().
 *
 * Events: "stroke" {operation}; "region" {share, place, milliseconds} when the region has changed;
 * "brush" {size}; "compare" {at}; "view" {scale, fitted}; "cursor" {words} for a screen reader.
 * A picture that is fitted leaves the padding of the element free. Colours come from the custom
 * properties --region ("#rrggbb") and --accent; an event "theme" that is dispatched here says that
 * they have changed.
 */
import { Divider } from "./divider.js";
import { Mask } from "./mask.js";
import { Edge, Tint, drawPictures } from "./paint.js";
import { wireTools } from "./tools.js";
import { View } from "./view.js";

const REGION_COLOUR = "#ff2f92";
const CRISP_FROM = 4;      /* CSS pixels to one of the mask: it is seen in squares */
const MARCH = 80;          /* ms between two steps of the edge */

function child(parent, name, className) {
    const element = document.createElement(name);
    element.className = className;
    element.setAttribute("aria-hidden", "true");
    parent.append(element);
    return element;
}

class PictureCanvas extends EventTarget {
    mask = new Mask();
    view = new View();
    #shown = { picture: null, width: 0, height: 0, preview: null, box: null, result: null };
    #compare = { mode: "none", at: 0.5 };
    #style = "tint";
    #regionShown = true;
    #drawn = { tint: true, edge: true }; /* whether they lack something of the mask */
    #work = {};
    #frame = 0;
    #march = 0;
    #step = 0;
    #ratio = 1;

    constructor(element, words) {
        super();
        this.element = element;
        this.words = words;
        element.classList.add("view");
        element.setAttribute("role", "application");
        this.#pictures = child(element, "canvas", "pictures");
        this.pane = child(element, "div", "pane");
        this.#tint = new Tint(child(this.pane, "canvas", "tint"));
        this.#edge = new Edge(child(this.pane, "canvas", "edge"));
        this.#divider = new Divider(element, words,
            { at: () => this.#compare.at, move: (at) => this.tell("compare", { at }) });
        this.#still = matchMedia("(prefers-reduced-motion: reduce)");
        this.#still.addEventListener("change", () => this.#schedule("layout"));
        document.addEventListener("visibilitychange", () => this.#startMarch());
        this.addEventListener("theme", () => this.#takeColours());
        this.#takeColours();
        this.tools = wireTools(this);
        new ResizeObserver(() => this.#resize()).observe(element);
        this.#watchRatio();
        this.#resize();
    }

    #pictures;
    #tint;
    #edge;
    #divider;
    #still;

    tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    /* ---- the view ---- */

    #watchRatio() {
        const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
        query.addEventListener("change", () => {
            this.#resize();
            this.#watchRatio();
        }, { once: true });
    }

    #resize() {
        const { clientWidth: width, clientHeight: height } = this.element;
        const style = getComputedStyle(this.element);
        const room = (side) => parseFloat(style.getPropertyValue(`padding-${side}`)) || 0;
        this.#ratio = devicePixelRatio;
        this.view.setSize(width, height, { left: room("left"), top: room("top"),
            right: room("right"), bottom: room("bottom") });
        for (const canvas of [this.#pictures, this.#edge.canvas]) {
            canvas.width = Math.round(width * this.#ratio);
            canvas.height = Math.round(height * this.#ratio);
            canvas.style.setProperty("width", `${canvas.width / this.#ratio}px`);
            canvas.style.setProperty("height", `${canvas.height / this.#ratio}px`);
        }
        this.#moved();
        this.#flush();
    }

    #moved() {
        this.#schedule("pictures", "layout");
        this.tell("view", { scale: this.view.scale, fitted: this.view.fitted });
    }

    get scale() {
        return this.view.scale;
    }

    fit() {
        this.view.fit();
        this.#moved();
    }

    /** @param {number} scale  CSS pixels to one of the picture; (x, y) of the view stays */
    zoomTo(scale, x, y) {
        this.view.zoomTo(scale, x, y);
        this.#moved();
    }

    zoomBy(factor, x, y) {
        this.zoomTo(this.view.scale * factor, x, y);
    }

    panBy(dx, dy) {
        this.view.panBy(dx, dy);
        this.#moved();
    }

    reveal(x, y) {
        this.view.reveal(x, y);
        this.#moved();
    }

    /* ---- what is shown ---- */

    /** @param {ImageBitmap|null} bitmap  at any size; width and height are the picture's */
    setPicture(bitmap, width, height) {
        const fresh = width !== this.#shown.width || height !== this.#shown.height
            || !this.#shown.picture;
        this.#shown = { ...this.#shown, picture: bitmap, width, height, preview: null, box: null };
        this.mask.setPicture(bitmap && { width, height });
        if (fresh && bitmap) {
            this.view.setPicture(width, height);
        }
        this.tools.leave();
        this.#changed();
        this.#moved();
    }

    get picture() {
        return this.#shown.picture && { width: this.#shown.width, height: this.#shown.height };
    }

    /* The layer is about to be another; what is half drawn on it is left. */
    #leaveStroke() {
        if (this.tools.isDrawing) {
            this.tools.leave();
        }
    }

    setMap(map) {
        this.#leaveStroke();
        this.mask.setMap(map);
        this.#changed();
    }

    setMask(bitmap) {
        this.#leaveStroke();
        this.mask.setMask(bitmap);
        this.#changed();
    }

    setOptions(options) {
        this.mask.setOptions(options);
        this.#changed();
    }

    setStrokes(list) {
        this.#leaveStroke();
        this.mask.setStrokes(list);
        this.#changed();
    }

    setTool(name, { add = true } = {}) {
        this.tools.choose(name, add);
    }

    /** @param {number} size  diameter, in pixels of the picture */
    setBrush(size) {
        this.tools.setSize(size);
    }

    invert() {
        if (this.picture) {
            this.commit(this.mask.inverted());
        }
    }

    /** @param {ImageBitmap} bitmap  a layer or a mask; as an operation that holds its pixels */
    async operationOf(bitmap) {
        return this.mask.operationOf(bitmap);
    }

    showRegion(shown) {
        this.#regionShown = shown;
        this.#schedule("layout");
    }

    get isRegionShown() {
        return this.#regionShown && this.#compare.mode !== "original" && this.mask.isThere;
    }

    /** "tint" or "edge" */
    get style() {
        return this.#style;
    }

    set style(style) {
        this.#style = style;
        this.#schedule("layout");
    }

    /** @param {{x: number, y: number, width: number, height: number}} [box] in the picture */
    setPreview(bitmap, box = null) {
        this.#shown.preview = bitmap;
        this.#shown.box = box;
        this.#schedule("pictures");
    }

    setResult(bitmap) {
        this.#shown.result = bitmap;
        this.#schedule("pictures", "layout");
    }

    /** @param {{mode: "none"|"slider"|"original"|"side", at?: number}} compare  at: 0 to 1 */
    setCompare({ mode, at = this.#compare.at }) {
        const before = this.#compare;
        if (before.mode === mode && before.at === at) {
            return;
        }
        this.#compare = { mode, at };
        const panes = mode === "side" ? 2 : 1;
        if (this.view.panes !== panes) {
            this.view.setPanes(panes);
            this.#moved();
        }
        this.#schedule("pictures", "layout");
    }

    /** share: 0 to 1; place: in words, or "" */
    summary() {
        const { share, place } = this.mask.summary();
        const { t } = this.words;
        return { share, get place() {
            return place ? t(`place.${place}`) : "";
        } };
    }

    correction() {
        return this.mask.correction();
    }

    maskBlob() {
        return this.mask.file();
    }

    /* ---- drawing by hand: for tools.js ---- */

    /** Draws what is still growing; see Layer.draw(). */
    draw(operation, from) {
        this.mask.draw(operation, from);
        this.#schedule();
    }

    /** Takes back what was drawn and not committed. */
    reset() {
        this.mask.reset();
        this.#changed();
    }

    /** @param {boolean} [drawn]  whether draw() has had all of it */
    commit(operation, drawn = false) {
        if (!drawn) {
            this.mask.draw(operation);
        }
        this.mask.commit(operation);
        this.#changed();
        this.tell("stroke", { operation });
    }

    /* ---- frames ---- */

    #takeColours() {
        const colour = getComputedStyle(this.element).getPropertyValue("--region").trim();
        if (this.#tint.setColour(/^#[0-9a-f]{6}$/i.test(colour) ? colour : REGION_COLOUR)) {
            this.#drawn.tint = true;
            this.#schedule("layout");
        }
    }

    #changed() {
        this.#work.region = true;
        this.#schedule("layout");
    }

    #schedule(...work) {
        for (const name of work) {
            this.#work[name] = true;
        }
        this.#frame ||= requestAnimationFrame(() => this.#flush());
    }

    #flush() {
        cancelAnimationFrame(this.#frame);
        this.#frame = 0;
        const work = this.#work;
        this.#work = {};
        if (work.pictures) {
            this.#drawPictures();
        }
        this.#drawMask(work);
        if (work.layout) {
            this.#layOut();
        }
    }

    #drawPictures() {
        const context = this.#pictures.getContext("2d");
        if (this.#shown.picture) {
            drawPictures(context, this.view, this.#ratio,
                { ...this.#shown, mode: this.#mode, at: this.#dividerAt });
        } else {
            context.setTransform(1, 0, 0, 1, 0, 0);
            context.clearRect(0, 0, this.#pictures.width, this.#pictures.height);
        }
    }

    /* There is nothing to compare the picture with, but a result. */
    get #mode() {
        return this.#shown.result ? this.#compare.mode : "none";
    }

    /* The divider is always where it can be taken hold of: in the part of the picture that is
     * seen. */
    get #dividerAt() {
        const { left, right } = this.#seen;
        return left + this.#compare.at * (right - left);
    }

    get #seen() {
        const { x, y, scale, width, height } = this.view;
        return { left: Math.max(0, x), right: Math.min(width, x + this.#shown.width * scale),
            top: Math.max(0, y), bottom: Math.min(height, y + this.#shown.height * scale) };
    }

    #drawMask(work) {
        const begin = performance.now();
        const { mask } = this;
        const box = mask.takeFresh();
        const tinted = this.#style === "tint";
        if (box) {
            this.#drawn.edge = true;
            if (tinted && !this.#drawn.tint) {
                this.#tint.draw(mask.alpha, mask.width, mask.height, box);
            } else {
                this.#drawn.tint = true;
            }
            work.layout ||= !tinted;
        }
        if (tinted && this.#drawn.tint && mask.width && this.isRegionShown) {
            this.#tint.draw(mask.alpha, mask.width, mask.height,
                { left: 0, top: 0, right: mask.width, bottom: mask.height });
            this.#drawn.tint = false;
        }
        const milliseconds = performance.now() - begin;
        if (work.region) {
            const summary = this.summary();
            summary.milliseconds = milliseconds;
            this.tell("region", summary);
        }
    }

    #layOut() {
        const { view, mask } = this;
        const { width, height } = view.pane;
        const { style } = this.pane;
        const tint = this.#tint.canvas;
        const shown = this.isRegionShown;
        style.setProperty("width", `${width}px`);
        style.setProperty("height", `${height}px`);
        tint.hidden = !shown || this.#style !== "tint";
        this.#edge.canvas.hidden = !shown || this.#style !== "edge";
        if (!tint.hidden) {
            const scale = view.scale / mask.scale;
            tint.style.setProperty("transform",
                `translate(${view.x}px, ${view.y}px) scale(${scale})`);
            tint.classList.toggle("crisp", scale >= CRISP_FROM);
        }
        if (!this.#edge.canvas.hidden) {
            if (this.#drawn.edge) {
                this.#edge.setMask(mask.shown, mask.width, mask.height);
                this.#drawn.edge = false;
            }
            this.#edge.lay(view, this.#ratio, mask.scale);
            this.#edge.draw(this.#step);
        }
        this.#divider.lay({ shown: this.#mode === "slider", at: this.#compare.at,
            x: this.#dividerAt, seen: this.#seen });
        this.element.setAttribute("aria-label", this.words.t("canvas.label"));
        this.tools.layOut();
        this.#startMarch();
    }

    #startMarch() {
        const marches = !this.#edge.canvas.hidden && !this.#still.matches && !document.hidden;
        if (marches && !this.#march) {
            this.#march = setInterval(() => {
                this.#step++;
                this.#edge.draw(this.#step);
            }, MARCH);
        } else if (!marches && this.#march) {
            clearInterval(this.#march);
            this.#march = 0;
        }
    }
}

/**
 * @param {HTMLElement} element  which it fills
 * @param {{words: {t: (key: string, values?: object) => string}}} parts
 */
export function createCanvas(element, { words }) {
    return new PictureCanvas(element, words);
}
