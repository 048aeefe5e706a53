"""What is painted over the region: operations, their undo, and files of masks."""
import io

import numpy as np
import PIL.Image
import pytest

SIZE = (200, 150)


@pytest.fixture
def canvas(alone):
    """A picture of 400x300 whose map is 200x150: the region is the left half."""
    values = np.zeros(SIZE[::-1])
    values[:, :100] = np.linspace(0.9, 0.5, 100)
    alone.show(PIL.Image.new("RGB", SIZE), 400, 300)
    alone.set_map(values)
    alone.options(threshold=0.5)
    return alone


def half():
    mask = np.zeros(SIZE[::-1], bool)
    mask[:, :100] = True
    return mask


def disc(x, y, radius):
    """In pixels of the copy."""
    rows, columns = np.mgrid[:SIZE[1], :SIZE[0]] + 0.5
    return np.hypot(columns - x, rows - y) <= radius


def some_strokes(count, seed=1):
    random = np.random.default_rng(seed)
    strokes = []
    for i in range(count):
        x, y, w, h = (round(float(v), 1) for v in random.uniform(5, 150, 4))
        points = [round(float(v), 1) for v in random.uniform(0, 300, 12)]
        strokes.append([
            {"tool": "brush", "size": 5 + i % 30, "points": points},
            {"tool": "eraser", "size": 3 + i % 20, "points": points},
            {"tool": "lasso", "add": i % 3 > 0, "points": points},
            {"tool": "rectangle", "add": i % 3 > 1, "x": x, "y": y, "width": w, "height": h},
        ][i % 4])
    return strokes


def test_a_dot_and_a_line(canvas):
    canvas.set_strokes([{"tool": "brush", "size": 40, "points": [300, 100]}])
    assert (canvas.mask() == (half() | disc(150, 50, 10))).all()
    canvas.set_strokes([{"tool": "eraser", "size": 40, "points": [40, 100, 100, 100]}])
    line = half() & ~disc(20, 50, 10) & ~disc(50, 50, 10)
    line[40:60, 20:50] = False
    assert (canvas.mask() == line).all()


def test_a_rectangle_and_a_lasso(canvas):
    canvas.set_strokes([
        {"tool": "rectangle", "add": True, "x": 240, "y": 20, "width": 100, "height": 40},
        {"tool": "lasso", "add": False, "points": [0, 0, 100, 0, 0, 100]}])
    rows, columns = np.mgrid[:SIZE[1], :SIZE[0]] + 0.5
    expected = half()
    expected[10:30, 120:170] = True
    expected &= ~(rows + columns < 50)
    differing = canvas.mask() != expected
    assert not differing[np.abs(rows + columns - 50) > 0.01].any()


def test_a_line_that_goes_around_twice_has_no_hole(canvas):
    ring = [60, 60, 340, 60, 340, 240, 60, 240]
    canvas.set_strokes([{"tool": "lasso", "add": False, "points": ring + ring}])
    assert not canvas.mask()[30:120, 30:170].any()


def test_what_was_painted_stays_under_another_threshold(canvas):
    added, removed = disc(150, 50, 20), disc(30, 100, 15)
    canvas.set_strokes([{"tool": "brush", "size": 80, "points": [300, 100]},
                        {"tool": "eraser", "size": 60, "points": [60, 200]}])
    for threshold in (0.4, 0.6, 0.75, 0.95):
        canvas.options(threshold=threshold)
        shown = canvas.mask()
        assert shown[added].all() and not shown[removed].any(), threshold
    canvas.options(grow=30)
    shown = canvas.mask()
    assert shown[:, :114][~removed[:, :114]].all() and not shown[removed].any()
    assert not (shown & ~added)[:, 117:].any()  # paint does not grow
    canvas.js("canvas.setMap(null)")  # another text: nothing is found yet
    shown = canvas.mask()
    assert shown.shape == (300, 400) and shown.mean() == pytest.approx(added.mean(), rel=0.02)
    assert shown[100, 300]


def test_undo_and_redo_of_hundreds(canvas):
    strokes = some_strokes(400)
    canvas.js("window.all = arguments[0]", strokes)
    seen = {}
    for count in (0, 7, 16, 33, 150, 200, 399, 400):
        canvas.wait("setStrokes(all.slice(0, args[0])); await frame();", count)
        seen[count] = canvas.mask().copy()
    for count in (399, 0, 150, 33, 400, 16, 7, 200):
        canvas.wait("setStrokes(all.slice(0, args[0])); await frame();", count)
        assert (canvas.mask() == seen[count]).all(), count


def test_what_is_drawn_bit_by_bit_is_what_is_replayed(canvas):
    canvas.wait("""
        const operation = { tool: "brush", size: 17.3, points: [300, 20.5] };
        canvas.draw(operation, 0);
        for (let i = 1; i < 200; i++) {
            operation.points.push(300 + 80 * Math.sin(i / 9), 20.5 + i);
            canvas.draw(operation, 2 * i);
            if (i % 10 === 0) {
                await frame();
            }
        }
        canvas.commit(operation, true);""")
    drawn = canvas.mask().copy()
    strokes = canvas.strokes()
    canvas.set_strokes([])
    assert (canvas.mask() == half()).all()
    canvas.set_strokes(strokes)
    assert (canvas.mask() == drawn).all()


def test_fill_and_invert(canvas):
    canvas.set_strokes([{"tool": "lasso", "add": True, "points": [240, 60, 380, 60, 380, 240, 240,
                                                                  240]},
                        {"tool": "rectangle", "add": False, "x": 280, "y": 100, "width": 40,
                         "height": 80}])
    before = canvas.mask().copy()
    assert not before[75, 150]
    canvas.wait("canvas.tools.fill({ x: 300, y: 150 }); await frame();")
    filled = before.copy()
    filled[50:90, 140:160] = True
    assert (canvas.mask() == filled).all()
    canvas.wait("canvas.tools.fill({ x: 250, y: 70 }); await frame();")
    assert (canvas.mask() == half()).all()
    canvas.wait("canvas.invert(); await frame();")
    assert (canvas.mask() == ~half()).all()
    canvas.options(threshold=0.9)
    assert (canvas.mask() == ~half()).all()
    canvas.undo(2)
    canvas.options(threshold=0.5)
    assert (canvas.mask() == filled).all()


def test_its_files(canvas):
    strokes = some_strokes(11)
    canvas.set_strokes(strokes)
    layer, shown = canvas.layer(), canvas.mask()
    assert set(np.unique(layer)) == {0, 1, 2}
    assert (shown == np.where(layer == 0, half(), layer == 1)).all()
    saved = np.asarray(canvas.picture("canvas.maskBlob()"))
    assert saved.dtype == np.uint8 and (saved == 255 * shown).all()
    canvas.set_strokes([])
    assert canvas.wait("return await canvas.correction()") is None
    canvas.put("layer.png", to_bytes(layer))
    canvas.wait("""canvas.commit(await canvas.operationOf(await bitmapOf("/files/layer.png")));
        await frame();""")
    assert (canvas.layer() == layer).all()
    assert (canvas.mask() == shown).all()


def to_bytes(layer):
    pixels = np.zeros((*layer.shape, 2), np.uint8)
    pixels[layer > 0, 1] = 255
    pixels[layer == 1, 0] = 255
    file = io.BytesIO()
    PIL.Image.fromarray(pixels, "LA").save(file, "PNG")
    return file.getvalue()


def test_held_pixels_fit_a_copy_of_another_size(canvas):
    canvas.wait("canvas.invert(); await frame();")
    canvas.set_map(np.zeros((75, 100)))
    inverted = canvas.mask()
    assert inverted.shape == (75, 100)
    assert not inverted[:, :50].any() and inverted[:, 50:].all()


@pytest.mark.parametrize("mode,paint,behind", [("LA", 255, 0), ("LA", 0, 255), ("L", 255, 0)])
def test_a_given_mask(canvas, mode, paint, behind):
    """As docs/MASKS.md says, clear parts count as the opposite of the paint."""
    image = PIL.Image.new(mode, (400, 300), (0, 0) if mode == "LA" else 0)
    image.paste((paint, 255) if mode == "LA" else paint, (100, 50, 300, 250))
    file = io.BytesIO()
    image.save(file, "PNG")
    canvas.put("given.png", file.getvalue())
    canvas.wait("""canvas.setMask(await bitmapOf("/files/given.png")); await frame();""")
    expected = np.full(SIZE[::-1], behind == 255)
    expected[25:125, 50:150] = paint == 255
    canvas.options(threshold=0.99)
    assert (canvas.mask() == expected).all()
