/**
 * Keys. Those of one letter can be switched off (they get in the way of speech input), and never
 * act while a text is typed.
 */
import { hasWords, onLanguage, t } from "./i18n.js";

/* What the help lists; the words are "key.NAME". */
const LIST = [
    ["keys.path", [["Enter", "next"], ["Esc", "stop"], ["Ctrl V", "paste"],
        ["Ctrl Z", "undo"], ["Ctrl Shift Z", "redo"], ["Shift Enter", "line"]]],
    ["keys.view", [["O", "original"], ["Space", "pan"], ["Wheel", "wheel"], ["+", "in"],
        ["-", "out"], ["0", "fit"], ["H", "history"], ["?", "help"]]],
    ["keys.region", [["B", "brush"], ["E", "eraser"], ["L", "lasso"], ["R", "rectangle"],
        ["F", "fill"], ["X", "mode"], ["I", "invert"], ["[", "smaller"], ["]", "larger"],
        ["Alt Wheel", "wheel-size"], ["Alt", "other"], ["M", "shown"], ["↑ ↓ ← →", "cursor"],
        ["Space", "put"]]],
];

function isTyping(target) {
    return target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT"
        || (target.tagName === "INPUT"
            && !["range", "checkbox", "radio", "button", "file"].includes(target.type));
}

/**
 * @param {Object<string, () => void>} acts  by name; "original" gets whether it is held
 * @param {() => boolean} single  whether keys of one letter act
 */
export function wireKeys(acts, single) {
    const letters = {
        b: acts.brush, e: acts.eraser, l: acts.lasso, r: acts.rectangle, f: acts.fill,
        x: acts.mode, i: acts.invert, "[": acts.smaller, "]": acts.larger, m: acts.shown,
        "+": acts.in, "=": acts.in, "-": acts.out, 0: acts.fit, h: acts.history, "?": acts.help,
    };
    addEventListener("keydown", (event) => {
        if (event.defaultPrevented || event.isComposing) {
            return;
        }
        const key = event.key.toLowerCase();
        if ((event.ctrlKey || event.metaKey) && !event.altKey) {
            const act = key === "z" ? (event.shiftKey ? acts.redo : acts.undo)
                : key === "y" ? acts.redo : null;
            if (act && event.target.type !== "password") {
                event.preventDefault();
                act();
            }
            return;
        }
        if (key === "escape") {
            acts.escape(event);
            return;
        }
        if (isTyping(event.target) || event.altKey || document.querySelector("dialog:modal")) {
            return;
        }
        if (key === "enter" && !event.target.closest("button, a, summary, [role=button]")) {
            event.preventDefault();
            acts.next();
        } else if (key === "o" && single() && !event.repeat) {
            acts.original(true);
        } else if (letters[key] && single()) {
            event.preventDefault();
            letters[key]();
        }
    });
    addEventListener("keyup", (event) => {
        if (event.key.toLowerCase() === "o") {
            acts.original(false);
        }
    });
    addEventListener("blur", () => acts.original(false));
}

function fillHelp() {
    const list = document.getElementById("help-keys");
    list.replaceChildren(...LIST.map(([title, keys]) => {
        const part = document.createElement("section");
        const head = document.createElement("h3");
        const table = document.createElement("dl");
        head.textContent = t(title);
        for (const [combination, name] of keys) {
            const term = document.createElement("dt");
            const words = document.createElement("dd");
            for (const key of combination.split(" ")) {
                const cap = document.createElement("kbd");
                cap.textContent = hasWords(`cap.${key}`) ? t(`cap.${key}`) : key;
                term.append(cap);
            }
            words.textContent = t(`key.${name}`);
            table.append(term, words);
        }
        part.append(head, table);
        return part;
    }));
}

export function wireHelp() {
    fillHelp();
    onLanguage(fillHelp);
}
