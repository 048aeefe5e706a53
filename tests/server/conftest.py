"""One server for tests that leave it as it is."""
import pytest

from serving import TOKEN, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    """One that wants a token."""
    with serving(tmp_path_factory.mktemp("guarded"), "--token", TOKEN) as running:
        yield running
