"""diffedit model pull, against a hub in this process."""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

import hub as hubs
from test_cli import MODEL, PROGRAM, TEXTS, FAST, picture  # noqa: F401 (a fixture)

UNET = "unet/diffusion_pytorch_model.safetensors"
NAMES = {str(path.relative_to(MODEL)) for path in MODEL.rglob("*") if path.is_file()}


@pytest.fixture
def hub():
    served = hubs.Hub(MODEL)
    yield served
    served.close()


def environment(home, **more):
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(("HF_", "DIFFEDIT_M", "XDG_"))}
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), **more}


def command(hub, *arguments, model="owner/name"):
    return [PROGRAM, "model", "pull", model, "--endpoint", hub.endpoint, "--quiet", *arguments]


def pull(hub, home, *arguments, model="owner/name", **variables):
    return subprocess.run(command(hub, *arguments, model=model), capture_output=True, text=True,
                          timeout=120, env=environment(home, **variables))


def pulled(home):
    folder = home / "data/diffedit/models/owner/name"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file()}


def succeed(hub, home, *arguments, **variables):
    result = pull(hub, home, *arguments, **variables)
    assert (result.returncode, result.stderr) == (0, "")
    return pulled(home)


def refused(hub, home, *words, status=1, **keywords):
    """One sentence with these words, and no whole model."""
    result = pull(hub, home, **keywords)
    lines = result.stderr.splitlines()
    assert (result.returncode, len(lines), result.stdout) == (status, 1, ""), lines
    assert [word for word in words if word not in lines[0]] == [], lines[0]
    assert "model_index.json" not in pulled(home)
    return lines[0]


# ---- what is fetched ----

def test_a_model_is_fetched_whole_and_found(hub, tmp_path, picture):  # noqa: F811
    hub.files |= {"README.md": b"about", "safety_checker/model.safetensors": b"large",
                  "unet/other.ckpt": b"x"}
    assert set(succeed(hub, tmp_path)) == NAMES
    assert pulled(tmp_path) == {name: hub.files[name] for name in NAMES}
    result = subprocess.run([PROGRAM, "edit", picture, *TEXTS, *FAST, "-m", "owner/name", "-q",
                             "-o", tmp_path / "o.png"],
                            env=environment(tmp_path), capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


def test_what_is_there_is_not_fetched_again(hub, tmp_path):
    succeed(hub, tmp_path)
    hub.requests.clear()
    succeed(hub, tmp_path)
    assert len(hub.requests) == 1
    (tmp_path / "data/diffedit/models/owner/name/vae/config.json").write_text("changed")
    hub.requests.clear()
    succeed(hub, tmp_path)
    assert [path.split("/", 5)[-1]
            for path in hub.paths()[1:]] == ["vae/config.json", "model_index.json"]


def test_precisions(hub, tmp_path):
    half = UNET.replace(".safetensors", ".fp16.safetensors")
    hub.files[half] = b"half"
    assert half not in succeed(hub, tmp_path)
    files = succeed(hub, tmp_path, "--precision", "f16")
    assert half in files and UNET not in files  # which would be taken instead
    assert half not in succeed(hub, tmp_path, "--precision", "f32")


VARIANTS = {"unet": "bf16", "vae": "non_ema", "text_encoder": "ema"}


def test_other_variants(hub, tmp_path, picture):  # noqa: F811
    """A hub that has weights of no plain name and none of f16, which `model info` then finds in the
    folder."""
    for part, variant in VARIANTS.items():
        plain = next(name for name in NAMES if name.startswith(part)
                     and name.endswith(".safetensors"))
        hub.files[plain.replace(".safetensors", f".{variant}.safetensors")] = hub.files.pop(plain)
    for precision in ("f16", "f32"):
        files = succeed(hub, tmp_path, "--precision", precision)
        assert files == hub.files
    result = subprocess.run([PROGRAM, "model", "info", "owner/name", "--json"],
                            env=environment(tmp_path), capture_output=True, text=True, timeout=60)
    assert (result.returncode, json.loads(result.stdout)["problems"]) == (0, []), result.stderr


def test_a_variant_that_is_an_index(hub, tmp_path):
    data, stem = hub.files.pop(UNET), UNET.removesuffix(".safetensors")
    shards = [f"{stem}.bf16-0000{i}-of-00002.safetensors" for i in (1, 2)]
    hub.files |= {name: data[i::2] for i, name in enumerate(shards)}
    named = {"a": shards[0].removeprefix("unet/"), "b": shards[1].removeprefix("unet/")}
    hub.files[f"{stem}.safetensors.index.bf16.json"] = json.dumps({"weight_map": named}).encode()
    assert succeed(hub, tmp_path) == hub.files


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.bin",
                                  "unet/diffusion_pytorch_model.fp16.safetensors",
                                  "text_encoder/pytorch_model.bin",
                                  "vae/diffusion_pytorch_model.safetensors.index.json"])
def test_weights_of_an_earlier_time(hub, tmp_path, name):
    """What the reader of folders might take instead goes, whether the hub lists it or not; other
    files stay."""
    folder = tmp_path / "data/diffedit/models/owner/name"
    succeed(hub, tmp_path)
    (folder / name).write_bytes(b"old")
    (folder / "unet/mine.safetensors").write_bytes(b"mine")
    assert set(succeed(hub, tmp_path)) == NAMES | {"unet/mine.safetensors"}


def test_shards(hub, tmp_path):
    data, index = hub.files.pop(UNET), UNET + ".index.json"
    shards = ["diffusion_pytorch_model-00001-of-00002.safetensors",
              "diffusion_pytorch_model-00002-of-00002.safetensors"]
    hub.files |= {f"unet/{name}": data[i::2] for i, name in enumerate(shards)}
    hub.files[index] = json.dumps({"weight_map": {"a": shards[0], "b": shards[1],
                                                  "c": shards[0]}}).encode()
    expected = (NAMES - {UNET}) | {index} | {f"unet/{name}" for name in shards}
    assert set(succeed(hub, tmp_path)) == expected


def test_a_revision(hub, tmp_path):
    succeed(hub, tmp_path, "--revision", "refs/pr/1")
    assert hub.paths()[0] == "/api/models/owner/name/revision/refs%2Fpr%2F1?blobs=true"
    assert all(f"/resolve/{hubs.COMMIT}/" in path or path.startswith("/cdn/")
               for path in hub.paths()[1:])


# ---- servers that misbehave ----

def test_a_connection_that_breaks(hub, tmp_path):
    size = len(hub.files[UNET])
    hub.acts[UNET] = hubs.breaks(size // 4 + 1, 3)
    assert succeed(hub, tmp_path)[UNET] == hub.files[UNET]
    ranges = [headers.get("Range") for path, headers in hub.requests if path == f"/cdn/{UNET}"]
    assert ranges == [None, *(f"bytes={i * (size // 4 + 1)}-" for i in (1, 2, 3))]


def test_a_connection_that_never_holds(hub, tmp_path):
    hub.acts[UNET] = hubs.breaks(0, 1000)
    refused(hub, tmp_path, UNET, "cannot be fetched")


def test_a_server_that_cannot_go_on_in_the_middle(hub, tmp_path):
    breaking = hubs.breaks(1000, 1)
    hub.acts[UNET] = lambda handler, data: (breaking(handler, data) or
                                            hubs.sends(data)(handler, data))
    assert succeed(hub, tmp_path)[UNET] == hub.files[UNET]


@pytest.mark.parametrize("change",
                         [lambda data: hubs.sends(data + b"more"),
                          lambda data: hubs.sends(data[:-4]),
                          lambda data: hubs.sends(data, len(data) + 4),
                          lambda data: hubs.sends(data, 10)])
def test_lengths_that_are_lies(hub, tmp_path, change):
    hub.acts[UNET] = change(hub.files[UNET])
    said = refused(hub, tmp_path, UNET)
    assert f"expected {len(hub.files[UNET])} bytes, got a different number" in said
    assert not [name for name in pulled(tmp_path) if name.startswith(UNET)]


@pytest.mark.parametrize("name, kind", [(UNET, "SHA-256"), ("unet/config.json", "SHA-1")])
def test_other_bytes_than_promised(hub, tmp_path, name, kind):
    data = hub.files[name]
    hub.acts[name] = hubs.sends(data[:-1] + bytes([data[-1] ^ 1]))
    assert f"expected {kind} " in refused(hub, tmp_path, name)
    assert not [there for there in pulled(tmp_path) if there.startswith(name)]
    del hub.acts[name]
    assert succeed(hub, tmp_path)[name] == data


@pytest.mark.parametrize("size", [1000, 871510, 10 ** 6])
def test_what_another_version_left_is_dropped(hub, tmp_path, size):
    part = tmp_path / "data/diffedit/models/owner/name" / (UNET + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(size))
    assert succeed(hub, tmp_path)[UNET] == hub.files[UNET]


def test_another_kind_of_model(hub, tmp_path):
    """Told from the list alone; every list that is refused is in tests/unit/cli/test_hub.c."""
    hub.files["text_encoder_2/config.json"] = b"{}"
    refused(hub, tmp_path, "owner/name: is not Stable Diffusion 1 or 2")
    assert len(hub.requests) == 1


def test_paths_that_lead_out_of_the_folder(hub, tmp_path):
    hub.listing["more"] = [{"rfilename": name, "size": 1, "blobId": "0" * 40}
                           for name in ("../../evil", "/etc/evil",
                                        "unet/diffusion_pytorch_model/../../../evil")]
    assert set(succeed(hub, tmp_path)) == NAMES


def test_shards_that_lead_out_of_the_folder(hub, tmp_path):
    del hub.files[UNET]
    index = {"weight_map": {"a": "../../evil.safetensors"}}
    hub.files[UNET + ".index.json"] = json.dumps(index).encode()
    refused(hub, tmp_path, "expected names of files in its own folder")
    assert not list(tmp_path.rglob("*evil*"))


def said_by(hub, home):
    """All that a pull writes to both streams, which has no control characters but ends of lines."""
    command_line = [PROGRAM, "model", "pull", "owner/name", "--endpoint", hub.endpoint]
    result = subprocess.run(command_line, capture_output=True, text=True, timeout=120,
                            env=environment(home))
    said = result.stdout + result.stderr
    assert not re.search(r"[\0-\x09\x0b-\x1f\x7f-\x9f]", said)
    return result.returncode, said


EVIL = "diffusion_pytorch_model-\x1b[31m\x9b2J\r.safetensors"


@pytest.mark.parametrize("shard", [EVIL, EVIL[1:], "../" + EVIL])
def test_an_index_that_names_escape_codes(hub, tmp_path, shard):
    data = hub.files.pop(UNET)
    hub.files[UNET + ".index.json"] = json.dumps({"weight_map": {"a": shard}}).encode()
    status, said = said_by(hub, tmp_path)
    assert status == 1 and "?[31m" in said, said
    hub.files["unet/" + EVIL] = data  # and one that the hub has
    status, said = said_by(hub, tmp_path)
    assert status == (0 if shard == EVIL else 1) and "?[31m" in said, said


@pytest.mark.parametrize("model", ["name", "../b"])
def test_names_that_are_none(hub, tmp_path, model):
    refused(hub, tmp_path, f'expected OWNER/NAME, found "{model}"', status=2, model=model)
    assert hub.requests == []


def test_a_server_that_is_not_there(tmp_path):
    class Nobody:
        endpoint = "http://127.0.0.1:1"
    refused(Nobody, tmp_path, "http://127.0.0.1:1/api/models/owner/name", "cannot be fetched")
    Nobody.endpoint = "file:///etc"
    refused(Nobody, tmp_path, '--endpoint: expected an http or https address, found "file:///etc"',
            status=2)


def test_answers_that_are_no_list(hub, tmp_path):
    hub.model = "other/name"
    refused(hub, tmp_path,
            "/api/models/owner/name/revision/main?blobs=true: not found (HTTP 404)")


# ---- tokens ----

def test_a_token_is_asked_for(hub, tmp_path):
    hub.token = "hf_secret"
    refused(hub, tmp_path, "owner/name: access denied (HTTP 401)", "HF_TOKEN")
    said = refused(hub, tmp_path, "access denied with this token",
                   HF_TOKEN="hf_wrong")
    assert "hf_wrong" not in said


@pytest.mark.parametrize("place, variables", [
    (".cache/huggingface/token", {}), ("hf/token", {"HF_HOME": "hf"}),
    ("cache/huggingface/token", {"XDG_CACHE_HOME": "cache"}),
    ("here", {"HF_TOKEN_PATH": "here"}), (None, {"HF_TOKEN": "hf_secret"})])
def test_where_the_token_stands(hub, tmp_path, place, variables):
    hub.token = "hf_secret"
    if place:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("hf_secret\n")
        variables = {key: str(tmp_path / value) for key, value in variables.items()}
    succeed(hub, tmp_path, **variables)


def test_the_token_goes_to_nobody_else(hub, tmp_path):
    hub.token = "hf_secret"
    succeed(hub, tmp_path, HF_TOKEN="hf_secret")
    elsewhere = [headers for path, headers in hub.requests if path.startswith("/cdn/")]
    assert len(elsewhere) == 3 and not any("Authorization" in headers for headers in elsewhere)


def test_the_endpoint_from_the_environment(hub, tmp_path):
    result = subprocess.run([PROGRAM, "model", "pull", "owner/name"], capture_output=True,
                            text=True, timeout=120,
                            env=environment(tmp_path, HF_ENDPOINT=hub.endpoint + "/"))
    assert result.returncode == 0
    folder = f"{tmp_path}/data/diffedit/models/owner/name"
    assert result.stderr.splitlines()[-1] == f"owner/name: saved in {folder}"
    assert f"{UNET:48} 100 % of" in result.stderr


# ---- Ctrl-C ----

def test_an_interruption_keeps_what_came(hub, tmp_path):
    over = threading.Event()

    def trickle(handler, data):
        if hubs.first(handler):
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:5000])
        handler.wfile.flush()
        over.wait()
        return True
    hub.acts[UNET] = trickle
    process = subprocess.Popen(command(hub), env=environment(tmp_path), stderr=subprocess.PIPE,
                               text=True)
    part = tmp_path / "data/diffedit/models/owner/name" / (UNET + ".part")
    while not (part.exists() and part.stat().st_size == 5000):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == "diffedit: interrupted\n"
    assert process.returncode == 130
    over.set()
    assert part.read_bytes() == hub.files[UNET][:5000]
    result = subprocess.run([PROGRAM, "model", "info", "owner/name"], env=environment(tmp_path),
                            capture_output=True, text=True, timeout=60)
    assert result.stderr == ("diffedit: owner/name: is only partly downloaded; "
                             "`diffedit model pull owner/name` resumes\n")
    hub.requests.clear()
    assert succeed(hub, tmp_path)[UNET] == hub.files[UNET]
    assert ["bytes=5000-"] == [headers.get("Range") for path, headers in hub.requests
                               if path == f"/cdn/{UNET}"]
