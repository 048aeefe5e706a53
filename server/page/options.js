/**
 * The drawer of all options, made from the server's table: by group, with help, range and the
 * preset's default; and the chips of what was changed, each of which resets on a click.
 */
import { currentLanguage, hasWords, helpOf, onLanguage, t } from "./i18n.js";
import { defaultOf, optionNamed, optionTable, valueOf, withOption } from "./option_values.js";
import { redraw } from "./redraw.js";

const $ = (id) => document.getElementById(id);
/* The texts stand in the panel, these have sliders there. */
const IN_PANEL = new Set(["from", "to"]);
const WITH_SLIDER = new Set(["mask-threshold", "mask-grow", "feather"]);

export function titleOf(name) {
    return hasWords(`option.${name}`) ? t(`option.${name}`) : name;
}

function choiceWords(value) {
    return hasWords(`choice.${value}`) ? t(`choice.${value}`) : value;
}

/** Whether `text` is a value of the option; a sentence where it is not. */
export function refusal(option, text) {
    if (["text", "choice"].includes(option.type) || text === option.word) {
        return null;
    }
    if (option.type === "seed") {
        return /^(\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text) ? null : t("option.bad.seed");
    }
    if (option.type === "size") {
        return /^\d{1,5}x\d{1,5}$/.test(text) ? null
            : t("option.bad.size", { word: option.word || "512x512" });
    }
    const value = /^-?\d+(\.\d+)?(\/\d+)?$/.test(text) ? Number(text.split("/")[0]) : NaN;
    const whole = option.type === "int";
    const real = text.includes("/") ? value / Number(text.split("/")[1]) : value;
    const fits = Number.isFinite(real) && (!whole || Number.isInteger(real))
        && real <= option.maximum
        && (option.minimum_excluded ? real > option.minimum : real >= option.minimum);
    return fits ? null : t(whole ? "option.bad.int" : "option.bad.real", rangeOf(option));
}

function rangeOf(option) {
    return { least: option.minimum ?? 0, most: option.maximum };
}

function hintOf(option) {
    const parts = [];
    if (["int", "real"].includes(option.type)) {
        const { least, most } = rangeOf(option);
        parts.push(t(option.minimum_excluded ? "option.range.above" : "option.range",
            { least, most }));
    }
    if (option.word) {
        parts.push(t("option.word", { word: option.word }));
    }
    return parts.join(t("option.or"));
}

function select(values, words) {
    const element = document.createElement("select");
    for (const value of values) {
        const one = document.createElement("option");
        one.value = value;
        one.textContent = words(value);
        element.append(one);
    }
    return element;
}

/** Says beside a field why its value was refused; null: it was not. */
function mark(row, words) {
    row.error.hidden = !words;
    row.error.textContent = words || "";
    row.input.toggleAttribute("aria-invalid", Boolean(words));
}

function show(row, value) {
    row.shown = value;
    row.input.value = value;
    mark(row, null);
}

export class Options extends EventTarget {
    #rows = new Map(); /* name -> {input, reset, error}, and `shown`: the value that it was given */

    /** @param {import("./state.js").State} state */
    constructor(state) {
        super();
        this.state = state;
        onLanguage(() => this.build());
    }

    /** Makes the drawer anew: another table, another language. */
    build() {
        const table = optionTable();
        const groups = $("option-groups");
        this.#rows.clear();
        groups.replaceChildren(this.#presetRow());
        for (const group of table.groups) {
            const options = table.options.filter(
                (option) => option.group === group && !IN_PANEL.has(option.name));
            if (options.length === 0) {
                continue;
            }
            const set = document.createElement("fieldset");
            const legend = document.createElement("legend");
            legend.textContent = hasWords(`group.${group}`) ? t(`group.${group}`) : group;
            set.append(legend, ...options.map((option) => this.#row(option)));
            groups.append(set);
        }
        this.update();
    }

    #presetRow() {
        const row = document.createElement("div");
        const label = document.createElement("label");
        const help = document.createElement("p");
        const input = select(optionTable().presets, (name) =>
            (hasWords(`preset.${name}`) ? t(`preset.${name}`) : name));
        row.className = "option";
        input.id = "option-preset";
        label.htmlFor = input.id;
        label.textContent = t("preset");
        help.className = "help";
        help.id = "option-preset-help";
        input.setAttribute("aria-describedby", help.id);
        input.addEventListener("change", () => this.state.change({ preset: input.value }));
        row.append(label, input, help);
        this.preset = input;
        this.presetHelp = help;
        return row;
    }

    #input(option) {
        if (option.type === "choice") {
            return select(option.choices, choiceWords);
        }
        const input = document.createElement("input");
        input.type = "text";
        input.spellcheck = option.type === "text";
        input.autocomplete = "off";
        if (["int", "real"].includes(option.type) && !option.word) {
            input.inputMode = option.type === "int" && option.minimum >= 0 ? "numeric" : "decimal";
        }
        return input;
    }

    #row(option) {
        const row = document.createElement("div");
        const label = document.createElement("label");
        const input = this.#input(option);
        const help = document.createElement("p");
        const error = document.createElement("p");
        const reset = document.createElement("button");
        row.className = "option";
        row.dataset.option = option.name;
        input.id = `option-${option.name}`;
        label.htmlFor = input.id;
        label.textContent = titleOf(option.name);
        label.title = `--${option.name}`;
        help.className = "help";
        help.id = `${input.id}-help`;
        const hint = hintOf(option);
        help.textContent = helpOf(option).replace(/`/g, "") + (hint ? ` (${hint})` : "");
        error.className = "error";
        error.id = `${input.id}-error`;
        error.hidden = true;
        input.setAttribute("aria-describedby", `${help.id} ${error.id}`);
        reset.type = "button";
        reset.className = "link reset";
        reset.addEventListener("click", () => {
            this.#set(option, null);
            input.focus();
        });
        input.addEventListener("change", () => this.#take(option, input.value.trim()));
        row.append(label, input, reset, help, error);
        this.#rows.set(option.name, { option, input, reset, error, shown: null });
        return row;
    }

    #take(option, text) {
        const row = this.#rows.get(option.name);
        const words = option.name === "negative" || text === "" ? null : refusal(option, text);
        mark(row, words);
        if (!words) {
            row.shown = null; /* what was typed may be the same value, written otherwise */
            this.#set(option, text === "" ? null : text);
            this.update();
        }
    }

    #set(option, value) {
        if (option.name === "negative") {
            this.state.change({ negative: value || "" });
        } else {
            const patch = { options: withOption(this.state.now, option.name, value) };
            this.state.change(WITH_SLIDER.has(option.name) ? { ...patch, shown: null } : patch);
        }
    }

    /** Opens at an option. */
    focus(name) {
        const row = this.#rows.get(name);
        row?.input.scrollIntoView({ block: "center" });
        row?.input.focus();
    }

    update() {
        const { now } = this.state;
        if (this.preset) {
            this.preset.value = now.preset;
            this.presetHelp.textContent = hasWords(`preset.${now.preset}.help`)
                ? t(`preset.${now.preset}.help`) : "";
        }
        for (const row of this.#rows.values()) {
            const { option, input, reset } = row;
            const negative = option.name === "negative";
            const value = negative ? now.negative : valueOf(now, option.name);
            const usual = negative ? "" : defaultOf(now, option.name);
            if (row.shown !== value) { /* else it keeps what is being typed, or was refused */
                show(row, value);
            }
            reset.hidden = value === usual;
            reset.textContent = t("option.reset", { value: usual || t("option.empty") });
            input.closest(".option").classList.toggle("changed", value !== usual);
        }
        this.#updateChips();
    }

    #updateChips() {
        const { now } = this.state;
        const chips = $("chips");
        const names = Object.keys(now.options)
            .filter((name) => !WITH_SLIDER.has(name) && optionNamed(name));
        const changed = names.map((name) => [name, `${titleOf(name)} ${
            choiceWords(now.options[name])}`]);
        if (now.negative) {
            changed.unshift(["negative", `${titleOf("negative")}: ${now.negative}`]);
        }
        if (now.preset !== "fast") {
            changed.unshift([null, hasWords(`preset.${now.preset}`) ? t(`preset.${now.preset}`)
                : now.preset]);
        }
        const had = chips.contains(document.activeElement);
        chips.hidden = changed.length === 0 || !now.picture;
        const language = currentLanguage();
        redraw(chips, changed.map(([name, words]) => ({ name, words, language })),
            ({ name, words }) => this.#chip(name, words));
        if (had && !chips.contains(document.activeElement)) {
            (chips.querySelector("button") || $("options-open")).focus();
        }
    }

    #chip(name, words) {
        const chip = document.createElement("button");
        const cross = document.createElement("span");
        chip.type = "button";
        chip.className = "chip";
        chip.textContent = words;
        chip.title = t("chip.reset");
        chip.setAttribute("aria-label", t("chip.reset.of", { what: words }));
        cross.setAttribute("aria-hidden", "true");
        cross.textContent = "×";
        chip.append(cross);
        chip.addEventListener("click", () => {
            if (!name) {
                this.state.change({ preset: "fast" });
            } else {
                this.#set(optionNamed(name) || { name }, null);
            }
        });
        return chip;
    }
}
