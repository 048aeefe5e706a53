"""Editors stay alive between jobs, within bounds, and change nothing."""
import numpy as np

from editing import FAST, edit, to_image, use_sample
from serving import serving

TEXTS = ("a zebra", "a cow", "a tiger")


def work(server, pictures, i):
    """The pixels of the i-th edit: the pictures in turn, each text for a while."""
    options = {**FAST, "seed": str(i)}
    job = edit(server, pictures[i % len(pictures)], to=TEXTS[i // 3 % 3], options=options)
    return np.asarray(to_image(server.get(f"/api/results/{job['id']}/file").body))


def samples(server):
    return [use_sample(server, name) for name in ("horse.png", "lemons.png")]


def test_a_result_does_not_depend_on_what_stayed(tmp_path, server):
    """One editor, which another picture takes away each time, against one for each picture."""
    with serving(tmp_path, "--editors", "1") as small:
        for i in range(6):
            assert np.array_equal(work(small, samples(small), i), work(server, samples(server), i))


def test_memory_stays_flat(tmp_path):
    with serving(tmp_path, ASAN_OPTIONS="quarantine_size_mb=1") as own:
        for i in range(60):
            work(own, samples(own), i)
            if i == 14:
                before = own.memory()
        assert own.memory() - before < 16e6
