#!/usr/bin/env python3
"""How long a model takes to open in each arithmetic, and the memory that it then holds.

    bench/opening.py MODEL [--repeat 5] [--write]

MODEL is a folder or file (tests/models/make_full.py writes one of random weights). Each opening is
a process of its own; they take turns, and the file is in the page cache. Prints medians; the
seconds of all threads together are steadier than those on the clock. --write: into
docs/PERFORMANCE.md.
"""
import argparse
import resource
import statistics
import subprocess
import sys
import time

import library
import page

BEGIN, END = "<!-- bench/opening.py -->\n", "<!-- end of opening -->\n"


def open_once(model, arithmetic):
    start, processor = time.perf_counter(), time.process_time()
    opened = library.Model(model, arithmetic=arithmetic)
    print(time.perf_counter() - start, time.process_time() - processor,
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, opened.kernels)


def measure(model, arithmetic):
    run = subprocess.run([sys.executable, __file__, model, "--once", arithmetic], check=True,
                         stdout=subprocess.PIPE, text=True)
    *numbers, kernels = run.stdout.split()
    return [float(number) for number in numbers], kernels


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="into docs/PERFORMANCE.md")
    parser.add_argument("--once", choices=library.ARITHMETICS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        return open_once(options.model, options.once)
    runs = {arithmetic: [] for arithmetic in library.ARITHMETICS}
    for turn in range(options.repeat + 1):
        for arithmetic in library.ARITHMETICS:
            numbers, kernels = measure(options.model, arithmetic)
            if turn:  # the first may read the file
                runs[arithmetic].append(numbers)
    lines = [f"| {kernels} kernels | seconds | of all threads | peak memory |", "|---|---|---|---|"]
    for arithmetic, of in runs.items():
        seconds, processor, memory = map(statistics.median, zip(*of))
        lines.append(f"| {arithmetic} | {seconds:.2f} | {processor:.2f} | {memory / 1e9:.2f} GB |")
    text = "\n".join([*lines, ""])
    print(text)
    if options.write:
        page.write(BEGIN, END, text)


if __name__ == "__main__":
    main()
