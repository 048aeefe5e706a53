#!/usr/bin/env python3
"""The networks of Stable Diffusion 1.4's shape, timed side by side: diffedit, diffusers on torch,
OpenVINO.

    bench/peers.py                    creates an environment in build/peers, from PyPI
    bench/peers.py --python PYTHON    uses an environment that has torch, diffusers and OpenVINO
    bench/peers.py --write            puts the table into docs/PERFORMANCE.md

All programs get random weights, the same sizes and threads, f32 arithmetic and their best settings
(bench/networks.py). They take turns, and the median is reported, so that other load on the machine
affects all of them alike. In its turn a program runs twice and the second run is timed, because an
edit evaluates its networks back to back. CPU seconds (of all threads) are shown too: where they are
far from seconds x threads, other programs were running.
"""
import argparse
import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys

import page

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["torch==2.8.0", "diffusers==0.33.1", "transformers==4.52.4", "openvino", "numpy"]
PROGRAMS = ["diffedit", "torch", "openvino"]
NETWORKS = {"guided": "guided step (UNet, batch 2)", "unet": "UNet, batch 1",
            "decode": "VAE decode",
            "encode": "VAE encode"}
BEGIN, END = "<!-- bench/peers.py -->\n", "<!-- end -->\n"


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
        command = [options.python, SOURCE / "bench/networks.py", program, network, options.size,
                   options.threads, cache]
        self.process = subprocess.Popen([str(word) for word in command], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.runs = []

    def wait_until_ready(self):
        if self.process.stdout.readline() != "ready\n":
            sys.exit("a program did not start: see above")

    def run(self):
        print(file=self.process.stdin, flush=True)
        self.runs.append(tuple(map(float, self.process.stdout.readline().split())))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(options, network):
    """{program: (median seconds, median processor seconds)}"""
    workers = {program: Worker(options, program, network) for program in PROGRAMS}
    for worker in workers.values():
        worker.wait_until_ready()
    for _ in range(options.repeat):
        for worker in workers.values():
            worker.run()
    for worker in workers.values():
        worker.close()
    found = {name: tuple(map(statistics.median, zip(*worker.runs)))
             for name, worker in workers.items()}
    print(network,
          {name: " ".join(f"{run[0]:.2f}" for run in worker.runs)
           for name, worker in workers.items()},
          flush=True)
    return found


def table(results):
    lines = ["| | against the fastest peer | diffedit | torch | OpenVINO |",
             "|---|---|---|---|---|"]
    for network, found in results.items():
        fastest = min(found[name][0] for name in PROGRAMS[1:])
        cells = [f"{found[name][0]:.2f} s ({found[name][1]:.1f})" for name in PROGRAMS]
        lines.append(f"| {NETWORKS[network]} | **{fastest / found['diffedit'][0]:.2f} x** "
                     f"| {' | '.join(cells)} |")
    return lines


def versions(python):
    code = ("import json, torch, diffusers, openvino; "
            "print(json.dumps([torch.__version__, diffusers.__version__, "
            "openvino.__version__.split('-')[0]]))")
    return json.loads(subprocess.run([python, "-c", code], capture_output=True, text=True,
                                     check=True).stdout)


def report(options, results):
    peak = subprocess.run([SOURCE / "build/diffedit", "bench", "--shape", "pocket", "--repeat", "1",
                           "--json", "-j", str(options.threads)], capture_output=True, text=True,
                          check=True).stdout
    machine, found = json.loads(peak), versions(options.python)
    conditions = (
        f"{options.size}x{options.size}, {options.threads} threads, f32, random weights; medians "
        f"of {options.repeat} turns (the second of two runs each); in brackets the seconds of all "
        "threads together.")
    setup = (
        f"{datetime.date.today()}; {machine['cpu']}, {machine['kernels']} kernels, FMA peak "
        f"{machine['fma_peak_gflops']:.0f} GFLOP/s on {options.threads} threads; "
        f"Linux {platform.release()}; torch {found[0]}, diffusers {found[1]}, OpenVINO {found[2]}; "
        f"command `bench/peers.py --size {options.size} --threads {options.threads} "
        f"--repeat {options.repeat}`.")
    return "\n".join([page.paragraph(conditions), "", *table(results), "", page.paragraph(setup),
                      ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="an interpreter that has torch, diffusers and openvino")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=NETWORKS, action="append",
                        help="one network; may be repeated")
    parser.add_argument("--write", action="store_true", help="into docs/PERFORMANCE.md")
    options = parser.parse_args()
    options.python = options.python or environment()
    results = {network: measure(options, network) for network in options.only or NETWORKS}
    text = report(options, results)
    print(text)
    if options.write:
        page.write(BEGIN, END, text)


if __name__ == "__main__":
    main()
