"""Writes data/similarity.json: what scikit-image 0.26 says of pairs of pictures, for
tests/unit/eval/test_metrics.c, which makes the same pictures from the same random numbers.

    pip install scikit-image==0.26.0
    python tests/golden/similarity.py
"""
import json
import math
import pathlib

import numpy as np
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

OUT = pathlib.Path(__file__).resolve().parent / "data/similarity.json"
MARGIN = 3  # of the default window of 7: scikit-image leaves so much of a border out of its mean

# width, height, channels, bits, how far the second picture strays from the first, and its mask
CASES = [
    (33, 21, 3, 8, 40, "some"), (64, 48, 1, 8, 8, "some"), (40, 40, 4, 8, 90, "some"),
    (31, 29, 3, 16, 9000, "some"), (24, 24, 2, 16, 200, "some"), (20, 20, 3, 8, 0, "some"),
    (17, 23, 3, 8, 255, "none"), (17, 23, 3, 8, 3, "all"), (7, 7, 3, 8, 60, "some"),
    (9, 7, 1, 8, 60, "some"),
]


class Numbers:
    """A linear congruential generator, of which the upper 16 bits count."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2 ** 32
        return self.state >> 16


def pictures(seed, width, height, channels, bits, stray):
    """A slope with noise, and the same with other noise on it."""
    numbers, most = Numbers(seed), 2 ** bits - 1
    first = np.zeros((height, width, channels), np.int64)
    for y in range(height):
        for x in range(width):
            for channel in range(channels):
                slope = (x + 2 * y + 5 * channel) * most // (width + 2 * height + 5 * channels)
                first[y, x, channel] = min(most, slope + numbers.next() % (most // 8 + 1))
    second = first.copy()
    for value in np.nditer(second, op_flags=["readwrite"], order="C"):
        value[...] = min(most, max(0, int(value) + numbers.next() % (2 * stray + 1) - stray))
    kind = np.uint8 if bits == 8 else np.uint16
    return first.astype(kind), second.astype(kind), numbers


def draw_mask(numbers, width, height, kind):
    drawn = np.array([[numbers.next() % 3 == 0 for _ in range(width)] for _ in range(height)])
    return {"some": drawn, "none": np.zeros_like(drawn), "all": np.ones_like(drawn)}[kind]


def number(value):
    """JSON knows no infinity."""
    return "inf" if math.isinf(value) else float(value)


def measure(first, second, mask, bits):
    """None where there is nothing to measure. Errors are in levels of 8 bit."""
    if not mask.any():
        return {"kept": None, "mse": None, "psnr": None, "ssim": None}
    colours = first.shape[2] - (first.shape[2] + 1) % 2
    one, other = first[..., :colours], second[..., :colours]
    similarity = structural_similarity(one, other, channel_axis=2, full=True)[1].mean(2)
    within = np.zeros_like(mask)
    within[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    similar = similarity[mask & within]
    return {"kept": float((first == second).all(2)[mask].mean()),
            "mse": float(mean_squared_error(one[mask], other[mask])) / (257 ** 2 if bits == 16
                                                                        else 1),
            "psnr": number(peak_signal_noise_ratio(one[mask], other[mask],
                                                   data_range=2 ** bits - 1)),
            "ssim": float(similar.mean()) if similar.size else None}


def case(seed, width, height, channels, bits, stray, kind):
    first, second, numbers = pictures(seed, width, height, channels, bits, stray)
    mask = draw_mask(numbers, width, height, kind)
    colours = channels - (channels + 1) % 2
    everywhere = measure(first, second, np.ones_like(mask), bits)
    mean = structural_similarity(first[..., :colours], second[..., :colours], channel_axis=2)
    assert abs(mean - everywhere["ssim"]) < 1e-12
    return {"width": width, "height": height, "channels": channels, "bits": bits, "stray": stray,
            "mask": kind, "whole": everywhere, "inside": measure(first, second, mask, bits),
            "outside": measure(first, second, ~mask, bits)}


if __name__ == "__main__":
    with np.errstate(divide="ignore"):
        found = [case(seed, *row) for seed, row in enumerate(CASES)]
    OUT.write_text(json.dumps(found, indent=1) + "\n")
