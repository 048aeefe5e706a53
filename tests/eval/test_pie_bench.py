"""PIE-Bench's mapping file from the list to the table: pictures of 512x512, masks as run lengths.
"""
import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from measured import SAMPLES, run

SIDE = 512
QUICK = ["--preset", "fast", "--steps", "2", "--mask-samples", "1", "--size", "64x64", "--quiet"]


def runs_of(mask):
    """As the benchmark has them: [start, length, ...] of the pixels row by row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.ravel(), [0]])))
    return [int(number) for start, end in zip(edges[::2], edges[1::2])
            for number in (start, end - start)]


def with_border(mask):
    mask = mask.copy()
    mask[0] = mask[-1] = mask[:, 0] = mask[:, -1] = 1
    return mask


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The folder of a benchmark of three entries, and the masks."""
    folder = tmp_path_factory.mktemp("pie")
    mask = np.zeros((SIDE, SIDE), np.int8)
    mask[200:300, 100:400] = 1
    masks = [mask, np.zeros_like(mask), np.ones_like(mask)]
    entries = {}
    for index, (name, kind) in enumerate([("horse", "1_change_object_80/2_natural"),
                                          ("lemons", "9_change_style_80"), ("horse", "0_random")]):
        path = f"{kind}/{index:012}.jpg"
        (folder / "annotation_images" / kind).mkdir(parents=True)
        Image.open(SAMPLES / f"{name}.png").convert("RGB").resize((SIDE, SIDE)).save(
            folder / "annotation_images" / path, quality=95)
        entries[f"{index:012}"] = {
            "image_path": path, "original_prompt": f"a [{name}]", "editing_prompt": "a [zebra]",
            "editing_instruction": "Make it a zebra", "editing_type_id": kind[0],
            "blended_word": f"{name} zebra", "mask": runs_of(masks[index])}
    (folder / "mapping_file.json").write_text(json.dumps(entries))
    return folder, masks


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def compute(folder, tmp_path, *options):
    done = run("batch", folder / "mapping_file.json", "-o", tmp_path / "out", *QUICK, *options)
    assert done.returncode == 0, done.stderr
    done = run("eval", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    return rows(tmp_path / "out/eval.csv")


def test_from_the_list_to_the_table(bench, tmp_path):
    folder, masks = bench
    found = compute(folder, tmp_path)
    assert [row["line"] for row in found] == ["1", "2", "3"]
    assert found[0]["from"] == "a horse" and found[0]["to"] == "a zebra"
    assert found[0]["picture"] == "annotation_images/1_change_object_80/2_natural/000000000000.jpg"
    assert [row["category"] for row in found] == ["1. change object", "9. change image style",
                                                  "0. random editing"]
    for row, mask in zip(found, masks):
        assert float(row["true_share"]) == pytest.approx(with_border(mask).mean())
    assert found[2]["true_psnr_outside"] == "" and float(found[0]["iou"]) < 1
    means = {row["category"] for row in rows(tmp_path / "out/eval-means.csv")}
    assert means == {"(all)", "0. random editing", "1. change object", "9. change image style"}


def test_edits_with_the_true_masks(bench, tmp_path):
    """Which are then files of the batch, each once, and the same in a second run."""
    folder, masks = bench
    found = compute(folder, tmp_path, "--use-masks")
    assert [row["iou"] for row in found] == ["1", "1", "1"]
    made = sorted((tmp_path / "out").glob("true-mask-*.png"))
    assert len(made) == 3
    levels = [np.asarray(Image.open(path)) for path in made]
    assert all(any(np.array_equal(level, 255 * with_border(mask).astype(np.uint8))
                   for level in levels) for mask in masks)
    done = run("batch", folder / "mapping_file.json", "-o", tmp_path / "out", *QUICK[:-1],
               "--use-masks")
    assert done.returncode == 0 and "3 done (3 before)" in done.stderr
    assert sorted((tmp_path / "out").glob("true-mask-*.png")) == made


@pytest.mark.parametrize("name", ["true.png", "[1].png"])
def test_true_masks_that_are_files(tmp_path, name):
    shutil.copy(SAMPLES / "horse.png", tmp_path)
    Image.open(SAMPLES / "horse.png").convert("L").save(tmp_path / name)
    (tmp_path / "edits.csv").write_text("picture,from,to,true-mask\n"
                                        f"horse.png,a horse,a zebra,{name}\n")
    done = run("batch", tmp_path / "edits.csv", "-o", tmp_path / "out", *QUICK, "--use-masks")
    assert done.returncode == 0, done.stderr
    assert run("eval", tmp_path / "out").returncode == 0
    assert rows(tmp_path / "out/eval.csv")[0]["iou"] == "1"


def test_run_lengths_that_are_none(tmp_path):
    """In a list that is not the benchmark's own."""
    shutil.copy(SAMPLES / "horse.png", tmp_path)
    (tmp_path / "edits.csv").write_text("picture,from,to,true-mask\n"
                                        'horse.png,a horse,a zebra,"[1, 2, 3]"\n')
    done = run("batch", tmp_path / "edits.csv", "-o", tmp_path / "out", *QUICK, "--use-masks")
    assert done.returncode == 1
    assert "edits.csv: line 2: true-mask: expected run lengths, pairs of a start and a length" in \
        done.stderr


def test_a_dry_run_makes_no_masks(bench, tmp_path):
    folder, _ = bench
    done = run("batch", folder / "mapping_file.json", "--dry-run", "--use-masks", cwd=tmp_path)
    assert done.returncode == 0 and "3 lines: 0 done, 0 failed, 3 left" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_entry_is_named(bench, tmp_path):
    folder, _ = bench
    text = (folder / "mapping_file.json").read_text().replace('"editing_type_id": "9"',
                                                              '"editing_type_id": "x"')
    (tmp_path / "mapping_file.json").write_text(text)
    done = run("batch", tmp_path / "mapping_file.json", "-o", tmp_path / "out")
    assert done.returncode == 1 and 'line 2: "000000000001": expected an "editing_type_id"' in \
        done.stderr
