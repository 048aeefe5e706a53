"""The examples of docs/SERVER.md, run as they stand, and its list of addresses."""
import re
import shutil
import subprocess

from serving import SAMPLE, SOURCE, TOKEN, environment, serving
from test_openapi import OPERATIONS

PAGE = (SOURCE / "docs/SERVER.md").read_text()


def run(blocks, server, folder):
    """What they print, one after the other in one shell; a status of 400 or more ends it."""
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    script = "\n".join(blocks).replace("localhost:7860", f"localhost:{server.port}")
    result = subprocess.run(
        ["bash", "-xeuc", script], cwd=folder, capture_output=True, text=True, timeout=120,
        errors="replace", env=environment(HOME=str(folder), DIFFEDIT_TOKEN=TOKEN))
    assert result.returncode == 0, result.stderr[-1500:] + result.stdout[-500:]
    return result.stdout


BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
WITH_TOKEN = [block for block in BLOCKS if "DIFFEDIT_TOKEN" in block]


def test_examples(tmp_path):
    shutil.copy(SAMPLE, tmp_path / "horse.png")
    with serving(tmp_path) as server:
        lines = run([block for block in BLOCKS if block not in WITH_TOKEN], server,
                    tmp_path).splitlines()
    for name, begin in (("zebra.png", b"\x89PNG"), ("zebra.jpg", b"\xff\xd8"),
                        ("mask.png", b"\x89PNG")):
        assert (tmp_path / name).read_bytes().startswith(begin)
    assert "event: job" in lines and "event: preview" in lines


def test_examples_with_a_token(guarded, tmp_path):
    assert run(WITH_TOKEN, guarded, tmp_path).count('"version"') == 3


def test_every_address_is_listed():
    listed = re.findall(r"^\| `([A-Z]+) (\S+)` \|", PAGE, re.MULTILINE)
    assert listed == [(method.upper(), path) for path, method, _ in OPERATIONS]
