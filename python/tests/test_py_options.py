"""Options as keywords: all of the table, with help, checked by the library."""
import inspect
import json
import pydoc
import subprocess

import numpy
import pytest
from conftest import HORSE, PROGRAM, QUICK

import diffedit
from diffedit import OPTIONS, Editor, Model

METHODS = [Editor.edit, Editor.find, Editor.inpaint, Editor.generate, Editor.invert, Editor.costs,
           Model.generate]


def values(option):
    """Some that each option takes, as a person would write them."""
    if option.choices == ("off", "on"):
        return [True, False, "on", "off", numpy.True_]
    if option.choices:
        return list(option.choices)
    numbers = {"int": [int(max(option.minimum, 1)), numpy.int64(min(option.maximum, 3))],
               "seed": [0, 2 ** 64 - 1, numpy.uint8(3), "0xff"],
               "float": [min(option.maximum, 1), 0.3, numpy.float32(0.25), "1/3"],
               "size": [(64, 128), [64, 64], "128x64"], "text": ["", "snow", "雪"]}
    return numbers[option.type] + ([option.word] if option.word else [])


def recorded(editor, **options):
    """What the library understood."""
    costs = editor.costs("find", "a", "b", **options)  # checks the range of each
    assert set(costs) >= {"text", "map"}
    made, _texts = editor._options("edit", "a", "b", options.pop("preset", None), options)
    return json.loads(diffedit._options.record_texts(made))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_a_keyword(editor, name):
    option = OPTIONS[name]
    others = {"spacing": {"scheduler": "dpm++2m"}, "encode_guidance": {}}.get(name, {})
    for value in values(option):
        kept = recorded(editor, **{name: value}, **others)[name.replace("_", "-")]
        if option.type == "seed":
            assert int(kept) == (int(value, 0) if isinstance(value, str) else int(value))
        elif isinstance(value, (bool, numpy.bool_)):
            assert kept == ("on" if value else "off")
        elif option.type == "size":
            assert kept == (value if isinstance(value, str) else f"{value[0]}x{value[1]}")
        elif option.type == "float" and value == "1/3":
            assert kept == 1 / 3
        else:
            assert kept == value


def test_the_table_is_the_commands():
    said = subprocess.run([PROGRAM, "edit", "--help-all"], capture_output=True, text=True,
                          check=True).stdout
    assert [name for name in OPTIONS if f"--{name.replace('_', '-')} " not in said] == []
    assert {"from", "to", "source"} & set(OPTIONS) == set()


@pytest.mark.parametrize("preset", diffedit.PRESETS)
def test_defaults_are_the_presets(preset, editor):
    assert recorded(editor, preset=preset)["mask-samples"] == \
        int(OPTIONS["mask_samples"].defaults[preset])
    with diffedit.Model(preset=preset) as model, model.editor(HORSE) as other:
        assert recorded(other)["mask-samples"] == int(OPTIONS["mask_samples"].defaults[preset])
        assert model.info.arithmetic == ("quick" if preset in ("fast", "lcm", "turbo") else "exact")


def test_none_is_not_given(editor):
    nothing = dict.fromkeys(OPTIONS)
    assert recorded(editor, **nothing) == recorded(editor)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__qualname__)
def test_help_and_signature(method):
    parameters = inspect.signature(method).parameters
    assert list(parameters)[-len(OPTIONS):] == list(OPTIONS)
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in OPTIONS)
    said = pydoc.plain(pydoc.render_doc(method))
    words = " ".join(said.split())
    for option in OPTIONS.values():
        assert f"{option.name}: {option.help}" in words
    assert max(map(len, method.__doc__.splitlines())) <= 100


@pytest.mark.parametrize("name", [name for name in OPTIONS if OPTIONS[name].type != "text"])
def test_values_out_of_range(editor, name):
    option = OPTIONS[name]
    wrong = {"choice": "no such", "int": int(option.maximum) + 1, "seed": -1,
             "float": option.maximum + 1, "size": (0, 64)}[option.type]
    with pytest.raises(diffedit.ArgumentError, match=f"`{name}`: expected "):
        editor.edit("a", "b", **{name: wrong})
    for odd in (object(), b"5", [], {}, 1j):
        with pytest.raises(TypeError, match=f"`{name}`: expected "):
            editor.edit("a", "b", **{name: odd})


@pytest.mark.parametrize("name, value", [
    ("steps", 3.5), ("steps", True), ("mask_threshold", float("nan")), ("ratio", float("inf")),
    ("ratio", 10 ** 400), ("guidance", -10 ** 400), ("ratio", numpy.zeros(2)),
    ("ratio", 0), ("seed", 2 ** 64), ("seed", 1.0), ("size", (64,)), ("size", (64, 64, 64)),
    ("size", 64), ("size", ("a", "b")), ("steps", ""), ("steps", "5 "), ("mask_fill", 1),
    ("mask_fill", "yes"), ("scheduler", 0), ("steps", "5\0"), ("negative", "a\0b"),
    ("negative", "\ud800"), ("negative", 5)])
def test_odd_values(editor, name, value):
    with pytest.raises((TypeError, diffedit.ArgumentError), match=f"`{name}`: expected "):
        editor.edit("a", "b", **{name: value})


def test_numbers_that_python_does_not_write_out(model, editor):
    long = 10 ** 5000
    for name, value in (("steps", long), ("seed", -long), ("size", (64, long)), ("ratio", long)):
        with pytest.raises(diffedit.ArgumentError, match=f"`{name}`: expected "):
            editor.edit("a", "b", **{name: value})
    with pytest.raises(diffedit.ArgumentError, match="`threads`: .* found a number of 16610 bits"):
        model.editor(threads=long)


def test_unknown_keywords_are_answered_with_the_nearest(editor):
    with pytest.raises(TypeError, match=r"edit\(\) got an unexpected keyword argument "
                                        r"'mask_treshold'; did you mean 'mask_threshold'\?"):
        editor.edit("a", "b", mask_treshold=0.3)
    for keyword in ("from", "mask-threshold", "zzz"):
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            editor.find("a", "b", **{keyword: "c"})
    with pytest.raises(TypeError, match=r"argument 'mask'; set_mask\(\) takes one$"):
        editor.edit("a", "b", mask=numpy.zeros((256, 256), bool))
    with pytest.raises(TypeError, match="argument 'to'$"):
        editor.invert("a", to="b")


def test_texts_by_keyword(editor):
    image = editor.edit(source="a horse", to="a zebra", **QUICK)
    record = json.loads(image.info["diffedit"])
    assert (record["from"], record["to"]) == ("a horse", "a zebra")


@pytest.mark.parametrize("arguments, words", [
    (("a", None), "`to`"), ((3, "b"), "`source`: expected a text"), (("a\0", "b"), "`source`"),
    (("a", b"b"), "`to`: expected a text")])
def test_texts_that_are_none(editor, arguments, words):
    with pytest.raises((TypeError, diffedit.ArgumentError), match=words):
        editor.edit(*arguments, **QUICK)
