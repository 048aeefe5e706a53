"""What becomes of a map, seen from outside: how it is cleaned, and that it stays."""
import json

import numpy as np
import pytest

from test_cli import edit, picture, pixels, succeed  # noqa: F401 (a fixture)

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
