"""A store that speaks as much S3 as a depot does, checks every signature by AWS's own description
(https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html), and fails where it
is told to."""
import hashlib
import hmac
import http.server
import threading
import urllib.parse

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoG+ZX/abc=="
REGION = "eu-central-1"


def error_body(code, message):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>""".encode()


def sign(method, path, headers, names, scope, date, payload_hash, secret):
    canonical_path = urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe="/-_.~")
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    request = "\n".join([method, canonical_path, "", lines, ";".join(names), payload_hash])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                      hashlib.sha256(request.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message, **headers):
        self.answer(status, error_body(code, message), **headers)

    def fault_of_signature(self, payload):
        """What is wrong with a request's signature, or None."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        key, scope = parts["Credential"].split("/", 1)
        names = parts["SignedHeaders"].split(";")
        payload_hash, date = headers["x-amz-content-sha256"], headers["x-amz-date"]
        must = {"host", "x-amz-content-sha256", "x-amz-date"} | {
            name for name in headers if name.startswith("x-amz-")}
        if (scheme, key) != ("AWS4-HMAC-SHA256", KEY):
            return "InvalidAccessKeyId"
        if names != sorted(names) or not must <= set(names):
            return "AccessDenied"
        if scope != f"{date[:8]}/{REGION}/s3/aws4_request":
            return "AuthorizationHeaderMalformed"
        if hashlib.sha256(payload).hexdigest() != payload_hash:
            return "XAmzContentSHA256Mismatch"
        if headers.get("x-amz-security-token") != self.server.token:
            return "InvalidToken"
        made = sign(self.command, self.path, headers, names, scope, date, payload_hash, SECRET)
        return None if made == parts["Signature"] else "SignatureDoesNotMatch"

    def take(self):
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        store = self.server
        with store.lock:
            store.requests.append((self.command, self.path))
            script = store.script.pop(0) if store.script else store.mood()
        fault = self.fault_of_signature(payload)
        if fault:
            return self.refuse(403, fault, "It says so.")
        if script and script(self, payload):
            return None
        return getattr(self, self.command.lower())(urllib.parse.unquote(self.path), payload)

    do_GET = do_PUT = do_HEAD = take

    def get(self, path, _):
        if path not in self.server.files:
            return self.refuse(404, "NoSuchKey", "The specified key does not exist.")
        return self.answer(200, self.server.files[path])

    head = get

    def put(self, path, payload):
        with self.server.lock:
            there = path in self.server.files and self.headers.get("If-None-Match") == "*"
            if not there:
                self.server.files[path] = payload
        if there:
            return self.refuse(412, "PreconditionFailed", "At least one of the conditions failed.")
        return self.answer(200)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that went away is what some tests are about


class Store:
    """`script` holds functions of (handler, payload), one for each request to come; one that
    returns True has answered. Where it is empty, `mood()` says what happens."""

    def __init__(self, token=None):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.files, self.server.requests, self.server.script = {}, [], []
        self.server.token, self.server.lock = token, threading.Lock()
        self.server.closing = threading.Event()
        self.server.mood = lambda: None
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    files = property(lambda self: self.server.files)
    requests = property(lambda self: self.server.requests)
    script = property(lambda self: self.server.script)

    def close(self):
        self.server.closing.set()
        self.server.shutdown()
        self.server.server_close()


# ---- what a script may do ----

def says(status, code, message="It says so.", **headers):
    def script(handler, _):
        handler.refuse(status, code, message, **headers)
        return True
    return script


def busy(handler, payload):
    return says(503, "SlowDown", "Please reduce your request rate.")(handler, payload)


def cuts_off(handler, payload):
    """Promises more than it sends."""
    if handler.command == "HEAD":  # whose answer is whole with its head
        return hangs_up(handler, payload)
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True
    return True


def hangs_up(handler, _):
    handler.close_connection = True
    return True


def hangs(handler, _):
    """As long as the store is there."""
    handler.server.closing.wait()
    handler.close_connection = True
    return True


def takes_it_and_hangs_up(handler, payload):
    """A request that is done, and whose answer is lost."""
    if handler.command == "PUT":
        handler.server.files.setdefault(urllib.parse.unquote(handler.path), payload)
    return hangs_up(handler, payload)
