"""What is taken for a picture, and what comes back."""
import io

import numpy
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import PIL.PngImagePlugin
import pytest
from conftest import HORSE, QUICK, SOURCE

import diffedit
from diffedit import Picture

SRGB = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
random = numpy.random.default_rng(17)
RGB = random.integers(0, 256, (6, 9, 3), numpy.uint8)


def same(picture, array):
    return picture.array.dtype == array.dtype and (picture.array == array).all()


def test_everything_that_is_a_picture(horse):
    array = numpy.asarray(horse)
    for given in (horse, array, str(HORSE), HORSE, HORSE.read_bytes(),
                  bytearray(HORSE.read_bytes()), memoryview(HORSE.read_bytes()),
                  Picture.open(HORSE), Picture(array)):
        assert same(Picture(given), array)


@pytest.mark.parametrize("kind", [numpy.uint8, numpy.uint16])
@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 1), (6, 9, 2), (6, 9, 3), (6, 9, 4)])
def test_arrays(kind, shape):
    array = random.integers(0, numpy.iinfo(kind).max + 1, shape).astype(kind)
    picture = Picture(array)
    assert same(picture, array.reshape(shape[:2]) if shape[2:] == (1,) else array)
    assert picture.size == (9, 6) and picture.bits == 8 * array.itemsize


def test_arrays_in_any_order_of_memory():
    wide = random.integers(0, 65536, (12, 18, 4)).astype(numpy.uint16)
    for array in (wide[::-1], wide[:, ::-1], wide[::2, ::3], wide[..., 1:], wide[..., ::-1],
                  wide.transpose(1, 0, 2), numpy.asfortranarray(wide), wide[2:7],
                  wide.astype(">u2"), wide[:, 3:9], wide[..., 0], wide[:1], wide[:1][::-1],
                  wide[0][None]):
        assert same(Picture(array), array.astype(numpy.uint16))


def test_an_array_is_copied():
    array = RGB.copy()
    picture = Picture(array)
    array[:] = 0
    assert same(picture, RGB)


def test_a_view_keeps_its_picture_and_cannot_be_written_to():
    view = Picture(RGB).array
    for _ in range(50):
        Picture(255 - RGB)
    assert (view == RGB).all()
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 1


@pytest.mark.parametrize("mode, expected", [
    ("L", "L"), ("LA", "LA"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("P", "RGB"), ("1", "L"),
    ("PA", "RGBA"), ("La", "LA"), ("RGBa", "RGBA"), ("RGBX", "RGB"), ("YCbCr", "RGB"),
    ("HSV", "RGB")])
def test_modes_of_pil(mode, expected):
    image = PIL.Image.fromarray(RGB)
    if mode in ("La", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[mode])
    image = image.convert(mode)
    picture = Picture(image)
    assert same(picture, numpy.asarray(image.convert(expected)))
    assert picture.image.mode == expected


def test_transparency_of_a_palette_or_a_colour():
    palette = PIL.Image.fromarray(RGB).quantize(8)
    palette.info["transparency"] = 0
    colour = PIL.Image.fromarray(RGB)
    colour.info["transparency"] = tuple(map(int, RGB[0, 0]))
    inside = PIL.Image.fromarray(numpy.dstack([RGB, RGB[..., :1]])).quantize(8)
    assert inside.mode == "P" and not inside.info  # a palette of RGBA
    for image in (palette, colour, inside):
        assert same(Picture(image), numpy.asarray(image.convert("RGBA")))
    assert Picture(colour).array[0, 0, 3] == 0
    bits = PIL.Image.fromarray(RGB[..., 0] > 99)
    bits.info["transparency"] = 0
    assert same(Picture(bits), numpy.asarray(bits.convert("LA")))


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bits_of_pil(mode):
    array = random.integers(0, 65536, (6, 9)).astype(numpy.uint16)
    image = {"I;16": lambda: PIL.Image.fromarray(array),
             "I;16B": lambda: PIL.Image.frombytes("I;16B", (9, 6), array.astype(">u2").tobytes()),
             "I": lambda: PIL.Image.fromarray(array.astype(numpy.int32))}[mode]()
    assert image.mode == mode
    picture = Picture(image)
    assert same(picture, array)
    assert picture.image.mode == "I;16" and (numpy.asarray(picture.image) == array).all()


def test_sixteen_bits_keep_what_stands_beside_them(tmp_path):
    array = random.integers(0, 65536, (6, 9)).astype(numpy.uint16)
    grey = PIL.Image.fromarray(array)
    exif = grey.getexif()
    exif[0x0112], exif[0x010E] = 3, "a test"  # Orientation, ImageDescription
    grey.save(tmp_path / "grey.png", exif=exif)
    for given in (tmp_path / "grey.png", PIL.Image.open(tmp_path / "grey.png")):
        picture = Picture(given)
        assert same(picture, array[::-1, ::-1])
        assert picture.image.getexif()[0x010E] == "a test"


def test_sixteen_bits_in_colour_become_eight_for_pil():
    array = random.integers(0, 65536, (6, 9, 3)).astype(numpy.uint16)
    image = Picture(array).image
    assert image.mode == "RGB"
    assert (numpy.asarray(image) == numpy.rint(array / 257).astype(numpy.uint8)).all()


def test_cmyk_is_read_as_a_file_of_it():
    image = PIL.Image.fromarray(RGB).convert("CMYK")
    file = io.BytesIO()
    image.save(file, "TIFF")
    assert same(Picture(image), Picture(file.getvalue()).array)
    assert "CMYK" in Picture(image).warning


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_exif_is_kept_of_every_mode(mode):
    image = PIL.Image.fromarray(RGB[..., 0].astype(numpy.uint16)) if mode == "I;16" else \
        PIL.Image.fromarray(RGB).convert(mode)
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = 6, "a test"  # Orientation, ImageDescription
    image.info["exif"] = exif.tobytes()
    picture = Picture(image)
    kept = picture.image.getexif()
    assert picture.size == (6, 9)
    assert kept[0x010E] == "a test" and kept.get(0x0112, 1) == 1


def test_exif_of_imagemagick(tmp_path):
    image = PIL.Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = 6, "a test"
    data, texts = exif.tobytes(), PIL.PngImagePlugin.PngInfo()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", zip=True)
    image.save(tmp_path / "raw.png", pnginfo=texts)
    for given in (tmp_path / "raw.png", PIL.Image.open(tmp_path / "raw.png")):
        picture = Picture(given)
        kept = picture.image.getexif()
        assert picture.size == (6, 9)
        assert kept[0x010E] == "a test" and kept.get(0x0112, 1) == 1


@pytest.mark.parametrize("exif", [b"garbage", b"Exif\0\0nothing of this kind", b"", b"Exif\0\0"])
def test_exif_that_is_broken_is_left_out(exif):
    image = PIL.Image.fromarray(RGB)
    image.info["exif"] = exif
    picture = Picture(image)
    assert same(picture, RGB) and "exif" not in picture.image.info


def test_cmyk_with_exif_is_as_its_file(tmp_path):
    """JPEG, of which the library reads both."""
    image = PIL.Image.fromarray(RGB).convert("CMYK")
    exif = image.getexif()
    exif[0x010E] = "a test"
    image.save(tmp_path / "cmyk.jpg", exif=exif, quality=100)
    given, read = Picture(PIL.Image.open(tmp_path / "cmyk.jpg")), Picture(tmp_path / "cmyk.jpg")
    assert given.image.getexif()[0x010E] == read.image.getexif()[0x010E] == "a test"
    assert same(given, read.array) and given.warning == read.warning
    assert given.image.info.get("icc_profile") == read.image.info.get("icc_profile")
    assert Picture(given).warning == given.warning


@pytest.mark.parametrize("mode", ["F", "LAB"])
def test_other_modes_are_refused(mode):
    with pytest.raises(TypeError, match=f"`picture`: expected an image of mode .* found {mode}"):
        Picture(PIL.Image.new(mode, (4, 4)))


def test_an_image_is_turned_as_its_exif_says(tmp_path):
    image = PIL.Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112], exif[0x010E] = 6, "a test"  # Orientation, ImageDescription
    image.save(tmp_path / "turned.png", exif=exif)
    opened = PIL.Image.open(tmp_path / "turned.png")
    upright = numpy.asarray(PIL.ImageOps.exif_transpose(opened))
    for given in (opened, tmp_path / "turned.png"):
        picture = Picture(given)
        assert same(picture, upright) and picture.size == (6, 9)
        kept = picture.image.getexif()
        assert kept[0x010E] == "a test" and kept.get(0x0112, 1) == 1


def test_profile_and_exif_come_back(horse, tmp_path, model):
    exif = horse.getexif()
    exif[0x010E] = "a horse"
    horse.save(tmp_path / "horse.png", exif=exif, icc_profile=SRGB)
    for given in (tmp_path / "horse.png", PIL.Image.open(tmp_path / "horse.png")):
        with model.editor(given) as editor:
            image = editor.edit("a horse", "a zebra", **QUICK)
        assert image.info["icc_profile"] == SRGB
        assert image.getexif()[0x010E] == "a horse"


def test_a_picture_may_be_larger_than_pil_opens(horse, tmp_path, monkeypatch):
    horse.save(tmp_path / "horse.png", icc_profile=SRGB)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    image = Picture(tmp_path / "horse.png").image
    assert image.size == (256, 256) and image.info["icc_profile"] == SRGB


def test_a_sixteen_bit_edit_keeps_its_depth(model, horse, tmp_path):
    array = numpy.asarray(horse).astype(numpy.uint16) * 257
    with model.editor(array) as editor:
        picture = editor.edit("a horse", "a zebra", output="picture", feather=0, **QUICK)
        mask = editor.find("a horse", "a zebra", **QUICK).mask
        assert picture.bits == 16
        assert editor.edit("a horse", "a zebra", **QUICK).mode == "RGB"
    assert picture.array.dtype == numpy.uint16
    picture.save(tmp_path / "zebra.png")
    assert same(Picture.open(tmp_path / "zebra.png"), picture.array)
    assert (picture.array[~mask] == array[~mask]).all()


def test_numpy_and_notebooks_know_pictures():
    array = numpy.asarray(Picture(RGB))
    for _ in range(50):
        Picture(255 - RGB)
    assert array.dtype == numpy.uint8 and (array == RGB).all() and not array.flags.writeable
    assert numpy.array(Picture(RGB), numpy.float32).shape == RGB.shape
    assert same(Picture(Picture(RGB)._repr_png_()), RGB)


@pytest.mark.parametrize("format", ["png", "jpg", "webp", "tif"])
def test_files(format, tmp_path):
    picture = Picture(RGB)
    picture.save(tmp_path / f"picture.{format}", quality=100)
    data = picture.encode(format, quality=100)
    assert (tmp_path / f"picture.{format}").read_bytes() == data
    assert Picture(data).size == PIL.Image.open(io.BytesIO(data)).size == (9, 6)
    if format != "jpg":
        assert same(Picture(data), RGB)


def test_avif():
    """By the libraries that the wheel carries."""
    picture = Picture(SOURCE / "tests/pictures/horse.avif")
    assert picture.channels == 3 and min(picture.size) > 16


@pytest.mark.parametrize("given, error, words", [
    (None, TypeError, "found NoneType"),
    (3.5, TypeError, "found float"),
    ([[1, 2]], TypeError, "found list"),
    (RGB / 255, TypeError, "found one of float64; multiply by 255, round, and convert by astype"),
    (RGB.astype(numpy.float32), TypeError, "found one of float32; round, and convert by astype"),
    (RGB.astype(numpy.int32), TypeError, "found one of int32; convert by astype"),
    (RGB > 3, TypeError, "found one of bool"),
    (RGB[None], diffedit.ArgumentError, r"found \(1, 6, 9, 3\)"),
    (numpy.zeros((4, 4, 5), numpy.uint8), diffedit.ArgumentError, r"found \(4, 4, 5\)"),
    (numpy.zeros((0, 4, 3), numpy.uint8), diffedit.ArgumentError, r"shape \(0, 4, 3\)"),
    (numpy.zeros(4, numpy.uint8), diffedit.ArgumentError, r"found \(4,\)"),
    (PIL.Image.fromarray(numpy.full((3, 3), 70000, numpy.int32)), diffedit.ArgumentError,
     "found 70000 to 70000"),
    (PIL.Image.new("RGB", (0, 5)), diffedit.ArgumentError, r"shape \(5, 0, 3\)"),
    (b"", diffedit.PictureError, "expected PNG, JPEG"),
    (b"not a picture", diffedit.PictureError, "the picture: unsupported picture format"),
    (HORSE.read_bytes()[:2000], diffedit.PictureError, "the picture: "),
    ("no such.png", diffedit.FileError, "no such.png"),
    ("a\0b", diffedit.ArgumentError, "null character"),
    ("\ud800.png", diffedit.ArgumentError, r"`path`: expected .* found '\\ud800.png'"),
])
def test_what_is_no_picture(given, error, words):
    with pytest.raises(error, match=words):
        Picture(given)


@pytest.mark.parametrize("data", ["horse.png", [1, 2], None])
def test_what_are_no_bytes_of_a_file(data):
    with pytest.raises(TypeError, match="`data`: expected the bytes of a file, found "):
        Picture.decode(data)


def test_large_pictures_are_refused_before_they_are_decoded(model, horse):
    with_profile = horse.copy()
    with_profile.info["icc_profile"] = SRGB
    for read in (lambda: Picture.open(HORSE, max_pixels=1000),
                 lambda: Picture.decode(HORSE.read_bytes(), max_pixels=1000),
                 lambda: model.editor(HORSE, max_pixels=1000),
                 lambda: model.editor(horse, max_pixels=1000),
                 lambda: model.editor(with_profile, max_pixels=1000),
                 lambda: model.editor(numpy.asarray(horse), max_pixels=1000),
                 lambda: model.editor(Picture(horse), max_pixels=1000)):
        with pytest.raises(diffedit.PictureError, match="at most 1000 are read"):
            read()


def test_an_image_that_is_broken_says_so(tmp_path):
    (tmp_path / "half.png").write_bytes(HORSE.read_bytes()[:20000])
    with pytest.raises(OSError, match="truncated"):
        Picture(PIL.Image.open(tmp_path / "half.png"))
