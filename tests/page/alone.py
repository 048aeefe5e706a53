"""The picture without the rest of the page: unit.html with the page's own modules, and files that a
test puts there, from a small server of files."""
import base64
import contextlib
import http.server
import io
import pathlib
import threading

import numpy as np
import PIL.Image

from browser import SOURCE, Page

HERE = pathlib.Path(__file__).resolve().parent


class Files(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map,
                      ".js": "text/javascript", ".svg": "image/svg+xml"}
    folder = None

    def translate_path(self, path):
        first, _, rest = path.lstrip("/").partition("/")
        page = SOURCE / "server/page"
        if rest:
            return str({"page": page, "files": self.folder}[first] / rest)
        return str(HERE / first if (HERE / first).exists() else page / first)

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_):
        pass


class FileServer:
    def __init__(self, folder):
        handler = type("Handler", (Files,), {"folder": folder})
        self.folder = folder
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self.http.server_address[1]


@contextlib.contextmanager
def serving_alone(folder):
    server = FileServer(folder)
    thread = threading.Thread(target=server.http.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        thread.join()
        server.http.server_close()


class Alone(Page):
    """window.canvas is what is tested; see unit.js."""

    def open(self, **how):
        super().open(path="/unit.html", **how)

    def wait(self, code, *arguments):
        """What an asynchronous function with this body returns."""
        answer = self.driver.execute_async_script(f"""
            const done = arguments[arguments.length - 1];
            (async (...args) => {{ {code} }})(...[...arguments].slice(0, -1))
                .then((value) => done({{ value }}), (error) => done({{ error: error.stack }}));
            """, *arguments)
        assert "error" not in answer, answer
        return answer["value"]

    def put(self, name, data):
        (self.server.folder / name).write_bytes(data)

    def show(self, image, width=None, height=None):
        """A picture; its copy may be smaller than it is."""
        file = io.BytesIO()
        image.save(file, "PNG")
        self.put("picture.png", file.getvalue())
        self.wait("""canvas.setPicture(await bitmapOf("/files/picture.png"), args[0], args[1]);
            await frame();""", width or image.width, height or image.height)

    def set_map(self, values):
        """values [height, width], 0 to 1 or 16 bits"""
        if values.dtype != np.uint16:
            values = np.rint(np.clip(values, 0, 1) * 65535).astype(np.uint16)
        self.put("map", values.astype("<u2").tobytes())
        self.wait("""canvas.setMap(await mapOf("/files/map", args[0], args[1]));
            await frame();""", values.shape[1], values.shape[0])

    def options(self, **options):
        self.wait("canvas.setOptions(args[0]); await frame();",
                  {"threshold": 0.5, "grow": 0, "feather": 0, "fill": False, "speck": 0, **options})

    def mask(self):
        """The region as it stands, [height, width] of bool."""
        return self.bytes("canvas.mask.update(); return canvas.mask.shown;") == 1

    def layer(self):
        """What was painted, as its file has it: [height, width], 0 left, 1 added, 2 removed."""
        image = self.picture("canvas.correction()")
        assert image.mode in ("P", "LA", "RGBA"), image.mode
        pixels = np.asarray(image.convert("RGBA"))
        assert np.isin(pixels, (0, 255)).all()
        return np.where(pixels[..., 3] == 0, 0, np.where(pixels[..., 0] == 255, 1, 2))

    def picture(self, blob):
        """A picture that an expression makes."""
        data = self.wait(f"return base64Of(await {blob});")
        return PIL.Image.open(io.BytesIO(base64.b64decode(data)))

    def bytes(self, code):
        """Of an array, [height, width] of the mask."""
        data, width, height = self.wait(f"""
            const bytes = (() => {{ {code} }})();
            return [await base64Of(new Blob([bytes])), canvas.mask.width, canvas.mask.height];""")
        values = np.frombuffer(base64.b64decode(data), np.uint8)
        return values.reshape(height, width)

    def strokes(self):
        return self.js("return strokes()")

    def set_strokes(self, strokes):
        self.wait("setStrokes(args[0]); await frame();", strokes)

    def undo(self, count=1):
        self.wait("setStrokes(strokes().slice(0, -args[0])); await frame();", count)

    def tool(self, name, add=True, size=None):
        self.js("canvas.setTool(arguments[0], {add: arguments[1]})", name, add)
        if size:
            self.js("canvas.setBrush(arguments[0])", size)

    def place(self, x, y):
        """Where a place of the picture is in the window."""
        at = self.js("""const at = canvas.view.toScreen(arguments[0], arguments[1]);
            const box = canvas.element.getBoundingClientRect();
            return [at.x + box.left, at.y + box.top]""", x, y)
        return at[0], at[1]
