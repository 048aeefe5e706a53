"""Clients of bad manners: slow ones, large ones, many of them, and such as go away."""
import concurrent.futures
import contextlib
import socket
import struct
import time

import pytest

from serving import serving
from test_openapi import routes

HEADERS, BODY = 10, 20  # seconds that headers have all together, and a small body
IDLE = 15  # seconds after which a stream says that it lives
LATE = 20  # seconds that a test waits for what is due
MOST, MOST_OF_ANOTHER, STREAMS = 560, 64, 256  # connections of a machine, event streams
WATCH = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


def until_closed(connection, trickle, limit, begin):
    """Seconds until the server closes the connection, to which a byte is sent each half second."""
    connection.settimeout(0.5)
    while time.monotonic() - begin < limit:
        try:
            connection.sendall(trickle)
            if connection.recv(1) == b"":
                break
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            break
    return time.monotonic() - begin


def drop(connection):
    """Resets it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


SLOW = {
    "nothing": (b"", b"", HEADERS),
    "request line": (b"G", b"E", HEADERS),
    "headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x", HEADERS),
    "a body": (b"POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n", b" ",
               BODY),
}


def slow_clients_are_closed(server):
    """Whatever they send: all of the headers have one deadline, and so has the body."""
    def wait(name):
        text, trickle, due = SLOW[name]
        begin = time.monotonic()
        with server.connect() as connection:
            connection.sendall(text)
            return until_closed(connection, trickle, due + LATE, begin)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        seconds = dict(zip(SLOW, pool.map(wait, SLOW)))
    wrong = {name: seconds[name] for name, (_, _, due) in SLOW.items()
             if not due - 1 < seconds[name] < due + LATE}
    assert wrong == {}


def a_stream_without_news_says_so(server):
    """Every 15 seconds, so that nobody takes it for dead."""
    begin = time.monotonic()
    with server.connect() as connection:
        connection.sendall(WATCH)
        stream = connection.makefile("rb")
        while b": keep-alive" not in stream.readline():
            assert time.monotonic() - begin < IDLE + LATE
        assert time.monotonic() - begin > IDLE - 1


def streams_are_bounded(server):
    """Those above the limit are told so; others still get answers, and there is room again."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(server.connect()) for _ in range(STREAMS + 10)]
        for connection in streams:
            connection.sendall(WATCH)
        statuses = [connection.recv(12).split()[1] for connection in streams]
        assert statuses == [b"200"] * STREAMS + [b"503"] * 10
        assert server.get("/api/status").status == 200
        for connection in streams:
            drop(connection)
    begin = time.monotonic()
    while server.send(WATCH).split()[1] != "200":
        assert time.monotonic() - begin < IDLE + LATE  # by then it has spoken to the dead
        time.sleep(0.5)


def test_what_takes_its_time(server, tmp_path):
    """Side by side, because each of them waits."""
    with serving(tmp_path) as other, concurrent.futures.ThreadPoolExecutor() as pool:
        for ended in [pool.submit(slow_clients_are_closed, server),
                      pool.submit(a_stream_without_news_says_so, server),
                      pool.submit(streams_are_bounded, other)]:
            ended.result()


# ---- sizes ----

def post(path, size, more=""):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n{more}\r\n")


@pytest.mark.parametrize("size", [2**20 + 1, 2**31, 2**40, 2**63 - 1])
def test_large_bodies(server, size):
    """Are refused by their headers, before they are sent."""
    assert " 413 " in server.send(post("/api/session", size))
    assert " 413 " in server.send(post("/api/session", size, "Expect: 100-continue\r\n"))


@pytest.mark.parametrize("size", ["-1", "x", "1x", "", "0x10", "99999999999999999999999"])
def test_sizes_that_are_none(server, size):
    assert server.send(post("/api/session", size)).split()[1:2] in ([], ["400"], ["413"])
    assert server.get("/api/status").status == 200


def chunks(count, size):
    chunk = f"{size:x}\r\n".encode() + b" " * size + b"\r\n"
    return (b"POST /api/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
            chunk * count + b"0\r\n\r\n")


def test_a_large_body_without_a_size(server):
    before = server.memory()
    assert " 413 " in server.send(chunks(100, 2**18))
    assert server.memory() - before < 8 * 2**20


def test_a_body_without_a_size(guarded):
    body = b'{"token": "wrong"}'
    sent = (b"POST /api/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
            f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
    assert " 403 " in guarded.send(sent)


@pytest.mark.parametrize("text", [
    "GET /" + "a" * 100_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + "a" * 100_000 + "\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 10_000 + "\r\n",
    "GET /?" + "a=b&" * 20_000 + " HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ids=["path", "a header", "headers", "parameters"])
def test_large_headers(server, text):
    answer = server.send(text)
    assert answer == "" or answer.split()[1] in ("400", "413", "414", "431", "500"), answer
    assert server.get("/api/status").status == 200


@pytest.mark.parametrize("path", ["/api/../api/status", "/api/%73tatus", "/api/status%00", "/..",
                                  "//api/status", "/api/status/", "/%2e%2e/etc/passwd",
                                  "/api/session/../status", "http://localhost/api/status",
                                  "/" + "a" * 129, "/api/st\x7fatus", "/api/stätus", "/."])
def test_other_spellings_of_a_path(server, path):
    answer = server.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer == "" or answer.split()[1] in ("400", "404"), answer


@pytest.mark.parametrize("query", ["a=%ff", "%c3=1", "a=%00", "a%00b=1", "a=%ed%a0%80"])
def test_parameters_that_are_no_text(server, query):
    assert server.get(f"/api/status?{query}").status == 400


@pytest.mark.parametrize("text", [b"\0" * 100, b"\r\n" * 1000, b"GET\r\n\r\n", b"GET / \r\n\r\n",
                                  b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM",
                                  b"A" * 70000, b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n"],
                         ids=range(8))
def test_what_is_no_http(server, text):
    with server.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(1)
            connection.recv(100)
    assert server.get("/api/status").status == 200


def test_json_that_is_deep(guarded):
    body = '{"token":' + "[" * 100_000
    assert guarded.ask("POST", "/api/session", body).status == 400


# ---- many ----

def is_closed(connection):
    """By the server."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def are_closed(connections, due):
    """Whether the server closes as many as are due, and no more than these."""
    limit = time.monotonic() + HEADERS / 2  # all that wait for headers are closed soon after
    while sum(map(is_closed, connections)) < due:
        assert time.monotonic() < limit
        time.sleep(0.05)
    time.sleep(0.5)
    return sum(map(is_closed, connections)) == due


def gets_an_answer(server):
    with contextlib.suppress(ConnectionError):
        return server.get("/api/status").status == 200
    return False


def test_many_connections(tmp_path):
    """Those above the limit are closed at once; when others end there is room again."""
    with serving(tmp_path) as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(MOST + 40)]
        assert are_closed(connections, 40)
        for connection in connections:
            connection.close()
        limit = time.monotonic() + HEADERS / 2
        while not gets_an_answer(server):
            assert time.monotonic() < limit
            time.sleep(0.05)
        assert server.memory() < 200 * 2**20


def test_many_connections_of_another_machine(tmp_path):
    """They leave room for those of others. A machine without a network has no such address."""
    with serving(tmp_path, "--listen", "0.0.0.0") as server, contextlib.ExitStack() as stack:
        if server.host != "localhost":
            connections = [stack.enter_context(socket.create_connection((server.host, server.port)))
                           for _ in range(MOST_OF_ANOTHER + 6)]
            assert are_closed(connections, 6)
        assert server.get("/").status == 200


def test_heads(server):
    """Of every address: the headers of its GET, and no body."""
    for method, path in routes():
        if method == "GET" and "{" not in path:
            reply = server.ask("HEAD", path)
            assert (reply.status, reply.body) == (200, b""), path


def test_dropped_connections(server):
    """In the middle of a body, before a reply, in the middle of one; memory stays as it is."""
    large = post("/api/session", 2**20).encode() + b" " * 1000

    def round_of_drops():
        for begin in (b"", b"G", b"GET / HTTP/1.1\r\n", b"GET /api/options HTTP/1.1\r\n"
                      b"Host: localhost\r\n\r\n", large):
            for _ in range(40):
                connection = server.connect()
                connection.sendall(begin)
                drop(connection)
    round_of_drops()
    before = server.memory()
    for _ in range(5):
        round_of_drops()
    assert server.memory() - before < 8 * 2**20
    assert server.get("/api/status").status == 200
