"""Nothing is lost: undo and redo of everything, a reload, a server that goes and comes back."""
import json
import sys

from selenium.webdriver.common.keys import Keys

from browser import SOURCE, Page, serving

sys.path.insert(0, str(SOURCE / "tests/batch"))
from queueing import free_port  # noqa: E402

LEMONS = SOURCE / "models/pocket/samples/lemons.png"
UNDO, REDO = (Keys.CONTROL, "z"), (Keys.CONTROL, Keys.SHIFT, "z")


def stroke(page):
    """One with the brush."""
    page.click("[data-tool=brush]")
    page.drag("#view", [(0.45, 0.4), (0.5, 0.45), (0.55, 0.4)])


def strokes(page):
    return page.js("return new Promise((resolve) => {"
                   "const open = indexedDB.open('diffedit');"
                   "open.onsuccess = () => { const all = open.result.transaction('pages')"
                   ".objectStore('pages').getAll(); all.onsuccess = () => resolve(all.result"
                   ".find((one) => one.tab === sessionStorage.getItem('tab'))"
                   ".document.strokes.length); }; })")


def test_texts_sliders_strokes_and_pictures_are_undone(page):
    page.open()
    page.with_region()
    page.slide("#slider-mask-grow", 5)
    stroke(page)
    page.until(lambda: strokes(page) == 1, "a stroke")
    page.choose(LEMONS)
    page.until(lambda: "lemons" in page.js("return document.title"), "another picture")
    page.click("#undo")
    page.until(lambda: "horse" in page.js("return document.title"), "the picture is back")
    page.until(lambda: strokes(page) == 1, "the stroke is back")
    page.js("document.activeElement.blur()")
    page.keys(UNDO)
    page.until(lambda: strokes(page) == 0, "no stroke")
    page.until_said("Undone: correction")
    page.keys(UNDO)
    assert page.value("#slider-mask-grow") == "0"
    page.keys(UNDO)
    assert not page.shown("#sliders")
    page.keys(UNDO)
    assert page.value("#to") == "" and page.value("#from") == "a horse"
    for _ in range(3):
        page.keys(REDO)
    assert page.value("#to") == "a zebra" and page.value("#slider-mask-grow") == "5"
    page.keys(REDO)
    page.until(lambda: strokes(page) == 1, "the stroke again")


def test_undo_in_a_field_is_the_same_undo(page):
    page.open()
    page.with_picture()
    page.click("#from")
    page.js("""const field = document.activeElement;
        for (const letter of "a horse") {  // letters that come quickly are one step
            field.value += letter;
            field.dispatchEvent(new Event("input", { bubbles: true }));
        }""")
    page.keys(Keys.TAB)
    page.write("#to", "a zebra")
    page.keys(UNDO)
    assert page.value("#to") == "" and page.value("#from") == "a horse"
    page.keys(UNDO)
    assert page.value("#from") == ""
    page.keys(REDO)
    assert page.value("#from") == "a horse"


def test_a_reload_changes_nothing(page):
    page.open()
    page.with_region()
    page.slide("#slider-mask-grow", 5)
    stroke(page)
    page.edit()
    before = {name: page.value(f"#{name}") for name in ("from", "to", "slider-mask-grow")}
    page.reload()
    page.until(lambda: len(page.all(".thumbnail")) == 2, "the result is back")
    assert {name: page.value(f"#{name}") for name in before} == before
    assert strokes(page) == 1 and page.primary() == ["download"]
    page.shot("reloaded")
    page.js("document.activeElement.blur()")
    page.keys(UNDO)
    page.until(lambda: page.all(".thumbnail") == [] or not page.shown("#strip"),
               "the result is undone")
    assert strokes(page) == 1


def test_a_reload_in_the_middle_of_an_edit(page):
    page.open()
    page.with_region()
    option(page, "steps", "30")
    page.click("#edit")
    page.until_shown("#stop")
    page.reload()
    page.until_result()
    assert page.primary() == ["download"]


def option(page, name, value):
    page.click("#options-open")
    page.write(f"#option-{name}", value)
    page.keys(Keys.TAB)
    page.js("document.getElementById('options').close()")


def test_a_server_that_goes_and_comes_back(browser, tmp_path):
    port = str(free_port())
    with serving(tmp_path, "--port", port) as server:
        page = Page(browser, server)
        page.open()
        page.with_region()
        option(page, "steps", "60")
        page.click("#edit")
        page.until(lambda: page.js("return document.getElementById('progress-bar').value") > 0,
                   "progress")
    page.until_shown(".notice[data-notice=away]")
    page.shot("away")
    page.write("#to", "a zebra!")  # work goes on
    page.keys((Keys.CONTROL, "z"))
    with serving(tmp_path, "--port", port) as server:
        page.server = server
        page.until_gone(".notice[data-notice=away]")
        page.until_result()
        assert page.value("#to") == "a zebra"
        results = json.loads(server.get("/api/results").body)["results"]
        assert len(results) == 1
    browser.get("about:blank")
    page.console()


def test_a_second_tab_goes_on_from_the_first(page):
    page.open()
    page.with_region()
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(page.origin)
    page.ready()
    assert page.value("#to") == "a zebra"
    page.write("#to", "a giraffe")
    page.driver.close()
    page.driver.switch_to.window(first)
    page.reload()
    assert page.value("#to") == "a zebra"


def test_many_undos(page):
    page.open()
    page.with_picture()
    page.js("""const field = document.getElementById("from");
        for (let i = 1; i <= 300; i++) {
            field.value = "word " + i;
            field.dispatchEvent(new Event("input", { bubbles: true }));
            field.dispatchEvent(new Event("blur"));
        }""")
    page.reload()
    assert page.value("#from") == "word 300"
    page.js("for (let i = 0; i < 299; i++) document.getElementById('undo').click();")
    assert page.value("#from") == "word 1"
    page.click("#undo")
    assert page.value("#from") == ""
