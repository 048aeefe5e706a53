"""Checkpoints that lie, one lie each: one sentence, no output, nothing run, little time and
memory."""
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
    "posix.system": (call(name("posix", "system"), text("touch run")), "`posix.system`"),
    "eval": (call(name("builtins", "eval"), text("open('run', 'w')")), "`builtins.eval`"),
    "getattr": (call(name("builtins", "getattr"), name("torch", "Size"), text("x")),
                "`builtins.getattr`"),
    "subprocess": (call(name("subprocess", "Popen"), text("touch run")), "`subprocess.Popen`"),
    "a name from the stack": (text("os") + text("system") + b"\x93" + items(text("touch run")) +
                              b"R", "`os.system`"),
    "a name that begins as a known one": (name("torch", "FloatStorage2"), "`torch.FloatStorage2`"),
    "a longer module": (name("torch._utils.os", "system"), "`torch._utils.os.system`"),
    "a model instead of its weights": (name("__main__", "Model") + b")\x81", "`__main__.Model`"),
    "escapes in a name": (name("\x1b[31mos", "sys\ttem"), "`?[31mos.sys?tem`"),
    "an endless name": (b"c" + b"a" * 100000, "unterminated name"),
    "an instruction of protocol 0": (b"(S'touch run'\nios\nsystem\n", "opcode 0x53"),
    "an extension": (b"\x82\x01", "opcode 0x82"),
    "a later protocol": (b"\x80\x09", "protocol 9"),
    "a call of a result": (call(call(name("numpy", "dtype"), text("f8")), text("x")),
                           "expected a name and a tuple of arguments"),
    "a call without a tuple": (name("collections", "OrderedDict") + text("x") + b"R",
                               "expected a name and a tuple of arguments"),
    "marks without end": (b"(" * 5000, "nested deeper than 1000"),
    "lists without end": (b"]" * 3000000, "more than 1048576 values"),
    "tuples in tuples": (b")" + b"\x85" * 3000000, "more than 1048576 values"),
    "a memo of gigabytes": (text("x") + b"r\xf0\xff\xff\xff", "memo index 4294967280"),
    "a memo never filled": (b"j\x05\x00\x00\x00", "memo index 5 is not set"),
    "a memo that doubles": (doubled(200), "another value"),
    "values from under a mark": (b"K\x01(\x85", "stack underflow"),
    "no mark": (b"K\x01t", "no mark on the stack"),
    "nothing on the stack": (b"R", "stack underflow"),
    "adding to a number": (b"K\x01K\x02a", "not a list or dict"),
    "half a pair": (b"}(K\x01u", "not a list or dict"),
    "two values": (b"}}", "one value at its end, found 2"),
    "a text longer than the file": (b"X\xff\xff\xff\xffabc", "truncated"),
    "a frame longer than the file": (b"\x95" + b"\xff" * 8, "truncated"),
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
    "a storage below zero": (mapping({"w": tensor(storage("0", -1), [4])}), "expected a storage"),
    "a storage that is none": (mapping({"w": tensor(items(text("module"), text("x")) + b"Q", [4])}),
                               "expected a storage"),
    "a storage of unknown type": (storage("0", 4, "QUInt8Storage"), "`torch.QUInt8Storage`"),
    "a storage of another class": (items(text("storage"), name("numpy", "dtype"), text("0"),
                                         text("cpu"), integer(4)) +
                                   b"Q", "expected a storage"),
    "a storage inside": (call(name("torch", "FloatStorage"), integer(4)), "inside the pickle"),
    "a tensor behind its storage": (mapping({"w": tensor(ONE, [1], offset=4)}),
                                    "beyond its storage of 4 values"),
    "a tensor far behind": (mapping({"w": tensor(ONE, [1], offset=2**62)}),
                            "beyond its storage of 4 values"),
    "a tensor before its storage": (mapping({"w": tensor(ONE, [1], offset=-1)}), "a tensor needs"),
    "a tensor that leaves its storage": (mapping({"w": tensor(ONE, [3], offset=2)}),
                                         "beyond its storage of 4 values"),
    "strides that leave the storage": (mapping({"w": tensor(ONE, [2, 2], strides=[3, 1])}),
                                       "beyond its storage"),
    "strides that overflow": (mapping({"w": tensor(ONE, [3, 1], strides=[2**62, 1])}),
                              "beyond its storage"),
    "strides that overflow together": (mapping({"w": tensor(ONE, [2, 2], strides=[2**62, 2**62])}),
                                       "beyond its storage"),
    "a stride below zero": (mapping({"w": tensor(ONE, [2], strides=[-1])}),
                            "negative or not an integer"),
    "a value many times": (mapping({"w": tensor(ONE, [2**40], strides=[0])}),
                           "1099511627776 values in a storage of 4"),
    "sizes that overflow": (mapping({"w": tensor(ONE, [2**40, 2**40])}),
                            "product of a tensor's sizes overflows"),
    "a size below zero": (mapping({"w": tensor(ONE, [-4])}), "negative or not an integer"),
    "nine dimensions": (mapping({"w": tensor(ONE, [1] * 9)}), "9 dimensions"),
    "sizes without strides": (call(name("torch._utils", "_rebuild_tensor_v2"), ONE, integer(0),
                                   items(integer(4)), b")"),
                              "a tensor needs"),
    "a tensor of nothing": (call(name("torch._utils", "_rebuild_tensor_v2")), "a tensor needs"),
    "a parameter of nothing": (call(name("torch._utils", "_rebuild_parameter"), integer(1)),
                               "a parameter needs a tensor"),
    "a tensor of a later kind": (call(name("torch._utils", "_rebuild_tensor_v3"), ONE),
                                 "`torch._utils._rebuild_tensor_v3`"),
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
    """Writes bytes at a place counted from the directory's first record, or (below zero) from the
    file's end."""
    content = bytearray(write_archive(path, entries()).read_bytes())
    at = len(content) + place if place < 0 else content.index(b"PK\x01\x02") + place
    content[at:at + len(value)] = value
    path.write_bytes(content)
    return path


def compressed(path, which):
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries().items():
            archive.writestr(f"a/{entry}", content,
                             zipfile.ZIP_DEFLATED if entry == which else zipfile.ZIP_STORED)
    return path


def twice(path):
    with pytest.warns(UserWarning), zipfile.ZipFile(path, "w") as archive:
        for entry in ("data.pkl", "data/0", "data/0"):
            archive.writestr(f"a/{entry}", entries()[entry])
    return path


def long_numbers(path, place):
    """The 64-bit end that torch writes, before the usual one."""
    content = write_archive(path, entries()).read_bytes()
    end = content[-22:]
    count, length, begin = struct.unpack("<10xHII2x", end)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length,
                         place or begin)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(content) - 22, 1)
    path.write_bytes(content[:-22] + record + locator + end)
    return path


def test_long_numbers_are_read(tmp_path):
    assert "no tensor of a Stable Diffusion" in refusal(long_numbers(tmp_path / "m.ckpt", 0))


ARCHIVES = {
    "compressed pickle": (lambda path: compressed(path, "data.pkl"), "`a/data.pkl` is compressed"),
    "compressed storage": (lambda path: compressed(path, "data/0"), "`a/data/0` is compressed"),
    "encrypted": (lambda path: patched(path, 8, b"\x01"), "is encrypted"),
    "one name twice": (twice, "zip entry `a/data/0` occurs twice"),
    "no pickle": (lambda path: write_archive(path, {"data/0": b""}), "found no FOLDER/data.pkl"),
    "two pickles": (lambda path: write_archive(path, entries(), folder="a")
                    and append(path, "b/data.pkl", GOOD), "found two"),
    "no folder": (lambda path: append(path, "data.pkl", GOOD), "found no FOLDER/data.pkl"),
    "big-endian": (lambda path: write_archive(path, entries(byteorder="big")), 'found "big"'),
    "empty": (lambda path: path.write_bytes(b"PK\3\4" + bytes(26) + b"PK\5\6" + bytes(18)) and path,
              "the zip file is empty"),
    "absurd count": (lambda path: patched(path, -12, b"\xfe\xff"), "lists 65534 entries"),
    "count too large by one": (lambda path: patched(path, -12, b"\x03\0"),
                               "lists 3 entries, too many"),
    "directory behind the file": (lambda path: patched(path, -6, b"\xf0\xff\xff\xff"),
                                  "the file is damaged"),
    "directory too long": (lambda path: patched(path, -10, b"\xff\xff\xff\x7f"),
                           "2147483647 bytes"),
    "directory elsewhere": (lambda path: patched(path, -6, b"\0\0\0\0"), "directory is damaged"),
    "entry behind the file": (lambda path: patched(path, 42, b"\xf0\xff\xff\x7f"),
                              "begin at byte 2147483632"),
    "entry in another one": (lambda path: patched(path, 42, b"\x08\0\0\0"), "begin at byte 8"),
    "entry too long": (lambda path: patched(path, 20, 2 * b"\xff\xff\xff\x7f"),
                       "extends beyond the file"),
    "entry over the next": (lambda path: patched(path, 20, 2 * struct.pack("<I", len(GOOD) + 20)),
                            "overlap"),
    "entry of two sizes": (lambda path: patched(path, 20, b"\1\0\0\0"), "but takes 1"),
    "entry without a size": (lambda path: patched(path, 20, b"\xff\xff\xff\xff"), "has no size"),
    "name too long": (lambda path: patched(path, 28, b"\xff\xff"), "directory is damaged"),
    "another name in the directory": (lambda path: patched(path, 46, b"x"),
                                      "another name in its own header"),
    "64-bit directory behind the file": (lambda path: long_numbers(path, 2**63),
                                         "9223372036854775808"),
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
