"""What becomes of a map, seen from outside: how it is cleaned, and that it stays."""
import json

import numpy as np
import PIL.Image
import pytest

from test_cli import MODEL, edit, fail, picture, pixels, succeed  # noqa: F401 (a fixture)

CELLS = 16   # of FAST's size


@pytest.fixture
def ring(tmp_path):
    """A map of a ring around a middle below the threshold, and one uncertain cell in it."""
    far = np.maximum.outer(abs(np.arange(CELLS) - 8), abs(np.arange(CELLS) - 8))
    values = np.where((far == 3) | (far == 4), 0.7, 0.1).astype(np.float32)
    values[5, 8] = 0.48
    np.save(tmp_path / "ring.npy", values)
    return tmp_path / "ring.npy"


def cells(picture, ring, folder, *more):  # noqa: F811
    """mask.npy of an edit with this map."""
    succeed(*edit(picture, folder / "o.png", "--map-in", ring, "--stages", folder / "stages", "-q",
                  *more))
    assert (folder / "stages/map.npy").read_bytes() == ring.read_bytes()
    return np.load(folder / "stages/mask.npy") == 1


def test_a_map_is_cleaned_only_where_asked(picture, ring, tmp_path):  # noqa: F811
    values = np.load(ring)
    found = cells(picture, ring, tmp_path)
    assert (found == (values >= 0.5)).all()
    filled = cells(picture, ring, tmp_path, "--mask-fill", "on")
    assert filled.sum() == 81 and filled[4:13, 4:13].all()
    smoothed = cells(picture, ring, tmp_path, "--mask-filter", "bilateral")
    assert smoothed[5, 8] and not smoothed[8, 8]
    succeed(*edit(picture, tmp_path / "r.png", "--map-in", ring, "-q", "--mask-fill", "on"))
    succeed(*edit(picture, tmp_path / "s.png", "--map-in", ring, "-q", "--again",
                  tmp_path / "r.png"))
    assert (pixels(tmp_path / "r.png") == pixels(tmp_path / "s.png")).all()


def test_a_given_mask_is_not_cleaned(picture, ring, tmp_path):  # noqa: F811
    command = edit(picture, tmp_path / "o.png", "--map-in", ring, "--mask-out", tmp_path / "m.png")
    succeed(*command)
    given = edit(picture, tmp_path / "g.png", "--mask", tmp_path / "m.png", "--json",
                 "--mask-out", tmp_path / "n.png", "--mask-fill", "on", "--mask-filter",
                 "bilateral")
    share = json.loads(succeed(*given).stdout)["mask_share"]
    assert (pixels(tmp_path / "m.png") == pixels(tmp_path / "n.png")).all()
    assert share == pytest.approx((pixels(tmp_path / "m.png") == 255).mean())
    assert (pixels(tmp_path / "o.png") == pixels(tmp_path / "g.png")).all()


# ---- refinement ----

def map_of_thing(height, width):
    y, x = (np.mgrid[:height, :width] + 0.5) * [[[120 / height]], [[160 / width]]]
    return np.clip(1 - np.hypot(y - 50, x - 90) / 60, 0.1, 0.9).astype(np.float32)


@pytest.fixture
def thing(tmp_path):
    """A picture of a disc, and a map that knows of it to the cell, roughly."""
    y, x = np.mgrid[:120, :160]
    inside = (y - 50) ** 2 + (x - 90) ** 2 < 30 ** 2
    noise = np.random.default_rng(1).integers(0, 12, (120, 160, 3))
    colours = np.where(inside[:, :, None], [180, 120, 60], [90, 130, 160]) + noise
    PIL.Image.fromarray(colours.astype(np.uint8)).save(tmp_path / "thing.png")
    np.save(tmp_path / "thing.npy", map_of_thing(14, 18))
    return tmp_path, inside


def refine(folder, name, *more):
    """The mask of the thing's map."""
    succeed("mask", folder / name, "--map-in", folder / "thing.npy", "--mask-refine", "on",
            "--from", "a horse", "--to", "a zebra", "-m", MODEL, "--size", "72x56", "-q", "-o",
            folder / "mask.png", "--stages", folder / "stages", *more)
    return pixels(folder / "mask.png") == 255


def test_a_refined_mask_is_the_thing(thing):
    folder, inside = thing
    found = refine(folder, "thing.png")
    assert (found & inside).sum() / (found | inside).sum() > 0.98
    assert (folder / "stages/map.npy").read_bytes() == (folder / "thing.npy").read_bytes()
    refined = np.load(folder / "stages/map-refined.npy")
    assert refined.shape == inside.shape and refined.dtype == np.float32
    assert 0 <= refined.min() and refined.max() <= 1
    assert (found == (refined >= 0.5)).all()
    cells = np.load(folder / "stages/mask.npy") == 1
    rows, columns = np.arange(120) * 14 // 120, np.arange(160) * 18 // 160
    any_pixel = np.zeros_like(cells)
    np.logical_or.at(any_pixel, (rows[:, None], columns[None, :]), found)
    assert (cells == any_pixel).all()
    threads = refine(folder, "thing.png", "-j", "3")
    assert (threads == found).all()


def test_without_refinement_there_is_no_refined_map(thing):
    folder, _ = thing
    refine(folder, "thing.png", "--mask-refine", "off")
    assert not (folder / "stages/map-refined.npy").exists()


def test_every_kind_of_picture_guides(thing):
    """Sixteen bits, grey, alpha: the guide is what the networks see of it."""
    folder, inside = thing
    plain = PIL.Image.open(folder / "thing.png")
    grey = np.asarray(plain)[:, :, 0]
    PIL.Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "wide.png")
    PIL.Image.fromarray(grey).save(folder / "grey.png")
    clear = plain.copy()
    clear.putalpha(PIL.Image.fromarray(np.uint8(255 * inside)))
    clear.save(folder / "clear.png")
    for name in ("wide.png", "grey.png", "clear.png"):
        found = refine(folder, name)
        assert (found & inside).sum() / (found | inside).sum() > 0.95, name


# ---- the composite cut by what changed ----

def test_a_cut_composite_keeps_what_is_outside(thing):
    folder, _ = thing
    command = ["edit", folder / "thing.png", "--map-in", folder / "thing.npy", "--from", "a horse",
               "--to", "a zebra", "-m", MODEL, "--size", "72x56", "--steps", "4", "-q", "--feather",
               "0", "--mask-refine", "on"]
    plain = json.loads(succeed(*command, "-o", folder / "p.png", "--json").stdout)
    said = json.loads(succeed(*command, "-o", folder / "o.png", "--composite", "changed",
                              "--mask-out", folder / "mask.png", "--stages", folder / "stages",
                              "--json").stdout)
    before, after = pixels(folder / "thing.png"), pixels(folder / "o.png")
    mask = pixels(folder / "mask.png") == 255
    assert (after[~mask] == before[~mask]).all()
    assert said["mask_share"] == pytest.approx(mask.mean())
    assert said["evaluations"] == plain["evaluations"]
    assert (mask == (pixels(folder / "stages/mask.png") == 255)).all()
    cells = np.load(folder / "stages/mask.npy") == 1
    refine(folder, "thing.png")
    assert cells.sum() > (np.load(folder / "stages/mask.npy") == 1).sum()
    again = succeed("edit", folder / "thing.png", "--map-in", folder / "thing.npy", "-m", MODEL,
                    "--again", folder / "o.png", "-q", "-o", folder / "a.png")
    assert again.stderr == b"" and (pixels(folder / "a.png") == after).all()


def test_a_given_mask_is_not_cut(thing):
    folder, inside = thing
    PIL.Image.fromarray(np.uint8(255 * inside)).save(folder / "given.png")
    results = []
    for composite in ("pixel", "changed"):
        succeed("edit", folder / "thing.png", "--mask", folder / "given.png", "--from", "a horse",
                "--to", "a zebra", "-m", MODEL, "--size", "72x56", "--steps", "4", "-q", "-o",
                folder / "o.png", "--composite", composite, "--mask-out", folder / "mask.png")
        assert ((pixels(folder / "mask.png") == 255) == inside).all()
        results.append(pixels(folder / "o.png"))
    assert (results[0] == results[1]).all()


def test_a_cut_in_a_box(thing):
    """The mask is that of the whole picture, also where the box alone was worked on."""
    folder, inside = thing
    np.save(folder / "thing.npy", map_of_thing(9, 12))  # of the native size
    said = json.loads(succeed(
        "edit", folder / "thing.png", "--map-in", folder / "thing.npy", "--from", "a horse", "--to",
        "a zebra", "-m", MODEL, "--steps", "4", "-q", "--feather", "0", "--mask-threshold", "0.5",
        "--mask-refine", "on", "--region", "crop", "--region-margin", "0", "-o", folder / "o.png",
        "--composite", "changed", "--mask-out", folder / "mask.png", "--json").stdout)
    before, after = pixels(folder / "thing.png"), pixels(folder / "o.png")
    mask = pixels(folder / "mask.png") == 255
    assert (after[~mask] == before[~mask]).all() and (after[mask] != before[mask]).any()
    assert said["mask_share"] == pytest.approx(mask.mean()) and mask.mean() > inside.mean() / 2


# ---- what is painted over the mask ----

def layer(path, shape, added=(), removed=()):
    """A picture that is transparent but for what is added (white) and removed (black)."""
    pixels_of = np.zeros((*shape, 4), np.uint8)
    for places, grey in ((added, 255), (removed, 0)):
        for place in places:
            pixels_of[place] = [grey, grey, grey, 255]
    PIL.Image.fromarray(pixels_of).save(path)
    return path


@pytest.fixture
def correction(tmp_path):
    return layer(tmp_path / "correction.png", (60, 80), [np.s_[2:8, 60:75]], [np.s_[20:40, 30:50]])


def is_corrected(mask, found):
    expected = found.copy()
    expected[2:8, 60:75], expected[20:40, 30:50] = True, False
    return (mask == expected).all()


def test_a_found_mask_is_corrected(picture, ring, correction, tmp_path):  # noqa: F811
    mask = ["mask", picture, "--from", "a horse", "--to", "a zebra", "-m", MODEL, "--size", "64x64",
            "--map-in", ring, "-q", "-o", tmp_path / "m.png"]
    for more in ([], ["--mask-grow", "4"], ["--mask-refine", "on", "--mask-threshold", "0.3"]):
        succeed(*mask, *more)
        found = pixels(tmp_path / "m.png") == 255
        succeed(*mask, *more, "--correction", correction)
        assert is_corrected(pixels(tmp_path / "m.png") == 255, found)


@pytest.mark.parametrize("composite", ["pixel", "changed"])
@pytest.mark.parametrize("region", ["whole", "crop"])
def test_removed_pixels_are_the_inputs(picture, ring, correction, tmp_path,  # noqa: F811
                                       composite, region):
    if region == "crop":  # the map is of the native size
        np.save(ring, np.load(ring)[3:12, 2:14])
    succeed(*edit(picture, tmp_path / "o.png", "--map-in", ring, "--correction", correction, "-q",
                  "--composite", composite, "--region", region, "--feather", "9", "--mask-blur",
                  "6", "--mask-out", tmp_path / "m.png"))
    before, after = pixels(picture), pixels(tmp_path / "o.png")
    assert (after[20:40, 30:50] == before[20:40, 30:50]).all() and (after != before).any()
    mask = pixels(tmp_path / "m.png")
    assert (mask[20:40, 30:50] == 0).all() and (mask[2:8, 60:75] == 255).all()


def test_a_corrected_mask_is_recorded(picture, correction, tmp_path):  # noqa: F811
    mask = np.zeros((60, 80), np.uint8)
    mask[:30] = 255
    PIL.Image.fromarray(mask).save(tmp_path / "mask.png")
    inpaint = ["inpaint", picture, "--to", "a zebra", "-m", MODEL, "--size", "64x64", "--steps",
               "3", "-q", "--mask", tmp_path / "mask.png", "--mask-out", tmp_path / "m.png"]
    succeed(*inpaint, "--correction", correction, "-o", tmp_path / "o.png")
    assert is_corrected(pixels(tmp_path / "m.png") == 255, mask == 255)
    record = json.loads(PIL.Image.open(tmp_path / "o.png").text["diffedit"])
    assert record["correction"] == str(correction)
    again = ["inpaint", picture, "-q", "--again", tmp_path / "o.png", "-o", tmp_path / "a.png"]
    succeed(*again)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "o.png").read_bytes()
    succeed(*again, "--mask", tmp_path / "mask.png")  # a mask that is given stands alone
    succeed(*inpaint, "-o", tmp_path / "p.png")
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "p.png")).all()
    assert "correction" not in json.loads(PIL.Image.open(tmp_path / "a.png").text["diffedit"])


def test_corrections_that_are_refused(picture, correction, tmp_path):  # noqa: F811
    output = tmp_path / "o.png"
    small = layer(tmp_path / "small.png", (60, 79))
    fail(2, "the correction is 79x60 pixels, but the picture is 80x60",
         *edit(picture, output, "--correction", small))
    PIL.Image.new("L", (80, 60)).save(tmp_path / "grey.png")
    fail(2, "the correction has no alpha, and so would take the place of the whole mask; where it "
         "is to leave what was found, it must be transparent",
         *edit(picture, output, "--correction", tmp_path / "grey.png"))
    fail(2, "the picture and --correction cannot both come from standard input",
         *edit("-", output, "--correction", "-"), input=b"")
    fail(2, f"{correction}: is also an input; use --force to overwrite it",
         *edit(picture, correction, "--correction", correction))
    fail(2, "diffedit invert takes no option --correction", "invert", picture, "--correction",
         correction, "-o", tmp_path / "o.npy")
    succeed(*edit(picture, output, "--correction", "-"), input=correction.read_bytes())
    fail(2, f'{output}: its correction came from a stream ("-"), which is gone; give it as '
         "--correction FILE", "edit", picture, "--again", output, "-o", tmp_path / "p.png")


def test_a_clear_correction_is_warned_of(picture, tmp_path):  # noqa: F811
    clear = layer(tmp_path / "clear.png", (60, 80))
    result = succeed(*edit(picture, tmp_path / "o.png", "-q", "--correction", clear))
    assert result.stderr.decode() == (
        "diffedit: warning: the correction changes nothing: its alpha is below 128 of 255 "
        "everywhere\n")
