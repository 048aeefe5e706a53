/** Sentences that stand above the picture until they no longer hold, and toasts that can undo. */
import { announce } from "./announce.js";
import { t } from "./i18n.js";
import { button } from "./toolbar.js";

const LASTS = 20000; /* ms, longer while pointer or focus is on it */

const shown = new Map();

/**
 * @param {string} key one notice a key
 * @param {string|null} words null: it no longer holds
 * @param {{action?: string, act?: () => void, closes?: boolean}} [how]
 */
export function notice(key, words, { action, act, closes = true } = {}) {
    shown.get(key)?.remove();
    shown.delete(key);
    if (!words) {
        return;
    }
    const element = document.createElement("div");
    const text = document.createElement("p");
    element.className = "notice";
    element.dataset.notice = key;
    text.textContent = words;
    element.append(text);
    const end = () => notice(key, null);
    if (action) {
        const press = button({ words: action, className: "plain" });
        press.addEventListener("click", () => {
            end();
            act();
        });
        element.append(press);
    }
    if (closes) {
        const close = button({ name: "close" });
        close.setAttribute("aria-label", t("close"));
        close.addEventListener("click", end);
        element.append(close);
    }
    document.getElementById("notices").append(element);
    shown.set(key, element);
    announce(words, key);
}

/**
 * A toast with an undo. `commit` is called when its time is over, or the page goes.
 * @param {{undo: () => void, commit: (leaving: boolean) => void}} how
 */
export function toast(words, { undo, commit }) {
    const element = document.createElement("div");
    const text = document.createElement("p");
    const press = button({ words: t("undo"), className: "plain" });
    const close = button({ name: "close" });
    element.className = "toast";
    text.textContent = words;
    close.setAttribute("aria-label", t("close"));
    element.append(text, press, close);
    let timer = 0;
    let over = false;
    const end = (then) => {
        if (!over) {
            over = true;
            clearTimeout(timer);
            removeEventListener("pagehide", leave);
            element.remove();
            then();
        }
    };
    const leave = () => end(() => commit(true));
    const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => end(() => commit(false)), LASTS);
    };
    press.addEventListener("click", () => end(undo));
    close.addEventListener("click", () => end(() => commit(false)));
    for (const name of ["pointerenter", "focusin"]) {
        element.addEventListener(name, () => clearTimeout(timer));
    }
    for (const name of ["pointerleave", "focusout"]) {
        element.addEventListener(name, wait);
    }
    addEventListener("pagehide", leave);
    wait();
    document.getElementById("toasts").append(element);
    announce(`${words} ${t("undo")}`, "toast");
}
