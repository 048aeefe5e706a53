"""A running `diffedit serve`, and ways to talk to it that clients of good manners do not use."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
SAMPLE = SOURCE / "models/pocket/samples/horse.png"
TOKEN = "a-token-of-some-length"
PATIENCE = 300  # seconds, of a sanitizer on a busy machine
TO_END = 15  # seconds until it has ended, whatever it does: 4, and what a busy machine takes


def environment(**more):
    variables = {key: value for key, value in os.environ.items()
                 if key not in ("DIFFEDIT_MODEL", "DIFFEDIT_DEVICE", "DIFFEDIT_TOKEN")}
    # a sanitizer keeps what was freed; tests of memory want that to be little
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    return {**variables, "ASAN_OPTIONS": sanitizer.lstrip(":"), **more}


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Server:
    """Of its own data folder and port; its log is a file."""

    def __init__(self, folder, *options, **variables):
        self.log_path = folder / "log"
        self.log_file = self.log_path.open("wb")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--data", folder / "data", *options],
            stdout=subprocess.PIPE, stderr=self.log_file, env=environment(**variables), text=True)
        self.link = self.process.stdout.readline().strip()
        assert self.link, self.log()
        host, port = re.match(r"http://(\[?[^/]*?\]?):(\d+)/", self.link).groups()
        self.host, self.port = host.strip("[]"), int(port)
        self.address = "::1" if self.host == "::1" else "127.0.0.1"

    def log(self):
        return self.log_path.read_text(errors="replace")

    def lines(self):
        """Of the log, once the requests before this call are in it: they stand there in their
        order."""
        mark, limit = f"/mark-{time.monotonic_ns()}", time.monotonic() + PATIENCE
        self.get(mark)
        while f"GET {mark} " not in self.log():
            assert time.monotonic() < limit, self.log()
            time.sleep(0.01)
        return self.log().splitlines()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            if isinstance(body, dict):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())

    def get(self, path, **headers):
        return self.ask("GET", path, headers={name.replace("_", "-"): value
                                              for name, value in headers.items()})

    def connect(self):
        return socket.create_connection((self.address, self.port), timeout=PATIENCE)

    def send(self, text):
        """The first line of what is answered to these bytes; "" where the connection is closed."""
        with self.connect() as connection:
            connection.sendall(text if isinstance(text, bytes) else text.encode())
            try:
                return connection.makefile("rb").readline().decode().strip()
            except ConnectionResetError:
                return ""

    def memory(self):
        """Resident bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def stop(self, number=signal.SIGTERM):
        """Seconds until it has ended; sets `status`."""
        begin = time.monotonic()
        self.process.send_signal(number)
        try:
            self.status = self.process.wait(timeout=PATIENCE)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.log_file.close()
        return time.monotonic() - begin


@contextlib.contextmanager
def serving(folder, *options, **variables):
    server = Server(folder, *options, **variables)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def refused(*options, **variables):
    """The one sentence with which the program does not start, and its exit status."""
    result = subprocess.run([PROGRAM, "serve", *map(str, options)], capture_output=True, text=True,
                            timeout=PATIENCE, env=environment(**variables))
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and result.stdout == "", (lines, result.stdout)
    return lines[0].removeprefix("diffedit: "), result.returncode
