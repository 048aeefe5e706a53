"""References that need no network: random numbers and tokens."""
import json

import ftfy
import numpy as np
import torch
from transformers import CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

import models
import strings

SEEDS = [0, 42, 2 ** 32, 16321159919113515480, 11794812278352456374, 5327248292640123939]
SIZES = [1, 15, 16, 17, 16384]
ENDS = 64  # of a long array, so many values from either end are kept


def make_random(folder):
    folder.mkdir(parents=True, exist_ok=True)
    draws = []
    for seed in SEEDS:
        for size in SIZES:
            values = torch.randn(size, generator=torch.Generator("cpu").manual_seed(seed)).numpy()
            draws.append({"seed": str(seed), "size": size,
                          "first": [float(v) for v in values[:ENDS]],
                          "last": [float(v) for v in values[-ENDS:]],
                          "sum_of_squares": float(np.square(values.astype(np.float64)).sum())})
    (folder / "cpu.json").write_text(json.dumps(draws, indent=0) + "\n")


def full_tokenizer(folder, pad):
    folder.mkdir(parents=True, exist_ok=True)
    lines = models.MERGES.read_text().split("\n")[1:-1]
    symbols = list(bytes_to_unicode().values())
    tokens = symbols + [s + "</w>" for s in symbols] + [line.replace(" ", "") for line in lines]
    tokens += [models.START, models.END]
    (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n")
    return CLIPTokenizer(folder / "vocab.json", folder / "merges.txt", pad_token=pad,
                         model_max_length=77)


def untouched_by_mojibake_repair(text):
    return all(ftfy.fix_text(line) == ftfy.fix_text(line, fix_encoding=False)
               for line in text.split("\n"))


def make_tokenizer_strings(folder):
    """ids without the padding that follows the end token; repair of mojibake is out of scope."""
    folder.mkdir(parents=True, exist_ok=True)
    import tempfile, pathlib
    with tempfile.TemporaryDirectory() as scratch:
        eot = full_tokenizer(pathlib.Path(scratch), models.END)
        bang = full_tokenizer(pathlib.Path(scratch), "!")
    rows = []
    for text in filter(untouched_by_mojibake_repair, strings.all_strings()):
        row = {"text": text}
        for name, tokenizer in (("ids_eot", eot), ("ids_bang", bang)):
            ids = tokenizer(text, padding="max_length", truncation=True).input_ids
            while len(ids) > 1 and ids[-1] == tokenizer.pad_token_id:
                ids.pop()
            row[name] = ids
        rows.append(row)
    (folder / "strings.json").write_text(json.dumps({"length": 77, "strings": rows}, indent=0) +
                                         "\n")
    print(len(rows), "strings")
