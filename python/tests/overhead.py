"""Times what Python adds: importing, and what a call costs beside the library's own work.

    python python/tests/overhead.py

The figures of docs/PYTHON.md are of this. Each is the least of many, and imports are counted in
seconds of the processor, because other programs run on the machine, too."""
import os
import subprocess
import sys
import time

import diffedit

IMPORTS = {"numpy and Pillow": "import numpy, PIL.Image, PIL.ImageOps",
           "diffedit": "import diffedit"}


def processor_seconds(code):
    """Of a process that runs this, at least."""
    least = float("inf")
    for _ in range(9):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], check=True)
        after = os.times()
        least = min(least, after.children_user - before.children_user +
                    after.children_system - before.children_system)
    return least


def call_seconds(editor, output):
    """What a call takes beside the library's own work, at least."""
    least = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        editor.edit("a horse", "a zebra", steps=2, mask_samples=1, output=output)
        least = min(least, time.perf_counter() - began - editor.stats.total_seconds)
    return least


def main():
    bare = processor_seconds("")
    for name, code in IMPORTS.items():
        print(f"import of {name}: {processor_seconds(code) - bare:.3f} s")
    with diffedit.Model() as model, model.editor(diffedit.POCKET / "samples/horse.png") as editor:
        for output in ("picture", "array", "image"):
            print(f"a call beside the library, {output}: {1e3 * call_seconds(editor, output):.2f} "
                  "ms")


if __name__ == "__main__":
    main()
