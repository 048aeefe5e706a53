/** Find, edit, stop; and what comes back: regions, results, failures. */
import { announce } from "./announce.js";
import { api } from "./api.js";
import { another, editBodies, editKey, findBody, mapKey } from "./edits.js";
import { number, t } from "./i18n.js";
import { newId } from "./ids.js";
import { modelOf, valueOf } from "./option_values.js";

export class Flow extends EventTarget {
    #sending = false;
    #previewed = null;

    /**
     * @param {{state: import("./state.js").State, jobs: import("./jobs.js").Jobs,
     *     stage: import("./stage.js").Stage, panel: import("./panel.js").Panel,
     *     variations: import("./variations.js").Variations, looks: object}} parts
     */
    constructor(parts) {
        super();
        Object.assign(this, parts);
        const { jobs, panel } = this;
        panel.addEventListener("find", () => this.find());
        panel.addEventListener("edit", () => this.edit());
        panel.addEventListener("more", () => this.more());
        panel.addEventListener("stop", () => this.stop());
        panel.addEventListener("download", () => document.getElementById("download").click());
        jobs.addEventListener("ended", (event) => this.#ended(event.detail.job));
        jobs.addEventListener("failed", (event) => {
            panel.setError("job", event.detail.error);
            this.#quiet();
        });
        jobs.addEventListener("preview", (event) => this.#preview(event.detail));
        jobs.addEventListener("change", () => panel.update());
    }

    #begin() {
        this.panel.setError("job", null);
        this.looks.watching = true;
        this.stage.update();
    }

    find() {
        const { state, panel, jobs } = this;
        if (!state.now.picture || jobs.running.length > 0 || !panel.checkTexts()) {
            return;
        }
        this.#begin();
        this.#keyOf(jobs.submit([findBody(state.now)]));
        announce(t("progress.find"), "progress");
    }

    /* What a job was asked with, to tell later whether its region is still of these texts. */
    #keyOf(ids) {
        const { session } = this.state;
        const keys = { ...session.keys };
        for (const id of Object.keys(keys)) {
            if (!this.jobs.pending.some((body) => body.id === id)) {
                delete keys[id];
            }
        }
        ids.forEach((id) => {
            keys[id] = mapKey(this.state.now);
        });
        this.state.setSession({ keys });
    }

    async edit() {
        const { state, panel, jobs, stage } = this;
        const asked = state.now;
        if (!asked.picture || jobs.running.length > 0 || this.#sending || !panel.checkTexts()) {
            return;
        }
        this.#sending = true;
        this.#begin();
        try {
            const masks = await stage.upload();
            const bodies = editBodies(asked, panel.count, { ...masks,
                seed: valueOf(asked, "seed"), encode: valueOf(asked, "encode"), group: newId(),
                inpaints: modelOf(asked)?.info?.inpaints });
            this.#keyOf(jobs.submit(bodies));
            state.setSession({ made: editKey(asked) });
            announce(t("progress.edit"), "progress");
        } catch (error) {
            panel.setError("job", error);
            this.#quiet();
        } finally {
            this.#sending = false;
        }
    }

    /** The same once more, another picture of it. */
    more() {
        const { state, panel } = this;
        const { now } = state;
        const options = another(now.options, panel.count, { seed: valueOf(now, "seed"),
            encode: valueOf(now, "encode") });
        state.change({ options: Object.freeze(options) });
        this.edit();
    }

    stop() {
        this.jobs.stop();
    }

    async #preview(preview) {
        const body = this.jobs.pending.find((one) => one.id === preview.job);
        if (this.looks.watching && body && body.picture === this.state.now.picture?.id) {
            this.#previewed = preview.job;
            await this.stage.setPreview(preview);
        }
    }

    /* Nothing is watched any more: what the document shows is shown. */
    #quiet() {
        if (this.jobs.running.length === 0) {
            this.looks.watching = false;
        }
        this.#previewed = null;
        this.stage.setPreview(null);
        this.panel.update();
    }

    async #ended(job) {
        const { state, panel } = this;
        const ours = job.picture === state.now.picture?.id;
        const key = state.session.keys?.[job.id] || "";
        if (job.state === "failed") {
            panel.setError("job", { kind: job.error, message: job.message, option: job.option });
        } else if (job.state === "stopped") {
            announce(t("stopped"), "progress");
        } else if (job.kind === "find" && ours) {
            this.looks.region = true;
            state.change({ find: findOf(job, key), given_mask: null, shown: null });
            this.dispatchEvent(new Event("found"));
        } else if (job.result && ours) {
            await this.#take(job, key);
        } else if (job.result) {
            announce(t("done.elsewhere"), "progress");
        }
        this.#say(job);
        this.#quiet();
    }

    #say(job) {
        const words = (job.warnings || []).join(" ");
        if (words && job.state === "done") {
            this.panel.setError("job", { kind: "warning", message: words });
        }
    }

    /* A result joins the strip; the first of those asked for together is looked at. */
    async #take(job, key) {
        const { state, looks, variations } = this;
        await variations.get(job.result).catch(() => null);
        const { now } = state;
        const first = looks.watching;
        const patch = { variations: Object.freeze([...now.variations, job.result]) };
        if (first || !now.shown) {
            looks.watching = false;
            patch.shown = job.result;
            patch.made = state.session.made || null;
        }
        if (job.region && !job.mask && (!now.find || now.find.key !== key)) {
            patch.find = findOf(job, key);
        }
        state.change(patch, { merge: job.group ? `group ${job.group}` : undefined });
        announce(t("done", { seconds: number(job.seconds || 0, 1) }), "progress");
    }
}

function findOf(job, key) {
    return Object.freeze({ job: job.id, width: job.region.width, height: job.region.height, key });
}
