/** The machine that does the work: its memory, its models, its token. */
import { api, ApiError } from "./api.js";
import { bytes, number, onLanguage, t } from "./i18n.js";
import { modelList, modelOf, setModels } from "./option_values.js";
import { sentenceOf } from "./sentences.js";

const $ = (id) => document.getElementById(id);
const EVERY = 15000; /* ms between looks at the machine's memory, while the page is seen */

export class Machine extends EventTarget {
    #status = null;

    /** @param {import("./state.js").State} state */
    constructor(state) {
        super();
        this.state = state;
        $("model").addEventListener("change", () => {
            state.change({ model: $("model").value });
        });
        setInterval(() => document.visibilityState === "visible" && this.refresh(), EVERY);
        onLanguage(() => this.draw());
    }

    async refresh() {
        const [status, models] = await Promise.all([api.status(), api.models()]).catch(
            () => [null, null]);
        if (status) {
            this.#status = status;
            setModels(models.models || models);
            this.draw();
            this.dispatchEvent(new Event("models"));
        }
    }

    get isLocal() {
        return this.#status?.local !== false;
    }

    draw() {
        this.drawModels();
        const status = this.#status;
        $("promise").textContent = t(this.isLocal ? "promise" : "promise.server");
        if (!status) {
            return;
        }
        $("machine").textContent = t(this.isLocal ? "machine.local" : "machine.server",
            { memory: bytes(status.memory.resident) });
        $("machine").title = t(this.isLocal ? "promise" : "promise.server");
        const info = modelOf(this.state.now)?.info;
        const facts = [
            ["machine.memory", t("machine.of", { used: bytes(status.memory.resident),
                all: bytes(status.memory.total) })],
            ["machine.peak", bytes(status.memory.peak)],
            ["machine.store", status.store && t("machine.of", { used: bytes(status.store.bytes),
                all: bytes(status.store.limit) })],
            ["machine.device", info && t("machine.computes", { title: info.device_title,
                arithmetic: t(`choice.${info.arithmetic}`) })],
            ["machine.cores", number(status.cores)],
            ["machine.kernels", status.kernels],
            ["machine.version", status.version],
        ].filter(([, value]) => value);
        $("machine-facts").replaceChildren(...facts.flatMap(([key, value]) => {
            const term = document.createElement("dt");
            const words = document.createElement("dd");
            term.textContent = t(key);
            words.textContent = value;
            return [term, words];
        }));
    }

    /** The list of models, and which one the document means. */
    drawModels() {
        const select = $("model");
        const chosen = modelOf(this.state.now);
        const key = JSON.stringify([modelList(), t("model.open")]);
        if (select.dataset.key !== key) {
            select.dataset.key = key;
            select.replaceChildren(...modelList().map((model) => {
                const option = document.createElement("option");
                option.value = model.name;
                option.textContent = t(model.open ? "model.is-open" : "model.is-closed",
                    { name: model.title || model.name });
                return option;
            }));
        }
        select.value = chosen ? chosen.name : "";
        select.disabled = modelList().length < 2;
    }
}

/** The screen that asks for the token; resolves when the server took one. */
export function wireToken(taken) {
    const dialog = $("token");
    const error = $("token-error");
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    $("token-form").addEventListener("submit", async (event) => {
        event.preventDefault();
        try {
            await api.openSession($("token-value").value.trim());
            dialog.close();
            taken();
        } catch (refused) {
            error.hidden = false;
            error.replaceChildren(...(refused instanceof ApiError && refused.status < 500
                ? [document.createTextNode(t("token.wrong"))] : sentenceOf(refused).nodes));
            $("token-value").focus();
        }
    });
    return () => dialog.open || dialog.showModal();
}

/** A token in the address (a link's fragment) becomes a cookie and leaves the address. */
export async function takeTokenOfAddress() {
    const found = /(?:^#|&)token=([^&]+)/.exec(location.hash);
    if (!found) {
        return;
    }
    history.replaceState(null, "", location.pathname + location.search);
    await api.openSession(decodeURIComponent(found[1])).catch(() => null);
}
