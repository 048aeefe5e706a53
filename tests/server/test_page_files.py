"""The files of the page, which stand in the program."""
import re

import pytest

from serving import SOURCE

PAGE = SOURCE / "server/page"
NAMES = sorted(path.name for path in PAGE.iterdir() if path.name != "meson.build")
MOST_BYTES = 300_000  # all of them together


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_served(server, name):
    reply = server.get(f"/{name}")
    assert (reply.status, reply.body) == (200, (PAGE / name).read_bytes())
    assert reply.headers["Cache-Control"] == "no-cache"
    again = server.get(f"/{name}", If_None_Match=reply.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert server.ask("HEAD", f"/{name}").headers["Content-Length"] == str(len(reply.body))


def test_the_page_is_the_index(server):
    reply = server.get("/")
    assert reply.body == (PAGE / "index.html").read_bytes()
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"


def test_the_page_is_small():
    assert sum((PAGE / name).stat().st_size for name in NAMES) < MOST_BYTES


def test_nothing_comes_from_elsewhere():
    """No address of another server, no inline script or style: the policy would not let them in."""
    allowed = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
    for name in NAMES:
        if name.endswith(".png"):
            continue
        text = (PAGE / name).read_text()
        assert set(re.findall(r"https?://[^\s\"'`)<]+", text)) <= allowed, name
    html = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
