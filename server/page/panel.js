/** The lower part: two texts, the region's sliders, the one obvious button, what runs, errors. */
import { announce } from "./announce.js";
import { hasRegion, mapKey, phase, targets } from "./edits.js";
import { duration, number, onLanguage, t } from "./i18n.js";
import {
    cellPixels, defaultOf, optionNamed, regionValues, valueOf, withOption,
} from "./option_values.js";
import { sentenceOf } from "./sentences.js";

const $ = (id) => document.getElementById(id);

/* The sliders. The region's goes the other way than its threshold: to the right is more. */
const SLIDERS = [
    {
        option: "mask-threshold", label: "slider.region", range: () => [0, 1, 0.01],
        read: (values) => 1 - values.threshold,
        write: (value) => String(Math.round((1 - value) * 100) / 100),
        say: (values, region) => (region ? t("slider.share", { n: percent(region.share) })
            : number(values.threshold, 2)),
        text: (values, region) => t("slider.region.text", {
            threshold: number(values.threshold, 2),
            share: region ? percent(region.share) : "0" }),
    },
    {
        option: "mask-grow", label: "slider.grow",
        range: (picture) => [-reach(picture, 24), reach(picture, 24), 1],
        read: (values) => values.grow, write: (value) => String(Math.round(value)),
        say: (values) => t("slider.pixels", { n: number(values.grow) }),
    },
    {
        option: "feather", label: "slider.soft",
        range: (picture, document) => [0,
            Math.max(reach(picture, 24), Math.ceil(cellPixels(document) * 3)), 1],
        read: (values) => values.feather, write: (value) => String(Math.round(value)),
        say: (values) => t("slider.pixels", { n: number(values.feather) }),
    },
];

/** A share of the picture in words that never say 0 or 100 of what is not nothing or all. */
export function percent(share) {
    const value = share * 100;
    if (value > 0 && value < 1) {
        return `<${number(1)}`;
    }
    return value > 99 && value < 100 ? `>${number(99)}` : number(Math.round(value));
}

function reach(picture, part) {
    return Math.max(8, Math.round(Math.max(picture.width, picture.height) / part));
}

function makeSlider(state, spec, row) {
    const label = document.createElement("label");
    const words = document.createElement("span");
    const input = document.createElement("input");
    const value = document.createElement("button");
    input.type = "range";
    input.id = `slider-${spec.option}`;
    label.className = "slider";
    value.type = "button";
    value.className = "value";
    label.htmlFor = input.id;
    label.append(words, input);
    const cell = document.createElement("div");
    cell.className = "slider-cell";
    cell.append(label, value);
    row.append(cell);
    input.addEventListener("input", () => {
        state.change({ options: withOption(state.now, spec.option,
            spec.write(Number(input.value))), shown: null }, { merge: spec.option });
    });
    input.addEventListener("change", () => state.seal());
    const reset = () => state.change({ options: withOption(state.now, spec.option, null) });
    value.addEventListener("click", () => {
        reset();
        input.focus();
    });
    input.addEventListener("dblclick", reset);
    return { spec, cell, words, input, value };
}

export class Panel extends EventTarget {
    #sliders;
    #errors = { text: null, job: null, picture: null };
    #composed = null; /* the text that an input method writes in at present */

    /**
     * @param {import("./state.js").State} state
     * @param {import("./jobs.js").Jobs} jobs
     * @param {import("./stage.js").Stage} stage
     */
    constructor(state, jobs, stage) {
        super();
        this.state = state;
        this.jobs = jobs;
        this.stage = stage;
        this.#sliders = SLIDERS.map((spec) => makeSlider(state, spec, $("sliders")));
        for (const name of ["from", "to"]) {
            this.#wireText(name);
        }
        $("panel").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#tell("find");
        });
        $("edit").addEventListener("click", () => this.#tell(this.#isMade ? "more" : "edit"));
        $("stop").addEventListener("click", () => this.#tell("stop"));
        $("another-text").addEventListener("click", () => this.#addLine());
        $("count").addEventListener("change", () => this.update());
        stage.addEventListener("region", () => this.#updateSliders());
        onLanguage(() => this.update());
    }

    #tell(name) {
        this.dispatchEvent(new Event(name));
    }

    get #isMade() {
        return phase(this.state.now) === "download";
    }

    /** How many seeds are asked for. */
    get count() {
        const count = Math.round(Number($("count").value)) || 1;
        return Math.min(Math.max(count, 1), Number($("count").max));
    }

    #wireText(name) {
        const field = $(name);
        field.addEventListener("input", (event) => {
            this.#fit(field);
            if (!event.isComposing) {
                this.state.change({ [name]: field.value }, { merge: name });
            }
        });
        field.addEventListener("compositionstart", () => {
            this.#composed = name;
        });
        field.addEventListener("compositionend", () => {
            this.#composed = null;
            this.state.change({ [name]: field.value }, { merge: name });
        });
        field.addEventListener("blur", () => this.state.seal());
        field.addEventListener("keydown", (event) => {
            if (event.key !== "Enter" || event.isComposing) {
                return;
            }
            if (event.shiftKey && name === "to") {
                return; /* another text */
            }
            event.preventDefault();
            if (name === "from" && !$("to").value.trim() && !event.ctrlKey) {
                $("to").focus();
            } else {
                this.next();
            }
        });
    }

    #addLine() {
        const field = $("to");
        const text = field.value.replace(/\s+$/, "");
        this.state.change({ to: text ? `${text}\n` : "" });
        field.focus();
        field.setSelectionRange(field.value.length, field.value.length);
    }

    #fit(field) {
        field.rows = Math.min(Math.max(field.value.split("\n").length, 1), 6);
    }

    /** Presses the button that is the obvious one. */
    next() {
        if (this.jobs.running.length > 0) {
            return;
        }
        const now = phase(this.state.now);
        if (now === "drop") {
            this.#tell("choose");
        } else {
            this.#tell(now);
        }
    }

    /** False, and said beside the fields, where the texts cannot be worked with. */
    checkTexts() {
        const { now } = this.state;
        const to = targets(now)[0];
        if (!now.from.trim() && !to) {
            this.setError("text", t("error.no-texts"));
            (now.from.trim() ? $("to") : $("from")).focus();
            return false;
        }
        if (now.from.trim() === to && !now.given_mask) {
            this.setError("text", t("error.same-texts"));
            $("to").focus();
            return false;
        }
        this.setError("text", null);
        return true;
    }

    /** Says an error beside what it speaks of; null takes it away. */
    setError(place, error) {
        this.#errors[place] = error;
        const element = $(`${place}-error`);
        element.hidden = !error;
        element.classList.toggle("warning", error?.kind === "warning");
        element.replaceChildren();
        if (error) {
            const sentence = sentenceOf(error);
            element.append(...sentence.nodes);
            announce(sentence.text, "error");
        }
        for (const name of place === "text" ? ["from", "to"] : []) {
            $(name).toggleAttribute("aria-invalid", Boolean(error));
        }
    }

    update() {
        const { now } = this.state;
        for (const name of ["from", "to"]) {
            const field = $(name);
            if (field.value !== now[name] && name !== this.#composed) {
                field.value = now[name];
                this.#fit(field);
            }
        }
        $("another-text").hidden = !now.to.trim();
        document.body.classList.toggle("empty", !now.picture);
        document.body.classList.toggle("showing-result", Boolean(now.shown));
        const found = Boolean(now.find && !now.given_mask);
        $("sliders").hidden = !now.picture
            || !(found || now.given_mask || now.strokes.length > 0);
        for (const { spec, cell } of this.#sliders) {
            cell.hidden = !found && spec.option !== "feather"; /* what is given stays as it is */
        }
        this.#updateSliders();
        this.#updateButtons();
        this.#updateProgress();
    }

    #updateSliders() {
        const { now } = this.state;
        if (!now.picture || !optionNamed("feather")) {
            return;
        }
        const values = regionValues(now);
        for (const { spec, words, input, value } of this.#sliders) {
            const [least, most, step] = spec.range(now.picture, now);
            const region = this.stage.region;
            const changed = valueOf(now, spec.option) !== defaultOf(now, spec.option);
            words.textContent = t(spec.label);
            Object.assign(input, { min: least, max: most, step });
            input.value = spec.read(values);
            input.setAttribute("aria-valuetext", (spec.text || spec.say)(values, region));
            input.title = t(`${spec.label}.hint`);
            value.textContent = spec.say(values, region);
            value.disabled = !changed;
            value.title = changed ? t("slider.reset") : "";
            value.setAttribute("aria-label", t("slider.reset.of", { name: t(spec.label) }));
        }
    }

    #updateButtons() {
        const { now } = this.state;
        const running = this.jobs.running.length > 0;
        const next = running ? "stop" : phase(now);
        const had = document.activeElement;
        $("find").disabled = !now.picture || running;
        $("edit").disabled = !now.picture;
        $("edit").hidden = running;
        $("stop").hidden = !running;
        $("count").disabled = running;
        const many = targets(now).length * this.count;
        $("edit").textContent = this.#isMade ? t("more") : t("edit", { n: many });
        if (many > 1 && !this.#isMade) {
            $("edit").textContent = t("edit.many", { n: many });
        }
        $("find").classList.toggle("primary", next === "find");
        $("edit").classList.toggle("primary", next === "edit");
        $("download").classList.toggle("primary", next === "download");
        $("choose").classList.toggle("primary", next === "drop");
        if (had && had.hidden && (had.id === "edit" || had.id === "stop")) {
            $(running ? "stop" : "edit").focus();
        }
        if (had === $("find") && $("find").disabled && running) {
            $("stop").focus();
        }
    }

    #updateProgress() {
        const { running } = this.jobs;
        $("progress").hidden = running.length === 0;
        if (running.length === 0) {
            return;
        }
        const active = running.find((job) => job.state === "running") || running[0];
        const share = active.progress?.share;
        const bar = $("progress-bar");
        if (share > 0) {
            bar.value = share;
        } else {
            bar.removeAttribute("value");
        }
        $("progress-words").textContent = progressWords(active, running.length);
    }

    /** What the region is, in words; "" where there is none. */
    regionWords() {
        const { now } = this.state;
        const { region } = this.stage;
        if (!now.picture || !region || !(now.find || now.given_mask || now.strokes.length > 0)) {
            return "";
        }
        const words = region.share > 0
            ? t("region.words", { share: percent(region.share), place: region.place })
            : t("region.none");
        return hasRegion(now) || !now.find || now.find.key === mapKey(now)
            ? words : `${words} ${t("region.old")}`;
    }
}

function progressWords(job, count) {
    if (job.state === "sending") {
        return t("progress.sending");
    }
    if (job.state === "queued") {
        return job.position > 0 ? t("progress.queued", { n: job.position }) : t("progress.starts");
    }
    const stage = job.progress?.stage || "";
    const words = [t(job.kind === "find" ? "progress.find" : `progress.${stageWord(stage)}`)];
    const left = job.progress?.seconds_left;
    if (left !== null && left !== undefined) {
        words.push(t("progress.left", { time: duration(left) }));
    }
    if (count > 1) {
        words.push(t("progress.more", { n: count - 1 }));
    }
    return words.join(" · ");
}

/* The library's stages, in the few words that a person needs. */
function stageWord(stage) {
    if (/map|region|mask|refin/i.test(stage)) {
        return "find";
    }
    return /model|weights|open|prepar/i.test(stage) ? "model" : "edit";
}
