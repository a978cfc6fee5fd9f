"""Clients of a cluster: some add packages and publish, others are apt."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from apt import Apt
from processes import Failed
from whole import DISTRIBUTION, PUBLISHED

from debrepo.testing.packages import build_deb

if TYPE_CHECKING:
    from pathlib import Path

    from whole import Cluster

REPO = "tools"
_BOUNDARY = "debrepo-cluster"
_BETWEEN = 0.25  # seconds before a request is sent again
#: Answers after which a client asks again: the node is gone, or could not do it now.
_AGAIN = (409, 429, 500, 502, 503, 504)
#: What is said of a request whose node has died before it answered: it may have been carried out.
_UNKNOWN = "with this key"


class Answered(NamedTuple):
    """A piece of work that was acknowledged."""

    what: str
    began: float  #: seconds since the load began
    wait: float  #: seconds from the first request until the last answer
    attempts: int


class Books:
    """What became of all requests."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.answered: list[Answered] = []
        self.packages: list[str] = []
        self.refused: Counter[str] = Counter()  #: answers which a client asked again after
        self.failed: list[str] = []
        self.apt_runs: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, what: str, began: float, attempts: int, package: str = "") -> None:
        with self._lock:
            wait = time.monotonic() - began
            self.answered.append(Answered(what, began - self.began, wait, attempts))
            if package:
                self.packages.append(package)

    def note_refusal(self, why: str) -> None:
        with self._lock:
            self.refused[why] += 1

    def note_failure(self, why: str) -> None:
        with self._lock:
            self.failed.append(f"{time.monotonic() - self.began:.1f} s: {why}")

    def longest(self, what: str) -> Answered | None:
        return max((one for one in self.answered if one.what == what), key=_wait, default=None)


class Caller:
    """A client of the API that asks again, with the same key, until it is answered."""

    def __init__(self, cluster: Cluster, books: Books, patience: float) -> None:
        self._port = cluster.nginx.port
        self._headers = {"Authorization": f"Bearer {cluster.token}"}
        self._books = books
        self._patience = patience
        self._connection = self._connect()

    def close(self) -> None:
        self._connection.close()

    def ask(
        self,
        what: str,
        method: str,
        path: str,
        body: bytes,
        kind: str,
        began: float,
        package: str = "",
    ) -> bool:
        """Send a request until it is done; return whether it was, or has to be begun anew."""
        headers = self._headers | {"Content-Type": kind}
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        attempts = 0
        while True:
            attempts += 1
            try:
                self._connection.request(method, path, body, headers)
                answer = self._connection.getresponse()
                status, said = answer.status, answer.read().decode(errors="replace")
            except (OSError, http.client.HTTPException) as error:
                status, said = 0, type(error).__name__
                self._connection.close()
                self._connection = self._connect()
            if status in (200, 201) and '"FailedFiles":["' not in said.replace(" ", ""):
                self._books.note(what, began, attempts, package)
                return True
            why = f"{what}: {status} {_reason(status, said)}"
            self._books.note_refusal(why)
            late = time.monotonic() - began > self._patience
            if not late and (_UNKNOWN in said or status == 404):
                time.sleep(_BETWEEN)
                return False
            if late or (status and status not in _AGAIN):
                self._books.note_failure(f"gave up after {attempts} attempts: {why}")
                return False
            time.sleep(_BETWEEN)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._patience)


class Writer(threading.Thread):
    """Adds packages one after the other, and publishes after some of them."""

    def __init__(self, load: Load, number: int) -> None:
        super().__init__(name=f"writer {number}", daemon=True)
        self._load = load
        self._number = number
        self._dice = random.Random(number)

    def run(self) -> None:
        load = self._load
        caller = Caller(load.cluster, load.books, load.patience)
        made = 0
        while not load.ended.is_set() and made < load.most:
            made += 1
            name = f"{load.name}{self._number}x{made}"
            path = build_deb(load.debs, name, compression="gzip")
            body = _form(path)
            path.unlink()
            began = time.monotonic()
            while not add(caller, name, body, began):
                if time.monotonic() - began > load.patience:
                    break
            if self._dice.random() < load.publishing:
                publish(caller)
            load.ended.wait(self._dice.random() * 2 * load.pause)
        caller.close()


class Reader(threading.Thread):
    """apt, which updates and downloads over and over."""

    def __init__(self, load: Load, number: int, source: str) -> None:
        super().__init__(name=f"apt {number}", daemon=True)
        self._load = load
        self._dice = random.Random(number)
        self._apt = Apt(load.cluster.place / f"apt{number}", source)

    def run(self) -> None:
        books = self._load.books
        while not self._load.ended.is_set():
            try:
                self._apt("apt-get", "update")
                books.apt_runs["updates"] += 1
                names = self._apt("apt-cache", "pkgnames").split()
                chosen = self._dice.sample(names, min(3, len(names)))
                self._apt("apt-get", "download", *chosen)
                books.apt_runs["downloads"] += len(chosen)
            except Failed as error:
                books.note_failure(str(error))
            for path in (self._apt.home / "downloads").iterdir():
                path.unlink()


class Load:
    """All clients at once."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        clients: int,
        readers: int = 0,
        publishing: float = 0.1,
        pause: float = 0.0,
        patience: float = 120.0,
        name: str = "p",
        most: int = 1 << 30,
    ) -> None:
        self.cluster = cluster
        self.publishing = publishing  #: the part of adds after which a client publishes
        self.pause = pause  #: mean seconds between two adds of a client
        self.patience = patience  #: seconds until a client gives up
        self.name = name
        self.most = most  #: adds of each client
        self.books = Books()
        self.ended = threading.Event()
        self.debs = cluster.place / "debs"
        self.debs.mkdir(exist_ok=True)
        self.writers = [Writer(self, number) for number in range(clients)]
        source = cluster.nodes[0]("publish", "sources", DISTRIBUTION, PUBLISHED) if readers else ""
        self._readers = [Reader(self, number, source) for number in range(readers)]

    def start(self) -> None:
        self.books.began = time.monotonic()
        for thread in (*self.writers, *self._readers):
            thread.start()

    def end(self) -> None:
        """Let each client complete what it does."""
        self.ended.set()
        for thread in (*self.writers, *self._readers):
            thread.join()


def add(caller: Caller, name: str, body: bytes, began: float) -> bool:
    """Upload a package and add it; return whether that is done, or has to be begun anew.

    A package that was added by a request whose answer was lost is there already, with these bytes.
    """
    form = f"multipart/form-data; boundary={_BOUNDARY}"
    path = f"/api/repos/{REPO}/file/{name}?strict=1"
    return caller.ask("upload", "POST", f"/api/files/{name}", body, form, began) and caller.ask(
        "add", "POST", path, b"", "application/json", began, name
    )


def publish(caller: Caller) -> bool:
    """Publish what the repository holds."""
    path = f"/api/publish/{PUBLISHED}/{DISTRIBUTION}"
    return caller.ask("publish", "PUT", path, b"{}", "application/json", time.monotonic())


def _form(path: Path) -> bytes:
    """Return a file as a form that uploads it."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{path.name}"\r\n\r\n'
    )
    return head.encode() + path.read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _reason(status: int, said: str) -> str:
    """Return why a request was refused, short enough to be counted."""
    try:
        found = json.loads(said)
        text = found.get("error") or found.get("detail") or said
    except (ValueError, AttributeError):
        text = "from nginx" if "<html>" in said else said
    return str(text)[:160] if status else said


def _wait(one: Answered) -> float:
    return one.wait
