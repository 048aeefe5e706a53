"""Results: variations, before and after, keeping, going on from one, saving, records."""
import io
import json

from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from browser import EDIT


def result_ids(page):
    return page.look(lambda: [one.get_attribute("data-result")
                              for one in page.all(".thumbnail")][1:])


def result(page, identity):
    return json.loads(page.server.get(f"/api/results/{identity}").body)


def pixels(page):
    """What the canvas shows, as text to compare."""
    return page.js("""return new Promise((done) => requestAnimationFrame(() =>
        requestAnimationFrame(() => done(document.querySelector("#view .pictures").toDataURL()))
    ))""")


def test_several_seeds(page):
    page.open()
    page.with_region()
    page.write("#count", "3")
    page.keys(Keys.TAB)
    assert page.text("#edit") == "Edit × 3"
    page.click("#edit")
    page.until_result(3)
    page.shot("three-seeds")
    made = [result(page, identity) for identity in result_ids(page)]
    assert [int(one["seed"]) for one in made] == [42, 43, 44]
    assert len({one["group"] for one in made}) == 1 and made[0]["group"]
    files = {page.server.get(f"/api/results/{one['id']}/file").body for one in made}
    assert len(files) == 3


def test_several_texts_one_a_line(page):
    page.open()
    page.with_picture()
    page.texts("a horse", "a zebra")
    page.keys((Keys.SHIFT, Keys.ENTER), "a giraffe")
    assert page.value("#to") == "a zebra\na giraffe"
    page.click("#another-text")
    page.keys("a cow")
    assert page.text("#edit") == "Edit × 3"
    page.click("#edit")
    page.until_result(3)
    page.shot("three-texts")
    assert [result(page, identity)["to"] for identity in result_ids(page)] == \
        ["a zebra", "a giraffe", "a cow"]


def test_another_is_another_picture(page):
    page.open()
    page.sample("horse")
    assert page.text("#edit") == "Another"
    page.click("#edit")
    page.until_result(2)
    first, second = (page.server.get(f"/api/results/{identity}/file").body
                     for identity in result_ids(page))
    assert first != second
    assert page.shown("#chips .chip")
    page.shot("another")


def test_before_and_after(page):
    page.open()
    page.sample("horse")
    after = pixels(page)
    page.click("#compare [role=radio]:nth-child(2)")
    page.until_shown("#view [role=slider]")
    half = pixels(page)
    assert half != after
    page.shot("slider")
    page.js("document.querySelector('#view [role=slider]').focus()")
    page.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert pixels(page) != half
    left = pixels(page)
    page.drag("#view", [(0.5, 0.5), (0.55, 0.5), (0.6, 0.5)])
    assert pixels(page) != left
    page.click("#compare [role=radio]:nth-child(3)")
    page.shot("side-by-side")
    page.click("#compare [role=radio]:nth-child(1)")
    assert pixels(page) == after


def test_the_original_while_held(page):
    page.open()
    page.sample("horse")
    page.js("document.activeElement.blur()")
    ActionChains(page.driver).move_to_element(page.one("h1")).perform()
    after = pixels(page)
    ActionChains(page.driver).key_down("o").perform()
    before = pixels(page)
    page.shot("original-held")
    ActionChains(page.driver).key_up("o").perform()
    assert before != after and pixels(page) == after
    ActionChains(page.driver).move_to_element(page.one("#original")).click_and_hold().perform()
    assert pixels(page) != after
    ActionChains(page.driver).release().perform()
    ActionChains(page.driver).move_to_element(page.one("h1")).perform()
    assert pixels(page) == after
    page.js("document.getElementById('original').focus()")
    ActionChains(page.driver).key_down(Keys.SPACE).perform()
    assert page.js("return document.getElementById('original').classList.contains('held')")
    ActionChains(page.driver).key_up(Keys.SPACE).perform()
    assert not page.js("return document.getElementById('original').classList.contains('held')")


def test_the_strip_by_keyboard(page):
    page.open()
    page.sample("horse")
    page.tab_to(".thumbnail")
    page.keys(Keys.ARROW_LEFT)
    assert page.one(".thumbnail").get_attribute("aria-checked") == "true"
    page.until_shown("#tools")
    page.keys(Keys.ARROW_RIGHT)
    page.until(lambda: not page.shown("#tools"), "the result")
    assert page.js("return document.activeElement.getAttribute('aria-checked')") == "true"


def test_keep(page):
    page.open()
    page.sample("horse")
    page.click("#keep")
    page.until(lambda: page.one("#keep").get_attribute("aria-pressed") == "true", "kept")
    assert result(page, result_ids(page)[0])["kept"] is True
    assert page.shown(".thumbnail.kept")
    page.click("#keep")
    page.until(lambda: page.one("#keep").get_attribute("aria-pressed") == "false", "not kept")


def test_a_result_is_the_next_input(page):
    page.open()
    page.with_region()
    page.click("[data-tool=brush]")
    page.drag("#view", [(0.45, 0.4), (0.5, 0.45), (0.55, 0.4)])
    page.edit()
    page.click("#use")
    page.until(lambda: not page.shown("#strip"), "a picture without results")
    assert page.value("#from") == "a zebra" and page.value("#to") == ""
    assert page.focused() == "to" and not page.shown("#tools")
    page.shot("edit-further")
    page.click("#undo")
    page.until_shown("#strip")
    assert page.value("#from") == "a horse"
    page.click(".thumbnail")
    assert page.one("[data-tool=clear]").is_enabled()


def test_saving(page):
    page.open()
    page.sample("horse")
    link = page.one("#download").get_attribute("href")
    reply = page.server.get(link.removeprefix(page.origin))
    assert "attachment" in reply.headers["Content-Disposition"]
    assert Image.open(io.BytesIO(reply.body)).size == (256, 256)
    assert not page.shown("#download-png")  # it is one already


def test_a_png_brings_everything_back(page, tmp_path):
    page.open()
    page.with_region()
    page.slide("#slider-mask-grow", 5)
    page.click("[data-tool=brush]")
    page.drag("#view", [(0.45, 0.4), (0.5, 0.45), (0.55, 0.4)])
    page.edit()
    share = page.js("return document.querySelector('.slider-cell .value').textContent")
    saved = tmp_path / "zebra.png"
    saved.write_bytes(page.server.get(
        f"/api/results/{result_ids(page)[0]}/file?format=png").body)
    page.open()
    page.drop(saved)
    page.until_shown(".notice[data-notice=picture]")
    page.shot("record")
    assert (page.value("#from"), page.value("#to")) == ("a horse", "a zebra")
    assert page.js("return document.title") == "horse.png – diffedit"
    page.until_region()
    page.until(lambda: page.js("return document.querySelector('.slider-cell .value').textContent")
               == share, f"a region of {share}")
    assert page.one("[data-tool=clear]").is_enabled()
    assert page.value("#slider-mask-grow") == "5"
    page.click(".notice[data-notice=picture] button.plain")
    page.until(lambda: page.js("return document.title") == "zebra.png – diffedit",
               "the picture alone")


def test_warnings_are_shown(page):
    """The pocket model knows few words, and says so."""
    page.open()
    page.with_picture()
    page.texts("a horse", "a spaceship")
    page.click("#edit")
    page.until(lambda: len(page.all(".thumbnail")) == 2, "a result", EDIT)
    page.until_shown("#job-error")
    assert "spaceship" in page.text("#job-error")
    page.shot("warning")
