"""Contrast of the colours that stand on each other, in both themes (WCAG 2.2: 1.4.3, 1.4.11)."""
import re

import pytest

from browser import SOURCE

COLOURS = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)")
TEXT, SHAPE = 4.5, 3.0
# what, on what, at least
PAIRS = [(text, ground, TEXT) for text in ("text", "quiet", "accent", "error")
         for ground in ("panel", "raised")] + \
    [("text", "ground", TEXT), ("quiet", "ground", TEXT), ("error", "ground", TEXT),
     ("text", "wash", TEXT), ("accent", "wash", TEXT), ("on-accent", "accent", TEXT),
     ("text", "over", TEXT), ("accent", "over", SHAPE)] + \
    [("edge", ground, SHAPE) for ground in ("panel", "raised", "ground")] + \
    [("accent", ground, SHAPE) for ground in ("panel", "ground", "track", "raised")]


def colours(theme):
    style = (SOURCE / "server/page/style.css").read_text()
    return {name: (light, dark)[theme == "dark"] for name, light, dark in COLOURS.findall(style)}


def luminance(colour):
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_read_stands_out(theme):
    table = colours(theme)
    weak = [f"{what} on {ground}: {contrast(table[what], table[ground]):.2f} < {least}"
            for what, ground, least in PAIRS
            if contrast(table[what], table[ground]) < least]
    assert weak == []


def test_the_grey_is_grey():
    """Behind the picture nothing colours the eye."""
    for theme in ("light", "dark"):
        ground = colours(theme)["ground"]
        assert ground[1:3] == ground[3:5] == ground[5:7]
