/**
 * The jobs that this page asked for. What is asked is remembered before it is sent, under an id
 * that makes a repeat harmless: a reload, a closed lid or a restarted server lose nothing.
 * Events: "change" (the list, or a job in it), "preview", "ended" {job}, "failed" {body, error}.
 */
import { api, ApiError, Away } from "./api.js";
import { newId } from "./ids.js";

const ENDED = new Set(["done", "failed", "stopped"]);

export class Jobs extends EventTarget {
    #jobs = new Map(); /* id -> the job as the server told last */
    #sending = new Set(); /* ids of those that are on their way to the server */
    #stopped = new Set(); /* those of them that are not wanted any more */
    #later = false; /* one of them is to be asked for when it is there: the events had a gap */

    /**
     * @param {import("./state.js").State} state
     * @param {import("./api.js").ServerEvents} events
     */
    constructor(state, events) {
        super();
        this.state = state;
        events.addEventListener("job", (event) => this.#heard(event.detail));
        events.addEventListener("preview", (event) => {
            if (this.#isOurs(event.detail.job)) {
                this.#tell("preview", event.detail);
            }
        });
        events.addEventListener("open", () => this.attach());
    }

    get pending() {
        return this.state.session.pending;
    }

    /** The jobs that have not ended, first asked first; one that was not taken yet has no state. */
    get running() {
        return this.pending.map((body) => this.#jobs.get(body.id) || { ...body, state: "sending" });
    }

    #isOurs(id) {
        return this.pending.some((body) => body.id === id);
    }

    #tell(name, detail) {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    /** Asks for jobs; each body as POST /api/jobs takes it, but without an id. */
    submit(bodies) {
        const asked = bodies.map((body) => ({ id: newId(), ...body }));
        this.state.setSession({ pending: [...this.pending, ...asked] });
        this.#tell("change");
        asked.forEach((body) => this.#sending.add(body.id));
        asked.reduce((before, body) => before.then(() => this.#send(body)), Promise.resolve());
        return asked.map((body) => body.id);
    }

    async #send(body) {
        this.#sending.add(body.id); /* a repeat does no harm */
        try {
            while (this.#isOurs(body.id)) {
                try {
                    const job = await api.postJob(body);
                    if (this.#stopped.delete(body.id)) {
                        await api.stop(body.id);
                    }
                    this.#heard(job);
                    break;
                } catch (error) {
                    if (!(error instanceof Away)) {
                        throw error;
                    }
                    await api.reached();
                }
            }
        } catch (error) {
            if (this.#isOurs(body.id)) {
                this.#forget(body.id);
                this.#tell("failed", { body, error });
            }
        } finally {
            this.#sending.delete(body.id);
            this.#stopped.delete(body.id);
            if (this.#later) {
                this.#later = false;
                this.attach();
            }
        }
    }

    #forget(id) {
        this.state.setSession({ pending: this.pending.filter((body) => body.id !== id) });
        this.#jobs.delete(id);
        this.#tell("change");
    }

    #heard(job) {
        if (!job || !this.#isOurs(job.id)) {
            return;
        }
        this.#jobs.set(job.id, job);
        if (ENDED.has(job.state)) {
            this.#forget(job.id);
            this.#tell("ended", { job });
        } else {
            this.#tell("change");
        }
    }

    /** Finds out what became of the pending jobs; sends again what the server does not know. */
    async attach() {
        for (const body of this.pending) {
            if (this.#sending.has(body.id)) {
                this.#later = true;
                continue;
            }
            try {
                this.#heard(await api.job(body.id));
            } catch (error) {
                if (error instanceof ApiError && error.status === 404) {
                    this.#send(body);
                } else if (error instanceof Away) {
                    return; /* the events say when it is back */
                }
            }
        }
    }

    /** Stops all that runs and waits. */
    async stop() {
        for (const body of [...this.pending].reverse()) {
            if (this.#sending.has(body.id)) {
                this.#stopped.add(body.id);
                this.#heard({ ...body, state: "stopped" });
                continue;
            }
            try {
                this.#heard(await api.stop(body.id));
            } catch (error) {
                this.#forget(body.id);
            }
        }
    }
}
