"""Checkpoints that lie, one lie each: one sentence, no output, nothing run, little time and memory.

Every sentence of the parsers underneath (zip.c, pickle.c, torch_pickle.c) is tested in tests/unit.
"""
import struct
import zipfile

import pytest

from checkpoints import (call, integer, items, mapping, name, pickled, storage, tensor, text,
                         write_archive)
from refusals import SOURCE, refusal


def pickle_of(value):
    """A file with one storage of 16 bytes."""
    return lambda path: write_archive(path, {"data.pkl": pickled(value), "data/0": bytes(16)})


ONE = storage("0", 4)
TOUCH = call(name("os", "system"), text("touch run"))


def doubled(times):
    """A tuple of a tuple twice of a tuple twice ...: 2^times values when written out."""
    return b")" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(times))


PICKLES = {
    "os.system": (TOUCH, "`os.system`"),
    "os.system beside weights": (mapping({"w": tensor(ONE, [4]), "x": TOUCH}), "`os.system`"),
    "escapes in a name": (name("\x1b[31mos", "sys\ttem"), "`?[31mos.sys?tem`"),
    "an endless name": (b"c" + b"a" * 100000, "unterminated name"),
    "marks without end": (b"(" * 5000, "nested deeper than 1000"),
    "lists without end": (b"]" * 3000000, "more than 1048576 values"),
    "tuples in tuples": (b")" + b"\x85" * 3000000, "more than 1048576 values"),
    "a memo of gigabytes": (text("x") + b"r\xf0\xff\xff\xff", "memo index 4294967280"),
    "a memo that doubles": (doubled(200), "another value"),
    "a text longer than the file": (b"X\xff\xff\xff\xffabc", "truncated"),
    "no dict": (integer(3), "expected a dict of tensors, found another value"),
    "no tensor": (mapping({"epoch": integer(3)}), "found no tensor in it"),
    "no tensor inside": (mapping({"state_dict": mapping({"a": integer(3)})}),
                         "found no tensor in it"),
    "another model's weights": (mapping({"w": tensor(ONE, [4])}),
                                "no tensor of a Stable Diffusion model"),
    "one name twice": (b"}(" + 2 * (text("w") + tensor(ONE, [4])) + b"u",
                       "tensor `w` occurs twice"),
    "a name of megabytes": (mapping({"w" * 1000000: tensor(ONE, [4])}), "name, of 1000000 bytes"),
    "a name with a zero byte": (mapping({"w\0": tensor(ONE, [4])}), "a zero byte"),
    "no such storage": (mapping({"w": tensor(storage("7", 4), [4])}), "storage `7` is missing"),
    "a storage elsewhere": (mapping({"w": tensor(storage("../0", 4), [4])}),
                            "storage `../0` is missing"),
    "a storage under an endless name": (mapping({"w": tensor(storage("7" * 5000, 4), [4])}),
                                        "is missing"),
    "a storage larger than its entry": (mapping({"w": tensor(storage("0", 5), [5])}),
                                        "expected 5 values of 4 bytes"),
    "a storage whose bytes overflow": (mapping({"w": tensor(storage("0", 2**62), [4])}),
                                       "4611686018427387904 values"),
    "strides that overflow together": (mapping({"w": tensor(ONE, [2, 2], strides=[2**62, 2**62])}),
                                       "beyond its storage"),
    "a value many times": (mapping({"w": tensor(ONE, [2**40], strides=[0])}),
                           "1099511627776 values in a storage of 4"),
}


@pytest.mark.parametrize("case", PICKLES)
def test_pickle(tmp_path, case):
    value, said = PICKLES[case]
    assert said in refusal(pickle_of(value)(tmp_path / "m.ckpt"))


def test_copies_of_a_tensor(tmp_path):
    """A tensor that does not stand in order takes memory: not more than the file has bytes, however
    often it is named."""
    wide = tensor(storage("0", 1 << 18), [512, 512], strides=[1, 512]) + b"q\x07"
    value = b"}(" + text("w") + wide + b"".join(text(f"w{i}") + b"h\x07"
                                                for i in range(10000)) + b"u"
    model = write_archive(tmp_path / "m.ckpt",
                          {"data.pkl": pickled(value), "data/0": bytes(1 << 20)})
    assert "would be larger than the file" in refusal(model)


def test_a_set_of_protocol_4(tmp_path):
    value = b"}(" + text("seen") + b"\x8f(K\x01K\x02\x90" + text("w") + tensor(ONE, [4]) + b"u"
    model = write_archive(tmp_path / "m.ckpt", entries(**{"data.pkl": pickled(value)}))
    assert "no tensor of a Stable Diffusion" in refusal(model)


# ---- the archive ----

GOOD = pickled(mapping({"w": tensor(ONE, [4])}))


def entries(**changed):
    return {"data.pkl": GOOD, "data/0": bytes(16), **changed}


def patched(path, place, value):
    """Writes bytes at a place counted from the directory's first record."""
    content = bytearray(write_archive(path, entries()).read_bytes())
    at = content.index(b"PK\x01\x02") + place
    content[at:at + len(value)] = value
    path.write_bytes(content)
    return path


def compressed(path, which):
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries().items():
            archive.writestr(f"a/{entry}", content,
                             zipfile.ZIP_DEFLATED if entry == which else zipfile.ZIP_STORED)
    return path


ARCHIVES = {
    "compressed pickle": (lambda path: compressed(path, "data.pkl"), "`a/data.pkl` is compressed"),
    "compressed storage": (lambda path: compressed(path, "data/0"), "`a/data/0` is compressed"),
    "no pickle": (lambda path: write_archive(path, {"data/0": b""}), "found no FOLDER/data.pkl"),
    "two pickles": (lambda path: write_archive(path, entries(), folder="a")
                    and append(path, "b/data.pkl", GOOD), "found two"),
    "no folder": (lambda path: append(path, "data.pkl", GOOD), "found no FOLDER/data.pkl"),
    "big-endian": (lambda path: write_archive(path, entries(byteorder="big")), 'found "big"'),
    "entry over the next": (lambda path: patched(path, 20, 2 * struct.pack("<I", len(GOOD) + 20)),
                            "overlap"),
    "entry of two sizes": (lambda path: patched(path, 20, b"\1\0\0\0"), "but takes 1"),
    "cut off": (lambda path: write_archive(path, entries()) and cut(path, -40),
                "file's end is missing; it is truncated"),
    "torch's, cut off": (lambda path: path.write_bytes(TORCH.read_bytes()) and cut(path, -3000),
                         "it is truncated"),
    "torch's before 2020, cut off": (lambda path: path.write_bytes(OLD.read_bytes())
                                     and cut(path, -30), "truncated"),
    "torch's before 2020, without storages": (lambda path: path.write_bytes(OLD.read_bytes())
                                              and cut(path, 5000), "truncated"),
    "big-endian before 2020": (lambda path: path.write_bytes(OLD.read_bytes().replace(
        b"little_endianq\x02\x88", b"little_endianq\x02\x89")) and path, "little-endian"),
    "version before 2020": (lambda path: path.write_bytes(OLD.read_bytes().replace(
        b"M\xe9\x03", b"M\xea\x03")) and path, "version 1001"),
}
TORCH = SOURCE / "tests/models/torch/training.ckpt"
OLD = SOURCE / "tests/models/torch/training-2019.ckpt"


def append(path, entry, content):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, content)
    return path


def cut(path, place):
    path.write_bytes(path.read_bytes()[:place])
    return path


@pytest.mark.parametrize("case", ARCHIVES)
def test_archive(tmp_path, case):
    make, said = ARCHIVES[case]
    assert said in refusal(make(tmp_path / "m.ckpt"))
