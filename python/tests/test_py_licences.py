"""What the wheel's list of libraries says of them (python/licences.py)."""
import importlib.util

import pytest
from conftest import SOURCE

spec = importlib.util.spec_from_file_location("licences", SOURCE / "python/licences.py")
licences = importlib.util.module_from_spec(spec)
spec.loader.exec_module(licences)

UTIL = """Files: *
License: GPL-2+

Files: libfdisk/*
       libmount/*
Copyright: 2026 someone
License: LGPL-2.1+

License: GPL-2+
 This program is free software"""


def test_a_library_has_its_own_part_of_the_source():
    assert licences.licence_of("libmount.so.1.1.0", UTIL) == "LGPL-2.1+"
    assert licences.licence_of("libother.so.1", UTIL) == "GPL-2+"
    assert licences.licence_of("libother.so.1", "It is free, see /usr/share/doc") == ""


@pytest.mark.parametrize("named, alone", [
    ("GPL-2+", True), ("GPL-2 and MIT", True), ("GPL-2, GPL-3+", True), ("LGPL-3+", False),
    ("BSD-3-clause or GPL-2", False), ("MIT", False), ("AFL-2.0 or LGPL-2.1+", False), ("", False)])
def test_what_is_under_the_gpl_alone(named, alone):
    assert licences.is_gpl_alone(named) == alone
