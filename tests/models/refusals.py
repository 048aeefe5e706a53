"""What the program says to a model file that it refuses."""
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()


# From a small process, because the most memory of a process is at least what its parent had when it
# was forked.
MEASURE = """
import os, subprocess, sys
program = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(program.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss, used.ru_utime)
"""


def refusal(model, most_memory=400 << 10):
    """The only line that the program says. Memory in KiB: without a model it is 30 MiB, under
    AddressSanitizer more."""
    measured = subprocess.run(
        [sys.executable, "-IS", "-c", MEASURE, PROGRAM, "edit",
         SOURCE / "models/pocket/samples/horse.png", "--to", "a zebra", "-m", model, "-o",
         model.parent / "never.png"], capture_output=True, cwd=model.parent)
    said, (status, memory, seconds) = measured.stderr, map(float, measured.stdout.split())
    lines = said.decode().splitlines()
    assert (status, len(lines)) == (1, 1), lines
    assert memory < most_memory and seconds < 20
    assert all(32 <= byte < 127 for byte in said.strip())
    assert [path.name
            # no output, and no trace of a command of its
            for path in model.parent.iterdir()] == [model.name]
    return lines[0]
