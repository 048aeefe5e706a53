"""Stable Diffusion 1.4's networks on one GPU, timed side by side: diffedit by each family of its
kernels, and diffusers on torch, on the same random weights. bench/gpu.sh starts it.

    python3 bench/gpu/gpu_peers.py NETBENCH OUT [--tiny] [--device gpu:0] [--torch-device cuda]

All programs are open at once and take turns. In a turn a program runs a network once to warm up and
then a few times more; the median of all turns counts. What torch compiles comes last, beside
diffedit's fastest once more, so that a compiler that takes too long costs nothing else. A program
that fails, or is late, is left out from then on, and the reason is said; OUT/results.json and
OUT/results.md are written after each network.
"""
import argparse
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import threading
import time
import traceback

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/models"))
import files  # noqa: E402

MATRIX, SCALAR, EXACT = "diffedit quick, matrix", "diffedit quick, scalar", "diffedit exact"
EAGER, EAGER_F32 = "torch f16", "torch f32"
COMPILED, GRAPHS = "torch f16, compiled", "torch f16, compiled, CUDA graphs"
OURS = {MATRIX: ("quick", "matrix"), SCALAR: ("quick", "scalar"), EXACT: ("exact", "scalar")}
THEIRS = {EAGER: ("f16", "eager"), EAGER_F32: ("f32", "eager"),
          GRAPHS: ("f16", "reduce-overhead"), COMPILED: ("f16", "default")}
NETWORKS = {"guided": "guided step (UNet, batch 2)", "unet": "UNet, batch 1",
            "decode": "VAE decode", "encode": "VAE encode", "text": "text encoder"}
EDITS = {"paper": "networks of an edit, preset paper", "fast": "the same, preset fast"}
PIPELINE = {"pipeline": "StableDiffusionDiffEditPipeline's defaults"}
ROWS = {**NETWORKS, **EDITS, **PIPELINE}
# What programs are asked for; of edits pairs of evaluations for the map, single ones to encode,
# pairs to denoise, and decodes.
LINES = {**{name: name for name in NETWORKS}, "paper": "edit 10 40 40 1", "fast": "edit 2 11 11 2",
         "pipeline": "pipeline 50 10"}
TINY_LINES = {"paper": "edit 1 2 2 1", "fast": "edit 1 1 1 2", "pipeline": "pipeline 4 1"}
COMPARED = ("guided", "decode", "encode")
RATIOS = {"matrix to f16": (EAGER, MATRIX), "scalar to f16": (EAGER, SCALAR),
          "exact to f32": (EAGER_F32, EXACT)}


class Gone(Exception):
    """A program has ended, or is late."""


class Program:
    """One that answers jobs, line by line; `log` gets what it says beside that."""

    def __init__(self, name, command, environment, log):
        self.name, self.log, self.runs, self.head = name, log, {}, None
        self.problem, self.lines = None, queue.Queue()
        self.process = subprocess.Popen(
            [str(word) for word in command], env={**os.environ, **environment}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def answer(self, limit):
        try:
            line = self.lines.get(timeout=max(limit, 0.1))
        except queue.Empty:
            self.give_up(f"no answer within {limit:.0f} s")
        if line is None:
            self.process.wait()
            said = self.log.read_text(errors="replace").strip().splitlines() or ["no reason given"]
            self.give_up(f"ended with status {self.process.returncode}: {said[-1]}")
        return line

    def give_up(self, problem):
        self.problem = problem
        self.process.kill()
        print(f"{self.name} is left out from now on: {problem}", flush=True)
        raise Gone

    def ask(self, job, limit):
        try:
            self.process.stdin.write(f"{job}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # answer() says why
        return self.answer(limit)

    def time(self, job, limit):
        """Seconds by the wall clock and by the device's, and operations."""
        return tuple(map(float, self.ask(job, limit).split()))

    def close(self):
        if self.problem is None:
            self.process.stdin.close()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Bench:
    def __init__(self, options):
        self.options, self.out = options, options.out
        self.start, self.programs, self.agreement = time.monotonic(), {}, {}
        self.model, self.inputs = options.work / "model", options.work / "inputs"
        self.lines = {**LINES, **(TINY_LINES if options.tiny else {})}

    def left(self):
        return self.options.seconds - (time.monotonic() - self.start)

    def say(self, text):
        print(f"[{time.monotonic() - self.start:.0f} s] {text}", flush=True)

    def write_model(self):
        kind = files.SD1 if self.options.tiny else files.FULL_SD1
        if not (self.model / "text_encoder/model.safetensors").exists():
            files.write_folder(self.model, kind)
        random, size = np.random.default_rng(7), self.options.size
        factor = 1 << (len(kind["vae_channels"]) - 1)
        self.inputs.mkdir(parents=True, exist_ok=True)
        shapes = {"texts": (2, 77, kind["text_width"]), "latent": (4, size // factor,
                                                                   size // factor)}
        for name, shape in shapes.items():
            random.standard_normal(shape, np.float32).tofile(self.inputs / name)
        random.uniform(-1, 1, (size, size, 3)).astype(np.float32).tofile(self.inputs / "pixels")
        self.say(f"random weights of {'a tiny model' if self.options.tiny else 'SD 1.4'} written")

    def command(self, name):
        options = self.options
        if name in OURS:
            arithmetic, family = OURS[name]
            return ([options.netbench, self.model, options.device, arithmetic, options.size,
                     self.inputs], {"DIFFEDIT_VULKAN": family})
        dtype, mode = THEIRS[name]
        script = SOURCE / "bench/gpu/gpu_torch.py"
        return ([sys.executable, script, self.model, options.torch_device, dtype, mode,
                 options.size, self.inputs],
                {"TORCHINDUCTOR_CACHE_DIR": str(options.work / "inductor")})

    def open(self, names):
        """Those of them that came up, opened one after another."""
        for name in names:
            log = self.out / f"{name.replace(', ', '-').replace(' ', '-')}.log"
            self.programs[name] = program = Program(name, *self.command(name), log)
            try:
                program.head = json.loads(program.answer(min(120, self.left())))
                self.say(f"{name}: {program.head['title']}, {program.head['family']}, peak "
                         f"{program.head['peak'] / 1e12:.3g} TFLOP/s")
            except Gone:
                continue
        return self.working(names)

    def working(self, names):
        return [self.programs[name] for name in names if self.programs[name].problem is None]

    def in_time(self, names):
        """Those that still work, as long as there is time."""
        return (program for program in self.working(names) if self.left() > 0)

    def measure(self, job, names, limit):
        """The runs of a job by each program that still works, in turns; `limit` seconds for the
        first run of each."""
        line, first = self.lines[job], {}
        for program in self.in_time(names):
            try:
                program.time(line, min(limit, self.left()))
                first[program.name] = program.time(line, min(limit, self.left()))[0]
            except Gone:
                continue
        for _ in range(self.options.turns if job in NETWORKS else min(self.options.turns, 3)):
            for program in self.in_time(first):
                seconds = first[program.name]
                again = 3 if job in NETWORKS and seconds < 0.5 else 1
                if seconds * (again + 1) > self.left():
                    continue
                try:
                    if again > 1:
                        program.time(line, limit)
                    program.runs.setdefault(job, []).extend(
                        program.time(line, limit) for _ in range(again))
                except Gone:
                    continue
        self.say(f"{ROWS[job]}: " + "; ".join(
            f"{name} {self.median(name, job)[0] * 1e3:.4g} ms" for name in first
            if self.median(name, job)))
        self.write()

    def median(self, name, job):
        """Seconds by the wall clock, seconds by the device's, operations; None: not measured."""
        program = self.programs.get(name)
        runs = program.runs.get(job) if program else None
        return tuple(map(statistics.median, zip(*runs))) if runs else None

    def compare(self, names):
        """How far what each program computes is from torch's f32, or from exact without it."""
        for job in COMPARED:
            found = {}
            for program in self.in_time(names):
                path = self.options.work / "found"
                try:
                    program.ask(job, self.left())
                    program.ask(f"save {path}", self.left())
                    found[program.name] = np.fromfile(path, np.float32)
                except Gone:
                    continue
            reference = next((name for name in (EAGER_F32, EXACT) if name in found), None)
            if reference is None:
                return
            for name, values in found.items():
                self.agreement.setdefault(name, {})[job] = self.distance(values, found[reference])
            self.agreement["reference"] = reference
        self.say("results compared")
        self.write()

    @staticmethod
    def distance(values, expected):
        """Root mean square of the difference to that of what is expected."""
        if not np.isfinite(values).all():
            return None
        return float(np.sqrt(np.mean(np.square(values - expected, dtype=np.float64)) /
                             np.mean(np.square(expected, dtype=np.float64))))

    # ---- what is written ----

    def names(self):
        return [name for name in [*OURS, *THEIRS] if name in self.programs]

    def cell(self, name, job):
        found = self.median(name, job)
        if not found:
            return "–"
        return f"{found[0] * 1e3:.4g}" + (f" ({found[1] * 1e3:.4g})" if found[1] else "")

    def ratio(self, job, theirs, ours):
        theirs, ours = self.median(theirs, job), self.median(ours, job)
        return f"**{theirs[0] / ours[0]:.2f} x**" if theirs and ours else "–"

    def times(self):
        ratios = {**RATIOS, **{f"matrix to {name.removeprefix('torch f16, ')}": (name, MATRIX)
                               for name in (GRAPHS, COMPILED) if name in self.programs}}
        yield "| ms | " + " | ".join([*ratios, *self.names()]) + " |"
        yield "|---" * (1 + len(ratios) + len(self.names())) + "|"
        for job, title in ROWS.items():
            cells = [self.ratio(job, *pair) for pair in ratios.values()]
            cells += [self.cell(name, job) for name in self.names()]
            if any(cell != "–" for cell in cells):
                yield f"| {title} | " + " | ".join(cells) + " |"

    def rates(self):
        yield "| of its own peak | " + " | ".join(self.names()) + " |"
        yield "|---" * (1 + len(self.names())) + "|"
        heads = [self.programs[name].head for name in self.names()]
        yield "| peak, TFLOP/s | " + " | ".join(
            f"{head['peak'] / 1e12:.4g}" if head else "–" for head in heads) + " |"
        for job in NETWORKS:
            operations = next((self.median(name, job)[2] for name in OURS
                               if self.median(name, job)), None)
            cells = []
            for name, head in zip(self.names(), heads):
                found = self.median(name, job)
                cells.append(f"{operations / (found[1] or found[0]) / head['peak']:.1%}"
                             if operations and found else "–")
            yield f"| {NETWORKS[job]} | " + " | ".join(cells) + " |"

    def distances(self):
        if "reference" not in self.agreement:
            return
        yield f"| far from {self.agreement['reference']} | " + " | ".join(
            NETWORKS[job] for job in COMPARED) + " |"
        yield "|---" * (1 + len(COMPARED)) + "|"
        for name in self.names():
            if name in self.agreement:
                far = [self.agreement[name].get(job, "–") for job in COMPARED]
                yield f"| {name} | " + " | ".join(
                    "not finite" if value is None else value if value == "–" else f"{value:.2g}"
                    for value in far) + " |"

    def report(self):
        size, heads = self.options.size, [p.head for p in self.programs.values() if p.head]
        yield (f"{' and '.join(sorted({head['title'] for head in heads}))}; "
               f"{'; '.join(sorted({head['driver'] for head in heads if head['driver']}))}. "
               f"{size}x{size}, {'a tiny model of' if self.options.tiny else 'SD 1.4 with'} random "
               "weights; medians by the wall clock, in brackets by the GPU's own.")
        for part in (self.times(), self.rates(), self.distances()):
            yield ""
            yield from part
        yield ""
        yield ("Rates count the operations of the plain definitions, by the GPU's clock. A peak is "
               "diffedit's of multiplying and adding in registers, torch's of a product of "
               "matrices. Distances are root mean squares relative to the reference's.")
        yield from (f"\n{program.name} was left out: {program.problem}"
                    for program in self.programs.values() if program.problem)

    def write(self):
        (self.out / "results.md").write_text("\n".join(self.report()) + "\n")
        (self.out / "results.json").write_text(json.dumps({
            "size": self.options.size, "tiny": self.options.tiny, "agreement": self.agreement,
            "programs": {name: {"head": program.head, "problem": program.problem,
                                "runs": program.runs}
                         for name, program in self.programs.items()}}, indent=1) + "\n")

    def run_plain(self):
        plain = [MATRIX, SCALAR, EXACT, EAGER, EAGER_F32]
        self.open(plain)
        self.compare(plain)
        for job in (*NETWORKS, *EDITS):
            self.measure(job, plain, 120)

    def run_pipeline(self):
        self.measure("pipeline", [EAGER], 120)

    def run_compiled(self):
        """With CUDA graphs if torch manages that, else without."""
        for name in (GRAPHS, COMPILED):
            if self.left() > 0 and self.open([name]):
                for job in ("guided", "decode", "encode", "unet", *EDITS):
                    self.measure(job, [MATRIX, EAGER, name], self.options.compile_seconds)
                self.compare([EAGER_F32, name])
                if self.programs[name].problem is None:
                    return

    def run(self):
        self.write_model()
        for stage in (self.run_plain, self.run_pipeline, self.run_compiled):
            try:
                stage()
            except Exception:  # what the other stages find is of use all the same
                traceback.print_exc()
        for program in self.programs.values():
            program.close()
        self.say("done")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("netbench", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path, help="a folder for results and logs")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for the model")
    parser.add_argument("--device", default="gpu:0", help="diffedit's [%(default)s]")
    parser.add_argument("--torch-device", default="cuda", help="[%(default)s]")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--tiny", action="store_true", help="a tiny model, to try all this out")
    parser.add_argument("--turns", type=int, default=5, help="[%(default)s]")
    parser.add_argument("--seconds", type=float, default=500, help="all in all [%(default)s]")
    parser.add_argument("--compile-seconds", type=float, default=100,
                        help="that torch may take to compile one network [%(default)s]")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    Bench(options).run()


if __name__ == "__main__":
    main()
