/**
 * What is asked of the server, from the document alone: bodies of jobs, and keys that tell whether
 * a region or a result still belongs to what stands in the fields.
 */

/* Options that another map comes from; the others act on the map, or after it. */
const OF_THE_MAP = ["seed", "rng", "posterior", "mask-method", "mask-noise-level", "mask-samples",
    "mask-limit", "mask-filter", "mask-refine", "size", "prompt-syntax", "arithmetic"];

/** The texts that are asked for, one a line. */
export function targets(document) {
    const lines = document.to.split("\n").map((line) => line.trim()).filter((line) => line);
    return lines.length > 0 ? lines : [""];
}

export function mapKey(document) {
    const options = OF_THE_MAP.map((name) => document.options[name] ?? null);
    return JSON.stringify([document.from.trim(), targets(document)[0], document.model,
        document.preset, options]);
}

/* Operations are never changed, so what one looks like is computed once. */
const looks = new WeakMap();

function look(operation) {
    let hash = looks.get(operation);
    if (hash === undefined) {
        hash = 5381;
        for (const character of JSON.stringify(operation)) {
            hash = (Math.imul(hash, 33) ^ character.charCodeAt(0)) >>> 0;
        }
        looks.set(operation, hash);
    }
    return hash;
}

/** Equal for documents whose edits are the same picture. */
export function editKey(document) {
    const options = Object.entries(document.options).sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify([document.picture?.id, document.from.trim(), targets(document),
        document.negative, document.model, document.preset, options, document.given_mask,
        document.strokes.map(look)]);
}

/** Whether there is a region, found for what stands in the fields or given. */
export function hasRegion(document) {
    return Boolean(document.given_mask) || document.find?.key === mapKey(document)
        || (!document.find && document.strokes.length > 0);
}

/** "drop" | "find" | "edit" | "download": the obvious next thing. */
export function phase(document) {
    if (!document.picture) {
        return "drop";
    }
    if (document.shown && document.made === editKey(document)) {
        return "download";
    }
    return hasRegion(document) ? "edit" : "find";
}

function common(document, to) {
    const body = { picture: document.picture.id, preset: document.preset,
        from: document.from.trim(), to, options: { ...document.options } };
    if (document.model) {
        body.model = document.model;
    }
    if (document.negative.trim()) {
        body.negative = document.negative.trim();
    }
    return body;
}

export function findBody(document) {
    return { kind: "find", ...common(document, targets(document)[0]) };
}

/** The seed `by` further on, as text; seeds have 64 bits. */
export function seedAfter(seed, by) {
    return BigInt.asUintN(64, BigInt(seed) + BigInt(by)).toString();
}

/**
 * Options that give another picture of the same. Where an edit begins with the picture's own
 * encoding, a seed changes the region and hardly more; so further results begin with noise.
 * @param {string} seed @param {string} encode  the values that hold now
 */
export function another(options, by, { seed, encode }) {
    const next = { ...options, seed: seedAfter(seed, by) };
    if (encode === "auto") {
        next.encode = "none";
    }
    return next;
}

/**
 * Bodies of the jobs of an edit: each text with each of `count` seeds.
 * @param {{mask?: string, correction?: string, seed: string, encode: string, group: string,
 *     inpaints?: boolean}} given  ids of uploaded masks; values where none was chosen
 */
export function editBodies(document, count, given) {
    const { mask, correction, group, inpaints } = given;
    const bodies = [];
    for (const to of targets(document)) {
        for (let i = 0; i < count; i++) {
            const body = { kind: mask && inpaints ? "inpaint" : "edit", ...common(document, to) };
            if (i > 0) {
                body.options = another(body.options, i, given);
            }
            if (mask) {
                body.mask = mask;
            }
            if (correction) {
                body.correction = correction;
            }
            bodies.push(body);
        }
    }
    return bodies.length > 1 ? bodies.map((body) => ({ ...body, group })) : bodies;
}
