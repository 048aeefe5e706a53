"""What the program says to a model file that it refuses."""
import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()


def refusal(model, most_memory=400 << 10):
    """The only line that the program says. Memory in KiB: without a model it is 30 MiB, under
    AddressSanitizer more."""
    program = subprocess.Popen([PROGRAM, "edit", SOURCE / "models/pocket/samples/horse.png", "--to",
                                "a zebra", "-m", model, "-o", model.parent / "never.png"],
                               stderr=subprocess.PIPE, cwd=model.parent)
    said = program.stderr.read()
    _, status, used = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    lines = said.decode().splitlines()
    assert (program.returncode, len(lines)) == (1, 1), lines
    assert used.ru_maxrss < most_memory and used.ru_utime < 20
    assert all(32 <= byte < 127 for byte in said.strip())
    assert [path.name
            # no output, and no trace of a command of its
            for path in model.parent.iterdir()] == [model.name]
    return lines[0]
