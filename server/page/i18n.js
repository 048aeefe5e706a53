/**
 * All words. `t("key", {n: 3})` is a sentence in the language of the page; a key that has a form
 * ".one" takes it where n is 1. Elements name their words: data-t (text), data-t-label
 * (aria-label), data-t-title, data-t-placeholder.
 */
import en from "./words_en.js";
import zh, { optionHelp } from "./words_zh.js";

const WORDS = { en, zh };
const changes = new EventTarget();
const ATTRIBUTES = { tLabel: "aria-label", tTitle: "title", tPlaceholder: "placeholder" };

let language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

export function currentLanguage() {
    return language;
}

export function t(key, values = {}) {
    const words = WORDS[language];
    const text = values.n === 1 && words[`${key}.one`] ? words[`${key}.one`] : words[key];
    if (text === undefined) {
        throw new Error(`no words for ${key}`);
    }
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Whether there are words for it: names of options and presets come from the server. */
export function hasWords(key) {
    return WORDS[language][key] !== undefined;
}

/** What an option does: the library's sentence, or its Chinese form. */
export function helpOf(option) {
    return language === "zh" ? optionHelp[option.name] || option.help : option.help;
}

/** Gives the elements in `root` their words. */
export function translate(root = document) {
    for (const element of root.querySelectorAll("[data-t]")) {
        element.textContent = t(element.dataset.t);
    }
    for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
        const dashed = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        for (const element of root.querySelectorAll(`[data-${dashed}]`)) {
            element.setAttribute(attribute, t(element.dataset[name]));
        }
    }
}

export function setLanguage(next) {
    language = next;
    document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
    try {
        localStorage.setItem("language", next);
    } catch (error) {
        /* the choice lasts as long as the page */
    }
    translate();
    changes.dispatchEvent(new Event("change"));
}

/** Calls `listener` whenever the language changes. */
export function onLanguage(listener) {
    changes.addEventListener("change", listener);
}

/** A number in the language's own writing. */
export function number(value, digits = 0) {
    return value.toLocaleString(document.documentElement.lang,
        { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

/** Bytes as people write them. */
export function bytes(count) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    while (count >= 999.5 && unit < units.length - 1) {
        count /= 1000;
        unit++;
    }
    return `${number(count, unit > 2 ? 1 : 0)} ${units[unit]}`;
}

/** "4 s", "2 min": time that is left, rounded as one would say it. */
export function duration(seconds) {
    if (seconds < 1) {
        return t("time.moment");
    }
    return seconds < 90 ? t("time.seconds", { n: Math.ceil(seconds) })
        : t("time.minutes", { n: Math.ceil(seconds / 60) });
}

export function dateTime(when) {
    const date = typeof when === "number" ? new Date(when * 1000) : new Date(when);
    return date.toLocaleString(document.documentElement.lang,
        { dateStyle: "medium", timeStyle: "short" });
}
