import itertools
import os
import secrets
import time
from collections import Counter
from contextlib import ExitStack

import pytest
from botocore.config import Config
from botocore.session import Session
from object_stores import services
from object_stores.strict import StrictProxy

from debrepo.testing.faults import running
from debrepo_publish_s3.client import Client
from debrepo_publish_s3.options import Options
from debrepo_publish_s3.storage import S3Storage

_NUMBERS = itertools.count()
_RUN = secrets.token_hex(4)
_REAL = services.VARIABLE in os.environ
_HURRY = 1 if _REAL else 20  # times faster; a real service may need the time to settle


def pytest_terminal_summary(terminalreporter):
    """Say what the real service could not be asked, and why."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, number in sorted(reasons.items()) if _REAL else ():
        terminalreporter.write_line(f"left out {number}: {reason}")


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    log = tmp_path_factory.mktemp("service") / "log"
    with services.service(log, page=100) as service:  # so that a few hundred names take several
        yield service


@pytest.fixture
def needs(service):
    """Return a function that skips the test where the service lacks something."""

    def needs(*things):
        if missing := set(things) & set(service.lacks):
            pytest.skip(f"the service has no {', '.join(sorted(missing))}")

    return needs


@pytest.fixture(scope="session")
def credentials(service):
    return {"access_key_id": service.access_key, "secret_access_key": service.secret_key}


@pytest.fixture(scope="session")
def direct(service):
    """Return a client of the AWS library that talks to the service, past any proxy."""
    direct = Session().create_client(
        "s3",
        config=Config(read_timeout=30, s3={"addressing_style": "path"}),
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{service.port}",
        aws_access_key_id=service.access_key,
        aws_secret_access_key=service.secret_key,
    )
    yield direct
    direct.close()


@pytest.fixture(scope="session")
def new_bucket(direct, service):
    """Return a function that makes a bucket which anybody may read, and tells its name."""

    def make():
        name = f"bucket-{_RUN}-{next(_NUMBERS)}"
        direct.create_bucket(Bucket=name, **{"ACL": service.acl} if service.acl else {})
        return name

    return make


@pytest.fixture
def bucket(new_bucket):
    return new_bucket()


@pytest.fixture(scope="session")
def proxies(service):
    """Return a function that starts a proxy of each kind once."""
    started = {}
    with ExitStack() as stack:

        def start(**strict):
            key = frozenset(strict.items())
            if key not in started:
                make = running(StrictProxy(service, **strict))
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


@pytest.fixture(scope="session")
def common(service, credentials):
    """Return the settings of all buckets."""
    return {
        **credentials,
        "prefix": "deb",
        "acl": service.acl,
        "attempts": 3,
        "timeout": service.timeout,
        "conditional_writes": "auto" if "conditions" in service.lacks else "yes",
    }


@pytest.fixture
def settings(common, bucket):
    return common | {"bucket": bucket}


@pytest.fixture
def open_bucket(settings):
    """Return a function that opens the bucket through a port, as a node of its own."""

    opened = []

    def pause(seconds):
        time.sleep(seconds / _HURRY)

    def connect(port, **more):
        options = Options(**settings | {"endpoint": f"http://127.0.0.1:{port}"} | more)
        opened.append(S3Storage(options, client=Client(options, pause=pause)))
        return opened[-1]

    yield connect
    for storage in opened:
        storage.close()
