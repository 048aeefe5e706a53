"""The page in a browser: first paint, bytes, and what a move of a slider or of the brush computes.

    DIFFEDIT=build/diffedit /usr/bin/python3 bench/page_times.py        half a minute

Prints rows for docs/PERFORMANCE.md; times are medians.
"""
import gzip
import pathlib
import statistics
import sys
import tempfile

import numpy as np
import PIL.Image

SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests/page"))

from alone import Alone, serving_alone  # noqa: E402
from browser import Page, browsing, serving  # noqa: E402

RELOADS, STROKES = 9, 400
WIDTH, HEIGHT = 1280, 960  # of the map

MOVES = """
    const moves = {
        threshold: (i) => ({ threshold: 0.4 + i / 100 }),
        grow: (i) => ({ grow: 10 + 4 * i }),
        shrink: (i) => ({ grow: -10 - 4 * i }),
        feather: (i) => ({ grow: 0, feather: 10 + 4 * i }),
    };
    const taken = {};
    for (const [name, move] of Object.entries(moves)) {
        taken[name] = [];
        for (let i = 0; i < 20; i++) {
            told.length = 0;
            canvas.setOptions(move(i));
            await frame();
            taken[name].push(told.find((one) => one.name === "region").milliseconds);
        }
    }
    return taken;"""

BRUSH = """
    const taken = [];
    for (let stroke = 0; stroke < 5; stroke++) {
        const operation = { tool: "brush", size: 60, points: [50, 50 + 60 * stroke] };
        canvas.draw(operation, 0);
        for (let i = 1; i < 40; i++) {
            const begin = performance.now();
            operation.points.push(50 + 10 * i, 50 + 60 * stroke + 20 * Math.sin(i));
            canvas.draw(operation, 2 * i);
            canvas.mask.update();
            taken.push(performance.now() - begin);
        }
        canvas.commit(operation, true);
        await frame();
    }
    return taken;"""

UNDO = """
    const strokes = args[0], taken = [];
    canvas.setStrokes(strokes);
    canvas.mask.update();
    for (let count = strokes.length - 1; count > 0; count--) {
        const begin = performance.now();
        canvas.setStrokes(strokes.slice(0, count));
        canvas.mask.update();
        taken.push(performance.now() - begin);
    }
    return taken;"""


def row(what, milliseconds):
    print(f"| {what} | {statistics.median(milliseconds):.1f} ms | {max(milliseconds):.1f} ms |",
          flush=True)


def measure_paint(browser, folder):
    with serving(folder) as server:
        page = Page(browser, server)
        page.open()
        paints = []
        for _ in range(RELOADS):
            page.reload()
            paints.append(page.until(lambda: page.js("""
                const paint = performance.getEntriesByName("first-contentful-paint")[0];
                return paint && paint.startTime;"""), "a first paint"))
    row("first contentful paint", paints)


def measure_moves(browser, folder):
    random = np.random.default_rng(1)
    strokes = [{"tool": "brush" if i % 3 else "eraser", "size": 100 + i % 300,
                "points": random.uniform(0, 3800, 12).round(1).tolist()} for i in range(STROKES)]
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    with serving_alone(folder) as server:
        alone = Alone(browser, server)
        alone.open()
        alone.show(PIL.Image.new("RGB", (64, 48)), 4 * WIDTH, 4 * HEIGHT)
        alone.set_map(1 - np.hypot(x - 600, y - 480) / 700 + 0.1 * np.sin(x / 60) * np.sin(y / 70))
        alone.options(threshold=0.5, feather=32, fill=True)
        for name, taken in alone.wait(MOVES).items():
            row(f"a move of {name}", taken)
        row("a move of the brush", alone.wait(BRUSH))
        row(f"undo, of {STROKES} strokes", alone.wait(UNDO, strokes))


def main():
    files = [path.read_bytes() for path in (SOURCE / "server/page").iterdir()
             if path.suffix != ".build"]
    print(f"{len(files)} files, {sum(map(len, files)) / 1e3:.0f} kB, compressed "
          f"{sum(len(gzip.compress(data)) for data in files) / 1e3:.0f} kB")
    with browsing() as browser:
        for measure in (measure_paint, measure_moves):
            with tempfile.TemporaryDirectory() as folder:
                measure(browser, pathlib.Path(folder))


if __name__ == "__main__":
    main()
