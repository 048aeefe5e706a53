"""What `diffedit batch` saves against a loop of `diffedit edit`, and what lines of one picture
share.

    /usr/bin/python3 bench/batch.py [-m MODEL] [OPTION...]       some three minutes

Prints rows for docs/BATCH.md: processor seconds and evaluations of the UNet for each edit, with
preset fast unless options say otherwise. Processor seconds hardly depend on what else runs.
"""
import json
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = SOURCE / "build/diffedit"
SAMPLES = SOURCE / "models/pocket/samples"
PICTURES = {"horse": "a horse", "lemons": "lemons", "strawberries": "strawberries"}
TEXTS = ["a zebra", "a giraffe", "apples", "a cow"]
OPTIONS = sys.argv[1:] or ["--preset", "fast"]


def variant(folder, picture, number):
    """The sample with a text in it: another picture to whoever looks at bytes."""
    data = (folder / f"{picture}.png").read_bytes()
    body = b"tEXtComment\0" + str(number).encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    header = 8 + 25
    path = folder / f"{picture}-{number}.png"
    path.write_bytes(data[:header] + chunk + data[header:])
    return path.name


def spent(*command):
    """(processor seconds, standard output)"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout)


def loop(folder, lines):
    seconds = evaluations = 0
    for line in lines:
        named = [word for field, value in line.items() if field != "picture"
                 for word in (f"--{field}", value)]
        took, said = spent(PROGRAM, "edit", folder / line["picture"], *named, "-o",
                           folder / "alone.png", "--mask-out", folder / "mask.png", "-j", "1", "-q",
                           "--json", *OPTIONS)
        seconds += took
        evaluations += json.loads(said)["evaluations"]
    return seconds, evaluations


def batch(folder, lines):
    (folder / "edits.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(folder / "out", ignore_errors=True)
    seconds, _ = spent(PROGRAM, "batch", folder / "edits.jsonl", "-o", folder / "out", "-j", "1",
                       "-q", *OPTIONS)
    header, *rows = (folder / "out/results.csv").read_text().splitlines()
    column = header.split(",").index("evaluations")
    # no value before that column has a comma in it here
    return seconds, sum(int(row.split(",")[column]) for row in rows)


def compare(name, folder, lines):
    alone, evaluations = loop(folder, lines)
    together, shared = batch(folder, lines)
    print(f"| {name} | {len(lines)} | {alone / len(lines):.2f} s, {evaluations / len(lines):.1f} | "
          f"{together / len(lines):.2f} s, {shared / len(lines):.1f} | "
          f"{1 - together / alone:.0%} |", flush=True)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for picture in PICTURES:
            shutil.copy(SAMPLES / f"{picture}.png", folder)
        every = [{"picture": f"{picture}.png", "from": shown, "to": text}
                 for text in TEXTS for picture, shown in PICTURES.items()]
        apart = [{**line, "picture": variant(folder, line["picture"][:-4], i)}
                 for i, line in enumerate(every)]
        print("| lines | edits | `edit` in a loop | `batch` | saved |\n|---|---|---|---|---|")
        compare("one text for each of twelve pictures", folder, apart)
        compare("four texts for each of three pictures", folder, every)
        compare("four thresholds of each of three edits", folder,
                [dict(line, **{"mask-threshold": threshold})
                 for threshold in ("0.2", "0.3", "0.4", "0.5") for line in every[:3]])


if __name__ == "__main__":
    main()
