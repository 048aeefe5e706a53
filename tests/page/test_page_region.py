"""The region as the browser makes it, on a copy of the map, and as the library makes it."""
import base64
import pathlib
import sys

import numpy as np
import PIL.Image
import pytest

from browser import SOURCE

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))
import editing  # noqa: E402

SAMPLES = SOURCE / "models/pocket/samples"
QUICK = {"steps": "3", "mask-samples": "1"}
# By size of the picture: as it comes; one whose map is copied at half the size.
SIZES = {"small": (256, 256), "large": (2560, 1920)}
CHOICES = [
    {},
    {"mask-threshold": "0.2"},
    {"mask-threshold": "0.5", "mask-fill": "off"},
    {"mask-grow": "9"},
    {"mask-grow": "-6", "mask-threshold": "0.4"},
    {"mask-refine": "off"},
    {"mask-refine": "off", "mask-filter": "none", "mask-threshold": "0.6"},
    {"mask-refine": "off", "mask-fill": "on", "mask-grow": "20"},
]


def copy_of(mask, width, height):
    """What a mask has in the middle of each pixel of the copy."""
    y = ((np.arange(height) + 0.5) * mask.shape[0] / height).astype(int)
    x = ((np.arange(width) + 0.5) * mask.shape[1] / width).astype(int)
    return mask[np.ix_(y, x)]


def scaled_sample(name, size):
    image = PIL.Image.open(SAMPLES / f"{name}.png").convert("RGB")
    return image if image.size == size else image.resize(size, PIL.Image.Resampling.LANCZOS)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name,before,after", [("horse", "a horse", "a zebra"),
                                               ("lemons", "lemons", "oranges")])
def test_it_is_the_librarys_within_a_hundredth(alone, server, name, before, after, size):
    image = scaled_sample(name, SIZES[size])
    picture = editing.upload(server, editing.to_bytes(image), f"{name}-{size}.png")
    alone.show(image.resize((64, 48)), *image.size)
    for options in CHOICES:
        job = editing.edit(server, picture["id"], kind="find", preset="fast",
                           options={**QUICK, **options}, **{"from": before, "to": after})
        region = job["region"]
        values = server.get(f"/api/jobs/{job['id']}/map").body
        alone.set_map(np.frombuffer(values, "<u2").reshape(region["height"], region["width"]))
        refined = options.get("mask-refine", "on") == "on"
        cell = 4 * (image.width * image.height / 128 ** 2) ** 0.5
        alone.options(threshold=float(options.get("mask-threshold", "0.3")),
                      grow=int(options.get("mask-grow", "0")),
                      fill=options.get("mask-fill", "on") == "on",
                      speck=cell ** 2 if refined else 0)
        theirs = np.asarray(editing.to_image(
            server.get(f"/api/jobs/{job['id']}/mask").body).convert("L")) >= 128
        ours = alone.mask()
        differing = (ours != copy_of(theirs, *ours.shape[::-1])).mean()
        assert differing < 0.01, (options, differing)
        assert 0.01 < ours.mean() < 0.9, options
        assert abs(alone.js("return canvas.summary().share") - region["share"]) < 0.01


def test_a_correction_is_the_servers_too(alone, server):
    """What was painted goes there as a picture of the copy's size."""
    image = scaled_sample("horse", SIZES["large"])
    picture = editing.upload(server, editing.to_bytes(image), "painted.png")
    find = {"kind": "find", "preset": "fast", "options": {**QUICK, "mask-grow": "12"}}
    job = editing.edit(server, picture["id"], **find)
    region = job["region"]
    alone.show(image.resize((64, 48)), *image.size)
    alone.set_map(np.frombuffer(server.get(f"/api/jobs/{job['id']}/map").body, "<u2").reshape(
        region["height"], region["width"]))
    alone.options(threshold=0.3, grow=12, fill=True, speck=(4 * 2560 * 0.75 ** 0.5 / 128) ** 2)
    alone.set_strokes([{"tool": "brush", "size": 300, "points": [300, 300, 900, 420.5]},
                       {"tool": "eraser", "size": 90, "points": [1280, 200, 1400.2, 1800]},
                       {"tool": "lasso", "add": False, "points": [0, 1900, 1000, 1900, 0, 1000]}])
    painted = base64.b64decode(alone.wait("return base64Of(await canvas.correction());"))
    reply = server.ask("POST", "/api/masks", painted)
    assert reply.status == 201, reply.body
    correction = reply.json()["id"]
    job = editing.edit(server, picture["id"], correction=correction, **find)
    theirs = np.asarray(editing.to_image(
        server.get(f"/api/jobs/{job['id']}/mask").body).convert("L")) >= 128
    ours = alone.mask()
    assert (ours != copy_of(theirs, *ours.shape[::-1])).mean() < 0.01
    assert theirs[300, 300] and not theirs[1000, 1340] and not theirs[1800, 100]


def discs(mask, reach):
    """A mask grown by brute force."""
    height, width = mask.shape
    grown = mask.copy()
    most = int(reach)
    padded = np.pad(mask, most)
    for dy in range(-most, most + 1):
        for dx in range(-most, most + 1):
            if dy * dy + dx * dx <= reach * reach:
                grown |= padded[most + dy:most + dy + height, most + dx:most + dx + width]
    return grown


@pytest.mark.parametrize("amount", [1, 2, 7, 20, -1, -3, -9])
@pytest.mark.parametrize("width,height", [(97, 61), (33, 130)])
def test_growth_is_exact(alone, amount, width, height):
    random = np.random.default_rng(width)
    smooth = random.random((height // 8 + 2, width // 8 + 2))
    values = np.asarray(PIL.Image.fromarray((255 * smooth).astype(np.uint8)).resize(
        (width, height), PIL.Image.Resampling.BICUBIC)) / 255
    alone.show(PIL.Image.new("RGB", (width, height)))
    alone.set_map(values)
    alone.options(threshold=0.5, grow=amount)
    mask = values >= 0.5
    expected = discs(mask, amount) if amount > 0 else ~discs(~mask, -amount)
    assert (alone.mask() == expected).all()


def test_the_soft_edge_is_the_librarys(alone):
    size, feather = 90, 12
    y, x = np.mgrid[:size, :size]
    mask = (np.hypot(x - 40, y - 45) < 17) | ((x < 9) & (y > 70))
    alone.show(PIL.Image.new("RGB", (size, size)))
    alone.set_map(mask.astype(float))
    alone.options(feather=feather)
    alpha = alone.bytes("canvas.mask.update(); return canvas.mask.alpha;")
    at = np.argwhere(mask)
    away = np.sqrt(((np.argwhere(mask | True)[:, None] - at) ** 2).sum(2).min(1))
    t = np.minimum(away / feather, 1).reshape(size, size)
    expected = 255 * (1 - t * t * (3 - 2 * t))
    assert np.abs(alpha - expected).max() <= 1


def test_a_box_of_the_soft_edge_is_that_of_the_whole(alone):
    """What a stroke touches is made anew, and nothing else is wrong then."""
    alone.show(PIL.Image.new("RGB", (300, 200)))
    alone.options(feather=15)
    alone.set_strokes([{"tool": "brush", "size": 20, "points": [30, 30, 200, 90]}])
    for stroke in ({"tool": "eraser", "size": 14, "points": [100, 20, 120, 150]},
                   {"tool": "brush", "size": 3, "points": [250, 180]},
                   {"tool": "rectangle", "add": True, "x": 0, "y": 150, "width": 40, "height": 50}):
        alone.wait("canvas.draw(args[0], 0); canvas.commit(args[0], true); await frame();", stroke)
    parts = alone.bytes("return canvas.mask.alpha;").copy()
    alone.options(feather=15)
    assert (parts == alone.bytes("return canvas.mask.alpha;")).all()


def test_holes_are_filled_and_specks_left_out(alone):
    values = np.zeros((60, 80))
    values[10:40, 10:40] = 1
    values[20:30, 20:30] = 0     # a hole
    values[10:40, 50:70] = 1
    values[20:30, 60:70] = 0     # a bay
    values[20, 69] = 1
    values[50, 50:53] = 1        # a speck
    alone.show(PIL.Image.new("RGB", (80, 60)))
    alone.set_map(values)
    alone.options()
    assert (alone.mask() == (values == 1)).all()
    alone.options(fill=True, speck=4)
    expected = values == 1
    expected[20:30, 20:30] = True
    expected[50] = False
    assert (alone.mask() == expected).all()


@pytest.mark.parametrize("x,y,place", [(20, 20, "top-left"), (150, 20, "top-centre"),
                                       (280, 100, "middle-right"), (150, 100, "middle-centre"),
                                       (20, 180, "bottom-left")])
def test_its_place_in_words(alone, x, y, place):
    alone.show(PIL.Image.new("RGB", (300, 200)))
    alone.set_strokes([{"tool": "brush", "size": 30, "points": [x, y]}])
    share, words = alone.js("const s = canvas.summary(); return [s.share, s.place]")
    assert words.startswith(f"place.{place} ")
    assert share == pytest.approx(np.pi * 15 ** 2 / 60000, rel=0.05)
