"""The man pages: each says what the program's help does, and the main one names every command."""
import os
import pathlib
import re

import pytest

import man_page

SOURCE = man_page.DOCS.parent
PROGRAM = pathlib.Path(os.environ.get("DIFFEDIT", SOURCE / "build/diffedit")).resolve()
PAGES = sorted(man_page.DOCS.glob("*.1"))
BESIDE = [page for page in PAGES if page != man_page.PAGE]


def text_of(page):
    """Without the escapes and the requests' names."""
    text = re.sub(r"\\f[BIRP]", "", page.read_text()).replace("\\-", "-")
    return re.sub(r"^\.(?:B|I|BR|RB|IR|RI|BI|SH|TH) ", "", text, flags=re.MULTILINE)


def test_every_page_is_of_a_command():
    assert sorted(man_page.pages(PROGRAM)) == PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_options_are_those_of_the_table(page):
    about = man_page.pages(PROGRAM)[page]
    assert man_page.SECTION.search(page.read_text()).group().strip() == \
        man_page.section(PROGRAM, about)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_synopsis_names_the_commands(page):
    synopsis = text_of(page).split("\nSYNOPSIS\n")[1].split("\n.fi\n")[0]
    synopsis = synopsis.replace("model info | check", "model info\ndiffedit model check")
    named = re.findall(r"^diffedit ((?:model )?[a-z]+)\b", synopsis, re.MULTILINE)
    about = man_page.pages(PROGRAM)[page] if page in BESIDE else man_page.commands(PROGRAM)
    assert named == about


@pytest.mark.parametrize("page", BESIDE, ids=lambda page: page.name)
def test_a_page_of_its_own_and_the_main_one_name_each_other(page):
    own = text_of(page)
    assert own.startswith(f"{page.stem.upper()} 1 ")
    assert own.split("\nNAME\n")[1].startswith(f"{page.stem} - ")
    assert "diffedit (1)" in own.split("\nSEE ALSO\n")[1]
    commands, see_also = text_of(man_page.PAGE).split("\nCOMMANDS\n")[1].split("\nSEE ALSO\n")
    assert f"{page.stem} (1)" in commands.split("\nOPTIONS\n")[0]
    assert f"{page.stem} (1)" in see_also
