"""Many requests from one thread: each is answered, whatever becomes of the others."""

from __future__ import annotations

import os
import resource
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from debrepo.wire.lanes import Lanes
from debrepo.wire.transfer import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Echo(BaseHTTPRequestHandler):
    """Answers with the body that it was sent; some paths are unlike the others."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    silence: threading.Event

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/silent":
            self.silence.wait(30)
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Odd", "  a: b ")
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/last":  # without a word: the next request finds the connection closed
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Echo.silence = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        Echo.silence.set()
        running.shutdown()
        thread.join()


def requests(
    server: str, paths: Sequence[str]
) -> Iterator[tuple[int, str, str, Sequence[str], bytes]]:
    for number, path in enumerate(paths):
        yield number, "PUT", f"{server}/{path}", (), b"%d" % number


def answered(wire: Wire, server: str, paths: Sequence[str]) -> dict[int, bytes | None]:
    found = wire.send_all(requests(server, paths), Lanes(4))
    return {number: answer and answer.body for number, answer in found}


def test_each_request_gets_its_own_answer(server: str) -> None:
    with closing(Wire(timeout=5, direct=True)) as wire:
        assert answered(wire, server, ["x"] * 100) == {n: b"%d" % n for n in range(100)}


def test_headers_are_read_as_they_are_written(server: str) -> None:
    with closing(Wire(timeout=5, direct=True)) as wire:
        ((_, answer),) = wire.send_all(requests(server, ["x"]), Lanes(1))
        assert answer is not None
        assert (answer.status, answer.headers["x-odd"]) == (200, "a: b")


def test_a_connection_that_the_server_closed_is_opened_again(server: str) -> None:
    with closing(Wire(timeout=5, direct=True)) as wire:
        paths = ["last", "x"] * 20
        assert answered(wire, server, paths) == {n: b"%d" % n for n in range(40)}


def test_one_that_is_never_answered_holds_up_no_other(server: str) -> None:
    with closing(Wire(timeout=1, direct=True)) as wire:
        found = list(wire.send_all(requests(server, ["silent", *["x"] * 20]), Lanes(4)))
        assert [number for number, _ in found][-1] == 0
        assert dict(found)[0] is None
        assert sum(answer is not None for _, answer in found) == 20


def test_nobody_there_is_no_answer(server: str) -> None:
    with closing(Wire(timeout=1, direct=True)) as wire:
        assert answered(wire, "http://127.0.0.1:9", ["x", "x"]) == {0: None, 1: None}


def test_what_is_not_waited_for_any_more_is_closed(server: str) -> None:
    with closing(Wire(timeout=5, direct=True)) as wire:
        asked = requests(server, ["x", "silent", "silent", "x"])
        for number, _ in wire.send_all(asked, Lanes(3)):
            assert number == 0
            break
        assert answered(wire, server, ["x"]) == {0: b"0"}


def test_descriptors_that_select_cannot_wait_for_are_waited_for_all_the_same(server: str) -> None:
    with many_descriptors(1100), closing(Wire(timeout=5, direct=True)) as wire:
        assert answered(wire, server, ["x"] * 10) == {n: b"%d" % n for n in range(10)}


@contextmanager
def many_descriptors(number: int) -> Iterator[None]:
    """Open so many that the next ones have numbers beyond."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 2 * number:
        pytest.skip(f"this machine allows {before[1]} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 2 * number), before[1]))
    opened: list[int] = []
    try:
        opened += [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(number)]
        yield
    finally:
        for one in opened:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
