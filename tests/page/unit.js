/* The page's modules for tests of the picture alone: window.modules, and a canvas that keeps the
 * strokes as the document would. */
const names = ["canvas", "field", "layer", "mask", "parts", "png", "raster", "region", "view"];
const modules = {};
for (const name of names) {
    modules[name] = await import(`/page/${name}.js`);
}

const canvas = modules.canvas.createCanvas(document.getElementById("view"),
    { words: { t: (key, values) => `${key} ${JSON.stringify(values || {})}` } });
const told = [];
let strokes = [];
canvas.addEventListener("stroke", (event) => {
    strokes = [...strokes, event.detail.operation];
    canvas.setStrokes(strokes);
});
for (const name of ["region", "brush", "compare", "cursor"]) {
    canvas.addEventListener(name, (event) => told.push({ name, ...event.detail,
        place: event.detail.place }));
}

Object.assign(window, { modules, canvas, told,
    strokes: () => strokes,
    setStrokes(list) {
        strokes = list;
        canvas.setStrokes(list);
    },
    async bitmapOf(path) {
        return createImageBitmap(await (await fetch(path)).blob());
    },
    async mapOf(path, width, height) {
        return { width, height,
            data: new Uint16Array(await (await fetch(path)).arrayBuffer()) };
    },
    async base64Of(blob) {
        let text = "";
        for (const byte of new Uint8Array(await blob.arrayBuffer())) {
            text += String.fromCharCode(byte);
        }
        return btoa(text);
    },
    frame() {
        return new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    } });
document.documentElement.dataset.ready = "";
