"""The history: every result, there after a restart; searched, opened, kept, deleted, undone."""
import json

import pytest
from selenium.webdriver.common.keys import Keys

from browser import SOURCE, Page, serving


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A server with three results, restarted."""
    folder = tmp_path_factory.mktemp("history")
    with serving(folder) as server:
        for name, before, after in (("horse", "a horse", "a zebra"),
                                    ("horse", "a horse", "a giraffe"),
                                    ("lemons", "lemons", "oranges")):
            picture = json.loads(server.ask("POST", f"/api/pictures?name={name}.png", (
                SOURCE / f"models/pocket/samples/{name}.png").read_bytes()).body)
            job = json.loads(server.ask("POST", "/api/jobs", {
                "kind": "edit", "picture": picture["id"], "preset": "fast", "from": before,
                "to": after, "options": {"mask-grow": "3"}}).body)
            server.get(f"/api/jobs/{job['id']}/events")  # until it has ended
    with serving(folder) as server:
        yield server


@pytest.fixture
def history(browser, filled):
    page = Page(browser, filled)
    page.open()
    page.console()
    page.click("#history-open")
    page.until(lambda: page.all("#history-list li"), "results")
    yield page
    assert page.console() == []


def rows(page):
    return page.look(lambda: [row.text.split("\n")[0] for row in page.all("#history-list li")])


def test_it_is_there_after_a_restart_newest_first(history):
    assert rows(history) == ["lemons → oranges", "a horse → a giraffe", "a horse → a zebra"]
    history.shot("history")


def test_search(history):
    history.write("#history-search", "giraffe")
    history.until(lambda: rows(history) == ["a horse → a giraffe"], "one that fits")
    history.write("#history-search", "unicorn")
    history.until(lambda: rows(history) == [], "none")
    assert history.text("#history-note") == "Nothing fits."


def test_opening_restores_everything(history):
    history.click("#history-list li:nth-child(2) .history-open")
    history.until(lambda: len(history.all(".thumbnail")) == 2, "the result")
    assert (history.value("#from"), history.value("#to")) == ("a horse", "a giraffe")
    assert history.value("#slider-mask-grow") == "3"
    assert history.primary() == ["download"]
    history.click(".thumbnail")
    history.until(lambda: "Region:" in history.one("#stage").get_attribute("aria-label"), "region")
    history.shot("history-opened")
    history.click("#undo")
    history.click("#undo")
    history.until_shown("#empty")


def test_keep_and_only_kept(history):
    history.click("#history-list li:nth-child(3) [aria-pressed]")
    history.until(lambda: history.all("#history-list [aria-pressed=true]"), "one that is kept")
    history.click("label.check:has(#history-kept)")
    history.until(lambda: rows(history) == ["a horse → a zebra"], "the kept one")


def test_delete_is_undone(history):
    before = rows(history)
    history.click("#history-list li:nth-child(1) button:last-child")
    history.until(lambda: rows(history) == before[1:], "one less")
    history.shot("history-deleted")
    history.click(".toast button.plain")
    history.until(lambda: rows(history) == before, "it is back")
    assert len(json.loads(history.server.get("/api/results").body)["results"]) == 3


def test_delete_all_but_kept_and_all(history):
    history.click("#history-unkept")
    history.until(lambda: rows(history) == ["a horse → a zebra"], "the kept one")
    history.click(".toast button.icon")  # no undo: it is done now
    history.until(lambda: len(json.loads(history.server.get("/api/results").body)["results"]) == 1,
                  "the server has deleted them")
    history.click("#history-all")
    history.until(lambda: rows(history) == [], "none")
    assert history.text("#history-note") == "Results will be listed here."
    history.click(".toast button.plain")
    history.until(lambda: rows(history) == ["a horse → a zebra"], "it is back")


def test_escape_closes_it_and_focus_goes_back(history):
    history.keys(Keys.ESCAPE)
    history.until_gone("#history")
    assert history.focused() == "history-open"
