/**
 * The document and its undo. Every change of the document is a step that can be undone: texts,
 * sliders, strokes, another picture, a result that came. A step holds the fields that it changed,
 * before and after; of the strokes only where the lists part. The session (what runs, what was
 * asked for) is kept beside it and is not undone.
 *
 * @typedef {object} Document
 * @property {object|null} picture  as POST /api/pictures answers
 * @property {string} from
 * @property {string} to  one text a line
 * @property {string} negative
 * @property {string} model  "" is the server's first
 * @property {string} preset
 * @property {Object<string, string>} options  those that are not the preset's
 * @property {string|null} given_mask  a mask's id
 * @property {object[]} strokes  operations, in picture pixels
 * @property {{job: string|null, width: number, height: number, key: string}|null} find
 *     job null: the strokes correct a region that is still to be found
 * @property {string[]} variations  ids of results of this picture
 * @property {string|null} shown  the result that is looked at; null: the picture
 * @property {string|null} made  what the last edit was asked for with (editKey)
 */
import { loadPage, savePage } from "./storage.js";

/** @type {Document} */
export const EMPTY = Object.freeze({
    picture: null, from: "", to: "", negative: "", model: "", preset: "fast",
    options: Object.freeze({}), given_mask: null, strokes: Object.freeze([]), find: null,
    variations: Object.freeze([]), shown: null, made: null,
});
const WRITES = 3; /* on their way, at most */
const MERGE_WITHIN = 1500; /* ms between two changes that are one step */

/** What it takes to go from one document to another, or null where they are the same. */
export function difference(before, after) {
    const fields = {};
    for (const name of Object.keys(EMPTY)) {
        if (name !== "strokes" && before[name] !== after[name]) {
            fields[name] = [before[name], after[name]];
        }
    }
    const step = { fields };
    if (before.strokes !== after.strokes) {
        let common = 0;
        const most = Math.min(before.strokes.length, after.strokes.length);
        while (common < most && before.strokes[common] === after.strokes[common]) {
            common++;
        }
        const removed = before.strokes.slice(common);
        const added = after.strokes.slice(common);
        if (removed.length > 0 || added.length > 0) {
            step.strokes = { common, removed, added };
        }
    }
    return Object.keys(fields).length > 0 || step.strokes ? step : null;
}

/** The document before (`back`) or after a step. */
export function apply(document, step, back) {
    const next = { ...document };
    for (const [name, [before, after]] of Object.entries(step.fields)) {
        next[name] = back ? before : after;
    }
    if (step.strokes) {
        const { common, removed, added } = step.strokes;
        next.strokes = Object.freeze(
            document.strokes.slice(0, common).concat(back ? removed : added));
    }
    return Object.freeze(next);
}

/** The names of the fields that a step changes. */
function changed(step) {
    const names = new Set(Object.keys(step.fields));
    if (step.strokes) {
        names.add("strokes");
    }
    return names;
}

export class State extends EventTarget {
    #steps = [];
    #position = 0;
    #merge = null; /* {key, time} of the last step, while it may still grow */
    #dirty = 0;    /* steps from here on are not written yet */
    #asked = false; /* a write, which has not begun */
    #writing = 0;

    constructor() {
        super();
        /** @type {Document} */
        this.now = EMPTY;
        this.session = Object.freeze({ pending: [] });
        this.saved = true; /* false: this browser keeps nothing */
        addEventListener("pagehide", () => this.#asked && this.#write());
    }

    /** Loads what this tab, or the last one, had. */
    async load() {
        try {
            const page = await loadPage();
            if (page) {
                this.now = Object.freeze({ ...EMPTY, ...page.document });
                this.session = Object.freeze({ pending: [], ...page.session });
                this.#steps = page.steps;
                this.#position = Math.min(page.position, page.steps.length);
                this.#dirty = page.forked ? 0 : page.steps.length;
            }
        } catch (error) {
            this.saved = false;
            console.info("the page keeps nothing here:", String(error));
        }
    }

    get canUndo() {
        return this.#position > 0;
    }

    get canRedo() {
        return this.#position < this.#steps.length;
    }

    /**
     * Changes fields of the document.
     * @param {Partial<Document>} patch
     * @param {{merge?: string}} [how] changes with the same `merge`, close in time, are one step
     */
    change(patch, { merge } = {}) {
        const before = this.now;
        const after = Object.freeze({ ...before, ...patch });
        const step = difference(before, after);
        if (!step) {
            return;
        }
        const time = performance.now();
        const last = this.#steps[this.#position - 1];
        const grows = merge && this.#merge && this.#merge.key === merge && last
            && this.#position === this.#steps.length && time - this.#merge.time < MERGE_WITHIN;
        if (grows) {
            const start = apply(before, last, true);
            const whole = difference(start, after);
            this.#steps.length = --this.#position;
            if (whole) {
                this.#steps[this.#position++] = whole;
            }
        } else {
            this.#steps.length = this.#position;
            this.#steps[this.#position++] = step;
        }
        this.#dirty = Math.min(this.#dirty, Math.max(this.#position - 1, 0));
        this.#merge = merge ? { key: merge, time } : null;
        this.now = after;
        this.#tell(changed(step), "change");
    }

    /** The next change is a step of its own. */
    seal() {
        this.#merge = null;
    }

    undo() {
        return this.#move(true);
    }

    redo() {
        return this.#move(false);
    }

    #move(back) {
        if (back ? !this.canUndo : !this.canRedo) {
            return false;
        }
        const step = this.#steps[back ? --this.#position : this.#position++];
        this.#merge = null;
        this.now = apply(this.now, step, back);
        this.#tell(changed(step), back ? "undo" : "redo");
        return true;
    }

    /** Changes what is remembered beside the document. */
    setSession(patch) {
        this.session = Object.freeze({ ...this.session, ...patch });
        this.#save();
    }

    #tell(fields, by) {
        this.#save();
        this.dispatchEvent(new CustomEvent("change", { detail: { fields, by } }));
    }

    /* What changes in one turn of the page is one write. A few may be on their way: a page that
     * goes loses none that was asked for. */
    #save() {
        if (!this.#asked && this.saved) {
            this.#asked = true;
            queueMicrotask(() => this.#writing < WRITES && this.#write());
        }
    }

    async #write() {
        const first = this.#dirty;
        this.#asked = false;
        this.#dirty = this.#steps.length;
        this.#writing++;
        try {
            await savePage({
                document: this.now, session: this.session, position: this.#position, first,
                steps: this.#steps.slice(first), count: this.#steps.length,
            });
        } catch (error) {
            this.saved = false;
            console.info("the page keeps nothing here:", String(error));
            this.dispatchEvent(new Event("unsaved"));
        }
        this.#writing--;
        if (this.#asked && this.saved) {
            this.#write();
        }
    }
}
