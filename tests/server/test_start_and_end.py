"""How it starts, what keeps it from starting, and how it ends."""
import signal
import socket
import threading
import time

import pytest

from serving import PATIENCE, SAMPLE, TO_END, refused, serving

FAILED, USAGE = 1, 2


# ---- the start ----

@pytest.mark.parametrize("options, words", [
    (["--port", "70000"], ["--port", "0 to 65535", "70000"]),
    (["--port", "x"], ["--port", "whole number"]),
    (["--listen", "no.such.host.invalid"], ["--listen", "no.such.host.invalid"]),
    (["--listen", ""], ["--listen", "ADDRESS"]),
    (["--token", "short"], ["--token", "at least 16 letters"]),
    (["--store-limit", "much"], ["--store-limit", "much"]),
    (["--store-limit", "10K"], ["--store-limit", "10K"]),
    (["--store-limit", "-1G"], ["--store-limit"]),
    (["--store-limit", "9999999999T"], ["--store-limit"]),
    (["--editors", "0"], ["--editors", "1 to 64"]),
    (["photo.jpg"], ["unexpected argument", "takes none"]),
    (["--from", "x"], ["takes no option --from"]),
])
def test_wrong_options(options, words, tmp_path):
    sentence, status = refused("--data", tmp_path, *options)
    assert status == USAGE
    assert [word for word in words if word not in sentence] == [], sentence


def test_an_address_of_another_machine(tmp_path):
    sentence, status = refused("--data", tmp_path, "--port", "0", "--listen", "192.0.2.1")
    assert status == FAILED and "192.0.2.1" in sentence and "cannot listen" in sentence


def test_a_model_that_is_not_there(tmp_path):
    sentence, status = refused("--data", tmp_path, "--port", "0", "-m", "no/such")
    assert status == FAILED and "no/such: no such model" in sentence


def test_a_port_that_is_taken(server, tmp_path):
    sentence, status = refused("--data", tmp_path, "--port", server.port)
    assert status == FAILED
    assert f"port {server.port}" in sentence and "--port chooses another" in sentence


def test_ipv6(tmp_path):
    if not socket.has_ipv6:
        return
    with serving(tmp_path, "--listen", "::1") as server:
        assert server.link == f"http://[::1]:{server.port}/"
        assert server.get("/api/status").json()["local"] is True


def test_a_folder_that_is_in_use(server, tmp_path):
    folder = server.log_path.parent / "data"
    sentence, status = refused("--data", folder, "--port", "0")
    assert status != 0 and str(folder) in sentence and "diffedit serve" in sentence, sentence


def test_the_folder_is_its_owners_alone(server):
    folder = server.log_path.parent / "data"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path for path in folder.rglob("*") if path.stat().st_mode & 0o077 and
            path.is_dir() is False and path.parent.stat().st_mode & 0o077] == []


def test_a_service_manager_is_told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        with serving(tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify")) as server:
            assert manager.recv(100) == b"READY=1"
            server.stop()
            assert manager.recv(100) == b"STOPPING=1"


# ---- the end ----

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it(tmp_path, number):
    with serving(tmp_path) as server:
        server.get("/api/status")
        assert server.stop(number) < TO_END
        assert server.status == 0


def test_it_ends_in_the_middle_of_everything(tmp_path):
    """Connections that are open, that have sent half of a request, and that do not read."""
    with serving(tmp_path) as server:
        idle, half, body = (server.connect() for _ in range(3))
        half.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX")
        body.sendall(b"POST /api/session HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: 1000\r\n\r\n{")
        time.sleep(0.2)
        assert server.stop() < TO_END
        assert server.status == 0
        for connection in (idle, half, body):
            connection.close()


def test_it_ends_under_load(tmp_path):
    with serving(tmp_path, "--quiet") as server:
        ends = threading.Event()

        def ask():
            while not ends.is_set():
                try:
                    server.get("/api/options")
                except OSError:
                    pass
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        seconds = server.stop()
        ends.set()
        for thread in threads:
            thread.join()
        assert (server.status, seconds < TO_END) == (0, True)


def test_it_ends_in_the_middle_of_an_edit(tmp_path):
    """And the next one begins it again."""
    with serving(tmp_path) as server:
        picture = server.ask("POST", "/api/pictures", SAMPLE.read_bytes()).json()["id"]
        job = server.ask("POST", "/api/jobs", {
            "kind": "edit", "picture": picture, "from": "a horse", "to": "a zebra",
            "options": {"steps": "999", "size": "512x512"}}).json()["id"]
        begin = time.monotonic()
        while server.get(f"/api/jobs/{job}").json()["progress"] is None:
            assert time.monotonic() - begin < PATIENCE
            time.sleep(0.1)
        assert server.stop() < TO_END
        assert server.status == 0
    with serving(tmp_path) as server:
        assert server.get(f"/api/jobs/{job}").json()["state"] in ("queued", "running")
        assert server.ask("POST", f"/api/jobs/{job}/stop").status == 200


def test_quiet(tmp_path):
    with serving(tmp_path, "--quiet") as server:
        server.get("/api/status")
        server.stop()
        assert server.log() == ""


def test_a_line_for_each_request(server):
    server.get("/api/status?secret=1")
    server.send(b"GET /\x1b[31m\xff HTTP/1.1\r\nHost: localhost\r\n\r\n")
    lines = server.lines()
    assert any(line.startswith("GET /api/status 200 ") and line.endswith(" ms") for line in lines)
    assert "secret" not in server.log() and "\x1b" not in server.log()
