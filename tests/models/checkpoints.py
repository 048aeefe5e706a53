"""Files as torch.save() writes them, made without torch: whatever a pickle and its archive can say,
good or bad.

tests/models/torch holds files that torch itself wrote.
"""
import math
import struct
import zipfile

STORAGES = {"float16": "HalfStorage", "float32": "FloatStorage", "bfloat16": "BFloat16Storage",
            "int64": "LongStorage", "float64": "DoubleStorage", "int32": "IntStorage"}


# ---- the parts of a pickle of protocol 2: each pushes one value ----

def text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def integer(value):
    if 0 <= value < 256:
        return b"K" + struct.pack("<B", value)
    if -2**31 <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def items(*values):
    """A tuple."""
    return b"(" + b"".join(values) + b"t"


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def call(function, *arguments):
    return function + items(*arguments) + b"R"


def mapping(pairs):
    return b"}(" + b"".join(text(key) + value for key, value in pairs.items()) + b"u"


def ordered(pairs):
    return call(name("collections", "OrderedDict")) + b"(" + b"".join(
        text(key) + value for key, value in pairs.items()) + b"u"


def storage(key, count, kind="FloatStorage"):
    return items(text("storage"), name("torch", kind), text(key), text("cpu"),
                 integer(count)) + b"Q"


def tensor(stored, shape, offset=0, strides=None):
    if strides is None:
        strides = [1]
        for size in reversed(shape[1:]):
            strides.insert(0, strides[0] * size)
    sizes = items(*map(integer, shape)), items(*map(integer, strides[:len(shape)]))
    return call(name("torch._utils", "_rebuild_tensor_v2"), stored, integer(offset), *sizes,
                b"\x89", b"}")


def typed_tensor(key, kind, shape, size):
    """As torch writes types that have no storage of their own: `size` bytes, and the type."""
    strides = [int(math.prod(shape[i + 1:])) for i in range(len(shape))]
    stored = items(text("storage"), name("torch.storage", "UntypedStorage"), text(key), text("cpu"),
                   integer(size)) + b"Q"
    return call(name("torch._utils", "_rebuild_tensor_v3"), stored, integer(0),
                items(*map(integer, shape)), items(*map(integer, strides)), b"\x89",
                call(name("collections", "OrderedDict")), name("torch", kind))


def pickled(value):
    return b"\x80\x02" + value + b"."


# ---- whole files ----

def write_archive(path, entries, folder="archive", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for entry, content in entries.items():
            archive.writestr(f"{folder}/{entry}", content)
    return path


def write_checkpoint(path, tensors, wrap=lambda state: state):
    """Tensors as numpy arrays; `wrap` makes the outer value of the pickled dict."""
    state, entries = {}, {}
    for number, (key, values) in enumerate(tensors.items()):
        kind, shape = getattr(values, "kind", values.dtype.name), list(values.shape)
        state[key] = (tensor(storage(str(number), values.size, STORAGES[kind]), shape)
                      if kind in STORAGES else
                      typed_tensor(str(number), kind, shape, values.nbytes))
        entries[f"data/{number}"] = values.tobytes()
    return write_archive(path, {"data.pkl": pickled(wrap(ordered(state))), "byteorder": "little",
                                **entries,
                                "version": "3\n"})
