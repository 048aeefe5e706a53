"""What the library calls while a call runs: progress and log."""
from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from types import FrameType
from typing import Any, Callable, Union

from ._native import ffi, lib
from .errors import BusyError, check, in_python, text_of

logger = logging.getLogger("diffedit")

# progress(stage, done, total): True cancels, and None or False goes on; an exception cancels too,
# and is raised by the call.
ProgressFunction = Callable[[str, int, int], Any]
Progress = Union[bool, ProgressFunction, None]


def _stages() -> tuple[str, ...]:
    names: list[str] = []
    while (name := lib.diffedit_stage_name(len(names))) != ffi.NULL:
        names.append(text_of(name))
    return tuple(names)


STAGES = _stages()


class Calls:
    """The calls of one editor: one at a time, with what each asked to be told."""

    def __init__(self) -> None:
        self._owner: dict[str, int] = {}  # "thread": whose call runs
        self._frame: FrameType | None = None  # of the method that makes it
        self.function: ProgressFunction | None = None
        self.raised: BaseException | None = None

    def __enter__(self) -> None:
        # Not a lock: an interrupt (Ctrl-C) here or in __exit__() would leave it taken. What one
        # leaves here is of this thread and of a frame that has ended. setdefault() is one step.
        thread = threading.get_ident()
        if self._owner.setdefault("thread", thread) != thread or self._runs():
            raise BusyError("this editor is in a call already; give each thread an editor of its "
                            "own, and let a progress function only look")
        self.function = self.raised = None
        self._frame = sys._getframe(1)

    def __exit__(self, *_exception: Any) -> None:
        self.function = self.raised = self._frame = None
        self._owner.clear()

    def _runs(self) -> bool:
        """Whether this thread is in a call: Python does not clear a frame that has not ended."""
        try:
            if self._frame is not None:
                self._frame.clear()
        except RuntimeError:
            return True
        return False

    def looking(self) -> contextlib.AbstractContextManager[None]:
        """For what a progress function may do as well, during its own editor's call."""
        mine = self._owner.get("thread") == threading.get_ident()
        return contextlib.nullcontext() if mine and self._runs() else self

    def step(self, stage: int, done: int, total: int) -> bool:
        """Whether to stop. An interrupt (Ctrl-C) is raised by Python on entering this."""
        if self.raised is not None:  # by a line of the log
            return True
        return self.function is not None and _stops(self.function(STAGES[stage], done, total))

    def finish(self, status: int, error: Any) -> None:
        """Raises what made the call fail, or what the progress function or the log raised in it."""
        if self.raised is not None:
            try:
                raise self.raised
            finally:
                self.raised = None
        check(status, error)


def _stops(answer: Any) -> bool:
    """Whether a progress function's answer cancels. Other objects are true, too: the coroutine of
    an async function, what asyncio's calls return."""
    if answer is None or isinstance(answer, int) or type(answer).__name__ in ("bool", "bool_"):
        return bool(answer)
    raise TypeError("`progress`: expected a function that returns None, False or True (which ends "
                    f"the call), found that it returned {answer!r:.80}")


def _keep(_kind: Any, exception: BaseException, traceback: Any) -> None:
    """Keeps what was raised in a callback, or by Python on entering it, for the call's end."""
    ffi.from_handle(traceback.tb_frame.f_locals["user"]).raised = exception


@ffi.def_extern(error=1, onerror=_keep)  # type: ignore[untyped-decorator]
def diffedit_python_progress(user: Any, stage: int, done: int, total: int) -> bool:
    return bool(ffi.from_handle(user).step(stage, done, total))


@ffi.def_extern(onerror=_keep)  # type: ignore[untyped-decorator]
def diffedit_python_log(user: Any, level: int, line: Any) -> None:
    logger.log(logging.WARNING if level == lib.DIFFEDIT_LOG_WARNING else logging.INFO, "%s",
               in_python(text_of(line)))


# ---- progress=True ----


class Bars:
    """A bar of tqdm for each stage."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm, self._stage = tqdm, ""
        self._bar: Any = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage or self._bar is None:
            self.close()
            self._stage, self._bar = stage, self._tqdm(total=total, desc=stage)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None


class Lines:
    """A line for each stage at its end, and every ten seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._last >= 10:
            print(f"{stage}: {done} of {total}", file=sys.stderr)
            self._last = now

    def close(self) -> None:
        pass


def progress_function(progress: Progress) -> tuple[ProgressFunction | None, Callable[[], None]]:
    """What is called at each step, and what ends it."""
    if progress is None or progress is False:
        return None, lambda: None
    if progress is True:
        try:
            from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]
        except ImportError:
            lines = Lines()
            return lines, lines.close
        bars = Bars(tqdm)
        return bars, bars.close
    if not callable(progress):
        raise TypeError(f"`progress`: expected True, False or a function, found {progress!r}")
    return progress, lambda: None

