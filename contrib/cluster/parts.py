"""What a cluster on one machine is made of, besides PostgreSQL."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from processes import Failed, free_port, started

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BUCKET = "cluster"
STORAGE = "s3:cluster"
_S3_SERVER = Path(__file__).resolve().parents[1] / "s3-server"
_MOTO = """
import logging, sys
from werkzeug.serving import make_server
from moto.server import DomainDispatcherApplication, create_backend_app
logging.getLogger("werkzeug").setLevel(logging.ERROR)
application = DomainDispatcherApplication(create_backend_app)
make_server("127.0.0.1", int(sys.argv[1]), application, threaded=True).serve_forever()
"""
_LONGEST = 120.0  # seconds until a part answers
NGINX = """\
# Made by contrib/cluster/run; docs/guide/cluster.md explains it.
daemon off;
pid {place}/nginx.pid;
error_log {place}/error.log warn;
worker_processes 1;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log {place}/access.log;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    upstream nodes {{
{nodes}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        client_max_body_size 4g;
        location /debian/ {{
            proxy_pass http://127.0.0.1:{store}{public}/debian/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
        location / {{
            proxy_pass http://nodes;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_request_buffering on;
            proxy_connect_timeout 2s;
            proxy_read_timeout 600s;
        }}
    }}
}}
"""


class Bucket:
    """An object store with one bucket: moto's in memory, or a real one of ``contrib/s3-server``."""

    def __init__(self, place: Path, kind: str = "moto") -> None:
        self.place = place / "store"
        self.kind = kind
        self.place.mkdir(parents=True)
        self.log = self.place / "log"
        self.service: dict[str, object] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> int:
        return int(str(self.service["port"]))

    @property
    def public(self) -> str:
        """The path below which anybody may read what is in the bucket."""
        path = str(self.service.get("public", "/{bucket}"))
        return path.partition(f":{self.port}")[2].format(bucket=BUCKET) or f"/{BUCKET}"

    def start(self) -> None:
        """Start the service, and make the bucket once it answers."""
        if self.kind == "moto":
            self._start_moto()
        else:
            ready = self.place / "ready"
            self._process = started([_S3_SERVER, self.kind, ready], self.log)
            self._wait(ready.exists)
            self.service = json.loads(ready.read_text())
        self._create()

    def _start_moto(self) -> None:
        port = free_port()
        self._process = started([sys.executable, "-W", "ignore", "-c", _MOTO, port], self.log)
        self._wait(lambda: answers(port))
        self.service = {
            "port": port, "access_key": "AKIDCLUSTER", "secret_key": "a-secret",
            "acl": "public-read", "timeout": 30,
        }  # fmt: skip

    def _wait(self, ready: Callable[[], bool]) -> None:
        assert self._process is not None
        deadline = time.monotonic() + 10 * _LONGEST  # a chroot may have to be made
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the object store did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def _create(self) -> None:
        from botocore.config import Config
        from botocore.session import Session

        options = self.options()
        client = Session().create_client(
            "s3",
            config=Config(s3={"addressing_style": "path"}),
            region_name="us-east-1",
            endpoint_url=options["endpoint"],
            aws_access_key_id=options["access_key_id"],
            aws_secret_access_key=options["secret_access_key"],
        )
        acl = {"ACL": options["acl"]} if options["acl"] else {}
        client.create_bucket(Bucket=BUCKET, **acl)
        client.close()

    def options(self) -> dict[str, object]:
        """Return the settings of ``storage.s3.cluster``."""
        service = self.service
        return {
            "bucket": BUCKET,
            "endpoint": f"http://127.0.0.1:{self.port}",
            "access_key_id": service["access_key"],
            "secret_access_key": service["secret_key"],
            "acl": service.get("acl", ""),
            "timeout": service.get("timeout", 30),
        }

    def stop(self) -> None:
        """End the service, which forgets everything."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None


class Node:
    """A ``debrepo serve`` with a root of its own, at a port that it keeps."""

    def __init__(
        self, place: Path, number: int, environment: dict[str, str], root: str = ""
    ) -> None:
        self.name = f"node{number}"
        self.root = place / (root or self.name)
        self.port = free_port()
        self.environment = {
            name: text for name, text in os.environ.items() if not name.startswith("DEBREPO_")
        } | environment
        self.log = place / f"{self.name}.log"
        self.cpu = 0.0  #: seconds of the processes that have ended
        self._process: subprocess.Popen[bytes] | None = None
        self.root.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def configure(self, settings: dict[str, dict[str, object]]) -> None:
        """Write ``debrepo.toml``."""
        lines = []
        for section, values in settings.items():
            lines += [f"[{section}]", *(f"{name} = {_toml(one)}" for name, one in values.items())]
        (self.root / "debrepo.toml").write_text("\n".join(lines) + "\n")
        (self.root / "debrepo.toml").chmod(0o600)

    def __call__(self, *words: object, check: bool = True) -> str:
        """Run a command on the root, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "debrepo", "--root", str(self.root), *map(str, words)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and check:
            raise Failed(f"{self.name}: debrepo {' '.join(map(str, words))}: {done.stderr.strip()}")
        return done.stdout if check else done.stdout + done.stderr

    def start(self, *, wait: bool = True) -> None:
        """Start the server; ``wait`` until it answers."""
        words = [sys.executable, "-m", "debrepo", "--root", self.root, "serve", "--require-token"]
        words += ["--listen", f"127.0.0.1:{self.port}"]
        self._process = started(words, self.log, self.environment)
        if wait:
            self.wait()

    def wait(self) -> None:
        """Return once the server answers."""
        assert self._process is not None
        deadline = time.monotonic() + _LONGEST
        while not answers(self.port, "/api/ready"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{self.name} did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the server, as when its machine is lost."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        """End the server, and return its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        code = self._process.wait()
        self._process = None
        return code


class Nginx:
    """nginx before the nodes and the bucket."""

    def __init__(self, place: Path) -> None:
        self.place = place / "nginx"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.place.mkdir(parents=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, nodes: Sequence[Node], bucket: Bucket) -> None:
        """Start nginx, and return once it answers."""
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise Failed('no nginx on this machine; run "apt-get install nginx-light"')
        servers = [f"        server 127.0.0.1:{node.port} max_fails=0;" for node in nodes]
        text = NGINX.format(
            place=self.place,
            user="user nobody nogroup;" if os.geteuid() == 0 else "",
            nodes="\n".join(servers),
            port=self.port,
            store=bucket.port,
            public=bucket.public,
        )
        (self.place / "nginx.conf").write_text(text)
        words = [program, "-p", self.place, "-c", self.place / "nginx.conf"]
        words += ["-e", self.place / "error.log"]
        self._process = started(words, self.place / "error.log")
        deadline = time.monotonic() + _LONGEST
        while not answers(self.port, "/debian/"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self.place / "error.log").read_text()[-2000:]
                raise Failed(f"nginx did not start: {log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End nginx."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


def answers(port: int, path: str = "/") -> bool:
    """Return whether there is an HTTP server at a port which has no fault of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _toml(value: object) -> str:
    return json.dumps(value)
