"""Runs the tests of a build folder and ends with the line `N passed, N failed`.

    /usr/bin/python3 tests/run_tests.py FOLDER [c] [cpu] [vulkan] [PYTHON TEST...]

All of them, or those named: `c` is the C tests, `cpu` those without a GPU, `vulkan` those of the
GPU backend's ops and networks, and others are files and folders as pytest takes them.
The C tests report each case by TAP to Meson, the Python ones by JUnit XML; both are counted case by
case.
"""
import os
import pathlib
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PYTHON_TESTS = ["tests/test_source.py", "tests/test_docs.py", "tests/test_versions.py", "tests/abi",
                "tests/batch", "tests/cli", "tests/eval", "tests/golden", "tests/models",
                "tests/server", "tests/page", "tests/install"]


def count(report):
    """(passed, failed, skipped) of a JUnit XML file; a missing or broken one is a failure."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0
    skipped = sum(case.find("skipped") is not None for case in cases)
    failed = sum(case.find("failure") is not None or case.find("error") is not None
                 for case in cases)
    return len(cases) - skipped - failed, failed, skipped


# What the words mean to meson test
C_TESTS = {"c": [], "cpu": ["--no-suite", "gpu"], "vulkan": ["--suite", "vulkan"]}


def run_c_tests(build, which):
    report = build / "meson-logs" / "testlog.junit.xml"
    report.unlink(missing_ok=True)
    code = subprocess.call(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "-t",
                            "10", *C_TESTS[which]])
    return code, *count(report)


MOST_AT_A_TIME = 4  # files of Python tests; a server, a browser or an edit takes all it can get
LONGEST = 60 * 60  # seconds; a test that hangs is a failure, not a wait
LAST_WORDS = 60  # seconds in which pytest says what failed before that


def run_pytest(arguments, environment):
    process = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=SOURCE,
                               env=environment)
    try:
        return process.wait(LONGEST)
    except subprocess.TimeoutExpired:
        print(f"the Python tests did not end within {LONGEST} s", file=sys.stderr)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(LAST_WORDS)
    except subprocess.TimeoutExpired:
        process.kill()
    return 1


def run_python_tests(build, tests):
    report = build / "meson-logs" / "pytest.junit.xml"
    report.unlink(missing_ok=True)
    environment = dict(os.environ, DIFFEDIT=str(build / "diffedit"), DIFFEDIT_BUILD=str(build))
    code = run_pytest(
        ["-q", "-p", "no:cacheprovider", f"--junitxml={report}", "-n",
         str(min(os.cpu_count(), MOST_AT_A_TIME)), "--dist", "loadfile", *tests], environment)
    return code, *count(report)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:] or ["c", *PYTHON_TESTS]
    python_tests = [name for name in wanted if name not in C_TESTS]
    runs = [run_c_tests(build, name) for name in wanted if name in C_TESTS]
    if python_tests:
        runs.append(run_python_tests(build, python_tests))
    passed, failed, skipped = (sum(run[i] for run in runs) for i in (1, 2, 3))
    if failed == 0 and (passed == 0 or any(run[0] for run in runs)):
        failed = 1  # a runner that broke without naming a case, or had none to run
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
