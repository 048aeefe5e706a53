/**
 * The mask of the open picture, on a copy of its size: what was found or given, what the options
 * make of it, and what was painted over it. Changes are gathered, and done when `update()` is
 * called: once a frame.
 */
import { Field, softTable } from "./field.js";
import { Layer, REMOVES, correct, fileOperation, fillOperation, invertOperation,
    layerOfPixels, maskOfPixels } from "./layer.js";
import { partAround } from "./parts.js";
import { layerFile, maskFile } from "./png.js";
import { clip, enlarge, union } from "./raster.js";
import { Region } from "./region.js";

const LONGEST = 1280; /* of a copy without a map, which comes with its own size */

export function copySize(width, height) {
    const scale = Math.min(1, LONGEST / Math.max(width, height));
    return { width: Math.max(1, Math.round(width * scale)),
        height: Math.max(1, Math.round(height * scale)) };
}

/** Pixels of a bitmap at a size, as RGBA. */
function pixelsOf(bitmap, width, height, smooth) {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingEnabled = smooth;
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
}

export class Mask {
    #picture = null; /* its size */
    #map = null;
    #given = null;
    #strokes = [];
    #options = { threshold: 0.5, grow: 0, feather: 0, fill: false, speck: 0 };
    #field = null;
    #region = null;
    #layer = null;
    #soft = null;
    #dirty = null;      /* where the layer changed */
    #stale = true;      /* the region, too */
    #fresh = null;      /* where `shown` and `alpha` have changed since takeFresh() */
    #summary = null;
    shown = null;       /* bytes 0 or 1: the region as it stands */
    alpha = null;       /* bytes: with its soft edge */

    get width() {
        return this.#layer ? this.#layer.width : 0;
    }

    get height() {
        return this.#layer ? this.#layer.height : 0;
    }

    /** Pixels of the copy to one of the picture's. */
    get scale() {
        return this.#layer ? this.#layer.scale : 1;
    }

    get isThere() {
        return Boolean(this.#region && (this.#region.isThere || !this.#layer.isEmpty));
    }

    setPicture(picture) {
        this.#picture = picture;
        this.#rebuild();
    }

    /** @param {{width: number, height: number, data: Uint16Array}|null} map */
    setMap(map) {
        this.#map = map;
        this.#rebuild();
    }

    /** @param {ImageBitmap|null} bitmap  a mask that takes the place of a map */
    setMask(bitmap) {
        this.#given = bitmap;
        this.#rebuild();
    }

    #rebuild() {
        this.#stale = true;
        this.#summary = null;
        if (!this.#picture) {
            this.#region = this.#layer = this.shown = this.alpha = this.#fresh = null;
            return;
        }
        const { width, height } = this.#map || copySize(this.#picture.width,
            this.#picture.height);
        const scale = width / this.#picture.width;
        if (this.width !== width || this.height !== height || this.scale !== scale) {
            this.#field = new Field(width, height);
            this.#region = new Region(this.#field, scale);
            this.#layer = new Layer(width, height, scale);
            this.#layer.setStrokes(this.#strokes);
            this.#fresh = this.#dirty = null;
            this.shown = new Uint8Array(width * height);
            this.alpha = new Uint8Array(width * height);
        }
        this.#region.setMap(this.#map && this.#map.data);
        this.#region.setMask(this.#given
            && maskOfPixels(pixelsOf(this.#given, width, height, true)));
    }

    /**
     * @param {{threshold?: number, grow?: number, feather?: number, fill?: boolean,
     *     speck?: number}} options  in pixels of the picture; parts of a map of fewer pixels than
     *     `speck` are left out
     */
    setOptions(options) {
        this.#options = { ...this.#options, ...options };
        this.#stale = true;
    }

    setStrokes(list) {
        this.#strokes = list;
        if (this.#layer) {
            this.#touch(this.#layer.setStrokes(list));
        }
    }

    #touch(box) {
        this.#dirty = union(this.#dirty, box);
    }

    /** Draws an operation that grows; see Layer.draw(). */
    draw(operation, from) {
        this.#touch(this.#layer.draw(operation, from));
    }

    /** The operation is done; the document will have it. */
    commit(operation) {
        this.#layer.commit(operation);
    }

    /** Takes back what was drawn and not committed. */
    reset() {
        this.#touch(this.#layer.reset());
    }

    /** Fills the hole, or removes the part, around a place of the picture; null outside. */
    fillAt(x, y) {
        this.update();
        const { width, height } = this;
        const column = Math.floor(x * this.scale);
        const row = Math.floor(y * this.scale);
        if (column < 0 || row < 0 || column >= width || row >= height) {
            return null;
        }
        const at = row * width + column;
        return fillOperation(partAround(this.shown, width, height, at), !this.shown[at], width,
            height);
    }

    inverted() {
        this.update();
        return invertOperation(this.shown, this.width, this.height);
    }

    /** A layer that was saved, or a whole mask, as one operation. */
    operationOf(bitmap) {
        const { width, height } = this;
        return fileOperation(layerOfPixels(pixelsOf(bitmap, width, height, false)), width, height);
    }

    /** Where `shown` and `alpha` may have changed since the last call, or null. */
    takeFresh() {
        this.update();
        const fresh = this.#fresh;
        this.#fresh = null;
        return fresh;
    }

    /** Makes `shown` and `alpha` of what has changed. */
    update() {
        if (!this.#region) {
            return;
        }
        const { width, height, shown } = this;
        const whole = { left: 0, top: 0, right: width, bottom: height };
        if (this.#stale) {
            this.#stale = false;
            this.#soft = softTable(this.#options.feather, this.scale);
            this.#region.update(this.#options);
            this.#dirty = whole;
        }
        if (!this.#dirty) {
            return;
        }
        const box = clip(enlarge(this.#dirty, this.#soft.most), width, height);
        if (this.#layer.isUntouched) {
            shown.set(this.#region.found);
        } else {
            correct(shown, this.#region.found, this.#layer.values, width, this.#dirty);
        }
        const isWhole = box.right - box.left === width && box.bottom - box.top === height;
        this.#field.soften(this.alpha, shown, this.#soft, isWhole ? null : box);
        this.#keepRemoved(box);
        this.#fresh = union(this.#fresh, box);
        this.#dirty = null;
        this.#summary = null;
    }

    /* The soft edge leaves out what was removed. */
    #keepRemoved(box) {
        const { values } = this.#layer;
        for (let y = box.top; y < box.bottom && !this.#layer.isUntouched; y++) {
            const row = y * this.width;
            for (let i = row + box.left; i < row + box.right; i++) {
                if (values[i] === REMOVES) {
                    this.alpha[i] = 0;
                }
            }
        }
    }

    /** Whether the region has a place of the picture. */
    has(x, y) {
        this.update();
        const { width, height, scale, shown } = this;
        const column = Math.min(Math.floor(x * scale), width - 1);
        const row = Math.min(Math.floor(y * scale), height - 1);
        return Boolean(shown && shown[row * width + column]);
    }

    /** {share, place}, as describe() has it. */
    summary() {
        this.update();
        if (!this.#region) {
            return { share: 0, place: null };
        }
        this.#summary ||= this.#field.describe(this.shown);
        return this.#summary;
    }

    /** @returns {Promise<Blob|null>} what was painted over the region */
    async correction() {
        if (!this.#layer || this.#layer.isEmpty) {
            return null;
        }
        return layerFile(this.#layer.values, this.width, this.height);
    }

    /** @returns {Promise<Blob|null>} the region as it stands */
    async file() {
        this.update();
        return this.#region && maskFile(this.shown, this.width, this.height);
    }
}
