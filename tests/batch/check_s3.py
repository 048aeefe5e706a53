"""Depots in moto's S3, whose server checks signatures with botocore's code: ./run check s3, which
has moto and boto3 from PyPI."""
import collections
import json
import os
import pathlib
import subprocess
import threading
import urllib.request

import boto3
import pytest
from moto.moto_server.werkzeug_app import (DomainDispatcherApplication, MotoRequestHandler,
                                          create_backend_app)
from werkzeug.serving import make_server

import test_depot_store as ours
from queueing import (QUICK, batch, edit_here, finish, hashes, redis_at, table, working, write_list)
from test_depot_store import NO, ODD, OUT, YES

BUCKET, REGION = "pictures-of-many", "eu-central-1"
# What a worker and whoever gives it work must be allowed, as docs/SCALING.md says.
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
     "Resource": f"arn:aws:s3:::{BUCKET}/*"},
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}]}
Moto = collections.namedtuple("Moto", "endpoint user reader session")


def keys(made):
    return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            **({"AWS_SESSION_TOKEN": made["SessionToken"]} if "SessionToken" in made else {})}


def make_accounts(endpoint):
    """A user who may do all, one who may only read, and the keys of a session."""
    client = {name: boto3.client(name, endpoint_url=endpoint, region_name=REGION,
                                 aws_access_key_id="none", aws_secret_access_key="none")
              for name in ("iam", "s3", "sts")}
    client["s3"].create_bucket(Bucket=BUCKET,
                               CreateBucketConfiguration={"LocationConstraint": REGION})
    found = []
    for name, statements in (("worker", POLICY["Statement"]), ("reader", [
            {**POLICY["Statement"][0], "Action": "s3:GetObject"}])):
        client["iam"].create_user(UserName=name)
        client["iam"].put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(
            {**POLICY, "Statement": statements}))
        found.append(client["iam"].create_access_key(UserName=name)["AccessKey"])
    role = client["iam"].create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}))["Role"]
    client["iam"].put_role_policy(RoleName="role", PolicyName="all",
                                  PolicyDocument=json.dumps(POLICY))
    found.append(client["sts"].assume_role(RoleArn=role["Arn"], RoleSessionName="session")[
        "Credentials"])
    return [keys(made) for made in found]


def one_at_a_time(application):
    """Moto looks whether a name is taken, then stores under it; S3 promises that as one step."""
    lock = threading.Lock()

    def answer(environ, start_response):
        with lock:
            return application(environ, start_response)

    return answer


@pytest.fixture(scope="module")
def moto():
    server = make_server("127.0.0.1", 0, one_at_a_time(DomainDispatcherApplication(
        create_backend_app)), threaded=True, request_handler=MotoRequestHandler)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        accounts = make_accounts(endpoint)
        # from the next request on, signatures and policies are checked
        urllib.request.urlopen(urllib.request.Request(
            endpoint + "/moto-api/reset-auth", data=b"0", method="POST",
            headers={"Content-Type": "text/plain"})).close()
        yield Moto(endpoint, *accounts)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def s3(moto):
    """AWS's own client."""
    return boto3.client("s3", endpoint_url=moto.endpoint, region_name=REGION,
                        aws_access_key_id=moto.user["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=moto.user["AWS_SECRET_ACCESS_KEY"])


def call(moto, what, name, *more, content=b"", account=None, **variables):
    where = f"s3://{BUCKET}/a prefix+"
    return ours.call(moto, what, name, *more, content=content, where=where,
                     variables={"AWS_REGION": REGION, **(account or moto.user), **variables})


def test_a_file_is_added_found_and_read(moto):
    ours.no(call(moto, "has", "a.png"))
    ours.refused(call(moto, "read", "a.png"), "a.png", "404", status=ours.FAILED)
    ours.yes(call(moto, "add", "a.png", content=b"\0bytes\xff"))
    ours.no(call(moto, "add", "a.png", content=b"other bytes"))
    ours.yes(call(moto, "has", "a.png"))
    assert ours.yes(call(moto, "read", "a.png")) == b"\0bytes\xff"
    stored = s3(moto).get_object(Bucket=BUCKET, Key="a prefix+/a.png")
    assert stored["Body"].read() == b"\0bytes\xff"


@pytest.mark.parametrize("what", ["read", "add", "has"])
@pytest.mark.parametrize("changed, words", [
    ({"AWS_SECRET_ACCESS_KEY": "wrong"}, ["SignatureDoesNotMatch"]),
    ({"AWS_ACCESS_KEY_ID": "AKIAWRONG"}, ["InvalidAccessKeyId"])])
def test_wrong_keys_are_refused(moto, what, changed, words):
    """That moto does check is what makes the other tests worth something."""
    ours.refused(call(moto, what, "a.png", **changed), "HTTP 403",
                 *(words if what != "has" else []))  # an answer to HEAD has no body


@pytest.mark.parametrize("name", [ODD, "n" * 200, "x/..y/...", "a%2Fb", "a%", "%41", "a+b c"])
def test_odd_names(moto, name):
    ours.yes(call(moto, "add", "odd/" + name, content=name.encode()))
    assert ours.yes(call(moto, "read", "odd/" + name)) == name.encode()
    ours.yes(call(moto, "has", "odd/" + name))


def test_sizes(moto):
    for size in (0, 1, 1_048_577, 5_000_000):
        content = os.urandom(size)
        ours.yes(call(moto, "add", f"size-{size}", content=content))
        assert ours.yes(call(moto, "read", f"size-{size}", str(size))) == content
    ours.refused(call(moto, "read", "size-1048577", "1048576"), "more than 1048576 bytes",
                 status=ours.FAILED)


def test_sessions(moto):
    ours.yes(call(moto, "add", "session.png", content=b"x", account=moto.session))
    assert ours.yes(call(moto, "read", "session.png", account=moto.session)) == b"x"
    for token in ("", "wrong"):
        ours.refused(call(moto, "read", "session.png", account=moto.session,
                          AWS_SESSION_TOKEN=token), "AWS_SESSION_TOKEN")


def test_who_may_only_read(moto):
    ours.yes(call(moto, "add", "read.png", content=b"x"))
    assert ours.yes(call(moto, "read", "read.png", account=moto.reader)) == b"x"
    ours.refused(call(moto, "add", "new.png", content=b"x", account=moto.reader), "AccessDenied",
                 "new.png", "policy")
    ours.no(call(moto, "has", "new.png"))


def test_a_bucket_that_is_not_there(moto):
    result = ours.call(moto, "add", "a.png", where="s3://no-such-bucket",
                       variables={"AWS_REGION": REGION, **moto.user})
    assert result.returncode == OUT, result.stderr


def test_writers_at_the_same_time(moto):
    """Whoever is first wins; all others hear that they were not."""
    where = f"s3://{BUCKET}/race"
    variables = ours.environment(moto, AWS_REGION=REGION, **moto.user)
    for i in range(5):
        writers = [subprocess.Popen(ours.command("add", f"{i}.png", where=where), env=variables,
                                    stdin=subprocess.PIPE, stderr=subprocess.PIPE)
                   for _ in range(6)]
        for number, writer in enumerate(writers):
            writer.stdin.write(bytes([number]) * 1000)
            writer.stdin.close()
        codes = [writer.wait(60) for writer in writers]
        assert sorted(codes) == [YES] + [NO] * 5, [writer.stderr.read() for writer in writers]
        result = ours.call(moto, "read", f"{i}.png", where=where,
                           variables={"AWS_REGION": REGION, **moto.user})
        assert ours.yes(result) == bytes([codes.index(YES)]) * 1000


# ---- batches ----

def machine(folder, name):
    """A folder in which nothing is that another machine has."""
    (folder / name).mkdir()
    return folder / name


def test_a_batch_whose_workers_share_nothing_else(moto, tmp_path):
    where = f"s3://{BUCKET}/many"
    aws = {"AWS_ENDPOINT_URL": moto.endpoint, "AWS_REGION": REGION}
    write_list(tmp_path, 12)
    with redis_at(tmp_path / "redis") as redis, \
            working(redis.url, machine(tmp_path, "one"), root=where, **aws, **moto.user) as one, \
            working(redis.url, machine(tmp_path, "two"), root=where, **aws, **moto.session) as two:
        said = finish(batch(redis.url, tmp_path, *QUICK, root=where, **aws, **moto.user))
    assert "12 lines: 12 done, 0 failed" in said
    assert (one.returncode, two.returncode) == (0, 0), one.said + two.said
    assert hashes(tmp_path) == edit_here(tmp_path, *QUICK)
    names = [found["Key"] for found in s3(moto).list_objects_v2(Bucket=BUCKET, Prefix="many/")[
        "Contents"]]
    assert len([name for name in names if name.startswith("many/pictures/")]) == 2
    assert len([name for name in names if name.startswith("many/results/")]) == 24
    assert [file for name in ("one", "two") for file in (tmp_path / name).iterdir()] == []


def test_a_batch_at_a_store_that_refuses_the_workers(moto, tmp_path):
    """No line fails for it: the worker gives back what it has, and another does it."""
    where = f"s3://{BUCKET}/refused"
    aws = {"AWS_ENDPOINT_URL": moto.endpoint, "AWS_REGION": REGION}
    write_list(tmp_path, 3)
    with redis_at(tmp_path / "redis") as redis:
        running = batch(redis.url, tmp_path, *QUICK, root=where, **aws, **moto.user)
        with working(redis.url, machine(tmp_path, "one"), "--idle-exit", "2", root=where, **aws,
                     **moto.reader) as reader:
            said = [reader.stderr.readline() for _ in range(2)]  # that it waits, and why it does
        with working(redis.url, machine(tmp_path, "two"), root=where, **aws, **moto.user):
            finish(running)
    assert "AccessDenied" in said[1] and "1 given back" in reader.said, said + [reader.said]
    assert [row["state"] for row in table(tmp_path)] == ["done"] * 3
