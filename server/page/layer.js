/**
 * What was painted over the region: a layer of pixels that are added, removed or left as they were
 * found. It is made of the operations of the document, which are in pixels of the picture; the
 * layer has the size of the copy.
 *
 * @typedef {{tool: "brush"|"eraser", size: number, points: number[]}
 *     | {tool: "lasso", add: boolean, points: number[]}
 *     | {tool: "rectangle", add: boolean, x: number, y: number, width: number, height: number}
 *     | {tool: "fill", add: boolean, width: number, height: number, runs: number[]}
 *     | {tool: "invert"|"file", width: number, height: number, added: number[],
 *        removed: number[]}} Operation  runs are lengths, of other pixels and of these in turn, row
 *     by row; an inverted or a loaded layer takes the place of all before it
 */
import { clip, drawCapsule, drawPolygon, drawRectangle, union } from "./raster.js";

export const LEAVES = 0, ADDS = 1, REMOVES = 2;

const SNAPSHOT_EVERY = 16; /* operations */
const SNAPSHOTS = 24;

export function runsOf(pixels, value) {
    const runs = [];
    let at = 0;
    while (at < pixels.length) {
        const begin = pixels.indexOf(value, at);
        if (begin < 0) {
            break;
        }
        let end = begin + 1;
        while (end < pixels.length && pixels[end] === value) {
            end++;
        }
        runs.push(begin - at, end - begin);
        at = end;
    }
    return runs;
}

function fillRuns(pixels, runs, value) {
    let at = 0;
    for (let i = 0; i < runs.length; i += 2) {
        at += runs[i];
        pixels.fill(value, at, at + runs[i + 1]);
        at += runs[i + 1];
    }
}

/** begin, end, begin, end, ... in order -> runs. */
function runsBetween(ends) {
    const runs = [];
    let at = 0;
    for (let i = 0; i < ends.length; i += 2) {
        if (runs.length > 0 && ends[i] === at) {
            runs[runs.length - 1] += ends[i + 1] - at;
        } else {
            runs.push(ends[i] - at, ends[i + 1] - ends[i]);
        }
        at = ends[i + 1];
    }
    return runs;
}

/** Pixels of the picture, as they are kept. */
export function rounded(value) {
    return Math.round(value * 10) / 10;
}

/** A rectangle between two corners, within the picture; null where nothing is left. */
export function rectangleBetween(from, to, picture, add) {
    const within = (value, size) => rounded(Math.min(Math.max(value, 0), size));
    const [ax, bx] = [from.x, to.x].map((x) => within(x, picture.width)).sort((a, b) => a - b);
    const [ay, by] = [from.y, to.y].map((y) => within(y, picture.height)).sort((a, b) => a - b);
    return ax < bx && ay < by ? { tool: "rectangle", add, x: ax, y: ay, width: rounded(bx - ax),
        height: rounded(by - ay) } : null;
}

/** @param {number[]} part  of partAround() */
export function fillOperation(part, add, width, height) {
    return { tool: "fill", add, width, height, runs: runsBetween(part) };
}

export function invertOperation(shown, width, height) {
    return { tool: "invert", width, height, added: runsOf(shown, 0), removed: runsOf(shown, 1) };
}

export function fileOperation(values, width, height) {
    return { tool: "file", width, height, added: runsOf(values, ADDS),
        removed: runsOf(values, REMOVES) };
}

function greyAt(rgba, i) {
    return 0.2126 * rgba[4 * i] + 0.7152 * rgba[4 * i + 1] + 0.0722 * rgba[4 * i + 2];
}

/**
 * The layer in the pixels of a picture: opaque white adds, opaque black removes; a picture without
 * clear parts is a whole mask.
 * @param {Uint8ClampedArray} rgba
 */
export function layerOfPixels(rgba) {
    const values = new Uint8Array(rgba.length / 4);
    for (let i = 0; i < values.length; i++) {
        values[i] = rgba[4 * i + 3] < 128 ? LEAVES : greyAt(rgba, i) >= 127.5 ? ADDS : REMOVES;
    }
    return values;
}

/**
 * The mask in the pixels of a picture, as the library reads it: clear parts count as the opposite
 * of what the rest mostly is.
 * @param {Uint8ClampedArray} rgba
 */
export function maskOfPixels(rgba) {
    const count = rgba.length / 4;
    const mask = new Uint8Array(count);
    let white = 0;
    let black = 0;
    let varies = false;
    for (let i = 0; i < count; i++) {
        const alpha = rgba[4 * i + 3];
        varies ||= alpha !== rgba[3];
        if (greyAt(rgba, i) >= 127.5) {
            white += alpha;
        } else {
            black += alpha;
        }
    }
    const behind = white >= black ? 0 : 255;
    for (let i = 0; i < count; i++) {
        const alpha = varies ? rgba[4 * i + 3] / 255 : 1;
        mask[i] = greyAt(rgba, i) * alpha + behind * (1 - alpha) >= 127.5 ? 1 : 0;
    }
    return mask;
}

/** found, corrected by the layer, within a box. */
export function correct(shown, found, values, width, box) {
    for (let y = box.top; y < box.bottom; y++) {
        for (let i = y * width + box.left, end = y * width + box.right; i < end; i++) {
            const value = values[i];
            shown[i] = value ? value & ADDS : found[i];
        }
    }
}

export class Layer {
    #applied = [];   /* operations that `values` has */
    #snapshots = []; /* {count, values}: after so many operations, in order */
    #drawn = false;  /* since the last rewind */

    /** @param {number} scale  pixels of the layer to one of the picture's */
    constructor(width, height, scale) {
        this.width = width;
        this.height = height;
        this.scale = scale;
        this.values = new Uint8Array(width * height);
    }

    get isEmpty() {
        return this.#applied.length === 0;
    }

    /** Whether it leaves everything: nothing is half drawn either. */
    get isUntouched() {
        return this.isEmpty && !this.#drawn;
    }

    #whole() {
        return { left: 0, top: 0, right: this.width, bottom: this.height };
    }

    #span(value) {
        const { values, width } = this;
        return (y, begin, end) => values.fill(value, y * width + begin, y * width + end);
    }

    #scaled(points) {
        return points.map((value) => value * this.scale);
    }

    /* From the point `from` (counted in numbers) on; the first is a dot. */
    #drawLine({ tool, size, points }, from) {
        const { width, height, scale } = this;
        const span = this.#span(tool === "brush" ? ADDS : REMOVES);
        let box = null;
        for (let i = from; i < points.length; i += 2) {
            const before = Math.max(0, i - 2);
            box = union(box, drawCapsule(points[before] * scale, points[before + 1] * scale,
                points[i] * scale, points[i + 1] * scale, size / 2 * scale, width, height, span));
        }
        return box;
    }

    /* Pixels that an operation holds; those of another size are looked up. */
    #drawRuns(operation) {
        const { width, height, values } = this;
        const fits = operation.width === width && operation.height === height;
        const from = fits ? values : new Uint8Array(operation.width * operation.height).fill(255);
        if (operation.tool === "fill") {
            fillRuns(from, operation.runs, operation.add ? ADDS : REMOVES);
        } else {
            from.fill(LEAVES);
            fillRuns(from, operation.added, ADDS);
            fillRuns(from, operation.removed, REMOVES);
        }
        for (let y = 0; y < height && !fits; y++) {
            const row = Math.floor((y + 0.5) * operation.height / height) * operation.width;
            for (let x = 0; x < width; x++) {
                const value = from[row + Math.floor((x + 0.5) * operation.width / width)];
                if (value !== 255) {
                    values[y * width + x] = value;
                }
            }
        }
        return this.#whole();
    }

    /**
     * Draws an operation that is still growing, or a whole one.
     * @param {number} [from]  of a line: the first number of its points that is new
     * @returns the box that may have changed, or null
     */
    draw(operation, from = 0) {
        const { width, height, scale } = this;
        const value = operation.add ? ADDS : REMOVES;
        let box;
        this.#drawn = true;
        switch (operation.tool) {
        case "brush":
        case "eraser":
            box = this.#drawLine(operation, from);
            break;
        case "lasso":
            box = drawPolygon(this.#scaled(operation.points), width, height, this.#span(value));
            break;
        case "rectangle":
            box = drawRectangle(operation.x * scale, operation.y * scale, operation.width * scale,
                operation.height * scale, width, height, this.#span(value));
            break;
        default:
            box = this.#drawRuns(operation);
        }
        return clip(box, width, height);
    }

    /** Counts an operation, which is drawn, among those of the document. */
    commit(operation) {
        this.#applied.push(operation);
        if (this.#applied.length % SNAPSHOT_EVERY === 0) {
            this.#snapshots.push({ count: this.#applied.length, values: this.values.slice() });
            if (this.#snapshots.length > SNAPSHOTS) { /* older ones may lie further apart */
                this.#snapshots = this.#snapshots.filter((_, i) => i % 2 === 1
                    || i >= SNAPSHOTS / 2);
            }
        }
    }

    /* Goes back to the last snapshot within the first `count` operations. */
    #rewind(count) {
        while (this.#snapshots.length > 0 && this.#snapshots.at(-1).count > count) {
            this.#snapshots.pop();
        }
        const snapshot = this.#snapshots.at(-1);
        this.#applied.length = snapshot ? snapshot.count : 0;
        this.#drawn = false;
        if (snapshot) {
            this.values.set(snapshot.values);
        } else {
            this.values.fill(LEAVES);
        }
    }

    /** Leaves out what was drawn and not committed. */
    reset() {
        const list = this.#applied.slice();
        this.#rewind(list.length);
        this.#replay(list);
        return this.#whole();
    }

    #replay(list) {
        let box = null;
        while (this.#applied.length < list.length) {
            const operation = list[this.#applied.length];
            box = union(box, this.draw(operation));
            this.commit(operation);
        }
        return box;
    }

    /**
     * Makes the layer that of these operations; what it has of them already is not done again.
     * @param {Operation[]} list
     * @returns the box that may have changed, or null
     */
    setStrokes(list) {
        let common = 0;
        while (common < list.length && common < this.#applied.length
            && this.#applied[common] === list[common]) {
            common++;
        }
        if (common === this.#applied.length) {
            return this.#replay(list);
        }
        this.#rewind(common);
        this.#replay(list);
        return this.#whole();
    }
}
