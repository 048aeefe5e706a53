"""Makes page.jpg and page.zh.jpg: the page with a region that was found, and with the result.

    DIFFEDIT=build/diffedit /usr/bin/python3 docs/pictures/page.py
"""
import io
import pathlib
import sys
import tempfile

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests/page"))
from browser import Page, browsing, serving  # noqa: E402

WIDTH, HEIGHT, GAP, QUALITY = 840, 630, 12, 88


def seen(page):
    return Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")


def draw(page, language, path):
    page.open(language=language, width=WIDTH, height=HEIGHT)
    page.with_region()
    page.click("[data-tool=brush]")
    page.drag("#view", [(0.44, 0.7), (0.45, 0.8), (0.44, 0.86)])
    region = seen(page)
    page.edit()
    sheet = Image.new("RGB", (2 * WIDTH + GAP, HEIGHT), "white")
    sheet.paste(region, (0, 0))
    sheet.paste(seen(page), (WIDTH + GAP, 0))
    sheet.save(path, quality=QUALITY, optimize=True)


def main():
    with tempfile.TemporaryDirectory() as folder, serving(pathlib.Path(folder)) as server:
        with browsing() as browser:
            page = Page(browser, server)
            draw(page, "en", HERE / "page.jpg")
            draw(page, "zh", HERE / "page.zh.jpg")


if __name__ == "__main__":
    main()
