"""A region that is not found but given: a mask from a file, or painted by hand alone."""
import io
import json

from PIL import Image, ImageDraw


def mask_of(page):
    """The mask of the newest result, of its picture's size."""
    newest = json.loads(page.server.get("/api/results?limit=1").body)["results"][0]
    return Image.open(io.BytesIO(page.server.get(f"/api/results/{newest['id']}/mask").body))


def test_a_mask_from_a_file(page, tmp_path):
    mask = Image.new("L", (256, 256))
    ImageDraw.Draw(mask).rectangle((60, 80, 220, 240), fill=255)
    mask.save(tmp_path / "mask.png")
    page.open()
    page.with_region()
    page.one("#mask-file").send_keys(str(tmp_path / "mask.png"))
    page.until(lambda: "Region: 40 %" in page.one("#stage").get_attribute("aria-label"),
               "the mask's share")
    assert page.primary() == ["edit"]
    page.shot("mask-from-file")
    page.edit()
    used = mask_of(page).convert("L")
    assert used.getpixel((150, 150)) > 127
    page.click("#undo")
    page.click("#undo")
    page.until(lambda: "Region: 40 %" not in page.one("#stage").get_attribute("aria-label"),
               "the region that was found")


def test_painting_by_hand_alone(page):
    """No region was looked for: what is painted is what changes."""
    page.open()
    page.with_picture()
    page.texts("a horse", "a zebra")
    page.js("document.activeElement.blur()")
    page.keys("r")
    page.until_shown("#tools")
    page.drag("#view", [(0.42, 0.3), (0.5, 0.5), (0.6, 0.9)])
    page.until(lambda: page.primary() == ["edit"], "something to edit")
    page.until(lambda: "Region:" in page.one("#stage").get_attribute("aria-label"), "a region")
    page.shot("painted-alone")
    page.edit()
    assert mask_of(page).size == (256, 256)
