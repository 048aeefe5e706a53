/**
 * The tools: brush, eraser, lasso, rectangle, fill; invert, clear; how the region is shown; a mask
 * from a file and to a file. They appear when there is something to correct.
 */
import { announce } from "./announce.js";
import { onLanguage, t } from "./i18n.js";

const TOOLS = ["brush", "eraser", "lasso", "rectangle", "fill"];

export function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `icon.svg#${name}`);
    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    return svg;
}

/** A button with an icon and, unless it is small, words. */
export function button({ name, words, className = "icon" }) {
    const element = document.createElement("button");
    element.type = "button";
    element.className = className;
    if (name) {
        element.append(icon(name));
    }
    if (words) {
        const span = document.createElement("span");
        span.textContent = words;
        element.append(span);
    }
    return element;
}

/** Arrow keys go from one button of a bar to the next; Tab leaves the bar. */
export function roving(bar, orientation) {
    const items = () => [...bar.querySelectorAll("button, input, [role=radio]")]
        .filter((item) => !item.disabled && item.offsetParent !== null);
    const settle = (chosen) => {
        for (const item of items()) {
            item.tabIndex = item === chosen ? 0 : -1;
        }
    };
    bar.addEventListener("keydown", (event) => {
        const both = orientation === "both";
        const forward = both || orientation === "horizontal" ? ["ArrowRight"] : [];
        const back = both || orientation === "horizontal" ? ["ArrowLeft"] : [];
        if (both || orientation === "vertical") {
            forward.push("ArrowDown");
            back.push("ArrowUp");
        }
        const step = forward.includes(event.key) ? 1 : back.includes(event.key) ? -1 : 0;
        if (!step || event.target.type === "range") {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
        const all = items();
        const at = all.indexOf(document.activeElement);
        const next = all[(at + step + all.length) % all.length];
        settle(next);
        next.focus();
    });
    bar.addEventListener("focusin", (event) => settle(event.target));
    return () => {
        const all = items();
        settle(all.find((item) => item.tabIndex === 0) || all[0]);
    };
}

export class Toolbar extends EventTarget {
    #buttons = {};
    #settle;
    tool = null;
    add = true;
    #brush = 0;

    /** @param {HTMLElement} bar */
    constructor(bar, canvas, looks) {
        super();
        this.bar = bar;
        this.canvas = canvas;
        this.looks = looks;
        this.#make();
        this.#settle = roving(bar, "both");
        canvas.addEventListener("brush", (event) => this.#showBrush(event.detail));
        onLanguage(() => this.update());
    }

    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    #add(name, press, iconName = name) {
        const element = button({ name: iconName });
        element.dataset.tool = name;
        element.addEventListener("click", press);
        this.#buttons[name] = element;
        this.bar.append(element);
        return element;
    }

    #rule() {
        const rule = document.createElement("span");
        rule.className = "rule";
        this.bar.append(rule);
    }

    #make() {
        for (const name of TOOLS) {
            this.#add(name, () => this.choose(this.tool === name ? null : name));
        }
        this.#add("mode", () => this.setAdd(!this.add), "plus");
        this.size = document.createElement("input");
        Object.assign(this.size, { type: "range", min: 0, max: 100, step: 1, id: "brush-size" });
        this.size.addEventListener("input", () => {
            this.setBrush(sizeOf(Number(this.size.value), this.#longest));
        });
        this.bar.append(this.size);
        this.#rule();
        this.#add("invert", () => this.#tell("invert"));
        this.#add("clear", () => this.#tell("clear"));
        this.#rule();
        this.#add("shown", () => this.#tell("shown"));
        this.#add("edge", () => this.#tell("style"));
        this.#rule();
        this.#add("mask-in", () => this.#tell("mask-in"), "into");
        this.#add("mask-out", () => this.#tell("mask-out"), "download");
    }

    #longest = 1024;

    /** Longest side of the picture, by which the brush's sizes go. */
    setPicture(picture) {
        this.#longest = Math.max(picture.width, picture.height);
        this.setBrush(this.#longest / 16);
    }

    setBrush(size) {
        this.#brush = Math.min(Math.max(size, 1), this.#longest / 2);
        this.canvas.setBrush(this.#brush);
        this.#showBrush({ size: this.#brush });
    }

    #showBrush({ size }) {
        this.#brush = size;
        this.size.value = String(placeOf(size, this.#longest));
        const words = t("tool.size.value", { n: Math.round(size) });
        this.size.setAttribute("aria-valuetext", words);
        this.size.title = `${t("tool.size")}: ${words}`;
    }

    /** The next size up or down. */
    stepBrush(by) {
        this.setBrush(this.#brush * 1.25 ** by);
        announce(t("tool.size.value", { n: Math.round(this.#brush) }), "brush");
    }

    /** @param {string|null} name null: the picture is moved */
    choose(name) {
        this.tool = name;
        this.canvas.setTool(name, { add: this.add });
        this.update();
        announce(name ? t(`tool.${name}`) : t("tool.none"), "tool");
        this.#tell("tool", name);
    }

    setAdd(add) {
        this.add = add;
        this.canvas.setTool(this.tool, { add });
        this.update();
        announce(t(add ? "tool.adds" : "tool.removes"), "tool");
    }

    update({ shown, strokes = this.strokes } = {}) {
        this.strokes = strokes;
        if (shown !== undefined) {
            this.bar.hidden = !shown;
        }
        const looks = this.looks();
        for (const [name, element] of Object.entries(this.#buttons)) {
            const words = name === "mode" ? t(this.add ? "tool.adds" : "tool.removes")
                : t(`tool.${name}`);
            element.setAttribute("aria-label", words);
            element.title = t(`tool.${name}.hint`);
        }
        for (const name of TOOLS) {
            this.#buttons[name].setAttribute("aria-pressed", String(this.tool === name));
        }
        const shape = ["lasso", "rectangle"].includes(this.tool);
        this.#buttons.mode.hidden = !shape;
        this.#buttons.mode.querySelector("use").setAttribute("href",
            `icon.svg#${this.add ? "plus" : "minus"}`);
        this.size.hidden = !["brush", "eraser"].includes(this.tool);
        this.size.setAttribute("aria-label", t("tool.size"));
        this.#buttons.clear.disabled = !strokes;
        const visible = looks.region;
        this.#buttons.shown.setAttribute("aria-pressed", String(visible));
        this.#buttons.shown.querySelector("use").setAttribute("href",
            `icon.svg#${visible ? "shown" : "hidden"}`);
        this.#buttons.edge.setAttribute("aria-pressed", String(looks.style === "edge"));
        this.#settle();
    }
}

/* The slider is even in steps that the eye sees as equal: 1 pixel to half of the picture. */
function sizeOf(place, longest) {
    return (longest / 2) ** (place / 100);
}

function placeOf(size, longest) {
    return 100 * Math.log(Math.max(size, 1)) / Math.log(longest / 2);
}
