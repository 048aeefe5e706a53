"""axe-core on every state of the page, in both languages and both themes: part of ./run check,
because it comes from PyPI.

    ./run check page
"""
import pytest
from axe_core_python.base import AXE_SCRIPT

from test_page import reach

STATES = ["empty", "region", "brush", "result", "slider", "options", "history", "help", "refused"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def refuse(page):
    """An error beside the texts."""
    for dialog in page.all("dialog[open]"):
        page.js("arguments[0].close()", dialog)
    page.write("#to", "a horse")
    page.click("#find")
    page.until_shown("#text-error")


def violations(page):
    page.cdp("Runtime.evaluate", expression=AXE_SCRIPT)
    found = page.driver.execute_async_script("""const [rules, done] = arguments;
        window.axe.run(document, rules).then((result) => done(result.violations));""", RULES)
    return [f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']][:4]} "
            f"{one['nodes'][0].get('failureSummary', '')[:300]}" for one in found]


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(page, dark, language, width):
    page.open(language=language, dark=dark, width=width, height=800)
    page.until(lambda: len(page.all(".sample")) == 3, "samples")
    wrong = []
    for state in STATES:
        if state == "refused":
            refuse(page)
        else:
            reach(page, state)
        page.settle()
        wrong += [f"{state}: {line}" for line in violations(page)]
    assert wrong == []
