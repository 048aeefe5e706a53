"""`diffedit batch`: what it makes, and what it makes of lists."""
import json
import sqlite3

import numpy as np
import PIL.Image
import pytest

from batches import batch, edit, fail, results, rows, run, succeed, write_list

ZEBRA = {"picture": "horse.png", "from": "a horse", "to": "a zebra"}
GIRAFFE = dict(ZEBRA, to="a giraffe")
APPLES = {"picture": "lemons.png", "from": "lemons", "to": "apples"}


def paint(folder, name, mode, colour, box):
    image = PIL.Image.new(mode, (256, 256))
    image.paste(colour, box)
    image.save(folder / name)


# ---- what an edit is ----

def test_results_are_those_of_edit(tmp_path):
    """To the last bit, whatever was computed before them."""
    paint(tmp_path, "mask.png", "L", 255, (80, 60, 200, 180))
    paint(tmp_path, "paint.png", "RGBA", (255, 255, 255, 255), (10, 10, 60, 60))
    PIL.Image.open(tmp_path / "mask.png").convert("CMYK").save(tmp_path / "cmyk.jpg")
    lines = [
        ZEBRA, APPLES, GIRAFFE,
        dict(ZEBRA, **{"mask-threshold": "0.3", "composite": "changed"}),
        dict(ZEBRA, **{"region": "crop"}),
        dict(GIRAFFE, **{"region": "crop", "mask-threshold": "0.35"}),
        dict(GIRAFFE, **{"region": "zoom"}),
        dict(ZEBRA, mask="mask.png"),
        dict(ZEBRA, correction="paint.png", seed="7"),
        dict(ZEBRA, preset="fast"),
        dict(ZEBRA, preset="notebook"),
        dict(ZEBRA, to="a (zebra:1.2)", **{"prompt-syntax": "weighted"}),
        dict(ZEBRA, picture="cmyk.jpg"),
    ]
    write_list(tmp_path, *lines)
    succeed(tmp_path, "--no-parameters", "--arithmetic", "exact")
    for row, line in zip(rows(tmp_path), lines):
        alone = edit(tmp_path, line, "alone.png", "--no-parameters", "--arithmetic", "exact",
                     "--mask-out", "alone-mask.png")
        assert (tmp_path / "out" / row["result"]).read_bytes() == \
            (tmp_path / "alone.png").read_bytes(), line
        assert (tmp_path / "out" / row["mask"]).read_bytes() == \
            (tmp_path / "alone-mask.png").read_bytes(), line
        assert row["warnings"] == "; ".join(alone["warnings"]), line
        assert float(row["mask_share"]) == pytest.approx(alone["mask_share"], abs=1e-5)


def test_a_result_says_how_it_is_made_again(tmp_path):
    write_list(tmp_path, dict(ZEBRA, seed=7))
    succeed(tmp_path)
    result = tmp_path / "out" / rows(tmp_path)[0]["result"]
    done = run("edit", "horse.png", "--again", result, "-o", "again.png", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (np.asarray(PIL.Image.open(result)) ==
            np.asarray(PIL.Image.open(tmp_path / "again.png"))).all()
    record = json.loads(PIL.Image.open(result).text["diffedit"])
    assert record["seed"] == "7" or record["seed"] == 7
    assert record["steps"] == 4 and record["arithmetic"] == "exact" and len(record["picture"]) == 32


def test_lines_of_a_picture_share_its_encoding_and_inversion(tmp_path):
    """They stand apart in the list; the second text costs no inversion, another threshold no
    map."""
    lines = [ZEBRA, APPLES, GIRAFFE, dict(ZEBRA, **{"mask-threshold": "0.3"})]
    write_list(tmp_path, *lines)
    succeed(tmp_path)
    shared = [int(row["evaluations"]) for row in rows(tmp_path)]
    alone = [edit(tmp_path, line, "alone.png")["evaluations"] for line in lines]
    inversion, one_map = 4, 2
    assert shared[1] == alone[1]
    assert sorted([shared[0], shared[2], shared[3]]) == \
        sorted([alone[0], alone[2] - inversion, alone[3] - inversion - one_map])


def test_equal_lines_are_computed_once(tmp_path):
    write_list(tmp_path, ZEBRA, dict(ZEBRA, steps=4), dict(ZEBRA, picture="./horse.png"), APPLES)
    succeed(tmp_path)
    found = rows(tmp_path)
    assert len(found) == 4 and len({row["id"] for row in found}) == 2
    assert [row["line"] for row in found] == ["1", "2", "3", "4"]
    assert len(results(tmp_path)) == 2 * 2
    assert found[0]["id"] == found[2]["id"] and found[2]["picture"] == "./horse.png"


def test_other_formats(tmp_path):
    write_list(tmp_path, APPLES)
    succeed(tmp_path, "--format", "jpg", "--quality", "80")
    row = rows(tmp_path)[0]
    edit(tmp_path, APPLES, "alone.jpg", "--quality", "80")
    assert row["result"] == row["id"] + ".jpg"
    assert (tmp_path / "out" / row["result"]).read_bytes() == (tmp_path / "alone.jpg").read_bytes()
    assert "holds results of another format, jpg quality 80, than png quality 95" in \
        fail(1, tmp_path)


def test_csv(tmp_path):
    write_list(tmp_path)
    (tmp_path / "edits.csv").write_text(
        "_id,picture,from,to,mask_threshold,category\n"
        '1,horse.png,"a horse","a zebra",0.3,"animals, large"\n2,lemons.png,lemons,apples,,\n')
    succeed(tmp_path, edits="edits.csv")
    found = rows(tmp_path)
    assert [row["line"] for row in found] == ["2", "3"]
    assert found[0]["category"] == "animals, large" and found[0]["to"] == "a zebra"
    task = json.loads(sqlite3.connect(tmp_path / "out/batch.db").execute(
        "SELECT task FROM tasks WHERE id = ?", (found[0]["id"],)).fetchone()[0])
    assert task["options"]["mask-threshold"] == "0.3" and task["options"]["steps"] == "4"


# ---- what fails ----

def test_a_failed_line_does_not_stop_the_rest(tmp_path):
    write_list(tmp_path, dict(ZEBRA, picture="none.png"), dict(ZEBRA, picture="edits.jsonl"),
               dict(ZEBRA, mask="small.png"), dict(ZEBRA, picture="/dev/zero"), APPLES)
    PIL.Image.new("L", (8, 8), 255).save(tmp_path / "small.png")
    done = batch(tmp_path)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[-1] == "diffedit: 4 of 5 lines failed"
    assert said[-2] == "diffedit: 5 lines: 1 done, 4 failed; results in out/results.csv"
    assert f"line 1: {tmp_path}/none.png: cannot be opened" in said[-6]
    assert f"line 2: {tmp_path}/edits.jsonl: " in said[-5]
    assert "line 3: " in said[-4] and "8x8" in said[-4]
    assert said[-3] == "diffedit: line 4: /dev/zero: is not a file"
    assert [row["state"] for row in rows(tmp_path)] == ["failed"] * 4 + ["done"]
    # mended, they are tried again, and the one that is done is left alone
    before = (tmp_path / "out" / rows(tmp_path)[4]["result"]).stat().st_mtime_ns
    write_list(tmp_path, *[ZEBRA] * 4, APPLES)
    assert "5 lines: 5 done (1 before), 0 failed" in succeed(tmp_path).stderr
    assert (tmp_path / "out" / rows(tmp_path)[4]["result"]).stat().st_mtime_ns == before


@pytest.mark.parametrize("layer", ["mask", "correction"])
def test_a_wrong_mask_does_not_leave_the_one_before(tmp_path, layer):
    """The lines of one picture, computed one after the other by one editor."""
    paint(tmp_path, "good.png", "RGBA", (255, 255, 255, 255), (10, 10, 60, 60))
    PIL.Image.new("L", (8, 8), 255).save(tmp_path / "small.png")
    (tmp_path / "none.png").write_text("no picture")
    write_list(tmp_path)
    edit(tmp_path, ZEBRA, "alone.png", "--no-parameters")
    for out, wrong in (("out-1", "small.png"), ("out-2", "none.png")):
        write_list(tmp_path, *[dict(ZEBRA, **{layer: name}) for name in ("good.png", wrong)], ZEBRA)
        assert batch(tmp_path, "--no-parameters", out=out).returncode == 1
        found = rows(tmp_path, out)
        assert [row["state"] for row in found] == ["done", "failed", "done"]
        assert (tmp_path / out / found[2]["result"]).read_bytes() == \
            (tmp_path / "alone.png").read_bytes()


def test_stop_ends_at_the_first_failure(tmp_path):
    write_list(tmp_path, dict(ZEBRA, picture="bad.png"), *[dict(APPLES, seed=i) for i in range(9)])
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    done = batch(tmp_path, "--stop")
    assert done.returncode == 1
    states = [row["state"] for row in rows(tmp_path)]
    assert states[0] == "failed" and states.count("waiting") >= 6
    write_list(tmp_path, *[dict(APPLES, seed=i) for i in range(2)], dict(ZEBRA, picture="none.png"))
    done = batch(tmp_path, "--stop", out="missing")
    assert "3 lines: 0 done, 1 failed, 2 left" in done.stderr and done.returncode == 1
    assert "--stop and --keep-going cannot be used together" in \
        fail(2, tmp_path, "--stop", "--keep-going")


@pytest.mark.parametrize("line, sentence", [
    ({"picture": "horse.png", "to": "x", "steps": 0},
     "line 2: steps: expected a whole number from 1 to 999, found \"0\""),
    ({"picture": "horse.png"}, "line 2: has no to; it may be empty"),
    ({"to": "x"}, "line 2: has no picture"),
    ({"picture": "horse.png", "to": "x", "treshold": 1},
     "line 2: unknown name \"treshold\"; did you mean"),
])
def test_a_wrong_list_is_refused_before_anything_is_computed(tmp_path, line, sentence):
    write_list(tmp_path, ZEBRA, line)
    assert f"diffedit: edits.jsonl: {sentence}" in fail(1, tmp_path)
    assert results(tmp_path) == {}


@pytest.mark.parametrize("option, sentence", [
    (("--steps", "0"), "--steps: expected a whole number"),
    (("--format", "gif"), "--format: expected png, jpg, webp or tif, found \"gif\""),
    (("--seed", "random"), "--seed random: would be another one in each run"),
    (("--shard", "3"), "--shard: expected I/N"),
    (("--limit", "-1"), "--limit: expected"),
    (("--output", ""), "--output: expected a DIR, found"),
    (("--preset", "none"), "--preset: expected one of"),
])
def test_wrong_options_are_usage(tmp_path, option, sentence):
    write_list(tmp_path, ZEBRA)
    assert sentence in fail(2, tmp_path, *option)
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_usage(tmp_path):
    assert "a list of edits is required" in run("batch", "-o", "out", cwd=tmp_path).stderr
    assert "--output is required" in run("batch", "x.csv", cwd=tmp_path).stderr
    assert run("batch", "x.csv", "y.csv", "-o", "out").returncode == 2


# ---- looking, and parts ----

def test_dry_run_makes_nothing(tmp_path):
    write_list(tmp_path, ZEBRA, APPLES, dict(ZEBRA, picture="none.png"))
    done = batch(tmp_path, "--dry-run")
    assert done.returncode == 1 and "line 3: " in done.stderr
    assert "3 lines: 0 done, 1 failed, 2 left\n" in done.stderr
    assert not (tmp_path / "out").exists()
    write_list(tmp_path, ZEBRA, APPLES)
    succeed(tmp_path, "--limit", "1")
    assert "2 lines: 1 done (1 before), 0 failed, 1 left\n" in succeed(tmp_path, "--dry-run").stderr
    assert len(results(tmp_path)) == 2


def test_json_is_a_summary(tmp_path):
    write_list(tmp_path, ZEBRA, APPLES, ZEBRA)
    summary = json.loads(succeed(tmp_path, "--json", "--limit", "1", "-q").stdout)
    assert summary.pop("seconds") > 0
    assert summary == {"lines": 3, "done": 2, "failed": 0, "before": 0, "edits": 2, "left": 1,
                       "results": "out/results.csv"}


def test_shards_are_parts_of_the_list(tmp_path):
    lines = [dict(line, seed=i) for i in range(2) for line in (ZEBRA, APPLES)] + \
        [{"picture": "strawberries.png", "from": "strawberries", "to": "apples"}]
    write_list(tmp_path, *lines)
    succeed(tmp_path, "--shard", "1/2")
    parts = [rows(tmp_path, name="results-1-of-2.csv")]
    succeed(tmp_path, "--shard", "2/2")
    parts.append(rows(tmp_path, name="results-2-of-2.csv"))
    assert [[row["line"] for row in part] for part in parts] == [["1", "3", "5"], ["2", "4"]]
    assert all(row["state"] == "done" for part in parts for row in part)
    together = results(tmp_path)
    succeed(tmp_path, out="whole")
    assert results(tmp_path, out="whole") == together
