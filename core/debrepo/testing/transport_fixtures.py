"""What the tests of transports ask of a server, and what they ask a transport for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from debrepo.transport import NOTHING_KNOWN, Fetched, Transport, Validators, Want

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

LARGE = bytes(range(256)) * 12_000  # 3 MB, in several pieces over any connection


class UpstreamServer(Protocol):
    """What the tests need of a server; ``faults`` are the kinds of fault that it has.

    Of those that it lacks the tests are skipped: what a protocol cannot do need not be handled.
    """

    @property
    def url(self) -> str:
        """Where files are, with a slash at the end."""

    @property
    def faults_known(self) -> Collection[str]:
        """The kinds of `fault`, and ``range``, ``logins``, ``received`` for what it can do."""

    @property
    def connections(self) -> int:
        """How many connections there were."""

    def put(self, path: str, data: bytes) -> None:
        """Have a file; its validators change if it was there."""

    def fault(self, path: str, kind: str, times: int | None = 1, **details: Any) -> None:
        """Let the next answers for a path go wrong."""

    def received(self, path: str) -> Sequence[int]:
        """Return how many bytes of the file went out with each answer for a path, in order."""

    def identities(self, path: str) -> Sequence[str]:
        """Return who asked for a path, ``user:password`` or empty, in order."""

    def wait_for(self, number: int, path: str = "*") -> None:
        """Return when that many requests for a path have begun."""

    def release(self) -> None:
        """Go on with what is held."""


class Receiver:
    """A `Want` and what became of it, in the order in which it was told."""

    def __init__(
        self,
        url: str,
        *,
        have: bytes = b"",
        validators: Validators = NOTHING_KNOWN,
        limit: int = 1 << 40,
    ) -> None:
        self.data = bytearray(have)
        self.told: list[str] = []
        self.begun_with = NOTHING_KNOWN
        self.want = Want(
            url,
            self._receive,
            self._restart,
            self._begin,
            offset=len(have),
            validators=validators,
            limit=limit,
            mark=self,
        )

    def _receive(self, data: bytes) -> None:
        if self.told[-1:] != ["receive"]:
            self.told.append("receive")
        self.data += data

    def _restart(self) -> None:
        self.told.append("restart")
        self.data.clear()

    def _begin(self, validators: Validators) -> None:
        self.told.append("begin")
        self.begun_with = validators


def fetch(transport: Transport, *receivers: Receiver) -> list[Fetched]:
    """Fetch these files, and return what came of each, in their order."""
    ended = {id(one.want.mark): one for one in transport.fetch([r.want for r in receivers])}
    return [ended[id(receiver)] for receiver in receivers]


def need(upstream: UpstreamServer, *kinds: str) -> None:
    """Skip a test of what this server cannot do."""
    if lacking := set(kinds) - set(upstream.faults_known):
        pytest.skip(f"this server has no {', '.join(sorted(lacking))}")
