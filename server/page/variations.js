/** The strip: the picture and what was made of it. One of them is looked at. */
import { api } from "./api.js";
import { currentLanguage, number, onLanguage, t } from "./i18n.js";
import { redraw } from "./redraw.js";
import { icon } from "./toolbar.js";

const $ = (id) => document.getElementById(id);

export class Variations extends EventTarget {
    #known = new Map(); /* id -> result */
    #asked = new Map();

    /** @param {import("./state.js").State} state */
    constructor(state) {
        super();
        this.state = state;
        $("thumbnails").addEventListener("keydown", (event) => this.#key(event));
        $("keep").addEventListener("click", () => this.toggleKept());
        onLanguage(() => this.update());
    }

    /** The result that is looked at, where the page knows it already. */
    get shown() {
        return this.#known.get(this.state.now.shown) || null;
    }

    /** @returns {Promise<object>} the result, asked for once */
    get(id) {
        if (!this.#asked.has(id)) {
            const asked = api.result(id).then((result) => {
                this.#known.set(id, result);
                return result;
            });
            asked.catch(() => this.#asked.delete(id));
            this.#asked.set(id, asked);
        }
        return this.#asked.get(id);
    }

    /** The server's newer word on a result. */
    learn(result) {
        this.#known.set(result.id, result);
        this.#asked.set(result.id, Promise.resolve(result));
        this.update();
    }

    show(id) {
        this.state.change({ shown: id }, { merge: "shown" });
        this.dispatchEvent(new Event("show"));
    }

    async toggleKept(id = this.state.now.shown) {
        const result = id && await this.get(id);
        if (result) {
            this.learn(await api.keep(id, !result.kept));
            this.dispatchEvent(new Event("kept"));
        }
    }

    #key(event) {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
        const all = [null, ...this.state.now.variations];
        const at = all.indexOf(this.state.now.shown);
        this.show(all[(at + step + all.length) % all.length]);
        $("thumbnails").querySelector("[aria-checked=true]")?.focus();
    }

    #thumbnail({ id, index, picture, result }) {
        const element = document.createElement("button");
        const image = document.createElement("img");
        element.type = "button";
        element.className = "thumbnail";
        element.dataset.result = id || "";
        element.setAttribute("role", "radio");
        image.alt = "";
        image.decoding = "async";
        image.src = id ? `/api/results/${id}/thumbnail`
            : `/api/pictures/${picture}/thumbnail`;
        const words = document.createElement("span");
        words.textContent = id ? result?.to || number(index) : t("variations.input");
        element.title = id && result ? t("variations.hint", { to: result.to, seed: result.seed })
            : words.textContent;
        element.setAttribute("aria-label", id
            ? t("variations.result", { n: index, to: result?.to || "" })
            : t("variations.input"));
        element.append(image, words);
        if (result?.kept) {
            element.append(icon("keep"));
            element.classList.add("kept");
        }
        element.addEventListener("click", () => this.show(id));
        return element;
    }

    update() {
        const { now } = this.state;
        const there = Boolean(now.picture) && now.variations.length > 0;
        $("strip").hidden = !there;
        if (!there) {
            return;
        }
        const focused = document.activeElement?.closest?.("#thumbnails");
        const things = [null, ...now.variations].map((id, index) => ({ id, index,
            picture: now.picture.id, result: id && this.#known.get(id),
            language: currentLanguage() }));
        redraw($("thumbnails"), things, (thing) => this.#thumbnail(thing));
        for (const element of $("thumbnails").children) {
            const chosen = element.dataset.result === (now.shown || "");
            element.setAttribute("aria-checked", String(chosen));
            element.tabIndex = chosen ? 0 : -1;
        }
        const chosen = $("thumbnails").querySelector("[aria-checked=true]");
        chosen?.scrollIntoView({ block: "nearest", inline: "nearest" });
        if (focused) {
            chosen?.focus();
        }
        for (const id of now.variations) {
            if (!this.#asked.has(id)) {
                this.get(id).then(() => this.update(), () => {});
            }
        }
        this.#updateActions();
    }

    #updateActions() {
        const { now } = this.state;
        const result = this.shown;
        $("result-actions").hidden = !now.shown;
        if (!now.shown) {
            return;
        }
        const format = (now.picture.result_format || ".png").replace(/^\./, "");
        const name = { jpg: "JPEG", jpeg: "JPEG", tif: "TIFF", webp: "WebP" }[format]
            || format.toUpperCase();
        $("download").href = `/api/results/${now.shown}/file?download=1`;
        $("download-words").textContent = t("download", { format: name });
        $("download-png").href = `/api/results/${now.shown}/file?format=png&download=1`;
        $("download-png").hidden = format === "png";
        $("keep").setAttribute("aria-pressed", String(Boolean(result?.kept)));
    }
}
