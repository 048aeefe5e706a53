"""The page in a browser: Debian's chromium without a window, driven by selenium, on a server with a
data folder of its own. What a test calls `page` is one tab of it.

    with serving(folder) as server, browsing() as browser:
        page = Page(browser, server)
        page.open(language="zh", dark=True, width=360)
        page.sample("horse")
        page.shot("result")         # build/page-screenshots/result.png
"""
import contextlib
import json
import os
import pathlib
import sys
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))
from serving import PATIENCE, PROGRAM, SOURCE, TOKEN, serving  # noqa: E402, F401

BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", SOURCE / "build")).resolve()
SHOTS = BUILD / "page-screenshots"
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
WIDTH, HEIGHT = 1280, 800
# What an edit by the pocket model may take where other programs run too.
EDIT = 2 * PATIENCE


@contextlib.contextmanager
def browsing():
    """A browser; it ends with its driver, whose process is ours."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
                     "--force-color-profile=srgb", "--lang=en-US"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service(DRIVER), options=options)
    driver.set_script_timeout(PATIENCE)
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    def __init__(self, driver, server):
        self.driver, self.server = driver, server

    # ---- the window ----

    def open(self, *, language="en", dark=False, width=WIDTH, height=HEIGHT, touch=False,
             reduced=False, path="/", fresh=True):
        """Opens the page as a new visitor, or (fresh=False) as one who comes back."""
        self.resize(width, height, touch)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced else "no-preference"}])
        locale = {"en": "en-US,en", "zh": "zh-CN,zh"}[language]
        agent = self.driver.execute_script("return navigator.userAgent")
        self.cdp("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=locale)
        if fresh:
            self.driver.get(f"{self.origin}/theme.js")  # of this origin, and does nothing
            self.cdp("Storage.clearDataForOrigin", origin=self.origin, storageTypes="all")
            self.js("sessionStorage.clear(); localStorage.clear();")
        self.driver.get(self.origin + path)
        self.ready()

    @property
    def origin(self):
        return f"http://localhost:{self.server.port}"

    def resize(self, width, height, touch=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=touch)

    def reload(self):
        self.driver.refresh()
        self.ready()

    def ready(self):
        self.until(lambda: self.js("return 'ready' in document.documentElement.dataset"),
                   "the page is ready")
        self.js("""window.said = [];
            const live = document.getElementById("live");
            const hear = () => said.push(live.textContent);
            if (live) {
                new MutationObserver(hear).observe(live, { childList: true });
            }""")

    def settle(self):
        """Waits until the page is drawn, and what moves to its place is there."""
        self.driver.execute_async_script("""const done = arguments[0];
            const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
            const ends = (one) => one.effect.getComputedTiming().endTime < Infinity;
            frame().then(frame).then(() => Promise.allSettled(document.getAnimations()
                .filter(ends).map((one) => one.finished))).then(done);""")

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def shot(self, name):
        """Keeps what is seen, as a PNG, for a person to look at; tests take it from here, because a
        test beside this one may keep another under the name."""
        image = self.driver.get_screenshot_as_png()
        SHOTS.mkdir(parents=True, exist_ok=True)
        (SHOTS / f"{name}.png").write_bytes(image)
        return image

    def console(self):
        """What the browser complained of since the last call; not of the icon that it looks for
        beside theme.js, a file without a page, where open() begins."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")
                and "/favicon.ico" not in entry["message"]]

    def requests(self):
        """URLs that were asked for since the last call."""
        messages = [json.loads(entry["message"])["message"]
                    for entry in self.driver.get_log("performance")]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]

    # ---- what is there ----

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def look(self, see):
        """What `see` sees; again where the page puts another element in the place of one."""
        for _ in range(20):
            with contextlib.suppress(StaleElementReferenceException):
                return see()
        return see()

    def shown(self, selector):
        return self.look(lambda: any(one.is_displayed() for one in self.all(selector)))

    def text(self, selector):
        return self.look(lambda: self.one(selector).text)

    def value(self, selector):
        return self.look(lambda: self.one(selector).get_property("value"))

    def focused(self):
        """The id of what has the focus."""
        return self.js("return document.activeElement.id")

    def primary(self):
        """Ids of the buttons that stand out and are seen: there is one."""
        return [element.get_attribute("id") for element in self.all(".primary")
                if element.is_displayed()]

    def until_said(self, words):
        """Waits until a screen reader is told this, since the page opened or the last time: a later
        sentence takes an earlier one's place."""
        self.until(lambda: self.js("""
            const at = said.findIndex((sentence) => sentence.includes(arguments[0]));
            return at >= 0 && said.splice(0, at + 1).length > 0;""", words), f'"{words}" is said')

    def until(self, true, what, patience=PATIENCE):
        """Waits; a failure says what for, and shows the page."""
        end = time.monotonic() + patience
        while True:
            try:
                value = true()
                if value:
                    return value
            except WebDriverException as error:
                value = error
            if time.monotonic() > end:
                self.shot("failed")
                raise AssertionError(f"waited in vain for: {what} ({value}); {self.console()}")
            time.sleep(0.05)

    def until_shown(self, selector, patience=PATIENCE):
        self.until(lambda: self.shown(selector), selector, patience)

    def until_gone(self, selector, patience=PATIENCE):
        self.until(lambda: not self.shown(selector), f"no {selector}", patience)

    # ---- what a person does ----

    def click(self, selector):
        self.until_shown(selector)
        self.look(lambda: self.one(selector).click())

    def tap(self, selector):
        """By finger."""
        self.until_shown(selector)
        box = self.js("""const b = arguments[0].getBoundingClientRect();
            return [b.x + b.width / 2, b.y + b.height / 2];""", self.one(selector))
        self.touch([box])

    def touch(self, points, *, fingers=1):
        """A finger goes down at the first point, along the others, and up."""
        def at(point):
            return [{"x": point[0], "y": point[1], "id": 0}]
        self.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=at(points[0]))
        for point in points[1:]:
            self.cdp("Input.dispatchTouchEvent", type="touchMove", touchPoints=at(point))
        self.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def keys(self, *keys):
        """To what has the focus; a tuple is pressed together."""
        chain = ActionChains(self.driver)
        for key in keys:
            if isinstance(key, tuple):
                for one in key[:-1]:
                    chain.key_down(one)
                chain.send_keys(key[-1])
                for one in reversed(key[:-1]):
                    chain.key_up(one)
            else:
                chain.send_keys(key)
        chain.perform()

    def tab_to(self, selector, most=60):
        """Goes there by the Tab key alone."""
        for _ in range(most):
            if self.js("return document.activeElement.matches(arguments[0])", selector):
                return
            self.keys(Keys.TAB)
        raise AssertionError(f"Tab does not lead to {selector}")

    def drag(self, selector, points):
        """With the mouse, over an element: points in shares of its size."""
        element = self.one(selector)
        width, height = element.size["width"], element.size["height"]
        offsets = [(round((x - 0.5) * width), round((y - 0.5) * height)) for x, y in points]
        chain = ActionChains(self.driver, duration=20)
        chain.move_to_element_with_offset(element, *offsets[0]).click_and_hold()
        for offset in offsets[1:]:
            chain.move_to_element_with_offset(element, *offset)
        chain.release().perform()

    def write(self, selector, text):
        """Into a field, in place of what is there."""
        self.click(selector)
        self.keys((Keys.CONTROL, "a"))
        self.cdp("Input.insertText", text=text)  # at once: one step of the undo

    def choose_from(self, selector, value):
        """A select's value, as its list gives it."""
        self.js("""arguments[0].value = arguments[1];
            arguments[0].dispatchEvent(new Event("change", { bubbles: true }));""",
                self.one(selector), value)

    def slide(self, selector, value):
        """A slider, as a pointer moves it."""
        self.js("""arguments[0].value = arguments[1];
            arguments[0].dispatchEvent(new Event("input", { bubbles: true }));
            arguments[0].dispatchEvent(new Event("change", { bubbles: true }));""",
                self.one(selector), value)

    def choose(self, path):
        """A picture, as the dialog for files does it."""
        self.one("#file").send_keys(str(path))

    def drop(self, path, name=None, kind="image/png"):
        """A file, on the window."""
        self.give(path, name, kind, """
            for (const type of ["dragenter", "dragover", "drop"]) {
                document.body.dispatchEvent(new DragEvent(type,
                    { bubbles: true, cancelable: true, dataTransfer: transfer }));
            }""")

    def paste(self, path, name=None, kind="image/png"):
        self.give(path, name, kind, """document.body.dispatchEvent(new ClipboardEvent("paste",
            { bubbles: true, cancelable: true, clipboardData: transfer }));""")

    def give(self, path, name, kind, code):
        data = pathlib.Path(path).read_bytes()
        self.js("""const [bytes, name, type] = arguments;
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(bytes)], name, { type }));""" + code,
                list(data), name or pathlib.Path(path).name, kind)

    # ---- whole steps ----

    def until_picture(self):
        self.until(lambda: not self.shown("#empty") and not self.shown("#opening"), "a picture")

    def texts(self, before, after):
        self.write("#from", before)
        self.write("#to", after)

    def find(self):
        self.click("#find")
        self.until_region()

    def until_region(self):
        self.until_shown("#sliders", EDIT)
        self.until_gone("#stop", EDIT)

    def edit(self):
        self.click("#edit")
        self.until_result()

    def until_result(self, count=1):
        self.until(lambda: len(self.all(".thumbnail")) > count and not self.shown("#stop")
                   and self.one("#view").get_attribute("aria-busy") == "false",
                   f"{count} results", EDIT)

    def sample(self, name):
        """One click from a result."""
        self.click(f"[data-sample^={name}]")
        self.until_result()

    def with_picture(self, name="horse"):
        """A sample picture, chosen as a file."""
        self.choose(SOURCE / f"models/pocket/samples/{name}.png")
        self.until_picture()

    def with_region(self, name="horse", before="a horse", after="a zebra"):
        """A picture whose region is found."""
        self.with_picture(name)
        self.texts(before, after)
        self.find()
