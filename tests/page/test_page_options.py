"""The drawer of options, made from the server's table; chips of what was changed; models."""
import json
import subprocess

from selenium.webdriver.common.keys import Keys

from browser import PROGRAM, SOURCE, Page, serving


def table(page):
    return json.loads(page.server.get("/api/options?model=pocket").body)


def test_all_options_of_the_table_are_there(page):
    page.open()
    page.click("#options-open")
    names = {row.get_attribute("data-option") for row in page.all("[data-option]")}
    assert names == {option["name"] for option in table(page)["options"]} - {"from", "to"}
    for option in table(page)["options"]:
        if option["name"] in names and option["name"] != "negative":
            assert page.value(f"#option-{option['name']}") == option["defaults"]["fast"]
    page.shot("options")


def test_a_changed_value_is_a_chip_that_resets(page):
    page.open()
    page.with_picture()
    page.click("#options-open")
    page.write("#option-guidance", "4")
    page.keys(Keys.TAB)
    assert page.text(".chip").startswith("Guidance 4")
    page.shot("chip")
    page.click(".chip")
    assert page.all(".chip") == [] and page.value("#option-guidance") == "5"
    page.click("#undo")
    assert page.value("#option-guidance") == "4"
    page.click("[data-option=guidance] .reset")
    assert page.value("#option-guidance") == "5"


def test_what_does_not_fit_is_said_beside_it(page):
    page.open()
    page.with_picture()
    page.click("#options-open")
    for name, value in (("steps", "0"), ("seed", "many"), ("ratio", "2"), ("size", "large")):
        page.write(f"#option-{name}", value)
        page.keys(Keys.TAB)
        page.until_shown(f"#option-{name}-error")
    assert "1 to 999" in page.text("#option-steps-error")
    assert page.all(".chip") == []
    page.shot("options-refused")


def test_what_is_typed_stays(page):
    """While the page draws itself anew, which it does whenever the server tells something."""
    page.open()
    page.with_picture()
    page.click("#options-open")
    page.write("#option-steps", "0")
    page.keys(Keys.TAB)
    page.write("#option-guidance", "4")
    page.js("""const field = document.getElementById("from");
        field.value = "a cow";
        field.dispatchEvent(new Event("input", { bubbles: true }));""")
    assert page.value("#option-guidance") == "4" and page.value("#option-steps") == "0"
    assert page.shown("#option-steps-error")
    page.keys(Keys.TAB)
    assert page.text(".chip").startswith("Guidance 4")
    page.click("#option-steps")
    page.keys((Keys.CONTROL, "a"), Keys.BACKSPACE, Keys.TAB)
    assert page.value("#option-steps") == "6" and not page.shown("#option-steps-error")


def test_presets_change_the_defaults(page):
    page.open()
    page.with_picture()
    page.click("#options-open")
    assert page.value("#option-preset") == "fast"
    page.js("""const select = document.getElementById("option-preset");
        select.value = "paper"; select.dispatchEvent(new Event("change"));""")
    assert page.value("#option-steps") == "25" and page.text(".chip").startswith("paper")
    page.click(".chip")
    assert page.value("#option-preset") == "fast"


def test_arithmetic_is_the_presets_unless_it_is_chosen(page, tmp_path):
    """And a picture that comes back brings it along."""
    page.open()
    page.with_region()
    page.click("#options-open")
    assert page.value("#option-arithmetic") == "quick"
    page.js("""const select = document.getElementById("option-arithmetic");
        select.value = "exact"; select.dispatchEvent(new Event("change"));""")
    assert page.text(".chip").startswith("Arithmetic exact")
    assert page.shown("#find")
    page.click("#options-open")
    page.edit()
    made = json.loads(page.server.get("/api/results").body)["results"][0]
    assert made["options"]["arithmetic"] == "exact"
    saved = tmp_path / "zebra.png"
    saved.write_bytes(page.server.get(f"/api/results/{made['id']}/file?format=png").body)
    page.open()
    page.drop(saved)
    page.until_shown(".notice[data-notice=picture]")
    assert page.value("#option-arithmetic") == "exact"


def test_models_are_opened_when_first_used(browser, tmp_path):
    with serving(tmp_path) as server:
        page = Page(browser, server)
        page.open()
        assert page.one("#model option").text == "pocket"
        page.sample("horse")
        page.until(lambda: page.js("return fetch('/api/models').then((answer) => answer.json())")
                   [0]["open"], "the model is open")
        page.reload()
        assert page.one("#model option").text == "pocket, open"
        page.click("#options-open")
        facts = page.one("#machine-facts").text
        info = page.server.get("/api/models").json()[0]["info"]
        assert f"Computes on\n{info['device_title']}, {info['arithmetic']}" in facts


def test_the_machine_is_described(page):
    page.open()
    page.until(lambda: "MB" in page.text("#machine"), "memory")
    assert "Only on this machine" in page.text("#machine")
    page.click("#options-open")
    facts = page.one("#machine-facts").text
    for word in ("Memory", "Cores", "Version", "Pictures and results"):
        assert word in facts


def test_another_model(browser, tmp_path):
    """Two models; the one that is chosen draws."""
    second = tmp_path / "second.safetensors"
    subprocess.run([PROGRAM, "model", "convert", SOURCE / "models/pocket", "-o", second],
                   check=True, capture_output=True)
    with serving(tmp_path, "-m", SOURCE / "models/pocket", "-m", second) as server:
        page = Page(browser, server)
        page.open()
        page.with_picture()
        page.texts("a horse", "a zebra")
        name = page.all("#model option")[1].get_attribute("value")
        page.js("""const [select, value] = arguments; select.value = value;
            select.dispatchEvent(new Event("change"));""", page.one("#model"), name)
        page.edit()
        page.shot("another-model")
        made = json.loads(server.get("/api/results").body)["results"][0]
        assert made["model"] == name
        page.click("#undo")
        page.click("#undo")
        assert page.value("#model") != name
