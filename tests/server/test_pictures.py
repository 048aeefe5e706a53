"""Pictures and masks: kept as they came, shown smaller, described."""
import json
import urllib.parse

import numpy as np
import PIL.Image
import PIL.PngImagePlugin
import pytest

from editing import (edit, name_of, refusal, result, to_bytes, to_image, upload, upload_mask,
                     use_sample)
from serving import SAMPLE, SOURCE, serving

PHOTO = PIL.Image.open(SAMPLE).convert("RGB")


def test_a_picture_is_kept_as_it_came(server):
    data = to_bytes(PHOTO.resize((200, 120)), "JPEG")
    picture = upload(server, data, "on%20the%20beach.jpg")
    assert picture["id"] == name_of(data)
    assert picture == {**picture, "name": "on the beach.jpg", "width": 200, "height": 120,
                       "format": ".jpg", "result_format": ".jpg", "note": None, "warning": None,
                       "record": None, "screen": {"width": 200, "height": 120},
                       "bytes": len(data)}
    assert server.get(f"/api/pictures/{picture['id']}").json() == picture
    file = server.get(f"/api/pictures/{picture['id']}/file")
    assert (file.body, file.headers["Content-Type"]) == (data, "image/jpeg")
    again = server.ask("POST", "/api/pictures?name=other.jpg", data)
    assert again.status == 200
    assert again.json() == {**picture, "created": again.json()["created"]}


@pytest.mark.parametrize("format, ending, type", [
    ("PNG", ".png", "image/png"), ("JPEG", ".jpg", "image/jpeg"), ("WEBP", ".webp", "image/webp"),
    ("TIFF", ".tif", "image/tiff")])
def test_results_have_the_format_of_the_picture(server, format, ending, type):
    picture = upload(server, to_bytes(PHOTO.resize((90, 70)), format), f"picture{ending}")
    job = edit(server, picture["id"])
    file = server.get(f"/api/results/{job['result']}/file?download=1")
    assert file.headers["Content-Type"] == type
    assert f'filename="picture-a-zebra{ending}"' in file.headers["Content-Disposition"]
    assert to_image(file.body).size == (90, 70) and to_image(file.body).format == format
    assert result(server, job["result"])["format"] == ending


def test_what_cannot_be_written_is_said(server):
    data = (SOURCE / "tests/pictures/horse.avif").read_bytes()
    picture = upload(server, data, "picture.avif")
    assert (picture["format"], picture["result_format"]) == (".avif", ".png")
    assert picture["note"] == "AVIF cannot be written; results are PNG"
    screen = server.get(f"/api/pictures/{picture['id']}/screen")
    assert to_image(screen.body).size == (picture["width"], picture["height"])
    job = edit(server, picture["id"])
    assert to_image(server.get(f"/api/results/{job['result']}/file").body).format == "PNG"


def test_copies_are_small_and_upright(server):
    wide = PHOTO.resize((3000, 1000))
    exif = PIL.Image.Exif()
    exif[0x112] = 6  # to be turned by 90 degrees
    picture = upload(server, to_bytes(wide, "JPEG", exif=exif), "wide.jpg")
    assert (picture["width"], picture["height"]) == (1000, 3000)
    screen = server.get(f"/api/pictures/{picture['id']}/screen")
    assert to_image(screen.body).size == (683, 2048)
    assert picture["screen"] == {"width": 683, "height": 2048}
    thumbnail = server.get(f"/api/pictures/{picture['id']}/thumbnail")
    assert to_image(thumbnail.body).size == (85, 256)
    assert server.get(f"/api/pictures/{picture['id']}/screen").body == screen.body


def test_clear_parts_stay_clear_in_copies(server):
    image = PHOTO.convert("RGBA").resize((300, 300))
    image.putalpha(PIL.Image.linear_gradient("L").resize((300, 300)))
    picture = upload(server, to_bytes(image), "clear.png")
    copy = to_image(server.get(f"/api/pictures/{picture['id']}/screen").body)
    assert copy.mode == "RGBA"
    assert np.array_equal(np.asarray(copy), np.asarray(image))


@pytest.mark.parametrize("name, shown", [
    ("../../etc/passwd", "passwd"), ("C:\\photos\\a.jpg", "a.jpg"), ("a\nb\x1b[2J", "a?b?[2J"),
    ("", "picture"), ("x" * 400, "x" * 196 + "..."), ("马.png", "马.png")])
def test_names_are_cleaned(server, name, shown):
    data = to_bytes(PIL.Image.new("RGB", (16, 16), (len(name) % 256, 7, 9)))
    assert upload(server, data, urllib.parse.quote(name, safe=""))["name"] == shown


def test_what_is_no_picture_is_refused(server):
    assert "body" in refusal(server.ask("POST", "/api/pictures"), 400, "argument")
    for junk in (b"junk", b"\x89PNG\r\n\x1a\n" + bytes(100), to_bytes(PHOTO)[:3000]):
        refusal(server.ask("POST", "/api/pictures?name=junk.png", junk), 422, "picture")
        refusal(server.ask("POST", "/api/masks", junk), 422, "picture")


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    huge = to_bytes(PIL.Image.new("1", (20000, 20000)))
    with serving(tmp_path, "--max-pixels", "1000000") as small:
        before = small.memory()
        refusal(small.ask("POST", "/api/pictures", huge), 422, "picture")
        assert small.memory() - before < 50e6


def test_missing_things_are_not_found(server):
    for path in ("pictures/0123", "pictures/0123/file", "pictures/0123/screen", "masks/0123",
                 "jobs/0123", "jobs/0123/map", "jobs/0123/mask", "jobs/0123/events",
                 "results/0123", "results/0123/file", "results/0123/screen", "results/0123/mask"):
        assert "0123" in refusal(server.get(f"/api/{path}"), 404, "not-found")
    for method, path in (("DELETE", "pictures/0123"), ("DELETE", "jobs/0123"),
                         ("POST", "jobs/0123/stop"), ("DELETE", "results/0123"),
                         ("POST", "results/0123/picture"), ("POST", "samples/0123")):
        refusal(server.ask(method, f"/api/{path}"), 404, "not-found")


def test_samples_are_offered(server):
    samples = server.get("/api/samples").json()
    assert [sample["name"] for sample in samples] == ["horse.png", "strawberries.png",
                                                      "lemons.png"]
    assert all(sample["from"] and sample["to"] and sample["title"] for sample in samples)
    assert use_sample(server) == name_of(SAMPLE.read_bytes())


def test_a_mask_is_kept(server):
    mask = PIL.Image.new("L", (256, 256), 255)
    name = upload_mask(server, mask)
    reply = server.get(f"/api/masks/{name}")
    assert reply.body == to_bytes(mask) and reply.headers["Content-Type"] == "image/png"


def test_a_picture_in_use_stays(tmp_path):
    with serving(tmp_path) as own:
        picture = use_sample(own)
        job = edit(own, picture)
        assert "results" in refusal(own.ask("DELETE", f"/api/pictures/{picture}"), 409, "conflict")
        assert own.ask("DELETE", f"/api/results/{job['id']}").status == 204
        refusal(own.get(f"/api/pictures/{picture}"), 404, "not-found")  # nothing used it
        assert list((tmp_path / "data/files").glob("*/*")) == []
        picture = use_sample(own)
        edit(own, picture, kind="find")
        assert own.ask("DELETE", f"/api/pictures/{picture}").status == 204
        assert list((tmp_path / "data/files").glob("*/*")) == []
        assert list((tmp_path / "data/copies").glob("*/*")) == []


def test_metadata_and_record_come_back(server):
    exif = PIL.Image.Exif()
    exif[0x010e] = "a horse in the sun"
    data = to_bytes(PHOTO.resize((120, 80)), "JPEG", exif=exif, quality=90)
    picture = upload(server, data, "horse.jpg")["id"]
    job = edit(server, picture, options={"steps": "3", "seed": "7", "mask-samples": "1"})
    file = to_image(server.get(f"/api/results/{job['id']}/file").body)
    assert file.getexif()[0x010e] == "a horse in the sun" and file.size == (120, 80)
    master = server.get(f"/api/results/{job['id']}/file?format=png").body
    assert to_image(master).size == (120, 80)
    record = upload(server, master, "dropped.png")["record"]
    assert record == {**record, "kind": "edit", "preset": "fast", "picture": picture,
                      "from": "a horse", "to": "a zebra", "seed": "7", "steps": 3}
    assert record == json.loads(to_image(master).text["diffedit"])


def test_a_result_becomes_a_picture(server):
    job = edit(server, use_sample(server))
    reply = server.ask("POST", f"/api/results/{job['id']}/picture")
    picture = reply.json()
    assert reply.status == 201 and picture["name"] == "horse-a-zebra.png"
    assert picture["record"]["to"] == "a zebra"
    assert server.ask("POST", f"/api/results/{job['id']}/picture").status == 200
    master = server.get(f"/api/results/{job['id']}/file?format=png").body
    assert picture["id"] == name_of(master)
