/**
 * What the canvas shows, kept in step with the document: picture, map, strokes, sliders, result.
 * Pictures come at screen size; the few used last stay decoded.
 */
import { api, ApiError } from "./api.js";
import { createCanvas } from "./canvas.js";
import { regionValues } from "./option_values.js";

const BITMAPS = 12;

/** Where the copy of a picture or a result is that the page shows. */
export function screenOf(kind, id) {
    return `/api/${kind}/${id}/screen`;
}

class Bitmaps {
    #kept = new Map();

    /** @returns {Promise<ImageBitmap>} */
    get(path) {
        let bitmap = this.#kept.get(path);
        if (bitmap) {
            this.#kept.delete(path);
        } else {
            bitmap = api.send("GET", path).then((response) => response.blob())
                .then((blob) => createImageBitmap(blob));
            bitmap.catch(() => this.#kept.delete(path));
        }
        this.#kept.set(path, bitmap);
        if (this.#kept.size > BITMAPS) {
            this.#kept.delete(this.#kept.keys().next().value);
        }
        return bitmap;
    }
}

export class Stage extends EventTarget {
    #bitmaps = new Bitmaps();
    #shown = {};  /* what the canvas was given last, by part */
    #turn = {};   /* a later load of a part makes an earlier one void */
    #loading = new Set();
    #preview = null;
    region = null; /* {share, place} as the canvas told last */
    pictureReady = Promise.resolve(); /* the canvas has the document's picture */

    /**
     * @param {import("./state.js").State} state
     * @param {HTMLElement} element
     * @param {() => {region: boolean, style: string, compare: string, at: number,
     *     watching: boolean}} looks  how it is looked at, not part of the document
     */
    constructor(state, element, looks, words) {
        super();
        this.state = state;
        this.element = element;
        this.looks = looks;
        this.canvas = createCanvas(element, { words });
        this.canvas.addEventListener("region", (event) => {
            this.region = event.detail;
            this.dispatchEvent(new Event("region"));
        });
    }

    /* Gives the canvas a part where it is not what it has. `load` may be slow. */
    async #part(name, key, load, give) {
        if (this.#shown[name] === key) {
            return;
        }
        this.#shown[name] = key;
        const turn = this.#turn[name] = (this.#turn[name] || 0) + 1;
        this.#setLoading(name, key !== null);
        try {
            const value = key === null ? null : await load();
            if (turn === this.#turn[name]) {
                give(value);
            }
        } catch (error) {
            if (turn === this.#turn[name]) {
                this.#shown[name] = undefined;
                give(null);
                this.dispatchEvent(new CustomEvent("lost", { detail: { part: name, error } }));
            }
        } finally {
            if (turn === this.#turn[name]) {
                this.#setLoading(name, false);
            }
        }
    }

    /* While a part is on its way the view is busy: to screen readers, and to tests. */
    #setLoading(name, is) {
        if (is) {
            this.#loading.add(name);
        } else {
            this.#loading.delete(name);
        }
        this.element.setAttribute("aria-busy", String(this.#loading.size > 0));
    }

    #loadPicture(picture) {
        return this.#part("picture", picture ? picture.id : null,
            () => this.#bitmaps.get(screenOf("pictures", picture.id)),
            (bitmap) => {
                if (bitmap) {
                    this.canvas.setPicture(bitmap, picture.width, picture.height);
                } else {
                    this.canvas.setPicture(null, 0, 0);
                }
                this.dispatchEvent(new Event("picture"));
            });
    }

    /** Brings the canvas in step. */
    update() {
        const { now } = this.state;
        const { canvas } = this;
        const looks = this.looks();
        const { picture } = now;
        if (this.#shown.picture !== (picture ? picture.id : null)) {
            this.pictureReady = this.#loadPicture(picture);
        }
        const find = now.given_mask ? null : now.find;
        this.#part("map", find ? find.job : null, () => api.map(find.job),
            (data) => canvas.setMap(data && { width: find.width, height: find.height, data }));
        this.#part("mask", now.given_mask, () => this.#bitmaps.get(`/api/masks/${now.given_mask}`),
            (bitmap) => canvas.setMask(bitmap));
        if (this.#shown.strokes !== now.strokes) {
            this.#shown.strokes = now.strokes;
            canvas.setStrokes(now.strokes);
        }
        this.updateOptions();
        const watched = looks.watching ? null : now.shown;
        this.#part("result", watched,
            () => this.#bitmaps.get(screenOf("results", watched)),
            (bitmap) => {
                canvas.setResult(bitmap);
                this.dispatchEvent(new Event("result"));
            });
        canvas.showRegion(watched ? looks.outline : looks.region && !this.#preview);
        canvas.style = watched ? "edge" : looks.style;
        canvas.setCompare({ mode: watched ? looks.compare : "none", at: looks.at });
    }

    /** The sliders alone: this is the path of each move of a slider. */
    updateOptions() {
        const values = regionValues(this.state.now);
        const key = JSON.stringify(values);
        if (this.#shown.options !== key) {
            this.#shown.options = key;
            this.canvas.setOptions(values);
        }
    }

    /** @param {{image: string, box: object}|null} preview */
    async setPreview(preview) {
        const turn = this.#turn.preview = (this.#turn.preview || 0) + 1;
        if (!preview) {
            this.#preview = null;
            this.canvas.setPreview(null);
            this.update();
            return;
        }
        const image = new Image();
        image.src = preview.image;
        await image.decode().catch(() => null);
        const bitmap = await createImageBitmap(image).catch(() => null);
        if (bitmap && turn === this.#turn.preview) {
            const first = !this.#preview;
            this.#preview = preview;
            this.canvas.setPreview(bitmap, preview.box);
            if (first) {
                this.update();
            }
        }
    }

    /** Forgets what it could not load, so that the next update tries again. */
    retry() {
        for (const [name, key] of Object.entries(this.#shown)) {
            if (key === undefined) {
                delete this.#shown[name];
            }
        }
        this.update();
    }

    /**
     * What the person drew, as the server takes it: over a found or given region the correction,
     * alone the mask itself.
     * @returns {Promise<{mask?: string, correction?: string}>}
     */
    async upload() {
        const { now } = this.state;
        const ids = now.given_mask ? { mask: now.given_mask } : {};
        if (now.strokes.length === 0) {
            return ids;
        }
        const alone = !now.given_mask && !now.find;
        const blob = await (alone ? this.canvas.maskBlob() : this.canvas.correction());
        if (blob) {
            ids[alone ? "mask" : "correction"] = (await api.uploadMask(blob)).id;
        }
        return ids;
    }
}

/** Whether an error says that the thing is not there (any more). */
export function isGone(error) {
    return error instanceof ApiError && error.status === 404;
}
