"""Archives: one for each column of the table, all with the same packages."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from debrepo.testing.packages import build_deb, build_source

if TYPE_CHECKING:
    from pathlib import Path


class Column(NamedTuple):
    """A way to publish."""

    name: str  #: of the distribution
    title: str
    said: str  #: what the page says of it
    options: tuple[str, ...] = ()


#: Each server has the usual port: apt-mirror 0.5.4 loses what it fetched from another one.
_HOST, _S3, _PROXY = "127.0.0.1", "127.0.0.2", "127.0.0.3"

_BEHIND = "behind a proxy that caches all but Release files, and read them all before an update"

COLUMNS = (
    Column("defaults", "defaults", "`debrepo publish repo` without options: gz and xz, SHA256"),
    Column("gz", "gz", "`--compressions gz`", ("--compressions", "gz")),
    Column("xz", "xz", "`--compressions xz`", ("--compressions", "xz")),
    Column("bz2", "bz2", "`--compressions bz2`", ("--compressions", "bz2")),
    Column("zst", "zst", "`--compressions zst`", ("--compressions", "zst")),
    Column("plain", "plain", "`--compressions plain`", ("--compressions", "plain")),
    Column("sha512", "sha512", "`--sums sha512`", ("--sums", "sha512")),
    Column("keys", "two keys", "signed with two keys; the client knows the second"),
    Column("sources", "sources", "the client also reads source packages"),
    Column("udebs", "udebs", "the client also reads packages of the installer"),
    Column("components", "components", "two components, `main` and `extra`"),
    Column("slash", "slash", "a component `team/tools` beside `main`"),
    Column("s3", "S3", "in a bucket of an S3 service (moto)"),
    Column("proxy", "proxy", _BEHIND),
)


@dataclass(frozen=True)
class Served:
    """An archive as a client meets it."""

    column: str
    url: str
    suite: str
    components: tuple[str, ...]
    wanted: tuple[str, ...]  #: names of packages that the client has to get
    version: str  #: of ``greeter``
    key: str
    keyring: bytes
    sizes: dict[str, int]  #: of package files, by name

    @property
    def host(self) -> str:
        """The server and its port."""
        return self.url.split("/")[2]

    def stanza(self, types: str = "deb", **more: str) -> str:
        """Return a deb822 source with the key in it."""
        key = "".join(f" {line or '.'}\n" for line in self.key.splitlines())
        components = " ".join(more.pop("components", " ".join(self.components)).split())
        return (
            f"Types: {types}\nURIs: {self.url}\nSuites: {self.suite}\n"
            f"Components: {components}\nArchitectures: amd64\nSigned-By:\n{key}"
        )

    def line(self, kind: str = "deb", options: str = "signed-by=/etc/key.gpg") -> str:
        """Return a source in one line."""
        options = f" [{options}]" if options else ""
        return f"{kind}{options} {self.url} {self.suite} {' '.join(self.components)}\n"


class Archives:
    """A root of debrepo with a publication for each column, and what serves them."""

    def __init__(self, work: Path) -> None:
        self.root = work / "root"
        self.public = self.root / "public"
        self._work = work
        self._processes: list[subprocess.Popen[str]] = []
        self._server: ThreadingHTTPServer | None = None
        self.served: dict[str, Served] = {}

    def make(self) -> None:
        """Publish everything, and start the servers."""
        s3 = self._start_s3()
        self.root.mkdir(parents=True)
        (self.root / "debrepo.toml").write_text(s3)
        for name in ("First key", "Second key"):
            self("key", "create", "--name", name)
        keys = re.findall(r"\b[0-9A-F]{40}\b", self("key", "list", "--json"))
        first, second = dict.fromkeys(keys)
        self._packages()
        url = self._start_server()
        for column in COLUMNS:
            self._publish(column, [first, second] if column.name == "keys" else [first])
        trusted = {name: self("key", "export", name) for name in (first, second)}
        sizes = {path.name: path.stat().st_size for path in (self._work / "debs").iterdir()}
        for column in COLUMNS:
            key = trusted[second if column.name == "keys" else first]
            components = _COMPONENTS.get(column.name, ("main",))
            extra = ("spare",) if len(components) > 1 else ()
            self.served[column.name] = Served(
                column.name, url, column.name, components, ("hello", "greeter", "libgreet", *extra),
                "1.0", key, _dearmored(key), sizes,
            )  # fmt: skip
        self.served["s3"] = replace(self.served["s3"], url=f"http://{_S3}/clients")
        self._cache(url)

    def __call__(self, *words: str) -> str:
        """Run ``debrepo``."""
        command = [sys.executable, "-m", "debrepo", "--root", str(self.root), *words]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DEBREPO_")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            sys.exit(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """Stop the servers."""
        for process in self._processes:
            process.terminate()
            process.communicate()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def _packages(self) -> None:
        debs = self._work / "debs"
        debs.mkdir()
        required = {"Priority": "required", "Section": "misc"}
        for name in ("base-files", "dpkg", "apt"):  # debootstrap asks for some by name
            more = {"Depends": "greeter"} if name == "apt" else {}  # of which it downloads all
            paths = {f"usr/share/doc/{name}/x": b""}
            build_deb(debs, name, "0.1", fields=required | more, paths=paths)
        command = {"usr/bin/say-hello": b"#!/bin/sh\necho hello\n"}
        build_deb(debs, "hello", "1:2.10-3+b1", fields={"Section": "misc"}, paths=command)
        build_deb(debs, "libgreet", "0.9~rc1-1", "all", fields={"Section": "libs"})
        build_deb(debs, "hello-udeb", "2.10-3", extension="udeb")
        build_source(debs, "hello", "1:2.10-3")
        build_deb(debs, "spare", "1.0", "all", fields={"Section": "misc"})
        self._greeter("1.0")
        self("repo", "create", "tools")
        self("repo", "create", "extra")
        spare = debs / "spare_1.0_all.deb"
        given = [path for path in sorted(debs.iterdir()) if path != spare]
        files = [path for path in given if path.suffix in (".deb", ".udeb", ".dsc")]
        self("repo", "add", "tools", *map(str, files))
        self("repo", "add", "extra", str(spare))

    def _greeter(self, version: str) -> Path:
        fields = {"Depends": "libgreet (>= 0.9~)", "Section": "misc", "Priority": "optional"}
        return build_deb(self._work / "debs", "greeter", version, "all", fields=fields)

    def _publish(self, column: Column, keys: list[str]) -> None:
        components = _COMPONENTS.get(column.name, ("main",))
        names = ["tools", "extra"][: len(components)]
        place = ["s3:lab:."] if column.name == "s3" else []
        words = ["publish", "repo", *names, *place, "--distribution", column.name]
        for key in keys:
            words += ["--gpg-key", key]
        self(*words, "--component", ",".join(components), *column.options)

    def _start_server(self) -> str:
        self.public.mkdir(exist_ok=True)
        handler = partial(_Handler, directory=str(self.public))
        self._server = ThreadingHTTPServer((_HOST, 80), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://{_HOST}"

    def _start_s3(self) -> str:
        """Run moto with a bucket; return the configuration for it."""
        command = [sys.executable, "-W", "ignore", "-c", _MOTO, _S3]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        assert process.stdout
        process.stdout.readline()
        url = f"http://{_S3}"
        urllib.request.urlopen(urllib.request.Request(f"{url}/clients", method="PUT")).close()
        return (
            f'[storage.s3.lab]\nbucket = "clients"\nendpoint = "{url}"\nregion = "us-east-1"\n'
            'access_key_id = "x"\nsecret_access_key = "x"\nacl = "public-read"\n'
        )

    def _cache(self, behind: str) -> None:
        """Put a caching proxy before the archive, let it see everything, and update the archive."""
        home = self._work / "nginx"
        home.mkdir(mode=0o755)
        (home / "nginx.conf").write_text(_NGINX.format(home=home, host=_PROXY, behind=behind))
        nginx = ["nginx", "-p", str(home), "-c", f"{home}/nginx.conf", "-e", f"{home}/errors"]
        self._processes.append(subprocess.Popen(nginx, text=True))
        url = f"http://{_PROXY}"
        _wait(f"{url}/dists/proxy/Release")
        for path in sorted((self.public / "dists/proxy").rglob("*")):
            if path.is_file():
                urllib.request.urlopen(f"{url}/{path.relative_to(self.public)}").read()
        newer = self._greeter("2.0")
        self("repo", "add", "tools", str(newer))
        self("publish", "update", "proxy")
        sizes = {path.name: path.stat().st_size for path in (self._work / "debs").iterdir()}
        self.served["proxy"] = replace(self.served["proxy"], url=url, version="2.0", sizes=sizes)


_COMPONENTS = {"components": ("main", "extra"), "slash": ("main", "team/tools")}

_MOTO = """
import logging, sys
from werkzeug.serving import make_server
from moto.server import DomainDispatcherApplication, create_backend_app
logging.getLogger("werkzeug").setLevel(logging.ERROR)
application = DomainDispatcherApplication(create_backend_app)
server = make_server(sys.argv[1], 80, application, threaded=True)
print("ready", flush=True)
server.serve_forever()
"""

_NGINX = """
daemon off;
user root;
worker_processes 1;
pid {home}/pid;
events {{}}
http {{
    access_log off;
    proxy_cache_path {home}/cache keys_zone=all:1m;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/temp;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen {host}:80;
        location / {{
            proxy_pass {behind};
            proxy_cache all;
            proxy_cache_valid 200 1d;
        }}
        location ~ /dists/[^/]+/(In)?Release(.gpg)?$ {{
            proxy_pass {behind};
        }}
    }}
}}
"""


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass


def free_port() -> int:
    """Return a port that nobody listens on; apt-cacher-ng takes none above 32767."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.randrange(10_000, 30_000)
            probe.bind(("127.0.0.1", port))
            return port


def _wait(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"nothing answers at {url}")


def _dearmored(key: str) -> bytes:
    done = subprocess.run(["gpg", "--dearmor"], input=key.encode(), capture_output=True, check=True)
    return done.stdout
