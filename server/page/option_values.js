/**
 * Values of options: the document's own where it has one, else the preset's default. The table
 * comes from the server (GET /api/options), with the model's own defaults.
 */

let table = { presets: [], groups: [], options: [] };
let byName = new Map();
let models = [];

export function setTable(next) {
    table = next;
    byName = new Map(next.options.map((option) => [option.name, option]));
}

export function setModels(list) {
    models = list;
}

export function optionTable() {
    return table;
}

export function optionNamed(name) {
    return byName.get(name);
}

/** The model that a document means: its own, or the server's first. */
export function modelOf(document) {
    return models.find((model) => model.name === document.model)
        || models.find((model) => model.default) || models[0] || null;
}

export function modelList() {
    return models;
}

export function defaultOf(document, name) {
    const option = byName.get(name);
    return option?.defaults?.[document.preset] ?? "";
}

export function valueOf(document, name) {
    return document.options[name] ?? defaultOf(document, name);
}

/** Whether a value is what the preset has anyway, however the number is written. */
export function isDefault(document, name, value) {
    const usual = defaultOf(document, name);
    const numeric = ["int", "real", "seed"].includes(byName.get(name)?.type);
    return value === usual || (numeric && value !== "" && usual !== ""
        && toNumber(value, NaN) === toNumber(usual, NaN));
}

/** The document's options with one set, or without it where it is the default. */
export function withOption(document, name, value) {
    const options = { ...document.options };
    if (value === null || value === defaultOf(document, name)) {
        delete options[name];
    } else {
        options[name] = value;
    }
    return Object.freeze(options);
}

/* A number as the table writes it: "2/3" too. */
export function toNumber(text, otherwise = 0) {
    const [above, below] = String(text).split("/").map(Number);
    const value = below === undefined ? above : above / below;
    return Number.isFinite(value) ? value : otherwise;
}

/** Picture pixels of one cell of the model's latent, where the whole picture is worked on. */
export function cellPixels(document) {
    const info = modelOf(document)?.info;
    const { picture } = document;
    if (!info || !picture) {
        return 8;
    }
    const area = info.native_width * info.native_height;
    const scale = Math.sqrt(picture.width * picture.height / area);
    return info.factor * scale;
}

/** What the canvas computes the region with. */
export function regionValues(document) {
    const feather = valueOf(document, "feather");
    return {
        threshold: toNumber(valueOf(document, "mask-threshold"), 0.5),
        grow: toNumber(valueOf(document, "mask-grow")),
        feather: feather === "cell" ? cellPixels(document) : toNumber(feather),
        fill: valueOf(document, "mask-fill") === "on",
        speck: valueOf(document, "mask-refine") === "on" ? cellPixels(document) ** 2 : 0,
    };
}
