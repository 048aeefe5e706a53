/** Every result, newest first: search, open with all that made it, keep, delete with an undo. */
import { api } from "./api.js";
import { currentLanguage, dateTime, onLanguage, t } from "./i18n.js";
import { toast } from "./notices.js";
import { redraw } from "./redraw.js";
import { sentenceOf } from "./sentences.js";
import { button } from "./toolbar.js";

const $ = (id) => document.getElementById(id);
const PAGE = 30;

export class History extends EventTarget {
    #results = [];
    #next = null;
    #hidden = new Set(); /* deleted here, while the undo is still offered */
    #turn = 0;
    #timer = 0;

    constructor() {
        super();
        $("history-search").addEventListener("input", () => {
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => this.load(), 200);
        });
        $("history-kept").addEventListener("change", () => this.load());
        $("history-more").addEventListener("click", () => this.#more());
        $("history-all").addEventListener("click", () => this.#deleteMany(false));
        $("history-unkept").addEventListener("click", () => this.#deleteMany(true));
        onLanguage(() => this.#draw());
    }

    get isOpen() {
        return $("history").open;
    }

    async load() {
        const turn = ++this.#turn;
        try {
            const page = await api.results(this.#query());
            if (turn === this.#turn) {
                this.#results = page.results;
                this.#next = page.next;
                this.#draw();
            }
        } catch (error) {
            $("history-note").replaceChildren(...sentenceOf(error).nodes);
        }
    }

    #query(before) {
        return { q: $("history-search").value.trim(), kept: $("history-kept").checked ? 1 : "",
            limit: PAGE, before };
    }

    async #more() {
        const first = this.#results.length;
        try {
            const page = await api.results(this.#query(this.#next));
            this.#results = [...this.#results, ...page.results];
            this.#next = page.next;
            this.#draw();
            $("history-list").children[first]?.querySelector("button")?.focus();
        } catch (error) {
            $("history-note").replaceChildren(...sentenceOf(error).nodes);
        }
    }

    #draw() {
        const results = this.#results.filter((result) => !this.#hidden.has(result.id));
        const searched = $("history-search").value.trim() || $("history-kept").checked;
        const language = currentLanguage();
        redraw($("history-list"), results.map((result) => ({ result, language })),
            ({ result }) => this.#row(result));
        $("history-more").hidden = !this.#next;
        $("history-note").textContent = results.length > 0 ? ""
            : t(searched ? "history.nothing" : "history.empty");
        $("history-note").hidden = results.length > 0;
        $("history-all").disabled = results.length === 0;
        $("history-unkept").disabled = !results.some((result) => !result.kept);
    }

    #row(result) {
        const row = document.createElement("li");
        const open = document.createElement("button");
        const image = document.createElement("img");
        const words = document.createElement("span");
        const texts = document.createElement("strong");
        const facts = document.createElement("span");
        open.type = "button";
        open.className = "history-open";
        open.title = t("history.open");
        image.src = `/api/results/${result.id}/thumbnail`;
        image.alt = "";
        image.loading = "lazy";
        words.className = "history-words";
        texts.textContent = result.from ? t("history.texts", result) : result.to;
        facts.className = "quiet";
        facts.textContent = [result.name, dateTime(result.created), result.model]
            .filter(Boolean).join(" · ");
        words.append(texts, facts);
        open.append(image, words);
        open.addEventListener("click", () => this.#tell("open", result));
        const keep = button({ name: "keep" });
        keep.setAttribute("aria-pressed", String(result.kept));
        keep.setAttribute("aria-label", t("keep.of", { to: result.to }));
        keep.title = t("keep.hint");
        keep.addEventListener("click", () => this.#keep(result));
        const drop = button({ name: "clear" });
        drop.setAttribute("aria-label", t("delete.of", { to: result.to }));
        drop.title = t("delete");
        drop.addEventListener("click", () => this.#delete(result, row));
        row.dataset.result = result.id;
        row.append(open, keep, drop);
        return row;
    }

    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    async #keep(result) {
        try {
            const changed = await api.keep(result.id, !result.kept);
            this.#results = this.#results.map((one) => (one.id === changed.id ? changed : one));
            this.#draw();
            $("history-list").querySelector(`[data-result="${changed.id}"] [aria-pressed]`)
                ?.focus();
            this.#tell("kept", changed);
        } catch (error) {
            $("history-note").hidden = false;
            $("history-note").replaceChildren(...sentenceOf(error).nodes);
        }
    }

    #delete(result, row) {
        const near = row.nextElementSibling || row.previousElementSibling;
        this.#hide([result], t("deleted"), (leaving) => api.deleteResult(result.id, leaving));
        const next = near && $("history-list")
            .querySelector(`[data-result="${near.dataset.result}"] .history-open`);
        (next || $("history-search")).focus();
    }

    #deleteMany(unkeptOnly) {
        const gone = this.#results.filter((result) => !unkeptOnly || !result.kept);
        this.#hide(gone, t(unkeptOnly ? "deleted.unkept" : "deleted.all"),
            (leaving) => api.deleteResults(unkeptOnly, leaving));
        $("history-search").focus();
    }

    /* They vanish at once; the server is told when the undo is no longer offered. */
    #hide(results, words, tell) {
        const ids = results.map((result) => result.id);
        ids.forEach((id) => this.#hidden.add(id));
        this.#draw();
        toast(words, {
            undo: () => {
                ids.forEach((id) => this.#hidden.delete(id));
                this.#draw();
            },
            commit: async (leaving) => {
                await tell(leaving).catch(() => null);
                ids.forEach((id) => this.#hidden.delete(id));
                this.#tell("deleted", ids);
                if (this.isOpen) {
                    this.load();
                }
            },
        });
    }
}
