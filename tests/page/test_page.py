"""The page as a whole: what it asks for; sizes of windows, languages, themes;
keys, dialogs, and what axe does not know."""
import pytest
from selenium.webdriver.common.keys import Keys

from browser import TOKEN, Page, serving

LOOKS = [("en", False, 1280, 800), ("zh", True, 1280, 800), ("zh", False, 360, 740),
         ("en", True, 360, 740), ("en", False, 3840, 2160), ("zh", True, 3840, 2160)]


def test_nothing_leaves_the_origin(page):
    page.open()
    page.requests()
    page.sample("horse")
    page.click("#history-open")
    page.click("#options-open")
    page.click("#help-open")
    foreign = [url for url in page.requests()
               if not url.startswith((page.origin, "data:", "blob:"))]
    assert foreign == []


@pytest.mark.parametrize("language, dark, width, height", LOOKS)
def test_looks(page, language, dark, width, height):
    """Every state, kept for the eye; nothing is wider than the window."""
    name = f"{width}-{language}-{'dark' if dark else 'light'}"
    page.open(language=language, dark=dark, width=width, height=height, touch=width < 500)
    page.until(lambda: len(page.all(".sample")) == 3, "samples")
    states = ["empty", "region", "brush", "result", "slider", "options", "history", "help"]
    for state in states:
        reach(page, state)
        page.js("document.activeElement.blur()")
        page.settle()
        page.shot(f"look-{name}-{state}")
        wide = page.js("return document.documentElement.scrollWidth")
        assert wide <= width, state
        assert outside(page, width) == [], state


def reach(page, state):
    for dialog in page.all("dialog[open]"):
        page.js("arguments[0].close()", dialog)
    if state == "region":
        page.with_picture()
        page.texts("a horse", "a zebra")
        page.find()
    elif state == "brush":
        page.click("[data-tool=brush]")
        page.drag("#view", [(0.45, 0.4), (0.5, 0.45), (0.55, 0.4)])
    elif state == "result":
        page.edit()
    elif state == "slider":
        page.click("#compare [role=radio]:nth-child(2)")
    elif state in ("options", "history"):
        page.click(f"#{state}-open")
    elif state == "help":
        page.js("document.getElementById('help').showModal()")


def outside(page, width):
    """Buttons and fields that reach out of the window, where nothing scrolls them in."""
    return page.js("""const wide = arguments[0];
        return [...document.querySelectorAll("button, input, select, textarea, a")]
            .filter((one) => one.checkVisibility() && !one.closest("#tools, #thumbnails, .skip")
                && !one.classList.contains("skip")
                && !(one.type === "file"))
            .filter((one) => { const box = one.getBoundingClientRect();
                return box.width > 0 && (box.left < -1 || box.right > wide + 1); })
            .map((one) => one.id || one.className);""", width)


@pytest.mark.parametrize("width, height, touch", [(1280, 800, False), (360, 740, True)])
def test_targets_are_large_enough(page, width, height, touch):
    """24 px at least (WCAG 2.5.8); what a finger meets, more."""
    page.open(width=width, height=height, touch=touch)
    page.sample("horse")
    page.click(".thumbnail")
    small = page.js("""return [...document.querySelectorAll("button, input, select, a")]
        .filter((one) => one.checkVisibility() && !one.closest("dialog") && one.type !== "file"
            && !one.classList.contains("skip") && !one.classList.contains("link"))
        .map((one) => [one.id || one.dataset.tool || one.className,
            one.getBoundingClientRect()])
        .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
        .map(([name, box]) => `${name} ${box.width} x ${box.height}`);""")
    assert small == []


def test_reflow_at_400_percent(page):
    """A window of 1280 x 1024 at 400 %: 320 x 256 (WCAG 1.4.10)."""
    page.open(width=320, height=256)
    page.sample("horse")
    assert page.js("return document.documentElement.scrollWidth") <= 320
    page.js("document.getElementById('edit').scrollIntoView()")
    page.shot("reflow")


def test_languages(page):
    page.open(language="zh")
    assert page.js("return document.documentElement.lang") == "zh-CN"
    assert page.text("#find") == "查找区域"
    page.click("#language")
    assert page.text("#find") == "Find" and page.js("return document.documentElement.lang") == "en"
    page.reload()
    assert page.text("#find") == "Find"
    page.click("#options-open")
    page.js("""const select = document.getElementById("page-language");
        select.value = "zh"; select.dispatchEvent(new Event("change"));""")
    assert page.text("#options-title") == "选项"


def test_themes(page):
    def ground():
        return page.js("return getComputedStyle(document.getElementById('stage')).backgroundColor")
    page.open()
    light = ground()
    page.click("#theme")
    dark = ground()
    assert light != dark
    page.reload()
    assert ground() == dark
    page.click("#theme")
    assert ground() == light
    page.open(dark=True)
    assert ground() == dark


def test_all_keys(page):
    page.open()
    page.with_region()
    page.js("document.activeElement.blur()")
    for key, tool in (("b", "brush"), ("e", "eraser"), ("l", "lasso"), ("r", "rectangle"),
                      ("f", "fill")):
        page.keys(key)
        assert page.one(f"[data-tool={tool}]").get_attribute("aria-pressed") == "true"
    page.keys("b")
    size = float(page.value("#brush-size"))
    page.keys("]")
    assert float(page.value("#brush-size")) > size
    page.keys("[", "[")
    assert float(page.value("#brush-size")) < size
    page.keys(Keys.ESCAPE)
    assert not page.all("[data-tool=brush][aria-pressed=true]")
    page.keys("m")
    assert page.one("[data-tool=shown]").get_attribute("aria-pressed") == "false"
    page.keys("m")
    assert page.one("[data-tool=shown]").get_attribute("aria-pressed") == "true"
    page.keys("h")
    page.until_shown("#history")
    page.keys("h", Keys.ESCAPE)
    page.js("document.activeElement.blur()")
    page.keys("?")
    page.until_shown("#help")
    page.shot("keys")
    page.keys(Keys.ESCAPE)
    page.until_gone("#help")


def test_keys_of_one_letter_can_be_switched_off(page):
    page.open()
    page.with_region()
    page.click("#options-open")
    page.click("label.check:has(#page-keys)")
    page.keys(Keys.ESCAPE)
    page.js("document.activeElement.blur()")
    page.keys("b")
    assert not page.all("[data-tool=brush][aria-pressed=true]")
    page.keys((Keys.CONTROL, "z"))
    page.until(lambda: not page.shown("#tools"), "undo still acts")


def test_letters_in_a_text_are_letters(page):
    page.open()
    page.with_region()
    page.write("#to", "be lombre")
    assert page.value("#to") == "be lombre"
    assert not page.all("#tools [aria-pressed=true][data-tool=brush]")


def test_no_keyboard_trap(page):
    """Tab goes through everything that is seen, and comes around."""
    page.open()
    page.with_region()
    page.js("document.activeElement.blur()")
    seen = []
    for _ in range(60):
        page.keys(Keys.TAB)
        seen.append(page.js("""const one = document.activeElement;
            return one.id || one.className || one.tagName;"""))
    assert {"from", "to", "find", "edit", "undo", "history-open", "options-open", "help-open",
            "slider-mask-threshold", "zoom-in"} <= set(seen)


def test_focus_is_seen(page):
    page.open()
    page.with_region()
    page.js("document.activeElement.blur()")
    for _ in range(20):
        page.keys(Keys.TAB)
        seen = page.js("""const one = document.activeElement;
            const { outlineStyle, outlineWidth } = getComputedStyle(one);
            return one === document.body
                || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2);""")
        assert seen, page.js("return document.activeElement.outerHTML")


def test_the_drawer_stands_beside_or_covers(page):
    page.open()
    page.click("#options-open")
    assert not page.js("return document.getElementById('options').matches(':modal')")
    assert page.js("return document.getElementById('options').contains(document.activeElement)")
    page.keys(Keys.ESCAPE)
    assert page.focused() == "options-open"
    page.resize(360, 740)
    page.click("#options-open")
    assert page.js("return document.getElementById('options').matches(':modal')")
    page.click("#options [data-close]")
    page.until_gone("#options")


def test_reduced_motion(page):
    page.open(reduced=True)
    page.with_region()
    assert page.js("return getComputedStyle(document.getElementById('edit')).transitionDuration") \
        in ("0s", "0s, 0s")
    assert page.js("return document.getAnimations().length") == 0


def test_the_region_is_said(page):
    page.open()
    page.with_region()
    page.until_said("% of the picture")
    page.slide("#slider-mask-threshold", 0)
    page.until_said("empty")


@pytest.mark.parametrize("way", ["link", "form"])
def test_a_token(browser, tmp_path, way):
    with serving(tmp_path, "--token", TOKEN) as server:
        page = Page(browser, server)
        browser.get(f"http://localhost:{server.port}/theme.js")
        browser.delete_all_cookies()
        browser.get(f"http://localhost:{server.port}/" + (f"#token={TOKEN}" * (way == "link")))
        if way == "form":
            page.until_shown("#token")
            page.shot("token")
            page.one("#token-value").send_keys("wrong" * 4, Keys.ENTER)
            page.until_shown("#token-error")
            page.one("#token-value").clear()
            page.one("#token-value").send_keys(TOKEN, Keys.ENTER)
        page.until(lambda: len(page.all(".sample")) == 3, "samples")
        assert not page.shown("#token")
        assert "token" not in browser.current_url
        page.sample("horse")
        page.console()
