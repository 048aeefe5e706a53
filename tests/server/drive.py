"""Drives a server with requests that schemathesis makes from openapi.json, valid and not.

    /usr/bin/python3 tests/server/drive.py SCHEMATHESIS [ITS OPTIONS...]

The document that it gets names a picture, a job and a result that are there. Left out are streams
of events, which do not end, and what waits for a picture each time: test_sdapi.py asks for those.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from serving import SAMPLE, SOURCE, TO_END, TOKEN, serving

EXAMPLES = 25  # requests of each kind for each operation
LEFT_OUT = "/events$|/sdapi/v1/(txt|img)2img$"
# Bytes of any kind are no picture, a job's fields depend on each other, and what a job finds is not
# there at once.
CONFIG = """
[[operations]]
include-name = ["POST /api/pictures", "POST /api/masks", "POST /api/jobs",
                "POST /sdapi/v1/options"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "422", "503"]

[[operations]]
include-name = ["GET /api/jobs/{id}/map", "GET /api/jobs/{id}/mask"]
checks.ensure_resource_availability.enabled = false
"""


def ask(server, method, path, body=None):
    reply = server.ask(method, path, body, {"Authorization": f"Bearer {TOKEN}"})
    assert reply.status < 300, reply.body
    return reply.json()


def make_data(server):
    """{part of a path: the id that is there}"""
    picture = ask(server, "POST", "/api/pictures?name=horse.png", SAMPLE.read_bytes())["id"]
    job = ask(server, "POST", "/api/jobs",
              {"kind": "edit", "picture": picture, "from": "a horse", "to": "a zebra",
               "options": {"steps": "2", "mask-samples": "1"}})["id"]
    while (found := ask(server, "GET", f"/api/jobs/{job}"))["state"] in ("queued", "running"):
        time.sleep(0.1)
    assert found["state"] == "done", found
    return {"pictures": picture, "jobs": job, "results": found["result"]}


def document(data):
    """openapi.json with these ids as examples, where they are only read."""
    whole = json.loads((SOURCE / "server/openapi.json").read_text())
    common = whole["components"]["parameters"]["Id"]
    wish = whole["components"]["schemas"]["WebRequest"]["properties"]
    for name, most in (("width", 64), ("height", 64), ("steps", 2)):  # pictures take time
        wish[name]["maximum"] = most
    for path, methods in whole["paths"].items():
        example = data.get(path.split("/")[2]) if "{id}" in path else None
        for method, operation in methods.items():
            if example and method != "delete":
                operation["parameters"] = [
                    {**common, "example": example} if "$ref" in parameter else parameter
                    for parameter in operation["parameters"]]
    return whole


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with serving(folder, "--token", TOKEN, "--store-limit", "200M") as server:
            (folder / "openapi.json").write_text(json.dumps(document(make_data(server))))
            (folder / "schemathesis.toml").write_text(CONFIG)
            code = subprocess.call(
                [sys.argv[1], "run", "openapi.json", "--url", f"http://127.0.0.1:{server.port}",
                 "--header", f"Authorization: Bearer {TOKEN}", "--exclude-path-regex", LEFT_OUT,
                 "--max-examples", str(EXAMPLES), "--seed", "1", "--checks", "all",
                 "--continue-on-failure", "--request-timeout", "30", "--no-color",
                 *sys.argv[2:]], cwd=folder)
            alive = server.process.poll() is None
            seconds = server.stop() if alive else 0
            if not alive or server.status != 0 or seconds > TO_END:
                print(f"ended with status {server.process.returncode} after {seconds:.1f} s",
                      *server.log().splitlines()[-20:], sep="\n")
                code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
