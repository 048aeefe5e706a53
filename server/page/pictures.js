/** How a picture gets here: dropped, pasted, chosen, a sample, a result; and what it brings. */
import { announce } from "./announce.js";
import { api } from "./api.js";
import { t } from "./i18n.js";
import { notice } from "./notices.js";
import { isDefault } from "./option_values.js";
import { EMPTY } from "./state.js";
import { isGone } from "./stage.js";

const $ = (id) => document.getElementById(id);

/* Fields of a record that are no options. */
const NOT_OPTIONS = new Set(["from", "to", "negative", "preset", "model", "picture", "mask",
    "correction"]);

/** The parts of a document that belong to one picture, empty. */
export const FRESH = Object.freeze({ given_mask: EMPTY.given_mask, strokes: EMPTY.strokes,
    find: null, variations: EMPTY.variations, shown: null, made: null });

/* A region that was there, and is to be found again. */
const TO_FIND = Object.freeze({ job: null, width: 0, height: 0, key: "" });

/** The part of a document that a record of a PNG holds. */
export function fromRecord(record, optionNames) {
    const options = {};
    const texts = { ...record, ...record.options };
    const part = { from: texts.from || "", to: texts.to || "", negative: texts.negative || "",
        preset: texts.preset || "fast" };
    for (const [name, value] of Object.entries(record.options || record)) {
        if (!NOT_OPTIONS.has(name) && optionNames.has(name) && value !== null
            && !isDefault(part, name, String(value))) {
            options[name] = String(value);
        }
    }
    return { ...part, options: Object.freeze(options) };
}

export class Pictures extends EventTarget {
    #turn = 0;

    /**
     * @param {import("./state.js").State} state
     * @param {import("./panel.js").Panel} panel
     */
    constructor(state, panel) {
        super();
        this.state = state;
        this.panel = panel;
        $("choose").addEventListener("click", () => this.choose());
        $("new").addEventListener("click", () => this.choose());
        $("file").addEventListener("change", () => {
            this.take($("file").files[0]);
            $("file").value = "";
        });
        this.#wireDrop();
        addEventListener("paste", (event) => {
            const file = [...event.clipboardData.files].find((one) => /^image\//.test(one.type));
            if (file) {
                event.preventDefault();
                this.take(file);
            }
        });
    }

    choose() {
        $("file").click();
    }

    #wireDrop() {
        let depth = 0;
        const cover = (shown) => {
            depth = shown ? depth : 0;
            $("drop-cover").hidden = !shown;
        };
        const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
        addEventListener("dragenter", (event) => {
            if (holdsFiles(event)) {
                depth++;
                cover(true);
            }
        });
        addEventListener("dragleave", () => {
            if (--depth <= 0) {
                cover(false);
            }
        });
        addEventListener("dragover", (event) => {
            if (holdsFiles(event)) {
                event.preventDefault();
                event.dataTransfer.dropEffect = "copy";
            }
        });
        addEventListener("drop", (event) => {
            if (holdsFiles(event)) {
                event.preventDefault();
                cover(false);
                this.take(event.dataTransfer.files[0]);
            }
        });
    }

    /** While something opens, it says so; a second picture takes the first one's place. */
    async #open(words, load) {
        const turn = ++this.#turn;
        $("opening-words").textContent = words;
        $("opening").hidden = false;
        this.panel.setError("picture", null);
        notice("picture", null);
        announce(words, "opening");
        try {
            const picture = await load();
            return turn === this.#turn ? picture : null;
        } catch (error) {
            if (turn === this.#turn) {
                this.#fail(error);
            }
            return null;
        } finally {
            if (turn === this.#turn) {
                $("opening").hidden = true;
            }
        }
    }

    #fail(error) {
        this.panel.setError(this.state.now.picture ? "job" : "picture", error);
    }

    /** @param {File} file */
    async take(file) {
        if (!file) {
            return;
        }
        const picture = await this.#open(t("opening", { name: file.name }),
            () => api.upload(file, file.name));
        if (!picture) {
            return;
        }
        if (picture.record) {
            await this.#restore(picture);
        } else {
            this.state.change({ ...FRESH, picture });
            this.#say(picture);
        }
    }

    #say(picture) {
        const format = (picture.format || "").replace(".", "").toUpperCase();
        notice("picture", [picture.note && t("opened.as-png", { format }), picture.warning]
            .filter(Boolean).join(" ") || null);
        announce(t("opened", { name: picture.name, width: picture.width,
            height: picture.height }), "opening");
        this.dispatchEvent(new Event("taken"));
    }

    /* A picture that diffedit made brings back what it was made from. */
    async #restore(picture) {
        const { record } = picture;
        const part = fromRecord(record, new Set(this.optionNames()));
        const known = (id, ask) => (id ? ask(id).catch((error) => {
            if (isGone(error)) {
                return null;
            }
            throw error;
        }) : null);
        try {
            const source = await known(record.picture, (id) => api.picture(id));
            const mask = await known(record.mask,
                (id) => api.send("GET", `/api/masks/${id}`).then(() => id));
            const model = this.modelNames().includes(record.model) ? record.model : "";
            this.state.change({ ...FRESH, ...part, model, picture: source || picture,
                given_mask: mask, find: source && !mask ? TO_FIND : null });
            this.#say(source || picture);
            if (source) {
                this.dispatchEvent(new CustomEvent("restored", { detail: record.correction }));
            }
            notice("picture", t(source ? "record.all" : "record.settings"), source && {
                action: t("record.only"),
                act: () => this.state.change({ ...FRESH, picture }),
            });
        } catch (error) {
            this.#fail(error);
        }
    }

    optionNames = () => [];
    modelNames = () => [];

    /** A sample, with its texts: one click from a result. */
    async takeSample(sample) {
        const picture = await this.#open(t("opening", { name: sample.title || sample.name }),
            () => api.useSample(sample.name));
        if (picture) {
            this.state.change({ ...FRESH, picture, from: sample.from, to: sample.to });
            this.#say(picture);
            this.dispatchEvent(new Event("sample"));
        }
    }

    /** A result becomes the picture; what was painted belonged to the one before. */
    async takeResult(id) {
        const picture = await this.#open(t("opening.result"), () => api.resultAsPicture(id));
        if (picture) {
            this.state.change({ ...FRESH, picture, from: this.nextFrom(), to: "" });
            this.#say(picture);
            $("to").focus();
        }
    }

    /* What it should show is what it shows now. */
    nextFrom = () => "";

    /** Shows the samples, each by its picture and its two texts. */
    showSamples(samples) {
        $("samples").hidden = samples.length === 0;
        $("sample-list").replaceChildren(...samples.map((sample) => {
            const item = document.createElement("li");
            const press = document.createElement("button");
            const image = document.createElement("img");
            const words = document.createElement("span");
            press.type = "button";
            press.className = "sample";
            press.dataset.sample = sample.name;
            image.src = `/api/samples/${sample.name}/file`;
            image.alt = "";
            words.textContent = t("history.texts", sample);
            press.append(image, words);
            press.addEventListener("click", () => this.takeSample(sample));
            item.append(press);
            return item;
        }));
    }
}
