/** Drawing: the picture and its result into a canvas, the region as a tint or as its edge. */

const CRISP_FROM = 3; /* device pixels to one of a bitmap: pixels are seen as squares */

/* A bitmap over a box of the picture. */
function drawBitmap(context, bitmap, box) {
    const perPixel = context.getTransform().a * box.width / bitmap.width;
    context.imageSmoothingEnabled = perPixel < CRISP_FROM;
    context.imageSmoothingQuality = perPixel < 1 ? "high" : "medium";
    context.drawImage(bitmap, box.x, box.y, box.width, box.height);
}

function drawPane(context, view, ratio, pane, layers, whole) {
    context.save();
    context.beginPath();
    context.rect(pane.left * ratio, pane.top * ratio, pane.width * ratio, pane.height * ratio);
    context.clip();
    const scale = view.scale * ratio;
    context.setTransform(scale, 0, 0, scale, Math.round((pane.x + view.x) * ratio),
        Math.round((pane.y + view.y) * ratio));
    for (const { bitmap, box } of layers) {
        drawBitmap(context, bitmap, box || whole);
    }
    context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./view.js").View} view
 * @param {number} ratio  device pixels to a CSS pixel
 * @param {{picture, width, height, preview, box, result, mode, at}} shown  mode as setCompare() has
 *     it; at: the place of the divider in the view, in CSS pixels
 */
export function drawPictures(context, view, ratio, shown) {
    const { canvas } = context;
    const whole = { x: 0, y: 0, width: shown.width, height: shown.height };
    const { width, height, dx, dy } = view.pane;
    const before = [{ bitmap: shown.picture }];
    const after = shown.preview ? [...before, { bitmap: shown.preview, box: shown.box }]
        : shown.result ? [{ bitmap: shown.result }] : before;
    const all = { left: 0, top: 0, width: view.width, height: view.height, x: 0, y: 0 };
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (shown.mode === "original") {
        drawPane(context, view, ratio, all, before, whole);
    } else if (shown.mode === "side") {
        drawPane(context, view, ratio, { ...all, width, height }, before, whole);
        drawPane(context, view, ratio, { left: dx, top: dy, width, height, x: dx, y: dy }, after,
            whole);
    } else if (shown.mode === "slider") {
        drawPane(context, view, ratio, { ...all, width: shown.at }, before, whole);
        drawPane(context, view, ratio,
            { ...all, left: shown.at, width: view.width - shown.at }, after, whole);
    } else {
        drawPane(context, view, ratio, all, after, whole);
    }
}

/** The region as a tint: a canvas of the copy's size, which CSS lays over the picture. */
export class Tint {
    #context;
    #image = null;
    #colours = new Uint32Array(256);
    #colour = "";

    constructor(canvas) {
        this.canvas = canvas;
        this.#context = canvas.getContext("2d");
    }

    /** @param {string} colour  "#rrggbb" */
    setColour(colour) {
        if (colour === this.#colour) {
            return false;
        }
        this.#colour = colour;
        const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
        for (let alpha = 0; alpha < 256; alpha++) {
            const bytes = new Uint8Array(this.#colours.buffer, 4 * alpha, 4);
            bytes.set([r, g, b, alpha]);
        }
        return true;
    }

    /** Draws a box of alpha [height, width]. */
    draw(alpha, width, height, box) {
        if (this.canvas.width !== width || this.canvas.height !== height || !this.#image) {
            this.canvas.width = width;
            this.canvas.height = height;
            this.#image = new ImageData(width, height);
        }
        const pixels = new Uint32Array(this.#image.data.buffer);
        const colours = this.#colours;
        for (let y = box.top; y < box.bottom; y++) {
            for (let i = y * width + box.left, end = y * width + box.right; i < end; i++) {
                pixels[i] = colours[alpha[i]];
            }
        }
        this.#context.putImageData(this.#image, 0, 0, box.left, box.top, box.right - box.left,
            box.bottom - box.top);
    }
}

/* The lines between pixels of a mask that differ, each as long as it is straight. */
function outlinePath(mask, width, height) {
    const path = new Path2D();
    let box = null;
    const line = (ax, ay, bx, by) => {
        path.moveTo(ax, ay);
        path.lineTo(bx, by);
        box = box ? { left: Math.min(box.left, ax), top: Math.min(box.top, ay),
            right: Math.max(box.right, bx), bottom: Math.max(box.bottom, by) }
            : { left: ax, top: ay, right: bx, bottom: by };
    };
    const at = (x, y) => x < 0 || y < 0 || x >= width || y >= height ? 0 : mask[y * width + x];
    const lines = (count, length, differs, draw) => {
        for (let j = 0; j <= count; j++) {
            for (let i = 0, begin = -1; i <= length; i++) {
                const edge = i < length && differs(i, j);
                if (edge && begin < 0) {
                    begin = i;
                } else if (!edge && begin >= 0) {
                    draw(begin, i, j);
                    begin = -1;
                }
            }
        }
    };
    lines(height, width, (x, y) => at(x, y - 1) !== at(x, y), (a, b, y) => line(a, y, b, y));
    lines(width, height, (y, x) => at(x - 1, y) !== at(x, y), (a, b, x) => line(x, a, x, b));
    return { path, box };
}

const STRIPE = 4;   /* CSS pixels */
const EDGE = 1.5;   /* width of the line, in CSS pixels */

/** The region's edge, in stripes that march. */
export class Edge {
    #context;
    #outline = null;  /* {path, box} in pixels of the mask */
    #line = null;     /* the line in one colour, at the size of the canvas */
    #box = null;      /* where it is, in device pixels */
    #pattern = null;
    #ratio = 0;

    constructor(canvas) {
        this.canvas = canvas;
        this.#context = canvas.getContext("2d");
    }

    /** @param {Uint8Array|null} mask */
    setMask(mask, width, height) {
        this.#outline = mask && outlinePath(mask, width, height);
        this.#clear();
    }

    #clear() {
        const { canvas } = this;
        this.#context.setTransform(1, 0, 0, 1, 0, 0);
        this.#context.clearRect(0, 0, canvas.width, canvas.height);
        this.#box = null;
    }

    #makePattern(ratio) {
        const size = Math.round(2 * STRIPE * ratio);
        const tile = new OffscreenCanvas(size, size);
        const context = tile.getContext("2d");
        const image = context.createImageData(size, size);
        const pixels = new Uint32Array(image.data.buffer);
        for (let i = 0; i < pixels.length; i++) {
            const white = (i % size + Math.floor(i / size)) % size < size / 2;
            pixels[i] = white ? 0xffffffff : 0xff000000;
        }
        context.putImageData(image, 0, 0);
        this.#pattern = this.#context.createPattern(tile, "repeat");
        this.#ratio = ratio;
    }

    /**
     * Draws the line for a view of the picture.
     * @param {number} scale  pixels of the mask to one of the picture's
     */
    lay(view, ratio, scale) {
        this.#clear();
        const { canvas } = this;
        if (!this.#outline || !this.#outline.box || canvas.width === 0) {
            return;
        }
        if (this.#ratio !== ratio) {
            this.#makePattern(ratio);
        }
        const zoom = view.scale * ratio / scale;
        const { box, path } = this.#outline;
        const [x, y] = [view.x * ratio, view.y * ratio];
        const reach = Math.ceil(EDGE * ratio);
        const left = Math.max(0, Math.floor(x + box.left * zoom) - reach);
        const top = Math.max(0, Math.floor(y + box.top * zoom) - reach);
        const right = Math.min(canvas.width, Math.ceil(x + box.right * zoom) + reach);
        const bottom = Math.min(canvas.height, Math.ceil(y + box.bottom * zoom) + reach);
        if (left >= right || top >= bottom) {
            return;
        }
        this.#box = { left, top, width: right - left, height: bottom - top };
        this.#line ||= new OffscreenCanvas(1, 1);
        this.#line.width = right - left;
        this.#line.height = bottom - top;
        const context = this.#line.getContext("2d");
        context.setTransform(zoom, 0, 0, zoom, x - left, y - top);
        context.lineWidth = EDGE * ratio / zoom;
        context.lineCap = "square";
        context.stroke(path);
    }

    /** @param {number} step  how far the stripes have marched, in CSS pixels */
    draw(step) {
        if (!this.#box) {
            return;
        }
        const { left, top, width, height } = this.#box;
        const context = this.#context;
        context.save();
        context.beginPath();
        context.rect(left, top, width, height);
        context.clip();
        context.clearRect(left, top, width, height);
        context.drawImage(this.#line, left, top);
        context.globalCompositeOperation = "source-in";
        this.#pattern.setTransform(new DOMMatrix([1, 0, 0, 1,
            Math.round(step * this.#ratio) % Math.round(2 * STRIPE * this.#ratio), 0]));
        context.fillStyle = this.#pattern;
        context.fillRect(left, top, width, height);
        context.restore();
    }
}
