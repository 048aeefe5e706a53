"""Drives a server of its own with requests that schemathesis makes from openapi.json, valid and not.

    /usr/bin/python3 tests/server/drive.py SCHEMATHESIS [ITS OPTIONS...]

Event streams are left out: they do not end.
"""
import pathlib
import subprocess
import sys
import tempfile

from serving import SOURCE, TOKEN, serving

EXAMPLES = 25  # requests of each kind for each operation


def main():
    with tempfile.TemporaryDirectory() as folder, \
            serving(pathlib.Path(folder), "--token", TOKEN, "--store-limit", "200M") as server:
        command = [sys.argv[1], "run", SOURCE / "server/openapi.json",
                   "--url", f"http://127.0.0.1:{server.port}",
                   "--header", f"Authorization: Bearer {TOKEN}",
                   "--exclude-path-regex", "/events$", "--max-examples", str(EXAMPLES),
                   "--checks", "all", "--continue-on-failure", "--request-timeout", "30",
                   "--no-color", *sys.argv[2:]]
        code = subprocess.call(command, cwd=folder)
        alive = server.process.poll() is None
        seconds = server.stop() if alive else 0
        if not alive or server.status != 0 or seconds > 5:
            print(f"the server ended with status {server.process.returncode} in {seconds:.1f} s")
            print(*server.log().splitlines()[-20:], sep="\n")
            code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
