"""The words of the page: both languages have all of them, and nothing else."""
import json
import re

from browser import SOURCE

PAGE = SOURCE / "server/page"
WORDS = re.compile(r'^    "([^"]+)":', re.M)


def keys(name, marker="export default"):
    text = (PAGE / name).read_text()
    body = text[text.index(marker):]
    return WORDS.findall(body[:body.index("\n};")])


def used():
    """Keys that code and markup name as they are."""
    found = set()
    for path in PAGE.glob("*.js"):
        if not path.name.startswith("words_"):
            code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
            found |= set(re.findall(r'\bt\("([\w.-]+)"', code))
    markup = (PAGE / "index.html").read_text()
    return found | set(re.findall(r'data-t(?:-\w+)?="([^"]+)"', markup))


def test_both_languages_have_the_same_keys():
    english, chinese = keys("words_en.js"), keys("words_zh.js")
    assert len(english) == len(set(english))
    assert english == chinese


def test_every_key_that_is_used_has_words():
    assert used() - set(keys("words_en.js")) == set()


def test_chinese_words_are_chinese():
    """None was forgotten: what has no Chinese character is a name, or a pattern of numbers."""
    text = (PAGE / "words_zh.js").read_text()
    plain = {key for key, value in re.findall(r'^    "([^"]+)": "([^"]*)"', text, re.M)
             if not re.search(r"[\u4e00-\u9fff]", value)}
    names = {"preset.diffusers", "preset.lcm", "preset.turbo", "download.png", "from.example",
             "to.example", "model.is-closed", "slider.share", "history.texts", "option.word",
             "machine.of", "cursor.moves"}
    assert plain - names == set()


def test_every_option_has_a_title_and_a_chinese_help(server):
    options = json.loads(server.get("/api/options").body)["options"]
    names = {option["name"] for option in options}
    assert set(keys("words_zh.js", "export const optionHelp")) == names
    titles = {key.removeprefix("option.") for key in keys("words_en.js")}
    assert names - titles - {"from", "to"} == set()


def test_every_group_and_preset_has_words(server):
    table = json.loads(server.get("/api/options").body)
    words = set(keys("words_en.js"))
    assert {f"group.{name}" for name in table["groups"]} <= words
    assert {f"preset.{name}.help" for name in table["presets"]} <= words
