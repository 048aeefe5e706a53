"""Which arithmetic a model is opened for: by the preset, by --arithmetic, by a record."""
import json

import numpy as np
import PIL.Image
import pytest

from test_cli import FAST, MODEL, SOURCE, TEXTS, edit, fail, picture, succeed  # noqa: F401

SAMPLE = SOURCE / "models/pocket/samples/horse.png"


def said(*command, kernels=None):
    """The arithmetic that JSON and the output's record tell, on the kernels that both tell."""
    environment = {"DIFFEDIT_CPU": kernels} if kernels else {}
    told = json.loads(succeed(*command, "--json", "-q", environment=environment).stdout)
    assert not kernels or told["kernels"] == kernels
    record = json.loads(PIL.Image.open(command[command.index("-o") + 1]).text["diffedit"])
    assert record["kernels"] == told["kernels"] != ""
    assert record["arithmetic"] == told["arithmetic"]
    return told["arithmetic"]


@pytest.mark.parametrize("preset, proposed", [
    (None, "exact"), ("paper", "exact"), ("notebook", "exact"), ("diffusers", "exact"),
    ("fast", "quick"), ("lcm", "quick"), ("turbo", "quick")])
def test_a_preset_proposes(preset, proposed, picture, tmp_path):  # noqa: F811
    named = ["--preset", preset] if preset else []
    command = edit(picture, tmp_path / "o.png", *named)
    other = "exact" if proposed == "quick" else "quick"
    assert said(*command) == proposed
    assert said(*command, "--arithmetic", other) == other
    assert said("generate", "--to", "a horse", "-m", MODEL, *FAST[:2], *FAST[4:], *named, "-o",
                tmp_path / "g.png") == proposed


def test_again(picture, tmp_path):  # noqa: F811
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    again = ["edit", picture, "--again", first, "-o", second]
    succeed(*edit(picture, first, "--preset", "fast"))
    assert said(*again) == "quick"
    assert first.read_bytes() == second.read_bytes()
    assert said(*again, "--arithmetic", "exact") == "exact"
    assert said(*again, "--preset", "paper", *FAST) == "exact"
    succeed(*edit(picture, first, "--preset", "fast", "--arithmetic", "exact"))
    assert said(*again) == "exact"
    assert said(*again, "--preset", "fast") == "quick"


def test_a_record_names_the_kernels_and_does_not_choose_them(picture, tmp_path):  # noqa: F811
    first, second = tmp_path / "1.png", tmp_path / "2.png"
    usual = json.loads(succeed(*edit(picture, first, "--json")).stdout)["kernels"]
    assert said(*edit(picture, first, "--preset", "fast"), kernels="ref") == "quick"
    assert said("edit", picture, "--again", first, "-o", second) == "quick"
    assert json.loads(PIL.Image.open(second).text["diffedit"])["kernels"] == usual


def test_other_words(picture, tmp_path):  # noqa: F811
    message = '--arithmetic: expected one of exact, quick, found "float"'
    fail(2, message, *edit(picture, tmp_path / "o.png", "--arithmetic", "float"))
    fail(2, message, "serve", "--arithmetic", "float")
    fail(2, message, "bench", "--arithmetic=float")
    fail(2, "diffedit model info takes no option --arithmetic", "model", "info", MODEL,
         "--arithmetic", "quick")


@pytest.mark.parametrize("command", [["mask", *TEXTS], ["invert"]])
def test_commands_without_a_record(command, picture, tmp_path):  # noqa: F811
    output = tmp_path / ("o.npy" if command[0] == "invert" else "o.png")
    told = json.loads(succeed(command[0], picture, *command[1:], "-m", MODEL, "--size", "64x64",
                              "--steps", "2", "--arithmetic", "quick", "--json", "-q", "-o",
                              output).stdout)
    assert told["arithmetic"] == "quick"


@pytest.mark.parametrize("of", [["--shape", "pocket"], ["--model", MODEL]])
def test_bench(of):
    command = ["bench", *of, "--size", "64x64", "--repeat", "1", "--json"]
    assert json.loads(succeed(*command).stdout)["arithmetic"] == "exact"
    assert json.loads(succeed(*command, "--arithmetic", "quick").stdout)["arithmetic"] == "quick"
    told = succeed("bench", *of, "--size", "64x64", "--repeat", "1", "--arithmetic", "quick").stdout
    assert b" kernels, quick arithmetic, " in told


def test_bench_of_an_edit():
    command = ["bench", "--shape", "pocket", "--edit", "--repeat", "1", "--json", "--size", "64x64",
               "--steps", "2"]
    assert json.loads(succeed(*command, "--preset", "fast").stdout)["arithmetic"] == "quick"
    assert json.loads(succeed(*command, "--mask-samples", "1").stdout)["arithmetic"] == "exact"


# ---- what it changes ----

@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """{(arithmetic, threads): {stage: array}} of an edit of a sample by the pocket model."""
    folder = tmp_path_factory.mktemp("made")
    results = {}
    for arithmetic, threads in (("exact", 1), ("quick", 1), ("quick", 2), ("quick", 3)):
        stages = folder / f"{arithmetic}-{threads}"
        succeed("edit", SAMPLE, *TEXTS, "--preset", "fast", *FAST[:2], "--arithmetic", arithmetic,
                "-j", threads, "--stages", stages, "-q", "-o", folder / "o.png")
        results[arithmetic, threads] = {path.name: np.load(path) for path in stages.glob("*.npy")}
    return results


def test_quick_has_the_same_bits_for_any_number_of_threads(made):
    first = made["quick", 1]
    for threads in (2, 3):
        other = made["quick", threads]
        assert set(first) == set(other)
        assert [name for name in first if first[name].tobytes() != other[name].tobytes()] == []


def test_quick_is_another_arithmetic_and_close(made):
    """The texts are embedded exactly, and the seed's noise is what it is; all that the UNet and the
    autoencoder make is off by a little."""
    exact, quick = made["exact", 1], made["quick", 1]
    same = {name for name in exact if exact[name].tobytes() == quick[name].tobytes()}
    assert {"embedding-from.npy", "embedding-to.npy", "embedding-negative.npy",
            "mask-noise.npy"} <= same
    for name in ("latent.npy", "map.npy", "inverted.npy", "final.npy"):
        assert name not in same
    error = np.sqrt(np.mean((exact["latent.npy"] - quick["latent.npy"])**2))
    assert error < 0.01 * np.sqrt(np.mean(exact["latent.npy"]**2))
