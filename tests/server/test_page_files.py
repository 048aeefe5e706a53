"""The files of the page, which stand in the program."""
import gzip
import re

import pytest

from serving import SOURCE

PAGE = SOURCE / "server/page"
NAMES = sorted(path.name for path in PAGE.iterdir() if path.name != "meson.build")
MOST_BYTES = 150_000  # all of them together, as browsers get them


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


@pytest.mark.parametrize("accepted, packed", [
    ("gzip", True), ("gzip, deflate, br", True), ("br;q=1.0, gzip;q=0.8", True),
    ("gzip;q=0", False), ("identity", False)])
def test_a_file_is_compressed_for_who_takes_it(server, accepted, packed):
    reply = server.get("/app.js", Accept_Encoding=accepted)
    assert reply.headers["Content-Encoding"] == ("gzip" if packed else None)
    assert reply.headers["Vary"] == "Accept-Encoding"
    body = gzip.decompress(reply.body) if packed else reply.body
    assert body == (PAGE / "app.js").read_bytes()
    tags = {server.get("/app.js", Accept_Encoding=each).headers["ETag"]
            for each in ("gzip", "identity")}
    assert len(tags) == 2 and reply.headers["ETag"] in tags


def test_the_page_is_small(server):
    sizes = [len(server.get(f"/{name}", Accept_Encoding="gzip").body) for name in NAMES]
    assert sum(sizes) < MOST_BYTES


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
