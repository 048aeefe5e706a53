"""The history: found again, kept, deleted, and made smaller where there is too much of it."""
import random
import time

import PIL.Image
import pytest

from editing import (FAST, ask_for, edit, get_job, name_of, refusal, result, result_ids, to_bytes,
                     to_image, upload, upload_mask, use_sample, wait, wait_until)
from serving import SAMPLE, serving


def files(folder, kind="files"):
    return {path.name for path in (folder / "data" / kind).glob("*/*")}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A server with five results."""
    with serving(tmp_path_factory.mktemp("shelf")) as own:
        horse, lemons = use_sample(own), use_sample(own, "lemons.png")
        texts = ("a zebra", "a TIGER", "Ein Pferd, weiß")
        own.ids = [edit(own, horse, to=to)["id"] for to in texts]
        own.ids.append(edit(own, lemons, **{"from": "lemons", "to": "oranges"})["id"])
        own.ids.append(edit(own, lemons, **{"from": "lemons", "to": "100%_apples"})["id"])
        own.horse = horse
        yield own


@pytest.mark.parametrize("query, found", [
    ("", [4, 3, 2, 1, 0]), ("?q=zebra", [0]), ("?q=tiger", [1]), ("?q=LEMONS%20oranges", [3]),
    ("?q=a%20horse", [2, 1, 0]), ("?q=WEISS", [2]), ("?q=%25", [4]), ("?q=nothing", []),
    ("?q=_", [4]), ("?q=horse.png%20pocket", [2, 1, 0]), ("?q=%27%22%3B--", []), ("?kept=1", []),
    ("?kept=0", [4, 3, 2, 1, 0]), ("?limit=2", [4, 3]), ("?limit=0", []),
    ("?picture=" + name_of(SAMPLE.read_bytes()), [2, 1, 0])])
def test_results_are_found(shelf, query, found):
    assert result_ids(shelf, query) == [shelf.ids[i] for i in found]


def test_pages_follow_each_other(shelf):
    seen, cursor = [], ""
    while True:
        page = shelf.get(f"/api/results?limit=2{cursor}").json()
        seen += [one["id"] for one in page["results"]]
        if page["next"] is None:
            break
        cursor = f"&before={page['next']}"
    assert seen == shelf.ids[::-1]


@pytest.mark.parametrize("query", ["limit=x", "limit=-1", "limit=9999", "kept=2", "before=1e9",
                                   "before=99999999999999999999", "limit=", "limit=%31%30x"])
def test_wrong_queries_are_refused(shelf, query):
    refusal(shelf.get(f"/api/results?{query}"), 400, "argument")


@pytest.mark.parametrize("format, name", [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"),
                                          ("tif", "TIFF")])
def test_other_formats_are_made(shelf, format, name):
    reply = shelf.get(f"/api/results/{shelf.ids[0]}/file?format={format}")
    assert to_image(reply.body).format == name
    assert shelf.get(f"/api/results/{shelf.ids[0]}/file?format={format}").body == reply.body


def test_other_formats_are_refused(shelf):
    for format in ("gif", "heic", "", "..", "png/../x", "x" * 200):
        refusal(shelf.get(f"/api/results/{shelf.ids[0]}/file?format={format}"), 400, "argument")


def test_keeping(shelf):
    reply = shelf.ask("PATCH", f"/api/results/{shelf.ids[1]}", {"kept": True})
    assert reply.json() == {**result(shelf, shelf.ids[1]), "kept": True}
    assert result_ids(shelf, "?kept=1") == [shelf.ids[1]]
    shelf.ask("PATCH", f"/api/results/{shelf.ids[1]}", {"kept": False})
    assert result_ids(shelf, "?kept=1") == []
    for wrong in ({}, {"kept": 1}, {"kept": "true"}, {"kept": True, "more": 1}):
        refusal(shelf.ask("PATCH", f"/api/results/{shelf.ids[1]}", wrong), 400, "argument")
    refusal(shelf.ask("PATCH", "/api/results/0123", {"kept": True}), 404, "not-found")


def test_deleting(tmp_path):
    with serving(tmp_path) as own:
        horse, lemons = use_sample(own), use_sample(own, "lemons.png")
        mask = upload_mask(own, PIL.Image.new("L", (256, 256), 255))
        ids = [edit(own, horse, options={**FAST, "seed": str(i)})["id"] for i in range(3)]
        edit(own, lemons, mask=mask)
        own.get(f"/api/results/{ids[0]}/thumbnail")
        own.ask("PATCH", f"/api/results/{ids[1]}", {"kept": True})
        before = files(tmp_path)
        assert own.ask("DELETE", f"/api/results/{ids[0]}").status == 204
        refusal(own.get(f"/api/results/{ids[0]}"), 404, "not-found")
        refusal(own.get(f"/api/jobs/{ids[0]}"), 404, "not-found")
        assert files(tmp_path) < before and files(tmp_path, "copies") == set()
        assert own.ask("DELETE", f"/api/results?kept=0&except={lemons}").status == 204
        assert result_ids(own) == [ids[1]]
        assert own.get(f"/api/pictures/{lemons}").status == 200
        assert own.get(f"/api/pictures/{horse}").status == 200  # of the one that is kept
        refusal(own.get(f"/api/masks/{mask}"), 404, "not-found")
        edit(own, lemons, kind="find")
        assert own.ask("DELETE", "/api/results").status == 204
        assert result_ids(own) == [] and own.get("/api/jobs").json() == []
        assert files(tmp_path) == set()


def noise(seed, size=300):
    """A picture whose PNG is large."""
    return PIL.Image.frombytes("RGB", (size, size), random.Random(seed).randbytes(3 * size * size))


def test_the_oldest_go_where_there_is_too_much(tmp_path):
    """A limit of 1 MiB, and results of some 0.27 MB with their pictures."""
    mask = PIL.Image.new("L", (300, 300))
    mask.paste(255, (0, 0, 30, 30))
    with serving(tmp_path, "--store-limit", "1M") as own:
        mask = upload_mask(own, mask)
        picture = upload(own, to_bytes(noise(0)))["id"]
        ids = [edit(own, picture, mask=mask, options={**FAST, "seed": "0"})["id"]]
        own.ask("PATCH", f"/api/results/{ids[0]}", {"kept": True})
        slow = ask_for(own, picture, mask=mask, options={"steps": "999", "ratio": "1"})
        wait_until(own, slow["id"], "running")
        queued = [ask_for(own, picture, mask=mask, options={**FAST, "seed": str(i)})["id"]
                  for i in range(1, 6)]
        own.ask("POST", f"/api/jobs/{slow['id']}/stop")
        wait(own, queued[-1])  # the others may be gone by then
        while len(result_ids(own)) > 2:
            time.sleep(0.05)  # they go after the newest has come
        assert set(result_ids(own)) == {ids[0], queued[-1]}  # the kept and the newest
        refusal(own.get(f"/api/results/{queued[0]}"), 404, "not-found")
        assert own.get(f"/api/pictures/{picture}").status == 200
        store = own.get("/api/status").json()["store"]
        assert store["bytes"] <= store["limit"] == 1 << 20
        assert sum(path.stat().st_size for path in (tmp_path / "data/files").glob("*/*")) < 1 << 20


def test_a_store_full_of_kept_things_says_so(tmp_path):
    with serving(tmp_path, "--store-limit", "1M") as own:
        picture = upload(own, to_bytes(noise(1, 500)))["id"]
        job = edit(own, picture)
        own.ask("PATCH", f"/api/results/{job['id']}", {"kept": True})
        while not own.get("/api/status").json()["store"]["message"]:
            time.sleep(0.05)  # it is seen after the result
        reply = own.ask("POST", "/api/jobs", {"kind": "find", "picture": picture, "to": "a cow"})
        assert "delete results" in refusal(reply, 503, "limit")
        own.ask("DELETE", "/api/results")
        assert own.get("/api/status").json()["store"]["message"] is None
        assert get_job(own, edit(own, use_sample(own))["id"])["state"] == "done"
