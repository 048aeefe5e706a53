"""The one path, from a picture to a result: by mouse, by touch, by keyboard alone."""
import io
import json

import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

from browser import EDIT, SOURCE

HORSE = SOURCE / "models/pocket/samples/horse.png"


def test_the_first_visit(page):
    page.open()
    assert page.primary() == ["choose"]
    page.until(lambda: len(page.all(".sample")) == 3, "three samples")
    assert "Nothing leaves this machine" in page.text("#empty")
    assert not page.one("#find").is_enabled() and not page.one("#edit").is_enabled()
    page.shot("first-visit")


def test_a_sample_is_one_click_from_a_result(page):
    page.open()
    page.sample("horse")
    assert page.value("#from") == "a horse" and page.value("#to") == "a zebra"
    assert page.primary() == ["download"]
    page.shot("sample-result")


def test_the_path_by_mouse(page):
    page.open()
    page.with_picture()
    assert page.primary() == ["find"]
    page.texts("a horse", "a zebra")
    page.click("#find")
    page.until_region()
    assert page.primary() == ["edit"]
    assert page.shown("#tools")
    page.shot("region-found")
    page.click("#edit")
    page.until_result()
    assert page.primary() == ["download"]
    page.shot("result")


def test_the_path_by_keyboard_alone(page):
    page.open()
    page.until(lambda: page.all(".sample"), "samples")
    page.tab_to("#choose")
    page.choose(HORSE)  # what the system's dialog gives
    page.until_picture()
    page.until(lambda: page.focused() == "from", "focus in the first text")
    page.keys("a horse", Keys.ENTER)
    assert page.focused() == "to"
    page.keys("a zebra", Keys.ENTER)
    page.until_region()
    page.keys(Keys.ENTER)
    page.until_result()
    assert page.primary() == ["download"]
    page.until_said("Done")


def test_the_path_by_touch(page):
    page.open(width=390, height=780, touch=True)
    page.until(lambda: page.all(".sample"), "samples")
    page.with_picture()
    page.tap("#from")
    page.keys("a horse")
    page.tap("#to")
    page.keys("a zebra")
    page.tap("#find")
    page.until_region()
    page.shot("touch-region")
    page.tap("#edit")
    page.until_result()
    page.shot("touch-result")


@pytest.mark.parametrize("way", ["choose", "drop", "paste"])
def test_a_picture_comes_in(page, way):
    page.open()
    getattr(page, way)(HORSE)
    page.until_picture()
    assert page.js("return document.title") == "horse.png – diffedit"
    assert "256 by 256" in page.one("#stage").get_attribute("aria-label")


def test_a_drop_shows_where(page):
    page.open()
    page.js("""const transfer = new DataTransfer();
        transfer.items.add(new File(["x"], "x.png", { type: "image/png" }));
        document.body.dispatchEvent(new DragEvent("dragenter",
            { bubbles: true, dataTransfer: transfer }));""")
    assert page.shown("#drop-cover")
    page.shot("drop")
    page.js("""document.body.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));""")
    assert not page.shown("#drop-cover")


def test_what_is_no_picture_is_refused_beside_the_drop_place(page, tmp_path):
    page.open()
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    page.drop(text)
    page.until_shown("#picture-error")
    assert "notes.png" in page.text("#picture-error")
    assert "Try another picture." in page.text("#picture-error")
    page.shot("no-picture")
    page.drop(HORSE)
    page.until_picture()
    assert not page.shown("#picture-error")
    page.driver.get_log("browser")  # the browser notes the refusal itself


def test_24_megapixels(page, tmp_path):
    """The page has a copy of screen size; the result has the original's size and format."""
    photograph = tmp_path / "large.jpg"
    Image.open(HORSE).resize((6000, 4000), Image.BILINEAR).save(photograph, quality=90)
    page.open()
    page.choose(photograph)
    page.until(lambda: page.shown("#view") and not page.shown("#opening"), "24 megapixels", EDIT)
    page.texts("a horse", "a zebra")
    page.find()
    page.requests()
    page.edit()
    sizes = page.js("""return performance.getEntriesByType("resource")
        .filter((one) => one.name.endsWith("/screen")).map((one) => one.encodedBodySize);""")
    assert sizes and max(sizes) < 3_000_000
    assert page.text("#download") == "Save JPEG"
    path = page.js("return document.getElementById('download').getAttribute('href')")
    result = Image.open(io.BytesIO(page.server.get(path).body))
    assert result.format == "JPEG" and result.size == (6000, 4000)
    page.shot("24-megapixels")


def test_enter_asks_for_what_is_missing(page):
    page.open()
    page.with_picture()
    page.click("#find")
    page.until_shown("#text-error")
    assert "what it should show" in page.text("#text-error")
    assert page.focused() == "from"
    page.texts("a horse", "a horse")
    page.click("#find")
    page.until(lambda: "same" in page.text("#text-error"), "the texts are the same")
    assert page.one("#to").get_attribute("aria-invalid") is not None
    page.shot("same-texts")


def test_edit_without_find_finds_first(page):
    page.open()
    page.with_picture()
    page.texts("a horse", "a zebra")
    page.click("#edit")
    page.until_result()
    page.click(".thumbnail")
    page.until(lambda: "Region:" in page.one("#stage").get_attribute("aria-label"), "a region")


def test_other_texts_leave_the_region_until_another_is_found(page):
    page.open()
    page.with_region()
    assert page.primary() == ["edit"]
    page.write("#to", "a giraffe")
    assert page.primary() == ["find"]
    assert page.shown("#sliders") and page.shown("#tools")
    page.until(lambda: "other texts" in page.one("#stage").get_attribute("aria-label"),
               "the region is said to be of other texts")
    page.find()
    assert page.primary() == ["edit"]
    assert "other texts" not in page.one("#stage").get_attribute("aria-label")


def test_stop_is_where_edit_was(page):
    page.open()
    page.with_region()
    set_option(page, "steps", "999")
    page.until_shown(".chip")
    where = page.one("#edit").rect
    page.click("#edit")
    page.until_shown("#stop")
    stop = page.one("#stop").rect
    assert (stop["x"], stop["y"]) == (where["x"], where["y"])
    page.until(lambda: "left" in page.text("#progress-words"), "time that is left")
    page.until(lambda: page.js("return document.getElementById('progress-bar').value") > 0,
               "progress")
    page.shot("editing")
    page.click("#stop")
    page.until_gone("#stop")
    assert page.shown("#edit") and page.all(".thumbnail") == []
    page.until_said("Stopped")
    page.click("#edit")
    page.until_shown("#stop")
    page.keys(Keys.ESCAPE)
    page.until_gone("#stop")


@pytest.fixture
def held(page):
    """The page, whose jobs do not leave it before release(), nor do their answers come to it before
    releaseAnswers()."""
    script = page.cdp("Page.addScriptToEvaluateOnNewDocument", source="""
        const send = window.fetch, Stream = window.EventSource;
        const released = new Promise((resolve) => { window.release = resolve; });
        const answered = new Promise((resolve) => { window.releaseAnswers = resolve; });
        Object.assign(window, { streams: [],
            async fetch(path, how) {
                if (path !== "/api/jobs") {
                    return send(path, how);
                }
                await released;
                const answer = await send(path, how);
                await answered;
                return answer;
            },
            EventSource: class extends Stream {
                constructor(...how) {
                    super(...how);
                    streams.push(this);
                }
            } });""")
    page.open()
    page.with_picture()
    page.texts("a horse", "a zebra")
    yield page
    page.cdp("Page.removeScriptToEvaluateOnNewDocument", **script)


def test_a_stream_that_opens_asks_for_no_job_that_is_on_its_way(held):
    """The server does not know it yet, and the browser would note that."""
    held.click("#find")
    held.until_shown("#stop")
    held.js("streams.at(-1).onopen()")
    held.js("release(); releaseAnswers()")
    held.until_region()


def test_a_job_that_ends_before_it_is_known_to_be_there(held):
    held.js("release()")
    held.find()
    held.requests()
    held.js("releaseAnswers()")
    held.settle()
    assert [url for url in held.requests() if "/stop" in url] == []


def test_a_job_is_stopped_on_its_way(held):
    set_option(held, "steps", "998")
    held.click("#edit")
    held.click("#stop")
    held.until_gone("#stop")
    held.js("release(); releaseAnswers()")
    held.until(lambda: [job["state"] for job in json.loads(held.server.get("/api/jobs").body)
                        if job["options"] == {"steps": "998"}] == ["stopped"], "it is stopped")
    assert held.all(".thumbnail") == []


def set_option(page, name, value):
    """In the drawer, which is closed again."""
    page.click("#options-open")
    page.write(f"#option-{name}", value)
    page.keys(Keys.TAB)
    page.js("document.getElementById('options').close()")


def test_a_refusal_stands_beside_the_button_with_its_option(page):
    page.open()
    page.with_picture()
    page.texts("a horse", "a zebra")
    page.choose_from("#option-scheduler", "lms")
    page.click("#edit")
    page.until_shown("#job-error")
    assert page.shown("#job-error button.link")
    page.shot("refused")
    page.click("#job-error button.link")
    page.until_shown("#options")
    page.driver.get_log("browser")


def test_sliders_act_in_the_browser(page):
    """No request, and less than a frame."""
    page.open()
    page.with_region()
    label = page.one("#stage").get_attribute("aria-label")
    page.requests()
    page.slide("#slider-mask-threshold", 0.95)
    page.until(lambda: page.one("#stage").get_attribute("aria-label") != label, "another region")
    page.slide("#slider-mask-grow", 6)
    page.slide("#slider-feather", 20)
    assert [url for url in page.requests() if "/api/" in url and "/status" not in url
            and "/models" not in url] == []
    assert page.text("#slider-feather + *, .slider-cell:nth-child(3) .value") == "20 px"
    page.shot("sliders")
    page.click(".slider-cell:nth-child(2) .value")
    assert page.value("#slider-mask-grow") == "0"


def test_what_is_asked_is_what_stands_in_the_fields(page):
    page.open()
    page.with_region()
    page.slide("#slider-mask-grow", 6)
    page.edit()
    results = json.loads(page.server.get("/api/results?limit=1").body)["results"]
    assert results[0]["options"] == {"mask-grow": "6"}
    assert (results[0]["from"], results[0]["to"], results[0]["preset"]) == \
        ("a horse", "a zebra", "fast")


def test_what_an_input_method_writes_is_left_alone(page):
    """Its text is not the document's before it is whole; what runs draws the panel meanwhile."""
    page.open()
    page.with_picture()
    page.js("document.getElementById('to').focus()")
    page.cdp("Input.imeSetComposition", text="ban m", selectionStart=5, selectionEnd=5)
    page.js("document.getElementById('count').dispatchEvent(new Event('change'))")
    assert page.value("#to") == "ban m"
    page.cdp("Input.insertText", text="斑马")
    page.js("document.getElementById('count').dispatchEvent(new Event('change'))")
    assert page.value("#to") == "斑马"


def test_the_soft_edge_is_a_cell_of_the_picture(page, tmp_path):
    """Which is known once the model is open."""
    path = tmp_path / "large.png"
    Image.open(HORSE).resize((2048, 2048)).save(path)
    page.open()
    page.choose(path)
    page.until_picture()
    page.texts("a horse", "a zebra")
    page.find()
    page.until(lambda: "64 px" in page.text("#sliders"), "the soft edge of one cell")
