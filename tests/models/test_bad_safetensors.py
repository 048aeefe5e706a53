"""Safetensors files that lie, one lie each: one sentence, no output, little time and memory."""
import json
import struct

import pytest

from refusals import refusal


def header(text, length=None, data=bytes(64)):
    encoded = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + data


def tensor(kind="F32", shape=(1,), offsets=(0, 4), **more):
    return json.dumps({"w": {"dtype": kind, "shape": list(shape), "data_offsets": list(offsets),
                             **more}})


def two(first, second):
    return json.dumps({name: {"dtype": "F32", "shape": [(end - begin) // 4],
                              "data_offsets": [begin, end]}
                       for name, (begin, end) in {"a": first, "b": second}.items()})


CASES = {
    "no header": (header("", 0, b"{}"), "expected a header of 2 to"),
    "a header of all memory": (header("{}", 2**63 - 1), "found one of 9223372036854775807"),
    "a header above the limit": (header("{}", (16 << 20) + 1), "found one of 16777217"),
    "a header longer than the file": (header(tensor(), 10000), "expected a header of 10000 bytes"),
    "a header that is cut off": (header(tensor())[:40], "the file is truncated"),
    "no JSON": (header("{]"), "not valid JSON"),
    "JSON without end": (header("{" + '"a":{' * 100000), "not valid JSON"),
    "more behind the JSON": (header(tensor() + "}"), "not valid JSON"),
    "bytes that are no text": (header(b'{"\xff\xfe": 1}'), "not valid JSON"),
    "a zero byte in a name": (
        header('{"a\\u0000b": {"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'),
        "not valid JSON"),
    "escapes in a name": (
        header('{"\\u001b[31m": {"dtype":"F99","shape":[1],"data_offsets":[0,4]}}'), "`?[31m`"),
    "escapes of eight bits in a name": (
        header('{"\\u009b31m": {"dtype":"F99","shape":[1],"data_offsets":[0,4]}}'), "`??31m`"),
    "an unknown type": (header(tensor("F99")), 'unknown type "F99"'),
    "no type": (header('{"w": {"shape":[1],"data_offsets":[0,4]}}'), "`dtype` is missing"),
    "a type that is no text": (header(tensor(7)), "`dtype` is missing or not a string"),
    "no object": (header('{"w": [1, 2]}'), "not an object"),
    "no shape": (header('{"w": {"dtype":"F32","data_offsets":[0,4]}}'), "`shape` is missing"),
    "a size below zero": (header(tensor(shape=[-1])), "not a size"),
    "half a size": (header(tensor(shape=[1.5])), "not a size"),
    "a size beyond numbers": (
        header('{"w": {"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}'),
        "not valid JSON"),
    "sizes that overflow": (header(tensor(shape=[2**40, 2**40], offsets=[0, 0])),
                            "product of its sizes overflows"),
    "sizes that overflow to little": (header(tensor(shape=[2**62, 4], offsets=[0, 0])),
                                      "product of its sizes overflows"),
    "nine dimensions": (header(tensor(shape=[1] * 9)), "9 dimensions"),
    "no offsets": (header('{"w": {"dtype":"F32","shape":[1]}}'), "`data_offsets` is missing"),
    "one offset": (header(tensor(offsets=[0])), "not a pair"),
    "offsets below zero": (header(tensor(offsets=[-4, 0])), "not a pair"),
    "offsets turned round": (header(tensor(offsets=[8, 4])), "not a pair"),
    "offsets behind the file": (header(tensor(shape=[100], offsets=[0, 400])), "ends at byte 400"),
    "offsets far behind the file": (header(tensor(offsets=[2**62, 2**62 + 4])),
                                    "ends at byte 4611686018427387908"),
    "fewer bytes than values": (header(tensor(shape=[2])), "expected 8 bytes"),
    "more bytes than values": (header(tensor(offsets=[0, 8])), "expected 4 bytes"),
    "overlapping": (header(two((0, 8), (4, 12))), "`a` and `b` overlap"),
    "one inside the other": (header(two((0, 16), (4, 8))), "`a` and `b` overlap"),
    "one name twice": (header(tensor()[:-1] + "," + tensor(offsets=[4, 8])[1:]),
                       "not valid JSON: duplicate object key"),
    "nothing": (header("{}"), "no tensor of a Stable Diffusion model"),
    "another model": (header(tensor()), "no tensor of a Stable Diffusion model"),
    "a list": (header("[]"), "found an unknown format"),
}


@pytest.mark.parametrize("case", CASES)
def test_header(tmp_path, case):
    content, said = CASES[case]
    model = tmp_path / "m.safetensors"
    model.write_bytes(content)
    assert said in refusal(model)


def test_a_header_full_of_values(tmp_path):
    """JSON takes many times its size in memory: a header is not as large as a whole memory."""
    model = tmp_path / "m.safetensors"
    model.write_bytes(header('{"w": [' + "1," * (7 << 20) + "1]}"))
    assert "not an object" in refusal(model, most_memory=900 << 10)
