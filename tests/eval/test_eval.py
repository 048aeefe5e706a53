"""`diffedit eval`: its tables and its page, of a small batch whose ledger and files the tests then
change."""
import contextlib
import csv
import json
import math
import os
import pathlib
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from measured import (FILES, GONE, HORSE, LEMONS, PROGRAM, SOURCE, STRAWBERRIES, change,
                      make_batch, run, task)


def levels(path, mode="RGB"):
    return np.asarray(Image.open(path).convert(mode))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch")
    make_batch(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of its results, to be changed."""
    return shutil.copytree(made / "results", tmp_path / "results")


def table(folder):
    """The rows of eval.csv by line."""
    with open(folder / "eval.csv", newline="") as file:
        return {int(row["line"]): row for row in csv.DictReader(file)}


def means(folder):
    with open(folder / "eval-means.csv", newline="") as file:
        return {(row["category"], row["statistic"]): row for row in csv.DictReader(file)}


def evaluate(folder, *options, status=0):
    done = run("eval", folder, *options)
    assert done.returncode == status, done.stderr
    return done


# ---- figures ----

def grown(mask, pixels):
    height, width = mask.shape
    found = np.zeros_like(mask)
    for y, x in zip(*np.nonzero(mask)):
        found[max(0, y - pixels):y + pixels + 1, max(0, x - pixels):x + pixels + 1] = True
    return found


def expected(picture, result, where):
    if not where.any():
        return {"kept": "", "mse": "", "psnr": ""}
    differences = picture[where].astype(float) - result[where]
    mse = (differences ** 2).mean()
    return {"kept": (differences == 0).all(1).mean(), "mse": mse,
            "psnr": 10 * math.log10(255 ** 2 / mse) if mse else math.inf}


@pytest.mark.parametrize("edge", [0, 5])
def test_figures_are_those_of_the_pixels(made, folder, edge):
    evaluate(folder, "--edge", edge)
    row, name = table(folder)[LEMONS], task(folder, LEMONS)
    picture, result = levels(made / "lemons.png"), levels(folder / f"{name}.png")
    found, true = (levels(path, "L") > 127
                   for path in (folder / f"{name}-mask.png", made / "lemons-true.png"))
    assert float(row["iou"]) == pytest.approx((found & true).sum() / (found | true).sum())
    assert float(row["found_share"]) == pytest.approx(found.mean())
    near_found, near_true = grown(found, edge), grown(true, edge)
    for suffix, where in (("found_{}_outside", ~near_found), ("true_{}_inside", true),
                          ("found_{}_inside", found), ("true_{}_outside", ~near_true),
                          ("both_{}_outside", ~(near_found | near_true)),
                          ("{}", np.ones_like(true))):
        for metric, value in expected(picture, result, where).items():
            if suffix.format(metric) in row:
                assert float(row[suffix.format(metric)]) == pytest.approx(value), (suffix, metric)
    assert 0 < float(row["ssim"]) < 1


def test_lines_without_a_true_mask_have_no_figures_of_one(folder):
    evaluate(folder)
    row = table(folder)[STRAWBERRIES]
    assert row["iou"] == row["true_psnr_outside"] == row["both_mse_outside"] == ""
    assert float(row["found_psnr_inside"]) > 0


def test_lines_that_failed_or_wait_are_counted_and_not_in_the_means(folder):
    change(folder, "UPDATE tasks SET state = 'waiting', result = NULL WHERE id = ?",
           task(folder, STRAWBERRIES))
    done = evaluate(folder)
    assert "2 of 4 lines measured, 1 failed in the batch, 1 not computed yet" in done.stderr
    rows = table(folder)
    assert [rows[line]["state"] for line in sorted(rows)] == ["measured", "measured", "waiting",
                                                              "failed"]
    assert "gone.png" in rows[GONE]["message"] and rows[GONE]["psnr"] == ""
    assert means(folder)["(all)", "count"]["psnr"] == "2"


def test_a_line_of_unknown_time_is_in_no_mean_of_it(folder):
    """A worker left its result, and died before it told of it."""
    change(folder, "UPDATE tasks SET seconds = 0, evaluations = 0 WHERE id = ?",
           task(folder, HORSE))
    evaluate(folder)
    assert table(folder)[HORSE]["seconds"] == table(folder)[HORSE]["evaluations"] == ""
    assert means(folder)["(all)", "count"]["seconds"] == "2"
    assert means(folder)["(all)", "count"]["psnr"] == "3"


def test_means_and_medians_by_category(folder):
    evaluate(folder)
    rows, found = table(folder), means(folder)
    values = [float(rows[line]["psnr"]) for line in (HORSE, LEMONS, STRAWBERRIES)]
    assert float(found["(all)", "mean"]["psnr"]) == pytest.approx(np.mean(values))
    assert float(found["(all)", "median"]["psnr"]) == pytest.approx(np.median(values))
    assert float(found["fruit", "mean"]["psnr"]) == pytest.approx(np.mean(values[1:]))
    assert float(found["animals", "mean"]["psnr"]) == pytest.approx(values[0])
    assert found["fruit", "count"]["iou"] == "1"
    assert {category for category, _ in found} == {"(all)", "animals", "fruit"}


def replace_result(folder, line, path):
    """The result of a line becomes this file."""
    shutil.copy(path, folder / f"{task(folder, line)}.png")
    change(folder, "UPDATE tasks SET sha256 = NULL WHERE id = ?", task(folder, line))


def test_pictures_that_are_equal(made, folder):
    replace_result(folder, HORSE, made / "horse.png")
    evaluate(folder)
    row, found = table(folder)[HORSE], means(folder)
    assert row["psnr"] == "inf" and row["mse"] == "0" and row["kept"] == "1" and row["ssim"] == "1"
    assert found["(all)", "infinite"]["psnr"] == "1"
    assert math.isfinite(float(found["(all)", "mean"]["psnr"]))
    assert found["animals", "mean"]["psnr"] == "inf"


@pytest.mark.parametrize("colour, inside, outside", [(0, "", "1"), (255, "1", "")])
def test_empty_and_full_masks(made, folder, colour, inside, outside):
    mask = folder / f"{task(folder, HORSE)}-mask.png"
    Image.new("L", Image.open(mask).size, colour).save(mask)
    replace_result(folder, HORSE, made / "horse.png")
    evaluate(folder)
    row = table(folder)[HORSE]
    assert row["found_ssim_inside"] == inside and row["found_kept_outside"] == outside
    assert row["found_psnr_inside"] == ("inf" if inside else "")
    assert float(row["found_share"]) == colour / 255


def test_every_column_is_described(folder):
    """In docs/EVAL.md, by its name without the mask's and the part's."""
    evaluate(folder)
    words = set(re.findall(r"`(\w+)`", (SOURCE / "docs/EVAL.md").read_text()))
    names = list(means(folder)["(all)", "mean"])[2:]
    assert len(names) == 30
    assert [name for name in names
            if name not in words
            and re.sub("^(found|true|both)_|_(inside|outside)$", "", name) not in words] == []


# ---- what cannot be measured ----

def check_refused(folder, sentence, line=HORSE):
    done = evaluate(folder, status=1)
    assert "1 of 4 lines could not be measured" in done.stderr
    row = table(folder)[line]
    assert row["state"] == "refused" and sentence in row["message"] and row["psnr"] == ""
    assert table(folder)[LEMONS]["state"] == "measured"
    assert sentence in (folder / "eval.html").read_text()


def test_a_result_of_another_size_is_refused(folder, tmp_path):
    Image.new("RGB", (31, 17)).save(tmp_path / "small.png")
    replace_result(folder, HORSE, tmp_path / "small.png")
    check_refused(folder, "the result is 31x17 pixels, but the picture is 256x256")


def test_a_result_that_is_another_file_is_refused(made, folder):
    shutil.copy(made / "horse.png", folder / f"{task(folder, HORSE)}.png")
    check_refused(folder, "is not the file that")


def test_a_result_that_is_gone(folder):
    (folder / f"{task(folder, HORSE)}.png").unlink()
    check_refused(folder, f"{task(folder, HORSE)}.png: cannot be read")


def test_a_picture_that_has_changed(folder, tmp_path):
    Image.new("RGB", (256, 256)).save(tmp_path / "other.png")
    change(folder, "UPDATE lines SET picture_path = ? WHERE number = ?",
           str(tmp_path / "other.png"), HORSE)
    check_refused(folder, "other.png: is not the file that")


def test_a_pipe_is_not_waited_for(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    change(folder, "UPDATE lines SET true_mask = ? WHERE number = ?", str(tmp_path / "pipe.png"),
           HORSE)
    check_refused(folder, "pipe.png: expected a file")


def test_a_true_mask_of_another_size(folder, tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "small.png")
    change(folder, "UPDATE lines SET true_mask = ? WHERE number = ?", str(tmp_path / "small.png"),
           HORSE)
    check_refused(folder, "the true mask is 9x9 pixels, but the picture is 256x256")


def test_run_lengths_of_a_picture_that_is_none_of_the_benchmark(folder):
    change(folder, "UPDATE lines SET true_mask = '[0,5]' WHERE number = ?", HORSE)
    check_refused(folder, "the true mask is 512x512 pixels, but the picture is 256x256")


def test_a_picture_that_is_damaged(folder, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    replace_result(folder, HORSE, tmp_path / "bad.png")
    check_refused(folder, f"{task(folder, HORSE)}.png")


def test_pictures_that_are_too_large(folder):
    done = evaluate(folder, "--max-pixels", 1000, status=1)
    assert "3 of 4 lines could not be measured" in done.stderr
    assert "65536 pixels" in table(folder)[HORSE]["message"]


# ---- ledgers ----

def check_fails(folder, sentence, *options, status=1):
    done = evaluate(folder, *options, status=status)
    assert sentence in done.stderr and done.stderr.count("\n") == 1
    assert not any((folder / name).exists() for name in FILES)


def test_a_folder_without_a_ledger(tmp_path):
    check_fails(tmp_path, "found no batch.db in it")
    check_fails(tmp_path / "nowhere", "cannot be read: No such file")


def test_no_folder():
    done = run("eval")
    assert done.returncode == 2 and "a folder of a batch is required" in done.stderr


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\xff" * 4096, b"picture,from\n"])
def test_a_file_that_is_no_ledger(folder, content):
    for path in folder.glob("batch.db*"):
        path.unlink()
    (folder / "batch.db").write_bytes(content)
    check_fails(folder, "batch.db")


@pytest.mark.parametrize("name", ["../batch.db", "/etc/passwd", ".hidden", ""])
def test_a_result_is_a_plain_name_in_the_folder(folder, name):
    change(folder, "UPDATE tasks SET result = ? WHERE id = ?", name, task(folder, HORSE))
    check_fails(folder, "the file is damaged")


@pytest.mark.parametrize("name", ["0123", "0123456789abcde,", '"=1+1"', "0123456789ABCDEF"])
def test_an_id_is_what_batch_names_a_task(folder, name):
    change(folder, "UPDATE tasks SET id = ? WHERE id = ?", name, task(folder, HORSE))
    change(folder, "UPDATE lines SET task_id = ? WHERE number = ?", name, HORSE)
    check_fails(folder, "the file is damaged")


def test_a_batch_without_lines(folder):
    change(folder, "DELETE FROM lines")
    check_fails(folder, "the batch has no lines")


def split(folder):
    """The ledger as two shards: the second one has the lines that the first one lacks."""
    change(folder, "PRAGMA user_version")
    (folder / "batch.db").rename(folder / "batch-1-of-2.db")
    shutil.copy(folder / "batch-1-of-2.db", folder / "batch-2-of-2.db")
    for name, sign in (("batch-1-of-2.db", "<="), ("batch-2-of-2.db", ">")):
        ledger = sqlite3.connect(folder / name)
        with ledger:
            ledger.execute(f"DELETE FROM lines WHERE NOT number {sign} 3")
        ledger.close()


def test_shards(folder):
    evaluate(folder, "--edge", 1)
    whole = {name: (folder / name).read_bytes() for name in FILES}
    split(folder)
    evaluate(folder, "--edge", 1)
    assert {name: (folder / name).read_bytes() for name in FILES} == whole


def test_ledgers_that_overlap(folder):
    """The line that is farther counts."""
    shutil.copy(folder / "batch.db", folder / "batch-1-of-2.db")
    change(folder, "UPDATE tasks SET state = 'waiting' WHERE id = ?", task(folder, HORSE))
    evaluate(folder)
    assert len(table(folder)) == 4 and table(folder)[HORSE]["state"] == "measured"


def test_ledgers_of_different_lists(folder):
    shutil.copy(folder / "batch.db", folder / "batch-1-of-2.db")
    change(folder, "UPDATE lines SET task_id = ? WHERE number = ?", task(folder, LEMONS), HORSE)
    check_fails(folder, f"line {HORSE} is not the same edit")


# ---- columns of the user's own ----

def test_columns_by_line_and_by_id(folder, tmp_path):
    (tmp_path / "one.csv").write_text(f"line,lpips,_note\n{HORSE},0.25,x\n{LEMONS},,\n")
    (tmp_path / "two.csv").write_text(f"\ufeffclip score,id\n0.5,{task(folder, LEMONS)}\n"
                                      f"nan,{task(folder, HORSE)}\n")
    evaluate(folder, "--columns", tmp_path / "one.csv", "--columns", tmp_path / "two.csv")
    rows, found = table(folder), means(folder)
    assert [rows[line]["lpips"] for line in (HORSE, LEMONS, STRAWBERRIES)] == ["0.25", "", ""]
    assert [rows[line]["clip score"] for line in (HORSE, LEMONS)] == ["", "0.5"]
    assert found["(all)", "mean"]["lpips"] == "0.25" and found["(all)", "count"]["lpips"] == "1"
    assert "_note" not in rows[HORSE] and "clip score" in (folder / "eval.html").read_text()


def test_an_id_of_several_lines(folder, tmp_path):
    """Lines of one task have the value of its id."""
    change(folder, "INSERT INTO lines SELECT 77, task_id, name, picture_path, mask_path, "
           "correction_path, true_mask, 'again' FROM lines WHERE number = ?", HORSE)
    (tmp_path / "own.csv").write_text(f"id,lpips\n{task(folder, HORSE)},3\n")
    evaluate(folder, "--columns", tmp_path / "own.csv")
    assert table(folder)[77]["lpips"] == table(folder)[HORSE]["lpips"] == "3"


@pytest.mark.parametrize("text, sentence", [
    ("", "found an empty file"),
    ("lpips\n1\n", "expected a column `id` or `line`"),
    ("id,line,lpips\n", "expected one of `id` and `line`, found two"),
    ("line,psnr\n2,1\n", 'has a column "psnr" already'),
    ("line,a,a\n2,1,1\n", 'has a column "a" already'),
    ("line,category\n2,1\n", 'has a column "category" already'),
    ("line,\n2,1\n", "column 2 has no name"),
    ("line,lpips\n99,1\n", 'line 2: the batch has no edit whose `line` is "99"'),
    ("line,lpips\nx,1\n", 'no edit whose `line` is "x"'),
    ("line,lpips\n,1\n", 'no edit whose `line` is ""'),
    ("id,lpips\n2,1\n", 'no edit whose `id` is "2"'),
    ("line,lpips\n2,1\n2,1\n", 'line 3: `line` "2" stands in an earlier line too'),
    ("line,lpips\n2,many\n", '`lpips`: expected a number, found "many"'),
    ("line,lpips\n2,1,3\n", "expected 2 values, as the first line has, found 3"),
    ("line,lpips\n2\n", "expected 2 values, as the first line has, found 1"),
    ('line,lpips\n2,"1\n', "a quote is missing"),
    ('line,lpips\n2,"1"2\n', "line 2: a quote stands in the middle of a value"),
    ("line,lp\x01ips\n2,1\n", "is not plain UTF-8"),
    ("line,lpips\n2," + "1" * 999 + "\n", "is longer than 63 bytes"),
    ("line," + "l" * 999 + "\n2,1\n", "is longer than 64 bytes"),
    ("line" + ",_" * 999 + "\n", "at most 256 columns"),
])
def test_columns_that_are_wrong(folder, tmp_path, text, sentence):
    (tmp_path / "own.csv").write_text(text)
    check_fails(folder, sentence, "--columns", tmp_path / "own.csv")


def test_columns_that_are_not_there(folder, tmp_path):
    check_fails(folder, "own.csv", "--columns", tmp_path / "own.csv")


# ---- what is written ----

def test_json(folder):
    found = json.loads(evaluate(folder, "--json").stdout)
    assert (found["lines"], found["measured"], found["failed"], found["refused"]) == (4, 3, 1, 0)
    assert found["means"][""]["psnr"]["count"] == 3
    assert found["means"]["fruit"]["psnr"]["mean"] == pytest.approx(
        float(means(folder)["fruit", "mean"]["psnr"]))


def test_the_threads_do_not_matter(folder):
    evaluate(folder, "-j", 1)
    one = {name: (folder / name).read_bytes() for name in FILES}
    evaluate(folder, "-j", 4)
    assert {name: (folder / name).read_bytes() for name in FILES} == one


def test_another_folder_for_the_output(folder, tmp_path):
    evaluate(folder, "-o", tmp_path / "quality")
    assert sorted(path.name for path in (tmp_path / "quality").iterdir()) == FILES
    page = (tmp_path / "quality/eval.html").read_text()
    assert f'href="../results/{task(folder, HORSE)}.png"' in page
    assert not (folder / "eval.csv").exists()


def test_texts_of_the_batch_are_only_texts(folder):
    hostile = "</style></script><script>alert(1)</script>\"'&"
    change(folder, "UPDATE lines SET name = ?, category = ? WHERE number = ?", hostile, hostile,
           HORSE)
    change(folder, "UPDATE tasks SET task = replace(task, 'a zebra', ?)",
           hostile.replace('"', '\\"'))
    change(folder, "UPDATE tasks SET message = ? WHERE state = 'failed'", hostile)
    evaluate(folder)
    page = (folder / "eval.html").read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    assert table(folder)[HORSE]["picture"] == hostile


def test_a_full_disk_is_a_sentence(folder):
    """Here: files may not grow beyond what a table needs."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))
    done = run("eval", folder, preexec_fn=limit)
    assert done.returncode == 1 and "written: File too large" in done.stderr, done.stderr
    assert not list(folder.glob(".diffedit-*"))


def measures(process):
    """Whether it is so far: the page's pictures wait in a file that has no name."""
    for file in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if os.readlink(file).endswith(" (deleted)"):
                return True
    return False


def test_interrupted(folder):
    """Nothing is written."""
    change(folder, "INSERT INTO lines WITH RECURSIVE more(n) AS (SELECT 100 UNION ALL SELECT n + 1 "
           "FROM more WHERE n < 9000) SELECT n, task_id, name, picture_path, mask_path, "
           "correction_path, true_mask, category FROM more, lines WHERE number = ?", HORSE)
    started = subprocess.Popen([PROGRAM, "eval", folder], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    while not measures(started):
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    assert "interrupted" in started.communicate(timeout=60)[1]
    assert started.returncode == 130
    assert not any((folder / name).exists() for name in FILES)
    assert not list(folder.glob(".diffedit-*"))
