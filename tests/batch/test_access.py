"""Redis as data/redis sets it up for a network: users who may do little, and TLS."""
import os
import pathlib
import re
import subprocess

import pytest

from queueing import (QUICK, SOURCE, batch, edit_here, finish, free_port, redis_at, wait_for,
                      working, write_list)

FILES = SOURCE / "data/redis"
NAME, BATCH_PASSWORD, WORKER_PASSWORD = "edits", "batch/word@%", "worker:word#+"
LINES, RESULTS = f"diffedit:{NAME}:lines", f"diffedit:{NAME}:results:b1"


def replaced(name, **values):
    """A file of data/redis, with what a user would put in place of its words."""
    text = (FILES / name).read_text()
    for word, value in values.items():
        word = word.replace("_", "-")
        assert word in text
        text = text.replace(word, value)
    return text


def write_users(folder):
    path = pathlib.Path(folder, "users.acl")
    path.write_text(replaced("users.acl", BATCH_PASSWORD=BATCH_PASSWORD,
                             WORKER_PASSWORD=WORKER_PASSWORD, NAME=NAME))
    return path


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redis")
    with redis_at(folder, "--aclfile", str(write_users(folder))) as running:
        yield running


def ask(redis, user, *command):
    password = {"batch": BATCH_PASSWORD, "worker": WORKER_PASSWORD}.get(user)
    login = ["--user", user] if password else []
    return subprocess.run(["redis-cli", "--no-auth-warning", "-p", str(redis.port), *login,
                           *command], text=True, capture_output=True, timeout=60,
                          env={**os.environ, "REDISCLI_AUTH": password or ""}).stdout.strip()


# ---- users ----

def test_who_has_no_password_can_do_nothing(redis):
    for command in (["PING"], ["XLEN", LINES], ["KEYS", "*"], ["FLUSHALL"]):
        assert ask(redis, None, *command).startswith("NOAUTH")


@pytest.mark.parametrize("command", [
    ["XADD", LINES, "*", "id", "1"], ["XREAD", "STREAMS", RESULTS, "0"],
    ["XRANGE", RESULTS, "-", "+"], ["XDEL", RESULTS, "1-1"], ["DEL", LINES], ["DEL", RESULTS],
    ["XGROUP", "DESTROY", LINES, "w"],
    ["XTRIM", LINES, "MAXLEN", "0"], ["XADD", "diffedit:other:results:b1", "*", "id", "1"],
    ["XADD", "elsewhere", "*", "id", "1"], ["EXPIRE", LINES, "1"], ["SET", RESULTS, "1"],
    ["XREADGROUP", "GROUP", "workers", "w", "STREAMS", "diffedit:other:lines", ">"],
    ["KEYS", "*"], ["SCAN", "0"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["ACL", "LIST"],
    ["EVAL", "return 1", "0"], ["SHUTDOWN"], ["MONITOR"]])
def test_what_a_worker_may_not_do(redis, command):
    assert ask(redis, "worker", *command).startswith("NOPERM"), command


@pytest.mark.parametrize("command", [
    ["XADD", "diffedit:other:lines", "*", "id", "1"], ["SET", "elsewhere", "1"],
    ["XREADGROUP", "GROUP", "workers", "w", "STREAMS", LINES, ">"], ["KEYS", "*"], ["FLUSHALL"],
    ["CONFIG", "GET", "*"], ["ACL", "LIST"], ["SHUTDOWN"]])
def test_what_a_batch_may_not_do(redis, command):
    assert ask(redis, "batch", *command).startswith("NOPERM"), command


@pytest.mark.parametrize("user, file", [("worker", "streams_worker.c"),
                                        ("batch", "streams_batch.c")])
def test_users_may_do_what_their_operations_ask(user, file):
    """Also what happens once in a while, so that no test of a whole batch needs it."""
    line = next(line for line in (FILES / "users.acl").read_text().splitlines()
                if line.startswith(f"user {user} "))
    asked = set(re.findall(r'"((?:X[A-Z]+|DEL|EXPIRE|MULTI|EXEC)(?: [A-Z]+)?)[" ]',
                           (SOURCE / "batch" / file).read_text())) | {"XGROUP CREATE"}
    assert len(asked) > 5
    for words in asked:
        command, _, second = words.lower().partition(" ")
        wanted = f"+{command}|{second}" if command in ("xgroup", "xinfo") else f"+{command}"
        assert wanted in line.rstrip(")").split(), words


def address(user, port, scheme="redis", host="127.0.0.1"):
    return f"{scheme}://{user}@{host}:{port}/{NAME}"


def works(folder, port, **more):
    """A batch goes through a queue, with all that its users do: a worker that ends and gives back,
    a poison line, a second run."""
    variables = more.pop("variables", {})
    write_list(folder, 4)
    (folder / "pictures/broken.png").write_bytes(b"no picture")
    with open(folder / "edits.csv", "a") as file:
        file.write("pictures/broken.png,a horse,a zebra,9\r\n")
    with working(address("worker", port, **more), folder, DIFFEDIT_REDIS_PASSWORD=WORKER_PASSWORD,
                 **variables) as worker:
        said = finish(batch(address("batch", port, **more), folder, *QUICK,
                            DIFFEDIT_REDIS_PASSWORD=BATCH_PASSWORD, **variables), status=1)
    assert "5 lines: 4 done, 1 failed" in said, said
    assert worker.returncode == 0 and "NOPERM" not in said + worker.said, worker.said
    with open(folder / "edits.csv") as file:
        lines = file.readlines()[:-1]
    (folder / "edits.csv").write_text("".join(lines))
    assert len(edit_here(folder, *QUICK)) == 4


def test_a_batch_and_a_worker_may_do_what_they_do(redis, tmp_path):
    works(tmp_path, redis.port)


def test_wrong_passwords_are_refused(redis, tmp_path):
    write_list(tmp_path, 1)
    for user, password, word in (("worker", BATCH_PASSWORD, "password"),
                                 ("nobody", WORKER_PASSWORD, "password"), ("worker", "", "")):
        with working(address(user, redis.port), tmp_path,
                     DIFFEDIT_REDIS_PASSWORD=password) as worker:
            worker.wait(60)
        assert worker.returncode == 1 and word in worker.said, worker.said
        assert BATCH_PASSWORD not in worker.said and WORKER_PASSWORD not in worker.said
    # a worker cannot be a batch
    said = finish(batch(address("worker", redis.port), tmp_path, *QUICK,
                        DIFFEDIT_REDIS_PASSWORD=WORKER_PASSWORD), status=1)
    assert "NOPERM" in said


# ---- TLS ----

def make_certificate(folder):
    """A certificate for localhost, which is its own authority."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", folder / "redis.key", "-out", folder / "redis.crt"], check=True,
                   capture_output=True)
    return folder / "redis.crt"


class TlsRedis:
    """redis-server with data/redis/tls.conf alone."""

    def __init__(self, folder):
        self.port, self.certificate = free_port(), make_certificate(folder)
        write_users(folder)
        (folder / "redis.conf").write_text(replaced("tls.conf").replace(
            "6380", str(self.port)).replace("/etc/redis", str(folder)) + f"dir {folder}\n")
        self.process = subprocess.Popen(["redis-server", folder / "redis.conf"],
                                        stdout=subprocess.DEVNULL)
        wait_for(self.answers)

    def answers(self):
        return "NOAUTH" in subprocess.run(
            ["redis-cli", "--tls", "--cacert", self.certificate, "-h", "localhost", "-p",
             str(self.port), "PING"], capture_output=True, text=True).stdout

    def close(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def tls_redis(tmp_path_factory):
    running = TlsRedis(tmp_path_factory.mktemp("tls"))
    yield running
    running.close()


def test_tls(tls_redis, tmp_path):
    """Where hiredis has it; where not, the sentence says what to do instead."""
    trusted = {"SSL_CERT_FILE": str(tls_redis.certificate)}
    where = {"scheme": "rediss", "host": "localhost"}
    with working(address("worker", tls_redis.port, **where), tmp_path, "--idle-exit", "1",
                 DIFFEDIT_REDIS_PASSWORD=WORKER_PASSWORD) as worker:
        worker.wait(60)
    if "stunnel" in worker.said:
        assert worker.returncode == 2
        return
    assert worker.returncode == 1 and "certificate" in worker.said, worker.said
    with working(address("worker", tls_redis.port, scheme="rediss"), tmp_path, "--idle-exit", "1",
                 DIFFEDIT_REDIS_PASSWORD=WORKER_PASSWORD, **trusted) as worker:
        worker.wait(60)
    assert worker.returncode == 1 and "certificate" in worker.said  # it is not 127.0.0.1's
    works(tmp_path, tls_redis.port, variables=trusted, **where)


class Tunnel:
    """stunnel with data/redis/stunnel.conf."""

    def __init__(self, folder, redis, host="localhost"):
        self.port = free_port()
        text = replaced("stunnel.conf").replace("6380", str(redis.port)).replace(
            "6379", str(self.port)).replace("/etc/ssl/certs/ca-certificates.crt",
                                            str(redis.certificate))
        text = text.replace("connect = HOST", "connect = localhost").replace("HOST", host)
        (folder / "stunnel.conf").write_text(f"foreground = yes\npid =\n{text}")
        self.process = subprocess.Popen(["stunnel4", folder / "stunnel.conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self):
        return subprocess.run(["redis-cli", "-p", str(self.port), "PING"], capture_output=True,
                              text=True)

    def close(self):
        self.process.terminate()
        self.process.wait(30)


def test_stunnel(tls_redis, tmp_path):
    tunnel = Tunnel(tmp_path, tls_redis)
    try:
        wait_for(lambda: "NOAUTH" in tunnel.ask().stdout)
        works(tmp_path, tunnel.port)
    finally:
        tunnel.close()


def test_stunnel_checks_who_answers(tls_redis, tmp_path):
    tunnel = Tunnel(tmp_path, tls_redis, host="redis.example.org")
    try:
        wait_for(lambda: "refused" not in tunnel.ask().stderr)
        asked = tunnel.ask()
        assert asked.returncode != 0 and asked.stdout == "", asked  # closed, or reset
    finally:
        tunnel.close()
