"""The table of options as a page gets it, and the status."""
import json
import subprocess

from serving import PROGRAM, SOURCE

HINTS = json.loads((SOURCE / "models/pocket/diffedit.json").read_text())["defaults"]


def table(server):
    return {option["name"]: option for option in server.get("/api/options").json()["options"]}


def test_every_option_is_there(server):
    help_text = subprocess.run([PROGRAM, "edit", "--help-all"], capture_output=True, text=True,
                               check=True).stdout
    options = table(server)
    assert {"from", "to", "steps", "seed", "mask-threshold", "region"} <= set(options)
    assert [name for name in options if f"--{name} " not in help_text] == []


def test_groups(server):
    reply = server.get("/api/options").json()
    assert reply["groups"] == ["texts", "sampling", "region", "result"]
    assert {option["group"] for option in reply["options"]} == set(reply["groups"])


def test_presets(server):
    reply = server.get("/api/options").json()
    assert reply["presets"][0] == "paper" and "fast" in reply["presets"]
    for option in reply["options"]:
        assert set(option["defaults"]) in (set(reply["presets"]), set()), option["name"]


def test_defaults_are_the_models(server):
    options = table(server)
    for preset, values in HINTS.items():
        for name, value in values.items():
            assert options[name]["defaults"][preset] == f"{value:g}", (preset, name)
    assert options["ratio"]["defaults"]["notebook"] == "2/3"


def test_ranges_and_choices(server):
    options = table(server)
    steps, scheduler, size = options["steps"], options["scheduler"], options["size"]
    assert (steps["type"], steps["minimum"], steps["maximum"]) == ("int", 1, 999)
    assert scheduler["type"] == "choice" and "ddim" in scheduler["choices"]
    assert size["type"] == "size" and size["word"]
    for option in options.values():
        for value in option["defaults"].values():
            assert option["type"] != "choice" or value in option["choices"], option["name"]


def test_a_model_that_is_not_offered(server):
    reply = server.get("/api/options?model=nothing")
    assert (reply.status, reply.json()["error"]) == (404, "not-found")


def test_status(server):
    status = server.get("/api/status").json()
    assert status["local"] is True and status["cores"] >= 1
    assert status["queue"] == {"queued": 0, "running": 0}
    assert 0 <= status["store"]["bytes"] < status["store"]["limit"] == 10 * 2**30
    assert 0 < status["memory"]["resident"] <= status["memory"]["peak"] * 1.1
