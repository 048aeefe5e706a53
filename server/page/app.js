/** The page: its parts, and who hears whom. */
import { announce } from "./announce.js";
import { api, ServerEvents } from "./api.js";
import { Compare } from "./compare.js";
import { editKey, hasRegion, mapKey } from "./edits.js";
import { Flow } from "./flow.js";
import { History } from "./history.js";
import { currentLanguage, onLanguage, setLanguage, t, translate } from "./i18n.js";
import { Jobs } from "./jobs.js";
import { wireHelp, wireKeys } from "./keys.js";
import { Machine, takeTokenOfAddress, wireToken } from "./machine.js";
import { notice } from "./notices.js";
import { Options } from "./options.js";
import { modelList, modelOf, optionTable, setTable } from "./option_values.js";
import { Panel } from "./panel.js";
import { FRESH, Pictures } from "./pictures.js";
import { onOpenOption } from "./sentences.js";
import { wireCentre, wireClosers, wireSide } from "./side.js";
import { isGone, Stage } from "./stage.js";
import { State } from "./state.js";
import { icon, Toolbar } from "./toolbar.js";
import { Variations } from "./variations.js";

const $ = (id) => document.getElementById(id);

/** A choice of the person that is not the document's: localStorage, where there is one. */
const choices = {
    get(name, otherwise) {
        try {
            return localStorage.getItem(name) ?? otherwise;
        } catch (error) {
            return otherwise;
        }
    },
    set(name, value) {
        try {
            localStorage.setItem(name, value);
        } catch (error) {
            /* it lasts as long as the page */
        }
    },
};

/* How the picture is looked at. `watching`: what runs is looked at, not a result. */
const looks = {
    region: true, outline: false, style: choices.get("style", "tint"), compare: "none", at: 0.5,
    watching: false,
};

const state = new State();
const events = new ServerEvents();
const jobs = new Jobs(state, events);
const stage = new Stage(state, $("view"), () => looks, { t });
const panel = new Panel(state, jobs, stage);
const pictures = new Pictures(state, panel);
const variations = new Variations(state);
const flow = new Flow({ state, jobs, stage, panel, variations, looks });
const options = new Options(state);
const machine = new Machine(state);
const history = new History();
const toolbar = new Toolbar($("tools"), stage.canvas, () => looks);
const compare = new Compare(stage.canvas);
let tableOf = null; /* the model whose defaults the table has, or will have */
let tableLoaded = null;

function update() {
    const { now } = state;
    stage.update();
    panel.update();
    options.update();
    variations.update();
    machine.drawModels();
    const shown = now.shown && !looks.watching;
    compare.update(Boolean(shown));
    toolbar.update({ strokes: now.strokes.length > 0,
        shown: Boolean(now.picture && !shown
            && (now.find || now.given_mask || now.strokes.length > 0 || toolbar.tool)) });
    $("view-bar").hidden = !now.picture;
    $("undo").disabled = !state.canUndo;
    $("redo").disabled = !state.canRedo;
    document.title = now.picture ? `${now.picture.name} – diffedit` : "diffedit";
    describe();
}

/** The view in words, for who does not see it. */
function describe() {
    const { now } = state;
    const parts = [];
    if (now.picture) {
        parts.push(t("stage.picture", now.picture));
        if (now.shown && !looks.watching) {
            parts.push(t("stage.result", { to: variations.shown?.to || "" }));
        }
        parts.push(panel.regionWords());
    }
    $("stage").setAttribute("aria-label", parts.filter(Boolean).join(" ") || t("stage"));
}

async function fetchTable(model) {
    const table = await api.options(model).catch(() => null);
    if (tableOf !== model) {
        return; /* another is wanted by now */
    }
    if (!table) {
        tableOf = null;
        return;
    }
    setTable(table);
    options.build();
    update();
}

/** Resolves when the table of the document's model is there, whoever asked for it first. */
function loadTable() {
    const model = modelOf(state.now)?.name || "";
    if (tableOf !== model) {
        tableOf = model;
        tableLoaded = fetchTable(model);
    }
    return tableLoaded;
}

/** Shows the region, over the picture: something is done to it. */
function showRegion() {
    looks.region = true;
    if (state.now.shown) {
        state.change({ shown: null }, { merge: "shown" });
    } else {
        update();
    }
}

function wireState() {
    state.addEventListener("change", (event) => {
        const { fields, by } = event.detail;
        if (by === "change" && (fields.has("strokes") || fields.has("options"))) {
            looks.region = true;
        }
        if (by !== "change") {
            const names = [...fields].filter((name) => name !== "made")
                .map((name) => t(`field.${name}`));
            announce(t(by === "undo" ? "undone" : "redone", { what: names.join(", ") }), "undo");
        }
        if (fields.has("model")) {
            loadTable();
        }
        update();
    });
    state.addEventListener("unsaved", () => notice("unsaved", t("unsaved")));
    stage.addEventListener("region", () => {
        describe();
        announce(panel.regionWords(), "region");
    });
    stage.addEventListener("lost", (event) => {
        const { part, error } = event.detail;
        if (isGone(error)) {
            notice("lost", t(`lost.${part}`));
        }
    });
    stage.canvas.addEventListener("cursor", (event) => announce(event.detail.words, "cursor"));
    stage.canvas.addEventListener("stroke", (event) => {
        state.change({ strokes: Object.freeze([...state.now.strokes, event.detail.operation]),
            shown: null });
    });
}

function wireTools() {
    toolbar.addEventListener("tool", (event) => event.detail && showRegion());
    toolbar.addEventListener("invert", () => stage.canvas.invert());
    toolbar.addEventListener("clear", clearStrokes);
    toolbar.addEventListener("shown", toggleRegion);
    toolbar.addEventListener("style", () => {
        looks.style = looks.style === "edge" ? "tint" : "edge";
        choices.set("style", looks.style);
        showRegion();
    });
    toolbar.addEventListener("mask-in", () => $("mask-file").click());
    toolbar.addEventListener("mask-out", saveMask);
    $("mask-file").addEventListener("change", () => {
        takeMask($("mask-file").files[0]);
        $("mask-file").value = "";
    });
    stage.addEventListener("picture", () => {
        if (state.now.picture) {
            toolbar.setPicture(state.now.picture);
        }
    });
    compare.addEventListener("change", () => {
        looks.compare = compare.shown;
        looks.at = compare.at;
        compare.update();
        stage.update();
    });
    variations.addEventListener("show", () => {
        looks.watching = false;
        update();
    });
    $("zoom-in").addEventListener("click", () => stage.canvas.zoomBy(1.25));
    $("zoom-out").addEventListener("click", () => stage.canvas.zoomBy(1 / 1.25));
    $("zoom-fit").addEventListener("click", () => stage.canvas.fit());
    $("use").addEventListener("click",
        () => state.now.shown && pictures.takeResult(state.now.shown));
    pictures.nextFrom = () => variations.shown?.to || state.now.to.split("\n")[0];
    pictures.optionNames = () => optionTable().options.map((option) => option.name);
    pictures.modelNames = () => modelList().map((model) => model.name);
    pictures.addEventListener("sample", () => flow.edit());
    pictures.addEventListener("taken", () => {
        looks.watching = false;
        toolbar.choose(null);
        update();
        if (!state.now.from) {
            $("from").focus();
        }
    });
    pictures.addEventListener("restored", async (event) => {
        if (event.detail) {
            await takeCorrection(event.detail);
        }
        if (!state.now.given_mask) {
            flow.find();
        }
    });
}

function clearStrokes() {
    if (state.now.strokes.length > 0) {
        state.change({ strokes: Object.freeze([]), shown: null });
        announce(t("cleared"), "tool");
    }
}

function toggleRegion() {
    const name = state.now.shown && !looks.watching ? "outline" : "region";
    looks[name] = !looks[name];
    announce(t(looks[name] ? "region.shown" : "region.hidden"), "tool");
    update();
}

async function takeMask(file) {
    if (!file) {
        return;
    }
    try {
        const mask = await api.uploadMask(file);
        looks.region = true;
        state.change({ given_mask: mask.id, shown: null });
    } catch (error) {
        panel.setError("job", error);
    }
}

async function saveMask() {
    const blob = await stage.canvas.maskBlob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${state.now.picture.name.replace(/\.[^.]+$/, "")}-mask.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** What was painted comes back as one operation that holds its pixels. */
async function takeCorrection(id) {
    const blob = await api.send("GET", `/api/masks/${id}`).then((answer) => answer.blob());
    await stage.pictureReady;
    const operation = await stage.canvas.operationOf(await createImageBitmap(blob));
    state.change({ strokes: Object.freeze([...state.now.strokes, operation]) });
}

/** A result of the history, with all that made it. */
async function openResult(result) {
    try {
        const [picture, job] = await Promise.all([api.picture(result.picture),
            api.job(result.job).catch(() => null)]);
        const document = { ...FRESH, picture, from: result.from, to: result.to,
            negative: result.negative || "", preset: result.preset || "fast",
            model: modelList().some((one) => one.name === result.model && !one.default)
                ? result.model : "",
            options: Object.freeze({ ...result.options }), given_mask: result.mask || null,
            variations: Object.freeze([result.id]), shown: result.id };
        if (job?.region && !document.given_mask) {
            document.find = Object.freeze({ job: job.id, width: job.region.width,
                height: job.region.height, key: mapKey(document) });
        }
        looks.watching = false;
        state.change({ ...document, made: editKey(document) });
        if (result.correction) {
            await takeCorrection(result.correction);
            state.change({ made: editKey(state.now), shown: result.id });
        }
        announce(t("history.opened", { to: result.to }), "history");
    } catch (error) {
        panel.setError(state.now.picture ? "job" : "picture", error);
    }
}

function wireHistory(open) {
    history.addEventListener("open", (event) => openResult(event.detail));
    history.addEventListener("kept", (event) => variations.learn(event.detail));
    history.addEventListener("deleted", (event) => {
        const gone = new Set(event.detail);
        const left = state.now.variations.filter((id) => !gone.has(id));
        if (left.length < state.now.variations.length) {
            state.change({ variations: Object.freeze(left),
                shown: gone.has(state.now.shown) ? null : state.now.shown });
        }
    });
    variations.addEventListener("kept", () => history.isOpen && history.load());
    jobs.addEventListener("ended", () => history.isOpen && history.load());
    return open;
}

function wirePage(openHelp, openHistory) {
    const single = () => choices.get("keys", "on") === "on";
    const showTheme = () => {
        const theme = choices.get("theme", "auto");
        if (theme === "auto") {
            delete document.documentElement.dataset.theme;
        } else {
            document.documentElement.dataset.theme = theme;
        }
        $("page-theme").value = theme;
        stage.canvas.dispatchEvent(new Event("theme"));
    };
    const setTheme = (theme) => {
        choices.set("theme", theme);
        showTheme();
    };
    const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark"
        || (!document.documentElement.dataset.theme
            && matchMedia("(prefers-color-scheme: dark)").matches);
    $("theme").addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
    $("page-theme").addEventListener("change", () => setTheme($("page-theme").value));
    $("language").addEventListener("click",
        () => setLanguage(currentLanguage() === "zh" ? "en" : "zh"));
    $("page-language").addEventListener("change", () => setLanguage($("page-language").value));
    $("page-keys").checked = single();
    $("page-keys").addEventListener("change",
        () => choices.set("keys", $("page-keys").checked ? "on" : "off"));
    $("undo").addEventListener("click", () => state.undo());
    $("redo").addEventListener("click", () => state.redo());
    const tool = (name) => () => state.now.picture
        && toolbar.choose(toolbar.tool === name ? null : name);
    wireKeys({
        next: () => panel.next(), undo: () => state.undo(), redo: () => state.redo(),
        escape, brush: tool("brush"), eraser: tool("eraser"), lasso: tool("lasso"),
        rectangle: tool("rectangle"), fill: tool("fill"),
        mode: () => toolbar.setAdd(!toolbar.add),
        invert: () => hasRegion(state.now) && stage.canvas.invert(),
        smaller: () => toolbar.stepBrush(-1), larger: () => toolbar.stepBrush(1),
        shown: toggleRegion, original: (held) => compare.hold(held && Boolean(state.now.shown)),
        in: () => stage.canvas.zoomBy(1.25), out: () => stage.canvas.zoomBy(1 / 1.25),
        fit: () => stage.canvas.fit(), history: openHistory, help: openHelp,
    }, single);
    showTheme();
    showLanguage();
}

function showLanguage() {
    $("language").textContent = currentLanguage() === "zh" ? "English" : "中文";
    $("language").lang = currentLanguage() === "zh" ? "en" : "zh-CN";
    $("page-language").value = currentLanguage();
}

/** Escape stops what runs, else leaves what is entered. */
function escape(event) {
    if (document.querySelector("dialog:modal")) {
        return;
    }
    event.preventDefault();
    if (jobs.running.length > 0) {
        flow.stop();
    } else if (toolbar.tool) {
        toolbar.choose(null);
    } else if (document.querySelector("dialog.side[open]")) {
        document.querySelector("dialog.side[open]").close();
    } else {
        document.activeElement.blur();
    }
}

function wireServer() {
    const askToken = wireToken(() => start());
    api.addEventListener("token", askToken);
    api.addEventListener("away", () => notice("away", t("away"), { closes: false }));
    api.addEventListener("back", () => {
        notice("away", null);
        announce(t("back"), "away");
        tableOf = null;
        start();
    });
    machine.addEventListener("models", () => {
        loadTable();
        update(); /* what is known of the model, such as the size of its cells */
    });
    jobs.addEventListener("ended", () => modelOf(state.now)?.info || machine.refresh());
    events.addEventListener("open", () => stage.retry());
}

/** What needs the server; again after it was away. */
async function start() {
    await machine.refresh();
    await loadTable();
    api.samples().then((list) => pictures.showSamples(list.samples || list), () => null);
    events.start();
    stage.retry();
}

async function boot() {
    for (const element of document.querySelectorAll("[data-icon]")) {
        element.prepend(icon(element.dataset.icon));
    }
    translate();
    wireState();
    wireTools();
    wireClosers();
    wireServer();
    const openHistory = wireHistory(wireSide($("history"), $("history-open"),
        () => history.load()));
    const openOptions = wireSide($("options"), $("options-open"));
    const openHelp = wireCentre($("help"), $("help-open"), $("help-open-too"));
    onOpenOption((name) => {
        openOptions();
        options.focus(name);
    });
    wireHelp();
    wirePage(openHelp, openHistory);
    onLanguage(() => {
        showLanguage();
        update();
    });
    machine.draw();
    await state.load();
    update();
    await takeTokenOfAddress();
    await start();
    document.documentElement.dataset.ready = "";
}

boot();
