"""Depots in an S3-compatible store, against one in this process that checks signatures; what real
ones say of them is `./run check s3`."""
import os
import pathlib
import signal
import ssl
import subprocess
import time

import pytest

import store as stores

BUILD = pathlib.Path(os.environ.get("DIFFEDIT_BUILD", "build")).resolve()
TOOL = BUILD / "tests/batch/depot_tool"
YES, FAILED, NO, OUT = 0, 1, 3, 4
ODD = "a b+c%20d&e=f?g#h'(i)*!~,;:@$[j]\"^`{k|l}<m>/\u56fe-\u00e9/..n.png"


def environment(store, **more):
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith("AWS_") and "proxy" not in key.lower()}
    return {**kept, "AWS_ACCESS_KEY_ID": stores.KEY, "AWS_SECRET_ACCESS_KEY": stores.SECRET,
            "AWS_REGION": stores.REGION, "AWS_ENDPOINT_URL": store.endpoint, **more}


def command(what, name, *more, where="s3://bucket/some/prefix", silence=10, wait=0.01):
    return [TOOL, where, str(silence), str(wait), what, name, *more]


def call(store, what, name, *more, content=b"", variables=None, **keywords):
    return subprocess.run(command(what, name, *more, **keywords), input=content, timeout=60,
                          capture_output=True, env=environment(store, **(variables or {})))


def yes(result):
    assert (result.returncode, result.stderr) == (YES, b"")
    return result.stdout


def no(result):
    assert (result.returncode, result.stderr) == (NO, b"")


def refused(result, *words, status=OUT):
    """One sentence with these words, and no secret."""
    lines = result.stderr.decode().splitlines()
    assert (result.returncode, len(lines)) == (status, 1), lines
    assert [word for word in words if word not in lines[0]] == [], lines[0]
    assert stores.SECRET not in lines[0] and stores.TOKEN not in lines[0]
    return lines[0]


# ---- what is asked ----

def test_a_file_is_added_found_and_read(store):
    no(call(store, "has", "a.png"))
    yes(call(store, "add", "a.png", content=b"\0bytes\xff"))
    yes(call(store, "has", "a.png"))
    assert yes(call(store, "read", "a.png")) == b"\0bytes\xff"
    assert store.files == {"/bucket/some/prefix/a.png": b"\0bytes\xff"}
    refused(call(store, "read", "none.png"), "s3://bucket/some/prefix/none.png", "404",
            status=FAILED)


def test_the_first_one_wins(store):
    yes(call(store, "add", "a.png", content=b"first"))
    no(call(store, "add", "a.png", content=b"second"))
    assert yes(call(store, "read", "a.png")) == b"first"


@pytest.mark.parametrize("name", [ODD, "n" * 200, "/".join(["\u56fe" * 20] * 8)])
def test_odd_names_are_signed(store, name):
    yes(call(store, "add", name, content=b"odd"))
    assert yes(call(store, "read", name)) == b"odd"
    yes(call(store, "has", name))
    assert list(store.files) == [f"/bucket/some/prefix/{name}"]


def test_the_longest_key_of_odd_letters(store):
    where, name = "s3://bucket/" + "\u56fe" * 166 + "++", "\u56fe" * 170 + "++"
    yes(call(store, "add", name, content=b"long", where=where))
    assert yes(call(store, "read", name, where=where)) == b"long"


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 3_000_000])
def test_sizes(store, size):
    """From 1 MB on libcurl asks whether to go on first."""
    content = os.urandom(size)
    yes(call(store, "add", "a", content=content))
    assert yes(call(store, "read", "a", str(size))) == content


@pytest.mark.parametrize("where, path", [
    ("s3://bucket", "/bucket/a"), ("s3://bucket/", "/bucket/a"), ("s3://b.1-x/p", "/b.1-x/p/a"),
    ("s3://bucket/p/", "/bucket/p/a"), ("s3://bucket/p q/\u56fe+", "/bucket/p q/\u56fe+/a")])
def test_places(store, where, path):
    yes(call(store, "add", "a", content=b"x", where=where))
    assert list(store.files) == [path]


def test_session_tokens():
    store = stores.Store(token=stores.TOKEN)
    yes(call(store, "add", "a", variables={"AWS_SESSION_TOKEN": stores.TOKEN}))
    yes(call(store, "read", "a", variables={"AWS_SESSION_TOKEN": stores.TOKEN}))
    refused(call(store, "read", "a"), "InvalidToken")
    store.close()


def test_variables(store):
    """The more particular one wins; an empty one is none; us-east-1 where there is none."""
    yes(call(store, "add", "a", variables={"AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                                           "AWS_ENDPOINT_URL_S3": store.endpoint + "/",
                                           "AWS_REGION": "",
                                           "AWS_DEFAULT_REGION": stores.REGION}))
    refused(call(store, "read", "a", variables={"AWS_REGION": ""}),
            "AuthorizationHeaderMalformed")


# ---- what is refused before anything is asked ----

@pytest.mark.parametrize("variables, words", [
    ({"AWS_ACCESS_KEY_ID": ""}, ["AWS_ACCESS_KEY_ID"]),
    ({"AWS_SECRET_ACCESS_KEY": ""}, ["AWS_SECRET_ACCESS_KEY"]),
    ({"AWS_SECRET_ACCESS_KEY": "two\nlines"}, ["no key has"]),
    ({"AWS_SESSION_TOKEN": "a\r\nHost: elsewhere"}, ["no key has"]),
    ({"AWS_REGION": "a:b"}, ["AWS_REGION"]),
    ({"AWS_REGION": "", "AWS_ENDPOINT_URL": ""}, ["AWS_ENDPOINT_URL", "AWS_REGION"]),
    ({"AWS_ENDPOINT_URL": "127.0.0.1"}, ["AWS_ENDPOINT_URL"]),
    ({"AWS_ENDPOINT_URL": "file:///etc"}, ["AWS_ENDPOINT_URL"]),
    ({"AWS_ENDPOINT_URL": "http://a:b@127.0.0.1"}, ["AWS_ENDPOINT_URL"]),
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1/?a"}, ["AWS_ENDPOINT_URL"]),
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1/#a"}, ["AWS_ENDPOINT_URL"])])
def test_environments_that_say_nothing(store, variables, words):
    refused(call(store, "read", "a", variables=variables), *words, status=FAILED)
    assert store.requests == []


@pytest.mark.parametrize("where", ["s3://", "s3:///a", "s3://b ucket", "s3://..", "s3://b/../a",
                                   "s3://b//a", "s3://b/" + "p" * 501, "gs://b", "http://b/a"])
def test_places_that_are_none(store, where):
    refused(call(store, "read", "a", where=where), where[:100], status=FAILED)
    assert store.requests == []


@pytest.mark.parametrize("name", ["../a", "a//b", "/a", "a/./b", "a\\b", "a\nb", ""])
def test_names_that_are_none(store, name):
    for what in ("read", "add", "has"):
        refused(call(store, what, name), "no name", status=FAILED)
    assert store.requests == []


# ---- what stores do ----

def test_a_wrong_secret(store):
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong-and-never-shown"}
    for what in ("read", "add"):
        line = refused(call(store, what, "a", variables=wrong), "SignatureDoesNotMatch", "HTTP 403",
                       "s3://bucket/some/prefix/a", "AWS_SECRET_ACCESS_KEY")
        assert "never-shown" not in line
    refused(call(store, "has", "a", variables=wrong), "HTTP 403")
    assert len(store.requests) == 3  # none is tried again


@pytest.mark.parametrize("fault", [stores.busy, stores.says(500, "InternalError"),
                                   stores.says(429, "TooManyRequests"),
                                   stores.says(400, "RequestTimeout"), stores.hangs_up])
@pytest.mark.parametrize("what", ["read", "add", "has"])
def test_passing_faults_are_waited_out(store, what, fault):
    if what != "add":
        yes(call(store, "add", "a", content=b"x"))
    store.requests.clear()
    if what == "has" and fault.__name__ == "script":
        fault = stores.says(500, "InternalError")  # an answer to HEAD has no body
    store.script[:] = [fault, fault]
    yes(call(store, what, "a", content=b"x"))
    assert len(store.requests) == 3
    assert list(store.files.values()) == [b"x"]


def test_faults_that_do_not_pass(store):
    store.script[:] = [stores.busy] * 9
    refused(call(store, "read", "a"), "SlowDown", "HTTP 503", "Please reduce your request rate")
    assert len(store.requests) == 4


def test_writers_that_are_in_conflict(store):
    """A store may say to both of them that they are to try again."""
    store.script[:] = [stores.says(409, "ConditionalRequestConflict")]
    yes(call(store, "add", "a", content=b"x"))


def test_a_lost_answer(store):
    store.script[:] = [stores.takes_it_and_hangs_up]
    no(call(store, "add", "a", content=b"x"))
    assert yes(call(store, "read", "a")) == b"x"


def test_a_connection_that_is_cut(store):
    yes(call(store, "add", "a", content=b"whole"))
    store.script[:] = [stores.cuts_off, stores.cuts_off]
    assert yes(call(store, "read", "a")) == b"whole"
    store.script[:] = [stores.cuts_off] * 4
    refused(call(store, "read", "a"), "s3://bucket/some/prefix/a", store.endpoint)


def test_a_store_that_hangs(store):
    yes(call(store, "add", "a", content=b"x"))
    store.script[:] = [stores.hangs]
    assert yes(call(store, "read", "a", silence=3)) == b"x"
    assert len(store.requests) >= 3


def test_a_body_that_is_too_long(store):
    store.files["/bucket/some/prefix/a"] = b"x" * 1001

    def claims(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 50))
        handler.end_headers()
        handler.wfile.write(b"x")
        handler.close_connection = True
        return True

    def pours(handler, _):
        """Without saying how much comes."""
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(3):
            handler.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        handler.close_connection = True
        return True

    assert len(yes(call(store, "read", "a", "1001"))) == 1001
    store.requests.clear()
    for script in ([], [claims], [pours]):
        store.script[:] = script
        refused(call(store, "read", "a", "1000"), "more than 1000 bytes", status=FAILED)
    assert len(store.requests) == 3


def test_redirections_are_not_followed(store):
    other = stores.Store()
    store.script[:] = [stores.says(307, "TemporaryRedirect", Location=other.endpoint + "/b/a")]
    refused(call(store, "read", "a"), "HTTP 307", "AWS_ENDPOINT_URL")
    store.script[:] = [stores.says(301, "PermanentRedirect", x_amz_bucket_region="eu-west-3")]
    refused(call(store, "read", "a"), "eu-west-3", "AWS_REGION")
    assert other.requests == []
    other.close()


@pytest.mark.parametrize("status, code, words", [
    (404, "NoSuchBucket", ["NoSuchBucket", "make the bucket first"]),
    (501, "NotImplemented", ["If-None-Match"]),
    (403, "RequestTimeTooSkewed", ["RequestTimeTooSkewed", "clock"])])
def test_what_a_store_says_is_told(store, status, code, words):
    store.script[:] = [stores.says(status, code, "Something &amp; \x1b[31m more.")]
    line = refused(call(store, "add", "a"), *words)
    assert "\x1b" not in line
    assert len(store.requests) == 1


@pytest.mark.parametrize("body", [
    b"", b"<", b"no XML at all", b"<html><body><p>Bad Gateway</html>", b"\xff\xfe<Error>",
    b"<Error>" * 100_000, b"<Error><Code>" + b"x" * 200_000,
    b'<!DOCTYPE a [<!ENTITY b "&c;&c;"><!ENTITY c "&b;&b;">]><Error><Code>&b;</Code></Error>'],
    ids=range(8))
def test_what_a_store_says_may_be_anything(store, body):
    def script(handler, _):
        handler.answer(418, body)
        return True
    store.script[:] = [script]
    assert len(refused(call(store, "read", "a"), "HTTP 418")) < 512


def test_there_is_no_store():
    class Nowhere:
        endpoint = "http://127.0.0.1:1"
    refused(call(Nowhere, "read", "a"), "s3://bucket/some/prefix/a", "http://127.0.0.1:1")


@pytest.mark.parametrize("script", [[stores.hangs], [stores.busy]])
def test_an_interruption_ends_the_waiting(store, script):
    """In a request that is not answered, and between two of them."""
    store.script[:] = script
    process = subprocess.Popen(command("read", "a", silence=100, wait=100),
                               env=environment(store), stderr=subprocess.PIPE, text=True)
    while not store.requests:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert (process.communicate(timeout=40)[1], process.returncode) == ("interrupted\n", FAILED)


# ---- TLS ----

@pytest.fixture
def secure_store(store, tmp_path):
    """With a certificate of its own, in cert.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"], check=True,
                   capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    store.server.socket = context.wrap_socket(store.server.socket, server_side=True)
    store.endpoint = f"https://localhost:{store.server.server_port}"
    store.certificate = str(tmp_path / "cert.pem")
    return store


def test_certificates_are_checked(secure_store):
    trusted = {"AWS_CA_BUNDLE": secure_store.certificate}
    yes(call(secure_store, "add", "a", content=b"x", variables=trusted))
    assert yes(call(secure_store, "read", "a", variables=trusted)) == b"x"
    secure_store.requests.clear()
    refused(call(secure_store, "read", "a"), "certificate")
    secure_store.endpoint = secure_store.endpoint.replace("localhost", "127.0.0.1")
    refused(call(secure_store, "read", "a", variables=trusted), "certificate")
    refused(call(secure_store, "read", "a", variables={"AWS_CA_BUNDLE": "/none"}), "/none")
    assert secure_store.requests == []
