"""Runs the tests of a build folder and ends with the line `N passed, N failed`.

    /usr/bin/python3 tests/run_tests.py FOLDER [c] [PYTHON TEST...]

All of them, or those named: `c` is the C tests, others are files and folders as pytest takes them.
The C tests report each case by TAP to Meson, the Python ones by JUnit XML; both are counted case by
case.
"""
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PYTHON_TESTS = ["tests/test_source.py", "tests/test_docs.py", "tests/abi", "tests/cli",
                "tests/golden", "tests/models", "tests/server", "tests/page", "tests/install"]


def count(report):
    """(passed, failed) of a JUnit XML file; a missing or broken one is a failure."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, 1
    skipped = sum(case.find("skipped") is not None for case in cases)
    failed = sum(case.find("failure") is not None or case.find("error") is not None
                 for case in cases)
    return len(cases) - skipped - failed, failed


def run_c_tests(build):
    report = build / "meson-logs" / "testlog.junit.xml"
    report.unlink(missing_ok=True)
    code = subprocess.call(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "-t",
                            "10"])
    return code, *count(report)


LONGEST = 40 * 60  # seconds; a test that hangs is a failure, not a wait


def run_python_tests(build, tests):
    report = build / "meson-logs" / "pytest.junit.xml"
    report.unlink(missing_ok=True)
    environment = dict(os.environ, DIFFEDIT=str(build / "diffedit"), DIFFEDIT_BUILD=str(build))
    try:
        code = subprocess.call(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
             *tests],
            cwd=SOURCE, env=environment, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        code = 1
        print(f"the Python tests did not end within {LONGEST} s", file=sys.stderr)
    return code, *count(report)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:] or ["c", *PYTHON_TESTS]
    python_tests = [name for name in wanted if name != "c"]
    runs = [run_c_tests(build)] if "c" in wanted else []
    if python_tests:
        runs.append(run_python_tests(build, python_tests))
    passed = sum(run[1] for run in runs)
    failed = sum(run[2] for run in runs)
    if failed == 0 and any(run[0] for run in runs):
        failed = 1  # a runner that broke without naming a case
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
