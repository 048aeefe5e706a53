"""A redis-server and a store for the tests of queues and depots."""
import pytest

import store as stores
from queueing import redis_at


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with redis_at(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def redis(server):
    server.ask("FLUSHALL")
    return server


@pytest.fixture
def store():
    served = stores.Store()
    yield served
    served.close()
