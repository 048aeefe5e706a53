"""One browser and one server for the tests of a run; each test opens the page as a new visitor."""
import contextlib

import pytest

from alone import Alone, serving_alone
from browser import Page, browsing, serving


@pytest.fixture(scope="session")
def browser():
    with browsing() as driver:
        yield driver


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("page")) as running:
        yield running


@contextlib.contextmanager
def watching(tab):
    """The browser must have had nothing to complain of when the test ends."""
    tab.driver.get("about:blank")  # the page before still asks its server, which may be gone
    tab.console()
    tab.requests()
    yield tab
    assert tab.console() == []


@pytest.fixture
def page(browser, server):
    with watching(Page(browser, server)) as tab:
        yield tab


@pytest.fixture(scope="session")
def alone_server(tmp_path_factory):
    with serving_alone(tmp_path_factory.mktemp("alone")) as running:
        yield running


@pytest.fixture
def alone(browser, alone_server):
    """The picture without the rest of the page."""
    with watching(Alone(browser, alone_server)) as tab:
        tab.open()
        yield tab
