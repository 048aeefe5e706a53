"""A hub in this process: serves a model's folder as huggingface.co does, and misbehaves as it is
told."""
import hashlib
import http.server
import json
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """`files`: name -> bytes. `acts`: name -> a function that answers a request for the file
    instead of the hub, as long as it returns true. `requests`: (path, headers) of all that were
    made."""

    def __init__(self, folder, model="owner/name"):
        self.files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
                      if path.is_file()}
        self.model, self.acts, self.requests, self.listing, self.token = model, {}, [], {}, None
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                hub.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # of connections that clients leave
        self.port = self.server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def paths(self):
        return [path for path, _ in self.requests]

    def described(self, name):
        data = self.files[name]
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith((".safetensors", ".bin")):
            entry["lfs"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(),
                            "pointerSize": 134}
        return {**entry, **self.listing.get(name, {})}

    def answer(self, handler):
        path = urllib.parse.unquote(urllib.parse.urlsplit(handler.path).path)
        self.requests.append((handler.path, dict(handler.headers)))
        allowed = not self.token or handler.headers["Authorization"] == f"Bearer {self.token}"
        if not allowed and not path.startswith("/cdn/"):
            return self.send(handler, 401, b"Repository not found")
        if path.startswith(f"/api/models/{self.model}/revision/"):
            listed = [self.described(name) for name in self.files] + self.listing.get("more", [])
            return self.send(handler, 200, json.dumps({"sha": COMMIT, "siblings": listed}).encode())
        for prefix in (f"/{self.model}/resolve/{COMMIT}/", "/cdn/"):
            if path.startswith(prefix) and path[len(prefix):] in self.files:
                return self.send_file(handler, path[len(prefix):], prefix == "/cdn/")
        return self.send(handler, 404, b"Entry not found")

    def send(self, handler, status, body, **headers):
        handler.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(key.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    def send_file(self, handler, name, on_cdn):
        # to another host, as the hub does with large files
        if name.endswith(".safetensors") and not on_cdn:
            place = f"http://localhost:{self.port}/cdn/{urllib.parse.quote(name)}"
            return self.send(handler, 302, b"", Location=place)
        data = self.files[name]
        if name in self.acts and self.acts[name](handler, data):
            return None
        return self.send_range(handler, data)

    def send_range(self, handler, data):
        asked = handler.headers["Range"]
        if not asked:
            return self.send(handler, 200, data)
        first = int(asked.removeprefix("bytes=").split("-")[0])
        return self.send(handler, 206, data[first:],
                         Content_Range=f"bytes {first}-{len(data) - 1}/{len(data)}")


def first(handler):
    """Where the request begins in the file."""
    asked = handler.headers["Range"]
    return int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0


def breaks(after, times):
    """Closes the connection after so many bytes, so often."""
    left = [times]

    def act(handler, data):
        if left[0] == 0:
            return False
        left[0] -= 1
        begin = first(handler)
        handler.send_response(206 if begin else 200)
        handler.send_header("Content-Length", str(len(data) - begin))
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        handler.wfile.write(data[begin:begin + after])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.close()
        return True
    return act


def sends(body, length=None):
    """Sends this instead, whatever was asked, under its own length or another."""
    def act(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True
        return True
    return act
