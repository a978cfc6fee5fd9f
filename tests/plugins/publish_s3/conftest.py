import itertools
from contextlib import ExitStack

import pytest
from object_stores import moto
from object_stores.strict import ACCESS_KEY, SECRET_KEY, StrictProxy

from debrepo.testing.faults import running
from debrepo_publish_s3 import client
from debrepo_publish_s3.options import Options
from debrepo_publish_s3.storage import S3Storage

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with moto.moto(tmp_path_factory.mktemp("moto") / "log") as port:
        yield port


@pytest.fixture
def bucket(server):
    name = f"bucket-{next(_NUMBERS)}"
    moto.request(server, "PUT", f"/{name}")
    return name


@pytest.fixture(scope="session")
def proxies(server):
    """Return a function that starts a proxy of each kind once."""
    started = {}
    with ExitStack() as stack:

        def start(**strict):
            key = frozenset(strict.items())
            if key not in started:
                make = running(server, lambda target: StrictProxy(target, **strict))
                started[key] = stack.enter_context(make)
            return started[key]

        yield start


@pytest.fixture
def strict():
    """Return how the service differs from Amazon's, for tests to override."""
    return {}


@pytest.fixture
def proxy(proxies, strict):
    proxy = proxies(**strict)
    proxy.reset()
    return proxy


@pytest.fixture
def settings(bucket):
    return {
        "bucket": bucket,
        "prefix": "deb",
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET_KEY,
        "attempts": 3,
        "timeout": 1,
        "conditional_writes": "yes",
    }


@pytest.fixture(scope="session")
def services():
    """Return clients of the AWS library, which take long to make, by what they depend on."""
    made = {}
    yield made
    for service in made.values():
        service.close()


@pytest.fixture
def open_bucket(settings, services):
    """Return a function that opens the bucket through a port, as a node of its own."""

    def connect(port, **more):
        options = Options(**settings | {"endpoint": f"http://127.0.0.1:{port}"} | more)
        key = options._replace(bucket="", prefix="", conditional_writes="")
        if key not in services:
            services[key] = client.connect(options)
        pauseless = client.Client(options, pause=lambda seconds: None, service=services[key])
        return S3Storage(options, client=pauseless)

    return connect
