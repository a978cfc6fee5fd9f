"""The S3 service to test against: one made for tests, or a real one that was started before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A `Service` as JSON, for ``contrib/test --s3-server``.
VARIABLE = "DEBREPO_TEST_S3"


class Service(NamedTuple):
    """A service on this machine, and what sets it apart."""

    port: int
    access_key: str
    secret_key: str
    public: str = "/{bucket}"  #: where anybody may read what is in a bucket
    acl: str = ""  #: that buckets and objects need for that
    lacks: tuple[str, ...] = ()  #: what tests that need it ask for by the fixture ``needs``
    timeout: int = 4


_SERVE = """
import logging, sys
from werkzeug.serving import make_server
from moto.server import DomainDispatcherApplication, create_backend_app
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server(
    "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True
)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def service(log: Path, *, page: int = 1000) -> Iterator[Service]:
    """Return the service that the environment names, or run moto's, with pages of such a size."""
    if VARIABLE in os.environ:
        yield Service(**json.loads(os.environ[VARIABLE]))
        return
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _SERVE],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | {"MOTO_S3_DEFAULT_MAX_KEYS": str(page)},
        )
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, log.read_text()
            yield Service(
                int(line),
                "AKIDEXAMPLE",
                "a secret/with+odd signs",
                acl="public-read",
                lacks=("checked digests", "room for 5 GB"),
            )
        finally:
            process.kill()
            process.communicate()
