#!/usr/bin/env python3
"""The networks of Stable Diffusion 1.4's shape, timed side by side: diffedit in both arithmetics;
diffusers on torch, and OpenVINO, as they compute by default and in f32.

    bench/peers.py                    creates an environment in build/peers, from PyPI
    bench/peers.py --python PYTHON    uses an environment that has torch, diffusers and OpenVINO
    bench/peers.py --write            puts the table into docs/PERFORMANCE.md
    DIFFEDIT_CPU=avx2 bench/peers.py --alone     diffedit alone, on another table of kernels
    bench/peers.py --device gpu:0     on a GPU, beside torch by CUDA in f16, where it has that

All programs get random weights, the same sizes and threads, and their best settings
(bench/networks.py); by its default a program may choose its arithmetic, and says which it chose.
They take turns, and the median is reported, so that other load on the machine affects all of them
alike. In its turn a program runs twice and the second run is timed, because an edit evaluates its
networks back to back. CPU seconds (of all threads) are shown too: where they are far from seconds x
threads, other programs were running. All are open at once: the UNets take 20 GB.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import page

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["torch==2.8.0", "diffusers==0.33.1", "transformers==4.52.4", "openvino", "numpy"]
QUICK, EXACT = ("diffedit", "quick"), ("diffedit", "exact")
TORCH, OPENVINO, OPENVINO_F32 = (("torch", "default"), ("openvino", "default"),
                                 ("openvino", "f32"))
PROGRAMS = {QUICK: "diffedit quick", EXACT: "diffedit exact", TORCH: "torch",
            OPENVINO: "OpenVINO", OPENVINO_F32: "OpenVINO, asked for f32"}
# Heading, whose time is divided by whose: the fastest of these.
RATIOS = [("quick, to the fastest by default", [TORCH, OPENVINO], QUICK),
          ("exact, to the fastest in f32", [TORCH, OPENVINO_F32], EXACT),
          ("quick to exact", [EXACT], QUICK)]
NETWORKS = {"guided": "guided step (UNet, batch 2)", "unet": "UNet, batch 1",
            "decode": "VAE decode",
            "encode": "VAE encode"}
END = "<!-- end -->\n"


def environment():
    folder = SOURCE / "build/peers"
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


class Worker:
    """A program with one network, which runs when asked to."""

    def __init__(self, options, program, network):
        cache = SOURCE / "build/peers-cache"
        cache.mkdir(parents=True, exist_ok=True)
        command = [options.python, SOURCE / "bench/networks.py", *program, network, options.size,
                   options.threads, cache, options.device]
        self.process = subprocess.Popen([str(word) for word in command], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.runs = []

    def wait_until_ready(self):
        ready, _, self.used = self.process.stdout.readline().strip().partition(" ")
        if ready != "ready":
            sys.exit("a program did not start: see above")

    def run(self):
        print(file=self.process.stdin, flush=True)
        self.runs.append(tuple(map(float, self.process.stdout.readline().split())))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(options, network):
    """{program: medians of seconds, processor seconds, a GPU's own seconds, and the share of its
    peak}, {program: what it computed with}"""
    workers = {program: Worker(options, program, network) for program in options.programs}
    for worker in workers.values():
        worker.wait_until_ready()
    for _ in range(options.repeat):
        for worker in workers.values():
            worker.run()
    for worker in workers.values():
        worker.close()
    found = {program: tuple(map(statistics.median, zip(*worker.runs)))
             for program, worker in workers.items()}
    print(network,
          {PROGRAMS[program]: " ".join(f"{run[0]:.2f}" for run in worker.runs)
           for program, worker in workers.items()},
          flush=True)
    return found, {program: worker.used for program, worker in workers.items()}


def cell(seconds, processor, of_gpu, share):
    if not of_gpu:
        return f"{seconds:.2f} s ({processor:.1f})"
    return f"{seconds:.3f} s (GPU {of_gpu:.3f}{f', {share:.0%} of its peak' if share else ''})"


def table(programs, results, used):
    ratios = [ratio for ratio in RATIOS if {*ratio[1], ratio[2]} <= {*programs}]
    headings = [heading for heading, _, _ in ratios]
    headings += [f"{PROGRAMS[program]} ({used[program]})" for program in programs]
    lines = ["| | " + " | ".join(headings) + " |", "|---|" + "---|" * len(headings)]
    for network, found in results.items():
        cells = [f"**{min(found[other][0] for other in others) / found[own][0]:.2f} x**"
                 for _, others, own in ratios]
        cells += [cell(*found[program]) for program in programs]
        lines.append(f"| {NETWORKS[network]} | {' | '.join(cells)} |")
    return lines


def versions(python):
    code = ("import json, torch, diffusers, openvino; "
            "print(json.dumps([torch.__version__, diffusers.__version__, "
            "openvino.__version__.split('-')[0]]))")
    return json.loads(subprocess.run([python, "-c", code], capture_output=True, text=True,
                                     check=True).stdout)


def report(options, results, used):
    peak = subprocess.run([SOURCE / "build/diffedit", "bench", "--shape", "pocket", "--repeat", "1",
                           "--json", "-j", str(options.threads), "--device", options.device,
                           "--arithmetic", "quick"], capture_output=True, text=True,
                          check=True).stdout
    machine = json.loads(peak)
    conditions = (
        f"{options.size}x{options.size}, {options.threads} threads, random weights; medians of "
        f"{options.repeat} turns (the second of two runs each); in brackets, of a program, what it "
        "computed with, and of a time, the seconds of all threads together.")
    setup = (
        f"{datetime.date.today()}; {machine['cpu']}, FMA peak of the {machine['kernels']} kernels "
        f"{machine['fma_peak_gflops']:.0f} GFLOP/s on {options.threads} threads; ")
    if options.device != "cpu":
        conditions += (" Of a GPU they have the seconds by its own clock and, of diffedit, the "
                       "share of its family's peak.")
        setup += (f"{machine['device']} ({machine['device_title']}), peak of the "
                  f"{machine['family']} family, quick, {machine['peak_gflops']:.0f} GFLOP/s; ")
    setup += f"Linux {platform.release()}; "
    if not options.alone:
        setup += "torch {}, diffusers {}, OpenVINO {}; ".format(*versions(options.python))
    setup += (f"command `{command(options)} --size {options.size} --threads {options.threads} "
              f"--repeat {options.repeat}`.")
    return "\n".join([page.paragraph(conditions), "", *table(options.programs, results, used), "",
                      page.paragraph(setup), ""])


def command(options):
    """The command as the page has it, before its numbers."""
    chosen = os.environ.get("DIFFEDIT_CPU")
    return " ".join([*([f"DIFFEDIT_CPU={chosen}"] if chosen else []), "bench/peers.py",
                     *(["--alone"] if options.alone else []),
                     *([f"--device {options.device}"] if options.device != "cpu" else [])])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="an interpreter that has torch, diffusers and openvino")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=NETWORKS, action="append",
                        help="one network; may be repeated")
    parser.add_argument("--alone", action="store_true", help="diffedit without the others")
    parser.add_argument("--device", default="cpu", help="diffedit's: cpu or gpu:N [%(default)s]")
    parser.add_argument("--write", action="store_true", help="into docs/PERFORMANCE.md")
    options = parser.parse_args()
    options.python = options.python or (sys.executable if options.alone else environment())
    options.programs = [QUICK, EXACT] if options.alone else list(PROGRAMS)
    if options.device != "cpu":  # OpenVINO knows Intel's alone
        options.programs = [program for program in options.programs if program[0] != "openvino"]
    results, used = {}, {}
    for network in options.only or NETWORKS:
        results[network], found = measure(options, network)
        used.update(found)
    text = report(options, results, used)
    print(text)
    if options.write:
        page.write(f"<!-- {command(options)} -->\n", END, text)


if __name__ == "__main__":
    main()
