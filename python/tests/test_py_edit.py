"""What an editor does, and that it is what the command does."""
import importlib.metadata
import json
import subprocess

import numpy
import PIL.Image
import pytest
from conftest import HORSE, PROGRAM, QUICK

import diffedit


def command(*words):
    subprocess.run([PROGRAM, *map(str, words), "--quiet"], check=True)


def written(options):
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]


def pixels(path):
    return numpy.asarray(PIL.Image.open(path))


@pytest.mark.parametrize("preset", diffedit.PRESETS)
def test_an_edit_is_the_commands(preset, tmp_path):
    options = {**QUICK, "seed": 7}
    command("edit", HORSE, "--from=a horse", "--to=a zebra", "-o", tmp_path / "command.png",
            f"--preset={preset}", *written(options))
    with diffedit.Model(preset=preset) as model, model.editor(HORSE) as editor:
        picture = editor.edit("a horse", "a zebra", output="picture", **options)
        picture.save(tmp_path / "python.png")
    assert (picture.array == pixels(tmp_path / "command.png")).all()
    assert (tmp_path / "python.png").read_bytes() == (tmp_path / "command.png").read_bytes()


def test_a_record_repeats_the_edit(editor, tmp_path):
    editor.edit("a horse", "a cow", output="picture", mask_grow=3, **QUICK).save(
        tmp_path / "cow.png")
    command("edit", HORSE, "--again", tmp_path / "cow.png", "-o", tmp_path / "again.png")
    assert (pixels(tmp_path / "cow.png") == pixels(tmp_path / "again.png")).all()
    assert json.loads(diffedit.Picture.open(tmp_path / "again.png").record)["mask-grow"] == 3


def test_the_version_is_the_commands():
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert diffedit.__version__ == importlib.metadata.version("diffedit")
    assert diffedit.__version__ in said.stdout.split()


def test_outputs_agree(editor):
    image, array, picture = (editor.edit("a horse", "a zebra", output=output, **QUICK)
                             for output in ("image", "array", "picture"))
    assert image.mode == "RGB" and image.size == picture.size == editor.size
    assert (numpy.asarray(image) == array).all() and (picture.array == array).all()
    assert json.loads(image.info["diffedit"])["to"] == "a zebra"


def test_find(editor, tmp_path):
    region = editor.find("a horse", "a zebra", **QUICK)
    assert region.map.dtype == numpy.float32 and region.map.shape == (32, 32)
    assert region.mask.dtype == bool and region.mask.shape == (256, 256)
    assert 0.1 < region.share == editor.stats.mask_share < 0.6
    region.save(tmp_path / "python.png")
    command("mask", HORSE, "--from=a horse", "--to=a zebra", "-o", tmp_path / "command.png",
            *written(QUICK))
    assert (tmp_path / "python.png").read_bytes() == (tmp_path / "command.png").read_bytes()


def test_a_region_whose_mask_is_changed(editor, tmp_path):
    """What is saved, shown and used is what the mask says."""
    region = editor.find("a horse", "a zebra", **QUICK)
    region.mask[:128] = False
    region.save(tmp_path / "mask.png")
    assert ((pixels(tmp_path / "mask.png") == 255) == region.mask).all()
    assert ((numpy.asarray(region.image) == 255) == region.mask).all()
    assert diffedit.Picture(region._repr_png_()).size == (256, 256)
    editor.set_mask(region)
    assert (editor.find("", "").mask == region.mask).all()


def test_outside_of_the_mask_pixels_are_kept(editor, horse):
    result = editor.edit("a horse", "a zebra", output="array", feather=0, **QUICK)
    mask = editor.find("a horse", "a zebra", feather=0, **QUICK).mask
    assert (result[~mask] == numpy.asarray(horse)[~mask]).all()
    assert (result[mask] != numpy.asarray(horse)[mask]).any()


def test_inpaint(editor, tmp_path):
    mask = numpy.zeros((256, 256), bool)
    mask[64:192, 64:192] = True
    result = editor.inpaint("a zebra", mask, output="array", steps=3)
    PIL.Image.fromarray(mask.astype(numpy.uint8) * 255).save(tmp_path / "mask.png")
    command("inpaint", HORSE, "--mask", tmp_path / "mask.png", "--to=a zebra", "-o",
            tmp_path / "command.png", "--steps=3")
    assert (result == pixels(tmp_path / "command.png")).all()


def test_generate(model, tmp_path):
    image = model.generate("a zebra in the snow", steps=3)
    command("generate", "--to=a zebra in the snow", "-o", tmp_path / "command.png", "--steps=3")
    assert image.size == (128, 128)
    assert (numpy.asarray(image) == pixels(tmp_path / "command.png")).all()


def test_invert(editor, tmp_path):
    inverted = editor.invert(steps=4)
    command("invert", HORSE, "-o", tmp_path / "command.npy", "--steps=4")
    assert inverted.shape == (5, 8, 32, 32)
    assert (inverted == numpy.load(tmp_path / "command.npy")).all()


def test_masks_of_every_kind(editor, tmp_path):
    mask = numpy.zeros((256, 256), bool)
    mask[50:150, 30:200] = True
    grey = mask.astype(numpy.uint8) * 255
    PIL.Image.fromarray(grey).save(tmp_path / "mask.png")
    kinds = [mask, grey, grey.astype(numpy.uint16) * 257, PIL.Image.fromarray(grey),
             PIL.Image.fromarray(grey).convert("1"), tmp_path / "mask.png",
             (tmp_path / "mask.png").read_bytes(), diffedit.Picture(grey)]
    editor.find("a horse", "a zebra", **QUICK)  # whose map is not that of a given mask
    for kind in kinds:
        editor.set_mask(kind)
        region = editor.find("", "")
        assert (region.mask == mask).all() and region.map is None
    editor.set_mask(region)
    assert (editor.find("", "").mask == mask).all()
    editor.set_mask(None)
    assert editor.find("a horse", "a zebra", **QUICK).map is not None


def test_corrections(editor):
    found = editor.find("a horse", "a zebra", **QUICK).mask
    add, remove = numpy.zeros((256, 256), bool), numpy.zeros((256, 256), bool)
    add[:20], remove[100:140] = True, True
    expected = (found | add) & ~remove
    layer = numpy.zeros((256, 256, 2), numpy.uint8)
    layer[add], layer[remove] = (255, 255), (0, 255)
    for correction in ({"add": add, "remove": remove}, {"correction": layer}):
        editor.set_correction(**correction)
        assert (editor.find("a horse", "a zebra", **QUICK).mask == expected).all()
    result = editor.edit("a horse", "a zebra", output="array", **QUICK)
    assert (result[remove] == pixels(HORSE)[remove]).all()
    editor.set_correction(add=PIL.Image.fromarray(add))
    assert (editor.find("a horse", "a zebra", **QUICK).mask == found | add).all()
    editor.set_correction()
    assert (editor.find("a horse", "a zebra", **QUICK).mask == found).all()


def test_maps(editor):
    region = editor.find("a horse", "a zebra", **QUICK)
    for given in (region.map, region.map.astype(float), region.map.tolist(),
                  numpy.asfortranarray(region.map)):
        editor.set_map(given)
        assert (editor.find("", "a", **QUICK).mask == region.mask).all()
        assert editor.stats.evaluations == 0
    editor.set_map(1 - region.map)
    assert not (editor.find("", "a", **QUICK).mask == region.mask).all()


def test_what_is_remembered_costs_nothing(editor):
    assert editor.costs("edit", "a horse", "a zebra", **QUICK)["map"] > 0
    editor.edit("a horse", "a zebra", **QUICK)
    costs = editor.costs("edit", "a horse", "a zebra", mask_threshold=0.4, **QUICK)
    assert costs["map"] == costs["invert"] == 0 < costs["denoise"]
    assert list(costs) == list(diffedit.STAGES) == list(editor.stats.seconds)
    assert editor.stats.box == (0, 0, 256, 256)
    assert (editor.stats.width, editor.stats.height) == (128, 128)


def test_networks_alone(editor):
    """They make what the stages make."""
    editor.edit("a horse", "a zebra", **QUICK)
    embedding, nothing = editor.encode_text("a zebra"), editor.encode_text("")
    assert (embedding == editor.array("embedding_to")).all()
    latent, final = editor.array("latent"), editor.array("final")
    view = numpy.asarray(editor.view("input")).astype(numpy.float32)
    encoded = editor.encode_pixels(view.transpose(2, 0, 1) / 127.5 - 1)
    assert numpy.abs(encoded - latent).max() < 1e-2
    decoded = editor.decode_latent(final).transpose(1, 2, 0)
    seen = numpy.asarray(editor.view("decoded")).astype(float)
    assert numpy.abs(numpy.clip(decoded * 127.5 + 127.5, 0, 255) - seen).max() <= 0.51
    under, without = (editor.predict_noise(latent, 500, text) for text in (embedding, nothing))
    guided = editor.predict_guided(latent, 500, nothing, embedding, 3)
    assert under.shape == without.shape == guided.shape == latent.shape
    assert numpy.abs(guided - (without + 3 * (under - without))).max() < 1e-3
    assert (editor.predict_noise(latent.astype(float)[:, ::1], 500.0, embedding) == under).all()


def test_arrays_and_views(editor):
    editor.find("a horse", "a zebra", **QUICK)
    shapes = {"tokens_from": (16,), "embedding_to": (16, 128), "latent": (8, 32, 32),
              "mask_noise": (1, 8, 32, 32), "map": (32, 32), "mask": (32, 32)}
    for name in diffedit.ARRAYS:
        array = editor.array(name)
        assert (None if array is None else array.shape) == shapes.get(name) or name in (
            "tokens_to", "tokens_negative", "embedding_from", "embedding_negative")
        assert array is None or array.flags.owndata or array.base.flags.writeable
    assert editor.array("tokens_from").dtype == numpy.int32
    assert editor.view("map").size == editor.view("mask").size == (256, 256)
    assert editor.view("region_map").mode == "I;16" and editor.view("decoded") is None
