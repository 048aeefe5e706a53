"""One browser and one server for the tests of a run; each test opens the page as a new visitor."""
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


@pytest.fixture
def page(browser, server):
    """A tab; the browser must have had nothing to complain of when the test ends."""
    browser.get("about:blank")  # the page before still asks its server, which may be gone
    tab = Page(browser, server)
    tab.console()
    tab.requests()
    yield tab
    assert tab.console() == []


@pytest.fixture(scope="session")
def alone_server(tmp_path_factory):
    with serving_alone(tmp_path_factory.mktemp("alone")) as running:
        yield running


@pytest.fixture
def alone(browser, alone_server):
    """The picture without the rest of the page."""
    browser.get("about:blank")
    tab = Alone(browser, alone_server)
    tab.console()
    tab.open()
    yield tab
    assert tab.console() == []
