"""The page that `diffedit eval` writes, opened as a file."""
import pathlib
import sys

import pytest
from browser import SHOTS
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "eval"))

from measured import HORSE, LEMONS, STRAWBERRIES, change, make_batch, run  # noqa: E402

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    make_batch(folder)
    change(folder / "results", "UPDATE lines SET name = ? WHERE number = ?", HOSTILE, HORSE)
    (folder / "own.csv").write_text(f"line,lpips\n{HORSE},0.5\n{LEMONS},0.25\n")
    done = run("eval", folder / "results", "--columns", folder / "own.csv", "--edge", 5)
    assert done.returncode == 0, done.stderr
    return f"file://{folder}/results/eval.html"


@pytest.fixture
def quality(browser, address):
    """The page in a wide window; the browser must have had nothing to complain of."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    browser.get_log("browser")
    browser.get(address)
    yield browser
    assert browser.get_log("browser") == []


def lines(driver):
    """The lines that are shown, in their order."""
    found = driver.find_elements(By.CSS_SELECTOR, "#lines tbody tr")
    return [int(row.find_element(By.CSS_SELECTOR, "td.w b").text) for row in found
            if row.is_displayed()]


def choose(driver, name, value):
    Select(driver.find_element(By.ID, name)).select_by_value(value)


def heads(driver, table="lines"):
    return [head.text for head in driver.find_elements(By.CSS_SELECTOR, f"#{table} thead th")
            if head.is_displayed()]


def test_pictures_and_links(quality):
    row = quality.find_elements(By.CSS_SELECTOR, "#lines tbody tr")[0]
    pictures = row.find_elements(By.TAG_NAME, "img")
    assert [picture.get_attribute("alt") for picture in pictures] == [
        "input", "found mask", "true mask", "result"]
    assert all(quality.execute_script("return arguments[0].naturalWidth", picture) > 0
               for picture in pictures)
    for link in row.find_elements(By.TAG_NAME, "a"):
        assert pathlib.Path(link.get_attribute("href").removeprefix("file://")).exists()


def test_lines_are_sorted(quality):
    assert lines(quality) == [HORSE, LEMONS, STRAWBERRIES]
    button = next(button for button in quality.find_elements(By.CSS_SELECTOR, "#lines th button")
                  if button.text == "lpips")
    button.click()
    assert lines(quality) == [LEMONS, HORSE, STRAWBERRIES]      # without a value: last
    button.click()
    assert lines(quality) == [HORSE, LEMONS, STRAWBERRIES]
    assert len(quality.find_elements(By.CSS_SELECTOR, "[aria-sort=descending]")) == 1
    choose(quality, "sort", "1 -")
    assert lines(quality) == [STRAWBERRIES, LEMONS, HORSE]


def test_lines_are_picked(quality):
    choose(quality, "category", "=fruit")
    assert lines(quality) == [LEMONS, STRAWBERRIES]
    quality.find_element(By.ID, "search").send_keys("ORANGES")
    assert lines(quality) == [LEMONS]
    assert quality.find_element(By.ID, "shown").text == "1 of 3 lines"


def test_columns_are_picked(quality):
    assert "PSNR outside true mask, dB" in heads(quality) and "lpips" in heads(quality, "means")
    assert "MSE outside found mask" not in heads(quality)
    choose(quality, "show", "g2")
    assert "MSE outside found mask" in heads(quality) and "lpips" not in heads(quality)
    choose(quality, "show", "all")
    assert len(heads(quality)) == 2 + 31


def test_a_text_is_a_text(quality):
    assert HOSTILE in quality.find_element(By.CSS_SELECTOR, "#lines tbody").text
    assert quality.find_elements(By.CSS_SELECTOR, "[src=x]") == []


@pytest.mark.parametrize("width, dark", [(1280, False), (360, True)])
def test_a_window(quality, width, dark):
    """Nothing but a table's own frame scrolls sideways, and no card in it; every value of a card
    has its name."""
    quality.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500})
    quality.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    assert quality.execute_script(
        "return document.documentElement.scrollWidth <= window.innerWidth")
    ground = quality.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(28, 28, 28)") == dark
    if width < 500:
        choose(quality, "show", "all")
        frame = quality.find_element(By.CSS_SELECTOR, ".scroll:has(#lines)")
        assert frame.get_property("scrollWidth") <= frame.get_property("clientWidth")
    name = quality.execute_script(
        "return getComputedStyle(document.querySelector('#lines td.m'), '::before').content")
    assert name == ('"Overlap (IoU)"' if width < 500 else "none")
    SHOTS.mkdir(exist_ok=True)
    quality.save_screenshot(str(SHOTS / f"quality-{width}.png"))
