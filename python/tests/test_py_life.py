"""Threads, interrupts, memory, and the ends of models and editors."""
import copy
import gc
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy
import pytest
from conftest import HORSE, QUICK

import diffedit
from diffedit import _calls


class Started:
    """A call in a thread of its own, whose progress waits until it may go on."""

    def __init__(self, editor):
        self.began, self.go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, args=(editor,))
        self.error = None

    def progress(self, stage, done, total):
        self.began.set()
        self.go.wait()

    def run(self, editor):
        try:
            editor.edit("a horse", "a zebra", progress=self.progress, **QUICK)
        except Exception as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        assert self.began.wait(60), self.error

    def __exit__(self, *_exception):
        self.go.set()
        self.thread.join()
        assert self.error is None


def test_an_editor_is_one_threads_at_a_time(editor):
    with Started(editor):
        for use in (lambda: editor.find("a", "b"), lambda: editor.set_mask(None), editor.close,
                    lambda: editor.stats, lambda: editor.array("map"), lambda: editor.view("map"),
                    lambda: editor.encode_text("a"), lambda: editor.costs("edit")):
            with pytest.raises(diffedit.BusyError, match="give each thread an editor of its own"):
                use()
    assert editor.stats.evaluations > 0


def test_a_progress_function_may_only_look(editor):
    seen = []

    def progress(stage, done, total):
        with pytest.raises(diffedit.BusyError, match="let a progress function only look"):
            editor.edit("a", "b")
        seen.append((stage, done, total, editor.stats.evaluations))
        if stage == "denoise":
            assert editor.array("running").shape == (8, 32, 32)
            assert editor.view("preview").size == (32, 32)
    editor.edit("a horse", "a zebra", progress=progress, **QUICK)
    assert [row[0] for row in seen] == sorted((row[0] for row in seen), key=diffedit.STAGES.index)
    assert ("denoise", 3, 3) in [row[:3] for row in seen]
    assert editor.array("running") is None


def test_threads_with_editors_of_their_own(model):
    texts = ["a zebra", "a cow", "a giraffe", "a tiger"]

    def edit(text):
        with model.editor(HORSE) as editor:
            return editor.edit("a horse", text, output="array", **QUICK)
    alone, together = [edit(text) for text in texts], {}
    threads = [threading.Thread(target=lambda text=text: together.update({text: edit(text)}))
               for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for text, result in zip(texts, alone):
        assert (together[text] == result).all()


def test_the_interpreter_is_not_locked(editor):
    """While one thread is in the library, without any callback, another one runs."""
    pixels = numpy.zeros((3, 1024, 1024), numpy.float32)
    done = threading.Event()

    def encode():
        editor.encode_pixels(pixels)
        done.set()
    thread = threading.Thread(target=encode)
    thread.start()
    turns = 0
    while not done.is_set():
        time.sleep(0.001)
        turns += 1
    thread.join()
    assert turns > 20


@pytest.mark.parametrize("answer, error", [(True, diffedit.Cancelled), (1, diffedit.Cancelled),
                                           (numpy.bool_(True), diffedit.Cancelled)])
def test_progress_cancels(editor, answer, error):
    with pytest.raises(error):
        editor.edit("a horse", "a zebra", progress=lambda *_: answer, **QUICK)
    assert editor.edit("a horse", "a zebra", **QUICK).size == (256, 256)


@pytest.mark.parametrize("answer", [None, False, 0, numpy.bool_(False)])
def test_progress_goes_on(editor, answer):
    assert editor.find("a horse", "a zebra", progress=lambda *_: answer, **QUICK).share > 0


def test_progress_that_answers_neither_yes_nor_no(editor):
    """asyncio's call_soon_threadsafe(), a coroutine: true, and not meant so."""
    for odd in (object(), numpy.zeros(3), ["a"]):
        with pytest.raises(TypeError, match="`progress`: expected a function that returns None, "):
            editor.edit("a horse", "a zebra", progress=lambda *_: odd, **QUICK)
    assert editor.edit("a horse", "a zebra", **QUICK).size == (256, 256)


@pytest.mark.parametrize("raised", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_what_progress_raises_comes_through(editor, raised):
    calls = []

    def progress(stage, done, total):
        calls.append(stage)
        raise raised
    with pytest.raises(type(raised)) as caught:
        editor.edit("a horse", "a zebra", progress=progress, **QUICK)
    assert caught.value is raised and len(calls) == 1


@pytest.mark.parametrize("raised", [ValueError("mine"), KeyboardInterrupt()])
def test_what_a_logger_raises_comes_through(editor, monkeypatch, raised):
    """Of a word that the model does not know, and of a mask that selects nothing."""
    def log(*_arguments):
        monkeypatch.undo()
        raise raised
    for act in (lambda: editor.edit("a horse", "a dragon", **QUICK),
                lambda: editor.set_mask(numpy.zeros((256, 256), bool))):
        monkeypatch.setattr(_calls.logger, "log", log)
        with pytest.raises(type(raised)) as caught:
            act()
        assert caught.value is raised
    editor.set_mask(None)
    assert editor.edit("a horse", "a zebra", **QUICK).size == (256, 256)


@pytest.mark.parametrize("threads", [1, 3, 100000, 2 ** 31 - 1, -1])
def test_any_number_of_threads_makes_the_same(model, editor, threads):
    with model.editor(HORSE, threads=threads) as other:
        assert (other.edit("a horse", "a zebra", output="array", **QUICK) ==
                editor.edit("a horse", "a zebra", output="array", **QUICK)).all()


def test_progress_that_is_none(editor):
    for odd in (3, "yes", []):
        with pytest.raises(TypeError, match="`progress`: expected True, False or a function"):
            editor.edit("a", "b", progress=odd)
    assert editor.find("a horse", "a zebra", progress=False, **QUICK).share > 0


def test_progress_bars(editor, capsys, monkeypatch):
    editor.edit("a horse", "a zebra", progress=True, **QUICK)
    said = capsys.readouterr().err
    assert all(stage in said for stage in ("map", "invert", "denoise")) and "100%" in said
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    editor.edit("a horse", "a cow", progress=True, **QUICK)
    assert "denoise: 3 of 3\n" in capsys.readouterr().err


INTERRUPTED = """
import signal, diffedit
editor = diffedit.Model().editor(diffedit.POCKET / "samples/horse.png")
steps, came = [], []
def interrupt(*arguments):
    came.append(len(steps))
    raise KeyboardInterrupt
def progress(stage, done, total):
    steps.append(done)
    print("step", flush=True)
signal.signal(signal.SIGINT, interrupt)
try:
    print("begun", flush=True)
    while True:
        editor.edit("a horse", "a zebra", steps=999, mask_samples=1{progress})
except KeyboardInterrupt:
    print(f"interrupted, then {{len(steps) - came[0]}} steps", flush=True)
    print(editor.find("a horse", "a zebra", steps=3, mask_samples=1).share > 0)
"""


@pytest.mark.parametrize("progress", ["", ", progress=progress"])
def test_an_interrupt_ends_an_edit(progress):
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED.format(progress=progress)],
                               stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    if progress:
        process.stdout.readline()
    else:
        time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[0].split("\n")
    assert said[-3:] == ["interrupted, then 0 steps", "True", ""]


@pytest.mark.parametrize("event, code", [("return", _calls.Calls.__enter__.__code__),
                                         ("call", _calls.Calls.__exit__.__code__)])
def test_an_interrupt_as_a_call_begins_or_ends(editor, event, code):
    """Where nothing in Python can be sure to undo what was begun."""
    def trace(frame, happened, _argument):
        if frame.f_code is code and happened == event:
            raise KeyboardInterrupt
        return trace
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(KeyboardInterrupt):
            editor.encode_text("a horse")
    finally:
        sys.settrace(before)
    assert editor.find("a horse", "a zebra", **QUICK).share > 0


def test_a_signals_handler_may_only_look(editor):
    """Python runs it as the library calls back, in the thread of the call."""
    met = []

    def handle(*_arguments):
        met.append(editor.stats.evaluations)
        with pytest.raises(diffedit.BusyError):
            editor.close()

    def progress(stage, done, total):
        if stage == "invert" and done == 1:
            signal.setitimer(signal.ITIMER_REAL, 0.001)
    before = signal.signal(signal.SIGALRM, handle)
    try:
        editor.edit("a horse", "a zebra", steps=20, mask_samples=2, progress=progress)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(met) == 1 and met[0] < editor.stats.evaluations


class Alarm(Exception):
    pass


def test_what_is_interrupted_while_it_opens_is_closed():
    """Python raises what a signal's handler does when the library returns. A model of 26 MB that
    stayed each time would be 1 GB."""
    def ring(*_arguments):
        raise Alarm

    def interrupted():
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.002)
            diffedit.Model()
        except Alarm:
            return 1
        return 0
    before = signal.signal(signal.SIGALRM, ring)
    try:
        for _ in range(5):
            interrupted()
        gc.collect()
        kept = resident()
        assert sum(interrupted() for _ in range(40)) > 20
        gc.collect()
        assert resident() - kept < 60 << 20
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def resident():
    """Bytes of memory that this process has."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_memory_stays_flat(model, horse):
    """A mask of this size that stayed each time would be 13 MB."""
    large = numpy.asarray(horse.resize((768, 768)))

    def use(number):
        with model.editor(large) as editor:
            editor.set_correction(add=numpy.zeros((768, 768), bool))
            region = editor.find("a horse", "a zebra", seed=number, **QUICK)
            editor.set_mask(region)
            picture = editor.inpaint("a zebra", output="picture", steps=1)
            picture.encode()
            editor.array("inverted"), editor.view("map"), picture.image
            editor.encode_text("a horse")
        with pytest.raises(diffedit.ArgumentError):
            model.editor(HORSE).edit("a", "b", steps=0)
    for number in range(8):
        use(number)
    gc.collect()
    before = resident()
    for number in range(24):
        use(number)
    gc.collect()
    assert resident() - before < 8 << 20


def test_editors_end_without_the_collector(model):
    gc.disable()
    try:
        editor = model.editor(HORSE)
        editor.edit("a horse", "a zebra", progress=lambda *_: None, **QUICK)
        try:
            editor.edit("a horse", "a cow", progress=lambda *_: int("x"), **QUICK)
        except ValueError:
            pass
        handle, itself = weakref.ref(editor._handle), weakref.ref(editor)
        del editor
        assert itself() is None and handle() is None
    finally:
        gc.enable()


def test_a_model_stays_while_an_editor_does():
    model = diffedit.Model()
    editor, weights = model.editor(HORSE), weakref.ref(model.handle)
    model.close()
    model.close()
    with pytest.raises(diffedit.ArgumentError, match="the model is closed"):
        model.editor(HORSE)
    assert "(closed)" in repr(model) and weights() is not None
    assert editor.find("a horse", "a zebra", **QUICK).share > 0
    del editor, model
    gc.collect()
    assert weights() is None


def test_warnings_after_the_models_end(tmp_path, caplog):
    folder = shutil.copytree(diffedit.POCKET, tmp_path / "pocket")
    path = next((folder / "unet").glob("*.safetensors"))
    weights = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(weights[:8], "little")
    weights[start:start + 2] = b"\0\x7e"  # no number, in float16
    path.write_bytes(weights)
    model = diffedit.Model(folder, low_memory=True)
    with model.editor() as editor:
        model.close()
        assert "not finite numbers" not in caplog.text
        try:
            editor.generate("a horse", steps=1)
        except diffedit.DiffeditError:
            pass
    assert "not finite numbers" in caplog.text


def test_a_closed_editor(model):
    with model.editor(HORSE) as editor:
        region = editor.find("a horse", "a zebra", **QUICK)
    editor.close()
    assert region.mask.any() and "(closed)" in repr(editor)
    for use in (lambda: editor.find("a", "b"), lambda: editor.stats, lambda: editor.array("map"),
                lambda: editor.set_mask(None), lambda: editor.encode_text("a")):
        with pytest.raises(diffedit.ArgumentError, match="the editor is closed"):
            use()


def test_arrays_outlive_the_editor(model):
    with model.editor(HORSE) as editor:
        region = editor.find("a horse", "a zebra", **QUICK)
        first, kept = editor.array("map"), region.map.copy()
        editor.find("a horse", "a cow", seed=3, **QUICK)
        pixels = editor.edit("a horse", "a cow", output="array", **QUICK)
        before = pixels.copy()
    del editor
    gc.collect()
    assert (first == kept).all() and (region.map == kept).all() and (pixels == before).all()


def test_a_failed_model_leaves_nothing(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(diffedit.DiffeditError):
            diffedit.Model(path)


@pytest.mark.parametrize("make", [lambda model, editor: model, lambda model, editor: editor,
                                  lambda model, editor: diffedit.Picture(HORSE)],
                         ids=["Model", "Editor", "Picture"])
def test_pickling_is_refused(model, editor, make):
    thing = make(model, editor)
    for act in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="is memory of the library and cannot be pickled"):
            act(thing)


def test_reprs(model, editor):
    assert repr(model) == "<diffedit.Model 'pocket', 128x128, exact>"
    assert repr(editor) == "<diffedit.Editor of 256x256 under 'pocket'>"
    assert repr(model.editor()) == "<diffedit.Editor of no picture under 'pocket'>"
    assert repr(diffedit.Picture(HORSE)) == "<diffedit.Picture 256x256, 3 channels of 8 bit>"
    assert repr(editor.find("a horse", "a zebra", **QUICK)).endswith(" % changed>")


FORKED = """
import os, sys, diffedit
model = diffedit.Model()
if {early}:
    editor = model.editor(diffedit.POCKET / "samples/horse.png")
    editor.find("a horse", "a zebra", steps=3, mask_samples=1)
if os.fork() == 0:
    try:
        editor = {editor}
        print(editor.find("a horse", "a zebra", steps=3, mask_samples=1).share > 0, flush=True)
    except diffedit.ForkedError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize("early, editor, expected", [
    (False, "model.editor(diffedit.POCKET / 'samples/horse.png')", "True"),
    (True, "editor", "forked from one that had used pictures"),
    (True, "model.editor(diffedit.POCKET / 'samples/horse.png')", "forked from one that had used")])
def test_forks(early, editor, expected):
    """A child may use the models that its parent opened, but not after that had used pictures."""
    script = FORKED.format(early=early, editor=editor)
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          timeout=120, check=True).stdout
    assert expected in said
