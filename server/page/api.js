/**
 * The server, as functions. A refusal is an ApiError with the server's own sentence; a server that
 * cannot be reached is an Away. `api` tells of it: "away", "back", "token" (one is asked for).
 */

/** The server refused: `message` is its sentence. */
export class ApiError extends Error {
    constructor(status, { error = "", message = "", option = null } = {}) {
        super(message || `HTTP ${status}`);
        this.status = status;
        this.kind = error;
        this.option = option;
    }
}

/** The server could not be reached. */
export class Away extends Error {}

const RETRY_FIRST = 500;
const RETRY_LONGEST = 5000;

function wait(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function query(parameters) {
    const pairs = Object.entries(parameters).filter(([, value]) => value || value === 0);
    return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : "";
}

class Api extends EventTarget {
    #reaching = null;

    /** @returns {Promise<Response>} */
    async send(method, path, { json, body, signal, keepalive } = {}) {
        const headers = {};
        if (json !== undefined) {
            headers["Content-Type"] = "application/json";
            body = JSON.stringify(json);
        } else if (body !== undefined) {
            headers["Content-Type"] = body.type || "application/octet-stream";
        }
        let response;
        try {
            response = await fetch(path, { method, headers, body, signal, keepalive });
        } catch (error) {
            if (error.name === "AbortError") {
                throw error;
            }
            this.#lost();
            throw new Away(String(error));
        }
        if (response.ok) {
            return response;
        }
        const said = await response.json().catch(() => ({}));
        if (response.status === 401) {
            this.dispatchEvent(new Event("token"));
        }
        throw new ApiError(response.status, said);
    }

    async json(method, path, options) {
        const response = await this.send(method, path, options);
        return response.status === 204 ? null : response.json().catch(() => null);
    }

    #lost() {
        if (!this.#reaching) {
            this.dispatchEvent(new Event("away"));
            this.#reaching = this.#reach().finally(() => {
                this.#reaching = null;
            });
        }
    }

    async #reach() {
        for (let pause = RETRY_FIRST; ; pause = Math.min(pause * 2, RETRY_LONGEST)) {
            await wait(pause);
            const answer = await fetch("/api/status").catch(() => null);
            if (answer && answer.status < 500) {
                this.dispatchEvent(new Event("back"));
                return;
            }
        }
    }

    /** Resolves when the server answers (again). */
    async reached() {
        await this.#reaching;
    }

    /** Says that a stream broke: looks whether the server is there. */
    async check() {
        const answer = await fetch("/api/status").catch(() => null);
        if (!answer) {
            this.#lost();
            await this.#reaching;
        } else if (answer.status === 401) {
            this.dispatchEvent(new Event("token"));
        }
    }

    status() {
        return this.json("GET", "/api/status");
    }

    openSession(token) {
        return this.json("POST", "/api/session", { json: { token } });
    }

    options(model) {
        return this.json("GET", `/api/options${query({ model })}`);
    }

    models() {
        return this.json("GET", "/api/models");
    }

    samples() {
        return this.json("GET", "/api/samples");
    }

    useSample(name) {
        return this.json("POST", `/api/samples/${name}`);
    }

    /** @param {Blob} file */
    upload(file, name, signal) {
        return this.json("POST", `/api/pictures${query({ name })}`, { body: file, signal });
    }

    picture(id) {
        return this.json("GET", `/api/pictures/${id}`);
    }

    /** @param {Blob} file */
    uploadMask(file) {
        return this.json("POST", "/api/masks", { body: file });
    }

    postJob(job) {
        return this.json("POST", "/api/jobs", { json: job });
    }

    job(id) {
        return this.json("GET", `/api/jobs/${id}`);
    }

    stop(id) {
        return this.json("POST", `/api/jobs/${id}/stop`);
    }

    async map(id) {
        const response = await this.send("GET", `/api/jobs/${id}/map`);
        return new Uint16Array(await response.arrayBuffer());
    }

    results(parameters) {
        return this.json("GET", `/api/results${query(parameters)}`);
    }

    result(id) {
        return this.json("GET", `/api/results/${id}`);
    }

    keep(id, kept) {
        return this.json("PATCH", `/api/results/${id}`, { json: { kept } });
    }

    deleteResult(id, keepalive = false) {
        return this.json("DELETE", `/api/results/${id}`, { keepalive });
    }

    deleteResults(unkeptOnly, keepalive = false) {
        return this.json("DELETE", `/api/results${unkeptOnly ? "?kept=0" : ""}`, { keepalive });
    }

    resultAsPicture(id) {
        return this.json("POST", `/api/results/${id}/picture`);
    }
}

export const api = new Api();

/** What the server tells by itself: "job" and "preview" with its data, "open" after each gap. */
export class ServerEvents extends EventTarget {
    #source = null;
    #timer = 0;

    start() {
        clearTimeout(this.#timer);
        this.#source?.close();
        const source = new EventSource("/api/events");
        this.#source = source;
        source.onopen = () => this.dispatchEvent(new Event("open"));
        source.onerror = () => {
            const closed = source.readyState === EventSource.CLOSED;
            api.check().then(() => {
                if (closed && source === this.#source) {
                    this.#timer = setTimeout(() => this.start(), 1000);
                }
            });
        };
        for (const name of ["job", "preview"]) {
            source.addEventListener(name, (event) => {
                this.dispatchEvent(new CustomEvent(name, { detail: JSON.parse(event.data) }));
            });
        }
    }

    stop() {
        clearTimeout(this.#timer);
        this.#source?.close();
        this.#source = null;
    }
}
