"""Every case on the CPU, in float32, so that all presets are exact here."""
import pytest

import stages


@pytest.mark.parametrize("case", stages.CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_case(case, tmp_path):
    stages.check_case(case, tmp_path, ["--arithmetic", "exact"], stages.EXACT)


def test_there_are_cases():
    assert len(stages.CASES) >= 116
