/** Before and after: the result, a slider over it, both side by side, the original while held. */
import { onLanguage, t } from "./i18n.js";
import { button, roving } from "./toolbar.js";

const MODES = [["none", "picture"], ["slider", "slider"], ["side", "side"]];

export class Compare extends EventTarget {
    #radios = new Map();
    mode = "none";
    at = 0.5;
    #held = false;

    constructor(canvas) {
        super();
        this.group = document.getElementById("compare");
        this.original = document.getElementById("original");
        for (const [mode, iconName] of MODES) {
            const element = button({ name: iconName });
            element.setAttribute("role", "radio");
            element.addEventListener("click", () => this.set(mode));
            this.#radios.set(mode, element);
            this.group.append(element);
        }
        roving(this.group, "both");
        this.group.addEventListener("keyup", (event) => {
            if (event.key.startsWith("Arrow")) {
                document.activeElement.click();
            }
        });
        canvas.addEventListener("compare", (event) => {
            this.at = event.detail.at;
            this.#tell();
        });
        this.#wireOriginal();
        onLanguage(() => this.update());
        this.update();
    }

    #tell() {
        this.dispatchEvent(new Event("change"));
    }

    #wireOriginal() {
        const { original } = this;
        original.addEventListener("pointerdown", (event) => {
            original.setPointerCapture(event.pointerId);
            this.hold(true);
        });
        for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
            original.addEventListener(name, () => this.hold(false));
        }
        original.addEventListener("keydown", (event) => {
            if (event.key === " " || event.key === "Enter") {
                event.preventDefault();
                this.hold(true);
            }
        });
        original.addEventListener("keyup", () => this.hold(false));
    }

    /** Shows the original as long as it is held. */
    hold(held) {
        if (this.#held !== held) {
            this.#held = held;
            this.original.classList.toggle("held", held);
            this.#tell();
        }
    }

    /** What the canvas is told. */
    get shown() {
        return this.#held ? "original" : this.mode;
    }

    set(mode) {
        this.mode = mode;
        this.update();
        this.#tell();
    }

    /** @param {boolean} [there] whether there is a result to compare */
    update(there = !this.group.hidden) {
        this.group.hidden = !there;
        this.original.hidden = !there;
        for (const [mode, element] of this.#radios) {
            element.setAttribute("aria-checked", String(mode === this.mode));
            element.setAttribute("aria-label", t(`compare.${mode}`));
            element.title = t(`compare.${mode}`);
            element.tabIndex = mode === this.mode ? 0 : -1;
        }
    }
}
