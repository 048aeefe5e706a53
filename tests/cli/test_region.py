"""Edits in a box around the region, seen from outside."""
import json

import numpy as np
import PIL.Image
import pytest

from test_cli import MODEL, TEXTS, fail_naming, pixels, succeed

FAST = ["--steps", "4"]
MAP = ["--mask-samples", "2"]
SOFT = 5                      # --feather
SIDES = (200, 260)            # of the picture: height, width


@pytest.fixture
def photo(tmp_path):
    """A large picture of noise on a slope."""
    noise = np.random.default_rng(1).integers(0, 60, (*SIDES, 3))
    slope = np.add.outer(np.arange(SIDES[0]) // 2, np.arange(SIDES[1]) // 3)[:, :, None]
    PIL.Image.fromarray((slope + noise).astype(np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def inpaint(photo, output, where, *more):
    """An edit under a mask of the rows and columns `where`."""
    mask = np.zeros(SIDES, np.uint8)
    mask[where] = 255
    PIL.Image.fromarray(mask).save(output.parent / "mask.png")
    result = succeed("inpaint", photo, "--mask", output.parent / "mask.png", "--to", "a zebra",
                     "-m", MODEL, *FAST, "-o", output, "--feather", str(SOFT), "--json", *more)
    return mask > 0, json.loads(result.stdout)


def reach(mask, pixels):
    """Where the mask or its soft edge is."""
    rows, columns = np.nonzero(mask)
    far = np.hypot(*(np.maximum(0, np.maximum(index.min() - axis, axis - index.max()))
                     for index, axis in zip((rows, columns), np.indices(mask.shape))))
    return far < pixels


@pytest.mark.parametrize("where", [np.s_[60:100, 80:140], np.s_[0:30, 0:40], np.s_[170:, 220:],
                                   np.s_[90:91, 110:111], np.s_[100:104, 10:250]])
def test_the_background_is_exact_and_has_no_seam(photo, tmp_path, where):
    mask, report = inpaint(photo, tmp_path / "o.png", where, "--region", "crop", "--stages",
                           tmp_path / "stages", "--mask-out", tmp_path / "found.png")
    before, after = pixels(photo), pixels(tmp_path / "o.png")
    changed = (before != after).any(2)
    assert changed[mask].mean() > 0.9
    assert not changed[~reach(mask, SOFT)].any()
    assert ((pixels(tmp_path / "found.png") > 0) == mask).all()
    width, height = (int(side) for side in report["size"].split("x"))
    assert pixels(tmp_path / "stages/decoded.png").shape == (height, width, 3)
    assert pixels(tmp_path / "stages/input.png").shape == (height, width, 3)
    assert width * height < SIDES[0] * SIDES[1]


def test_a_mask_of_everything_is_the_whole_picture(photo, tmp_path):
    inpaint(photo, tmp_path / "crop.png", np.s_[:, :], "--region", "crop")
    inpaint(photo, tmp_path / "whole.png", np.s_[:, :])
    assert (pixels(tmp_path / "crop.png") == pixels(tmp_path / "whole.png")).all()


def test_the_latent_composite_is_the_box(photo, tmp_path):
    inpaint(photo, tmp_path / "o.png", np.s_[60:100, 80:140], "--region", "crop", "--composite",
            "latent", "--region-margin", "20")
    changed = (pixels(photo) != pixels(tmp_path / "o.png")).any(2)
    rows, columns = np.nonzero(changed)
    assert changed[rows.min():rows.max() + 1, columns.min():columns.max() + 1].mean() > 0.9
    assert rows.min() <= 40 and rows.max() >= 119 and columns.max() - columns.min() < 160


def test_a_box_is_repeated_from_the_record(photo, tmp_path):
    found = tmp_path / "map.npy"
    command = ["edit", photo, *TEXTS, "-m", MODEL, *FAST, *MAP, "-v", "--map-in", found]
    levels = np.zeros(plain_map(photo, tmp_path).shape, np.float32)
    levels[3:6, 4:7] = 1
    np.save(found, levels)
    succeed(*command, "-o", tmp_path / "a.png", "--region", "crop", "--region-margin", "12.5")
    result = succeed(*command, "-o", tmp_path / "b.png", "--again", tmp_path / "a.png")
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()
    assert b"diffedit: a box of " in result.stderr
    record = json.loads(PIL.Image.open(tmp_path / "b.png").text["diffedit"])
    assert record["region"] == "crop" and record["region-margin"] == 12.5


def plain_map(photo, folder):
    succeed("mask", photo, *TEXTS, "-m", MODEL, *FAST, *MAP, "-o", folder / "m.png", "--stages",
            folder / "plain")
    return np.load(folder / "plain/map.npy")


def test_only_what_changes_a_picture_has_a_box(photo, tmp_path):
    for command in (["mask", photo, *TEXTS], ["generate", "--to", "a"], ["invert", photo]):
        fail_naming(2, "--region", command=[*command, "-o", tmp_path / "o.png", "--region", "crop"])
