"""Who may ask: names that lead here, other sites' pages, tokens."""
import base64
import re

import pytest

from serving import TOKEN, serving

STATUS = "/api/status"


def forbidden(reply):
    assert reply.json()["error"] == "forbidden"
    return reply.status


# ---- names ----

@pytest.mark.parametrize("host", ["localhost", "localhost:{port}", "127.0.0.1:{port}",
                                  "[::1]:{port}", "LOCALHOST:8080"])
def test_names_of_this_machine(server, host):
    assert server.get(STATUS, Host=host.format(port=server.port)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "localhost.evil.example",
                                  "127.0.0.1.evil.example", "192.168.1.7:{port}", "localhost:",
                                  "localhost:x", "localhost:99999", "[::1", ":{port}", "@localhost",
                                  "user@localhost", "localhost localhost"])
def test_other_names(server, host):
    assert forbidden(server.get(STATUS, Host=host.format(port=server.port))) == 403
    assert server.get("/", Host=host.format(port=server.port)).status == 403


def test_two_names(server):
    answer = server.send(f"GET {STATUS} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    assert answer.split()[1] in ("400", "403")


def test_no_name(server):
    assert server.send(f"GET {STATUS} HTTP/1.0\r\n\r\n").split()[1] == "403"


def test_a_name_that_was_given(tmp_path):
    with serving(tmp_path, "--host-name", "edits.example", "--token", TOKEN) as server:
        def get(**headers):
            return server.get(STATUS, Authorization=f"Bearer {TOKEN}", **headers)
        assert get(Host="edits.example").status == 200
        assert get(Host="EDITS.example:443").status == 200
        assert get(Host="other.example").status == 403
        # a proxy that gives its own name to us and the browser's to the page
        assert get(Host="localhost", Origin="https://edits.example").status == 200


def test_a_proxy_needs_a_token(tmp_path):
    """Through it everybody comes from this machine."""
    with serving(tmp_path, "--host-name", "edits.example") as server:
        assert "#token=" in server.link
        assert server.get(STATUS).status == 401


# ---- other sites ----

@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost",
                                    "http://localhost:1", "http://127.0.0.1:{port}",
                                    "file://", "http://localhost:{port}.evil.example", "",
                                    "localhost:{port}", "chrome-extension://abc"])
def test_foreign_origins(server, origin):
    headers = {"Host": f"localhost:{server.port}", "Origin": origin.format(port=server.port)}
    assert forbidden(server.ask("POST", "/api/session", {"token": ""}, headers)) == 403
    assert forbidden(server.ask("GET", STATUS, headers=headers)) == 403


def test_the_pages_own_origin(server):
    for host in (f"localhost:{server.port}", f"127.0.0.1:{server.port}", f"[::1]:{server.port}",
                 "localhost:8888"):
        assert server.get(STATUS, Host=host, Origin=f"http://{host}").status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_sites_that_the_browser_names(server, site):
    assert server.get(STATUS, Sec_Fetch_Site=site).status == 403
    assert server.get(STATUS, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 403
    assert server.get("/", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 403
    assert server.get("/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 200


def test_no_other_site_is_let_in(server):
    reply = server.ask("OPTIONS", STATUS, headers={"Access-Control-Request-Method": "GET"})
    assert reply.status == 405
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/", STATUS, "/nothing"])
def test_what_browsers_are_told(server, path):
    headers = server.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy and "http" not in policy


# ---- tokens ----

def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_without_the_token(guarded):
    reply = guarded.get(STATUS)
    assert forbidden(reply) == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"  # no dialog of the browser's own
    assert forbidden(guarded.get("/api/openapi.json")) == 401
    assert forbidden(guarded.get("/api/nothing")) == 401
    assert guarded.get("/").status == 200  # it reads the token from the link


@pytest.mark.parametrize("header", [
    "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, "Basic",
    f"Basic {TOKEN}", basic(TOKEN), basic(f"{TOKEN}:"), basic("me:wrong"), "Basic ====",
    "Basic " + "A" * 4000, "Digest username=me"])
def test_wrong_tokens(guarded, header):
    assert forbidden(guarded.get(STATUS, Authorization=header)) == 401


def test_the_token_as_a_password(guarded):
    assert guarded.get(STATUS, Authorization=f"Bearer {TOKEN}").status == 200
    assert guarded.get(STATUS, Authorization=f"bearer  {TOKEN}").status == 200
    for user in ("", "me", "diffedit"):
        assert guarded.get(STATUS, Authorization=basic(f"{user}:{TOKEN}")).status == 200


def test_the_token_becomes_a_cookie(guarded):
    reply = guarded.ask("POST", "/api/session", {"token": TOKEN})
    cookie = reply.headers["Set-Cookie"]
    name, value = re.match(r"(diffedit-\d+)=([0-9a-f]{64});", cookie).groups()
    assert reply.status == 204 and name == f"diffedit-{guarded.port}"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert guarded.get(STATUS, Cookie=f"{name}={value}").status == 200
    assert guarded.get(STATUS, Cookie=f"a=b; {name}={value}; c=d").status == 200
    for wrong in (f"{name}={value[:-1]}", f"{name}={value}0", f"x{name}={value}", f"{name}=",
                  f"{name}={TOKEN}", "", ";", f"{name}"):
        assert guarded.get(STATUS, Cookie=wrong).status == 401


@pytest.mark.parametrize("body, status", [
    ({"token": "wrong"}, 403), ({"token": 1}, 400), ({}, 400), ({"token": "x", "more": 1}, 400),
    ("[]", 400), ("", 400),
    ("{", 400), ('{"token": "a", "token": "b"}', 400)])
def test_no_cookie(guarded, body, status):
    reply = guarded.ask("POST", "/api/session", body)
    assert (reply.status, reply.headers["Set-Cookie"]) == (status, None)


def test_no_token_is_needed_here(server):
    reply = server.ask("POST", "/api/session", {"token": "any"})
    assert (reply.status, reply.headers["Set-Cookie"]) == (204, None)


def test_a_token_is_in_no_log(guarded):
    guarded.ask("POST", "/api/session", {"token": TOKEN})
    guarded.get(STATUS, Authorization=f"Bearer {TOKEN}")
    guarded.get(f"{STATUS}?token={TOKEN}")
    log = "\n".join(guarded.lines())
    assert "POST /api/session 204" in log and "GET /api/status 401" in log
    assert TOKEN not in log


def test_a_token_is_made_for_other_machines(tmp_path):
    with serving(tmp_path, "--listen", "0.0.0.0") as server:
        token = re.fullmatch(r"http://[\w.]+:\d+/#token=([\w-]{32})", server.link)[1]
        assert "0.0.0.0" not in server.link
        assert server.get(STATUS).status == 401
        reply = server.get(STATUS, Authorization=f"Bearer {token}")
        assert (reply.status, reply.json()["local"]) == (200, False)
        # an address is no name that another site could have chosen
        for host, status in (("192.168.7.7", 401), ("[fe80::1]:99", 401), ("evil.example", 403)):
            assert server.get(STATUS, Host=host).status == status
        assert server.get("/", Host="192.168.7.7:80", Origin="http://6.6.6.6:80").status == 403
        assert token not in server.log()


def test_a_token_of_the_environment(tmp_path):
    with serving(tmp_path, DIFFEDIT_TOKEN=TOKEN) as server:
        assert "token" not in server.link
        assert server.get(STATUS).status == 401
        assert server.get(STATUS, Authorization=f"Bearer {TOKEN}").status == 200
