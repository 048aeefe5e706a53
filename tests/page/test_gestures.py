"""The picture by hand: tools by mouse, by touch and by keyboard, zoom and pan, before and after.
Each keeps a picture of what is seen."""
import io
import time

import numpy as np
import PIL.Image
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys

from browser import SOURCE

PICTURE = SOURCE / "models/pocket/samples/strawberries.png"
SIZE = 512  # of the picture, and of its map


@pytest.fixture
def canvas(alone):
    alone.show(PIL.Image.open(PICTURE).convert("RGB"), SIZE, SIZE)
    return alone


@pytest.fixture
def found(canvas):
    """A ring is found."""
    y, x = np.mgrid[:SIZE, :SIZE]
    away = np.hypot(x - 256, y - 256)
    canvas.set_map(((away < 150) & (away > 60)).astype(float))
    canvas.options(feather=8)
    return canvas


def steady(canvas):
    canvas.wait("await frame(); await frame();")


def mouse(canvas, *places, button="left", keys=()):
    """Drags over places of the picture."""
    at = [canvas.place(x, y) for x, y in places]
    chain = ActionChains(canvas.driver, duration=10)
    pointer = chain.w3c_actions.pointer_action
    pointer.move_to_location(*map(round, at[0]))
    which = {"left": 0, "middle": 1}[button]
    pointer.pointer_down(button=which)
    for x, y in at[1:]:
        pointer.move_to_location(round(x), round(y))
    pointer.pointer_up(button=which)
    for key in keys:  # held meanwhile
        ActionChains(canvas.driver).key_down(key).perform()
    chain.perform()
    for key in keys:
        ActionChains(canvas.driver).key_up(key).perform()
    steady(canvas)


def touch(canvas, *places):
    canvas.touch([canvas.place(x, y) for x, y in places])
    steady(canvas)


def two_fingers(canvas, *steps, apart=0.1):
    """Each step: the places of both in the window. The second comes `apart` seconds after the
    first, by the time that the events bear: a test may be kept waiting between them."""
    def points(step):
        return [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(step)]
    first = time.time()
    canvas.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=points(steps[0][:1]),
               timestamp=first)
    canvas.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=points(steps[0]),
               timestamp=first + apart)
    for step in steps[1:]:
        canvas.cdp("Input.dispatchTouchEvent", type="touchMove", touchPoints=points(step))
    canvas.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    steady(canvas)


def keyboard(canvas, *keys):
    """Tab brings the focus to the picture; arrow keys begin in its middle."""
    if not canvas.js("return document.activeElement === canvas.element"):
        canvas.keys(Keys.TAB)
    canvas.keys(*keys)
    steady(canvas)


def view(canvas):
    return canvas.js("const v = canvas.view; return [v.scale, v.x, v.y]")


def last(canvas):
    return canvas.strokes()[-1]


# ---- brush and eraser ----


def test_brush_by_mouse(found):
    found.tool("brush", size=40)
    mouse(found, (60, 60), (120, 60), (120, 200))
    assert last(found)["tool"] == "brush" and last(found)["size"] == 40
    shown = found.mask()
    assert shown[60, 45] and shown[60, 100] and shown[150, 120] and not shown[150, 80]
    found.shot("brush-mouse")


def test_brush_by_touch(found):
    found.tool("brush", size=40)
    touch(found, (60, 60), (120, 60), (120, 200))
    shown = found.mask()
    assert len(found.strokes()) == 1
    assert shown[60, 45] and shown[60, 100] and shown[150, 120]
    found.shot("brush-touch")


def test_brush_by_keyboard(found):
    plain = screen(found, "region-found")
    found.tool("brush", size=40)
    keyboard(found, Keys.SPACE, Keys.SPACE, *[Keys.ARROW_RIGHT] * 4,
             (Keys.SHIFT, Keys.ARROW_DOWN))
    down = screen(found, "brush-keyboard-down")
    assert found.strokes() == []
    assert (np.abs(pixel(found, down, 262, 240) - pixel(found, plain, 262, 240)) > 40).any()
    keyboard(found, Keys.ENTER)
    scale = view(found)[0]
    assert last(found)["points"][:2] == pytest.approx([256, 256], abs=1)
    assert last(found)["points"][-2:] == pytest.approx([256 + 32 / scale, 256 + 48 / scale], abs=1)
    assert found.mask()[256, 256] and found.mask()[270, 270]
    said = found.js("return told.filter((one) => one.name === 'cursor').map((one) => one.words)")
    assert said[0].startswith("cursor.moves") and "cursor.outside" in said[0]
    assert said[1].startswith("cursor.draws") and "cursor.inside" in said[-1]
    found.shot("brush-keyboard")


def test_eraser_and_its_opposite(found):
    found.tool("eraser", size=60)
    mouse(found, (150, 256), (200, 256))
    assert not found.mask()[256, 150]
    assert found.bytes("return canvas.mask.alpha;")[256, 150] == 0
    mouse(found, (150, 256), (170, 256), keys=[Keys.ALT])
    assert last(found)["tool"] == "brush" and found.mask()[256, 150]
    found.undo(2)
    assert found.mask()[256, 150] and found.strokes() == []
    found.shot("eraser-undone")


def test_escape_leaves_a_stroke(found):
    found.tool("brush", size=40)
    before = found.mask().copy()
    x, y = map(round, found.place(60, 60))
    chain = ActionChains(found.driver, duration=10)
    pointer = chain.w3c_actions.pointer_action
    pointer.move_to_location(x, y)
    pointer.pointer_down()
    pointer.move_to_location(x + 60, y + 10)
    chain.perform()
    steady(found)
    assert found.mask()[60, 60]
    found.keys(Keys.ESCAPE)
    steady(found)
    assert (found.mask() == before).all()
    chain = ActionChains(found.driver)
    chain.w3c_actions.pointer_action.pointer_up()
    chain.perform()
    assert found.strokes() == []


def test_undo_while_a_stroke_is_drawn(found):
    """The stroke is left; what comes back is as it was."""
    found.tool("brush", size=40)
    mouse(found, (60, 60), (90, 60))
    before = found.mask().copy()
    mouse(found, (60, 400), (90, 400))
    x, y = map(round, found.place(400, 60))
    chain = ActionChains(found.driver, duration=10)
    chain.w3c_actions.pointer_action.move_to_location(x, y)
    chain.w3c_actions.pointer_action.pointer_down()
    chain.w3c_actions.pointer_action.move_to_location(x + 20, y)
    chain.perform()
    found.undo()
    chain = ActionChains(found.driver)
    chain.w3c_actions.pointer_action.pointer_up()
    chain.perform()
    steady(found)
    assert len(found.strokes()) == 1 and (found.mask() == before).all()


# ---- lasso, rectangle, fill ----


@pytest.mark.parametrize("by", [mouse, touch])
def test_lasso(found, by):
    found.tool("lasso")
    by(found, (20, 20), (120, 20), (120, 100), (20, 100))
    assert last(found)["tool"] == "lasso" and last(found)["add"]
    assert found.mask()[60, 70] and not found.mask()[110, 70]
    found.tool("lasso", add=False)
    by(found, (200, 300), (300, 300), (256, 420))
    assert not last(found)["add"] and not found.mask()[340, 256]
    found.shot(f"lasso-{by.__name__}")


def test_lasso_by_keyboard(found):
    found.tool("lasso")
    far = (Keys.SHIFT, Keys.ARROW_RIGHT)
    keyboard(found, Keys.SPACE, Keys.SPACE, far, (Keys.SHIFT, Keys.ARROW_DOWN),
             (Keys.SHIFT, Keys.ARROW_LEFT))
    found.shot("lasso-keyboard-half")
    keyboard(found, Keys.SPACE)
    assert len(last(found)["points"]) == 8
    assert found.mask()[266, 266]
    keyboard(found, Keys.SPACE, far, Keys.ESCAPE)
    assert len(found.strokes()) == 1


@pytest.mark.parametrize("by", [mouse, touch])
def test_rectangle(found, by):
    found.tool("rectangle")
    by(found, (300, 20), (450, 90))
    stroke = last(found)
    assert [stroke[name] for name in ("x", "y", "width", "height")] == pytest.approx(
        [300, 20, 150, 70], abs=2)
    assert found.mask()[60, 380]
    by(found, (480, 480), (560, 520))  # over the edge
    stroke = last(found)
    assert stroke["x"] + stroke["width"] == SIZE and stroke["y"] + stroke["height"] == SIZE
    found.shot(f"rectangle-{by.__name__}")


def test_rectangle_by_keyboard(found):
    found.tool("rectangle", add=False)
    keyboard(found, Keys.ENTER, *[(Keys.SHIFT, Keys.ARROW_LEFT)] * 2, Keys.ENTER,
             *[(Keys.SHIFT, Keys.ARROW_DOWN)] * 2, *[(Keys.CONTROL, Keys.ARROW_RIGHT)] * 10)
    found.shot("rectangle-keyboard-half")
    keyboard(found, Keys.ENTER)
    stroke = last(found)
    scale = view(found)[0]
    assert stroke["width"] == pytest.approx(10, abs=0.2)
    assert stroke["height"] == pytest.approx(96 / scale, abs=1)
    assert not found.mask()[int(256 + 48 / scale), int(256 - 96 / scale + 5)]


@pytest.mark.parametrize("by", ["mouse", "touch", "keyboard"])
def test_fill(found, by):
    found.tool("fill")
    assert not found.mask()[256, 256]
    if by == "keyboard":
        keyboard(found, Keys.SPACE, Keys.SPACE)
    else:
        {"mouse": mouse, "touch": touch}[by](found, (256, 256))
    assert found.mask()[256, 256] and last(found)["add"]
    found.shot(f"fill-{by}")
    mouse(found, (256, 256))
    assert not found.mask().any()


def test_invert(found):
    before = found.mask().copy()
    found.wait("canvas.invert(); await frame();")
    assert (found.mask() == ~before).all()
    found.shot("invert")


# ---- zoom and pan ----


def test_wheel_zooms_where_the_pointer_is(found):
    before = view(found)
    x, y = map(round, found.place(100, 400))
    origin = ScrollOrigin.from_viewport(x, y)
    ActionChains(found.driver).scroll_from_origin(origin, 0, -120).perform()
    steady(found)
    assert view(found)[0] == pytest.approx(1.2 * before[0])
    assert found.place(100, 400) == pytest.approx((x, y), abs=1.5)
    found.shot("zoom-wheel")
    found.js("canvas.fit()")
    assert view(found) == pytest.approx(before)


def wheel(canvas, **how):
    """As a touch pad or a mouse reports it."""
    box = canvas.js("const b = canvas.element.getBoundingClientRect(); return [b.x, b.y]")
    canvas.js("""canvas.element.dispatchEvent(new WheelEvent("wheel",
        { bubbles: true, cancelable: true, ...arguments[0] }));""",
              {"clientX": box[0] + 200, "clientY": box[1] + 200, **how})
    steady(canvas)


def test_two_fingers_on_a_touch_pad(found):
    before = view(found)
    wheel(found, deltaX=30, deltaY=14)
    assert view(found) == pytest.approx([before[0], before[1] - 30, before[2] - 14])
    wheel(found, deltaY=-20, ctrlKey=True)
    assert view(found)[0] > before[0]


def test_alt_and_the_wheel_size_the_brush(found):
    found.tool("brush", size=40)
    wheel(found, deltaY=-120, altKey=True)
    told = found.js("return told.filter((one) => one.name === 'brush')")
    assert told[-1]["size"] == pytest.approx(46)
    assert view(found)[0] == pytest.approx(found.js("return canvas.view.fitScale"))
    mouse(found, (60, 60), (90, 60))
    assert last(found)["size"] == pytest.approx(46)


@pytest.mark.parametrize("how", ["no tool", "space", "middle"])
def test_pan_by_mouse(found, how):
    found.tool(None if how == "no tool" else "brush", size=40)
    before = view(found)
    if how == "space":  # the pointer must be there
        mouse(found, (10, 10), button="middle")
    mouse(found, (200, 200), (260, 240), button="middle" if how == "middle" else "left",
          keys=[Keys.SPACE] if how == "space" else [])
    after = view(found)
    scale = before[0]
    assert after == pytest.approx([scale, before[1] + 60 * scale, before[2] + 40 * scale], abs=2)
    assert found.strokes() == []
    found.shot(f"pan-{how.replace(' ', '-')}")


def test_two_fingers_zoom_and_pan(found):
    found.tool("brush", size=40)
    before = view(found)
    mask = found.mask().copy()
    two_fingers(found, [(300, 300), (400, 300)], [(280, 310), (420, 310)],
                [(250, 330), (450, 330)])
    after = view(found)
    assert after[0] == pytest.approx(2 * before[0], rel=0.02)
    middle = found.js("return canvas.view.toPicture(350, 330)")
    assert middle["x"] == pytest.approx((350 - before[1]) / before[0], abs=2)
    assert middle["y"] == pytest.approx((300 - before[2]) / before[0], abs=2)
    assert found.strokes() == [] and (found.mask() == mask).all()
    found.shot("two-fingers")


def test_a_late_second_finger_leaves_the_stroke(found):
    found.tool("brush", size=40)
    two_fingers(found, [(300, 300), (400, 300)], [(280, 310), (420, 310)], apart=0.5)
    assert len(found.strokes()) == 1


def test_keys_pan_without_a_tool(found):
    before = view(found)
    keyboard(found, Keys.ARROW_RIGHT, (Keys.SHIFT, Keys.ARROW_DOWN))
    assert view(found) == pytest.approx([before[0], before[1] - 40, before[2] - 200])


def test_zoomed_in_paint_lands_where_the_pointer_is(found):
    found.wait("canvas.zoomTo(6, 300, 300); await frame();")
    at = found.js("return canvas.view.toPicture(400, 300)")
    found.tool("brush", size=6)
    mouse(found, (at["x"], at["y"]), (at["x"] + 10, at["y"]))
    assert found.mask()[int(at["y"]), int(at["x"])]
    found.shot("zoomed-in")


# ---- how it is seen ----


def screen(canvas, name):
    return np.asarray(PIL.Image.open(io.BytesIO(canvas.shot(name))).convert("RGB")).astype(int)


def pixel(canvas, shot, x, y):
    at = canvas.place(x, y)
    return shot[round(at[1]), round(at[0])]


def test_tint_and_edge(found):
    found.js("document.body.focus()")
    plain = screen(found, "tint")
    found.js("canvas.showRegion(false)")
    steady(found)
    hidden = screen(found, "region-hidden")
    inside, outside = (256, 156), (20, 500)
    tinted = pixel(found, plain, *inside) - pixel(found, hidden, *inside)
    assert np.abs(tinted).max() > 40
    assert (pixel(found, plain, *outside) == pixel(found, hidden, *outside)).all()
    found.js("canvas.showRegion(true); canvas.style = 'edge'")
    steady(found)
    edge = screen(found, "edge")
    assert (pixel(found, edge, *inside) == pixel(found, hidden, *inside)).all()
    rows, columns = np.nonzero(np.abs(edge - hidden).max(2) > 60)
    scale, left, top = view(found)
    away = np.hypot((columns - left) / scale - 256, (rows - top) / scale - 256)
    assert len(away) > 500
    assert ((np.abs(away - 60) < 4) | (np.abs(away - 150) < 4)).all()


def test_the_edge_marches_unless_less_motion_is_asked_for(alone):
    for reduced in (False, True):
        alone.open(reduced=reduced)
        alone.show(PIL.Image.new("RGB", (SIZE, SIZE), (90, 90, 90)))
        alone.set_strokes([{"tool": "rectangle", "add": True, "x": 100, "y": 100, "width": 200,
                            "height": 200}])
        alone.js("canvas.style = 'edge'")
        steady(alone)
        first = screen(alone, f"march-{reduced}")

        def moved():
            alone.wait("await new Promise((done) => setTimeout(done, 110));")
            return (screen(alone, f"march-{reduced}-later") != first).any()
        if reduced:
            assert not moved() and not moved()
        else:
            alone.until(moved, "the edge to march")


def test_before_and_after(found):
    found.put("result.png", PICTURE.read_bytes())
    found.wait("""const result = new OffscreenCanvas(256, 256);
        const context = result.getContext("2d");
        context.fillStyle = "rgb(0, 0, 255)";
        context.fillRect(0, 0, 256, 256);
        canvas.setResult(await createImageBitmap(result));
        canvas.showRegion(false);
        canvas.addEventListener("compare", (event) =>
            canvas.setCompare({ mode: "slider", at: event.detail.at }));
        canvas.setCompare({ mode: "slider", at: 0.5 });
        await frame();""")
    shot = screen(found, "slider")
    assert (pixel(found, shot, 400, 100) == (0, 0, 255)).all()
    assert not (pixel(found, shot, 100, 100) == (0, 0, 255)).all()
    handle = found.one(".divider")
    assert handle.get_attribute("role") == "slider"
    assert handle.get_attribute("aria-valuenow") == "50"
    mouse(found, (256, 200), (128, 200))
    assert found.one(".divider").get_attribute("aria-valuenow") == "25"
    found.js("arguments[0].focus()", handle)
    found.keys(Keys.END, Keys.ARROW_LEFT)
    steady(found)
    assert handle.get_attribute("aria-valuenow") == "98"
    found.js("""for (const key of ["End", "PageDown", "ArrowLeft"]) {  // within one frame
            arguments[0].dispatchEvent(new KeyboardEvent("keydown", { key }));
        }""", handle)
    steady(found)
    assert handle.get_attribute("aria-valuenow") == "88"
    touch(found, (0.88 * SIZE, 200), (0.75 * SIZE, 200))
    assert handle.get_attribute("aria-valuenow") == "75"
    found.shot("slider-moved")
    found.wait("canvas.setCompare({ mode: 'original' }); await frame();")
    assert not (pixel(found, screen(found, "original"), 400, 100) == (0, 0, 255)).all()
    found.wait("canvas.setCompare({ mode: 'side' }); await frame();")
    shot = screen(found, "side-by-side")
    half = found.js("return canvas.view.pane.dx")
    at = found.place(256, 100)
    assert half > 0
    assert (shot[round(at[1]), round(at[0] + half)] == (0, 0, 255)).all()
    assert not (shot[round(at[1]), round(at[0])] == (0, 0, 255)).all()


def test_the_preview_stands_in_its_box(found):
    found.wait("""const preview = new OffscreenCanvas(8, 8);
        const context = preview.getContext("2d");
        context.fillStyle = "rgb(0, 255, 0)";
        context.fillRect(0, 0, 8, 8);
        canvas.showRegion(false);
        canvas.setPreview(await createImageBitmap(preview),
            { x: 100, y: 50, width: 200, height: 300 });
        await frame();""")
    shot = screen(found, "preview")
    for x, y, inside in ((104, 54, True), (296, 346, True), (96, 60, False), (200, 356, False)):
        assert (pixel(found, shot, x, y) == (0, 255, 0)).all() == inside
    found.wait("canvas.setPreview(null); await frame();")
    assert not (pixel(found, screen(found, "preview-gone"), 104, 54) == (0, 255, 0)).all()


@pytest.mark.parametrize("ratio", [1, 2])
def test_pixels_of_the_picture_are_those_of_the_screen(canvas, ratio):
    """Twice on a picture without a tool shows each pixel as it is."""
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (1600, 2400, 3), np.uint8)
    canvas.cdp("Emulation.setDeviceMetricsOverride", width=1200, height=700, mobile=False,
               deviceScaleFactor=ratio)
    canvas.show(PIL.Image.fromarray(pixels), 2400, 1600)
    twice = ActionChains(canvas.driver)
    twice.move_to_element(canvas.one("#view")).double_click().perform()
    steady(canvas)
    scale, x, y = view(canvas)
    assert scale == pytest.approx(1 / ratio)
    left, top = (round(-v * ratio) for v in (x, y))
    shot = screen(canvas, f"one-to-one-{ratio}")
    assert shot.shape[:2] == (700 * ratio, 1200 * ratio)
    height, width = (min(size, most) for size, most in zip(shot.shape, (1600, 2400)))
    top, shot_top = max(top, 0), max(-top, 0)
    left, shot_left = max(left, 0), max(-left, 0)
    part = pixels[top:top + height, left:left + width]
    shown = shot[shot_top:shot_top + part.shape[0], shot_left:shot_left + part.shape[1]]
    assert (shown == part[:shown.shape[0], :shown.shape[1]])[20:, 20:].all()
    twice = ActionChains(canvas.driver)
    twice.move_to_element(canvas.one("#view")).double_click().perform()
    assert canvas.js("return canvas.view.fitted")


def test_a_fitted_picture_leaves_room(canvas):
    canvas.js("""canvas.element.style.setProperty("box-sizing", "border-box");
        canvas.element.style.setProperty("padding", "0 100px 200px 0");""")
    canvas.resize(900, 700)
    canvas.until(lambda: canvas.js("return canvas.view.width") == 900, "the new size")
    right, bottom = canvas.place(SIZE, SIZE)
    assert right <= 800 and bottom <= 500 and max(right - 800, bottom - 500) > -20
    canvas.shot("fitted-with-room")
