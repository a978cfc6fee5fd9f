"""What every transport must do where a server fails, and with what is secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from debrepo.credentials import Login, Logins, bare
from debrepo.testing.large import assert_same
from debrepo.testing.transport_fixtures import LARGE, Receiver, fetch, need
from debrepo.transport import Want, said_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from debrepo.testing.transport_fixtures import UpstreamServer
    from debrepo.transport import Transport

    Opened = Callable[..., Transport]


class TransportFaults:
    """The part of `TransportContract` that is about failures and credentials."""

    # What goes wrong.

    def test_a_missing_file_is_missing(self, opened: Opened, upstream: UpstreamServer) -> None:
        receiver = Receiver(upstream.url + "no/such/file")
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.again, receiver.told) == ("missing", False, [])
        assert fetched.reason

    @pytest.mark.parametrize("kind", ["truncate", "cut"])
    def test_a_body_that_ends_early_is_not_whole(
        self, opened: Opened, upstream: UpstreamServer, kind: str
    ) -> None:
        need(upstream, kind)
        upstream.put("a", LARGE)
        upstream.fault("a", kind, keep=100_000)
        receiver = Receiver(upstream.url + "a")
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.again) == ("failed", True)
        assert fetched.reason
        assert fetched.size == len(receiver.data) <= 100_000
        assert_same(receiver.data, LARGE[: len(receiver.data)])

    def test_a_rest_that_ends_early_is_not_whole(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "range", "truncate")
        upstream.put("a", LARGE)
        upstream.fault("a", "truncate", keep=5000)
        receiver = Receiver(upstream.url + "a", have=LARGE[:1000])
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.again) == ("failed", True)
        assert fetched.size == len(receiver.data) <= 6000

    def test_a_body_beyond_the_limit_is_refused(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        upstream.put("a", LARGE)
        receiver = Receiver(upstream.url + "a", limit=len(LARGE) - 1)
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.again) == ("failed", False)
        assert str(len(LARGE) - 1) in fetched.reason
        assert len(receiver.data) < len(LARGE)

    def test_a_body_of_the_limit_is_no_problem(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        upstream.put("a", LARGE)
        (fetched,) = fetch(opened(), Receiver(upstream.url + "a", limit=len(LARGE)))
        assert fetched.outcome == "whole"

    @pytest.mark.parametrize("kind", ["429", "503"])
    def test_a_server_that_is_busy_says_for_how_long(
        self, opened: Opened, upstream: UpstreamServer, kind: str
    ) -> None:
        need(upstream, kind)
        upstream.put("a", b"a")
        upstream.fault("a", kind, retry_after=7)
        receiver = Receiver(upstream.url + "a")
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.again, fetched.after) == ("failed", True, 7)
        assert kind in fetched.reason
        assert receiver.told == []  # the page that explains it is not the file

    @pytest.mark.parametrize(("kind", "again"), [("500", True), ("502", True), ("403", False)])
    def test_what_may_pass_is_told_from_what_does_not(
        self, opened: Opened, upstream: UpstreamServer, kind: str, again: bool
    ) -> None:
        need(upstream, kind)
        upstream.put("a", b"a")
        upstream.fault("a", kind)
        receiver = Receiver(upstream.url + "a")
        (fetched,) = fetch(opened(), receiver)
        assert (fetched.outcome, fetched.again, fetched.after) == ("failed", again, 0)
        assert receiver.told == []

    def test_a_dropped_connection_may_be_tried_again(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "drop")
        upstream.put("a", b"a")
        upstream.fault("a", "drop", None)
        (fetched,) = fetch(opened(), Receiver(upstream.url + "a"))
        assert (fetched.outcome, fetched.again) == ("failed", True)
        assert fetched.reason

    def test_a_file_that_fails_does_not_lose_the_others(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "truncate")
        receivers = []
        for number in range(20):
            upstream.put(f"{number}", b"x" * 1000)
            receivers.append(Receiver(f"{upstream.url}{number}"))
        upstream.fault("7", "truncate", None)
        receivers.append(Receiver(upstream.url + "missing"))
        outcomes = [one.outcome for one in fetch(opened(connections=2), *receivers)]
        assert outcomes == ["failed" if n == 7 else "whole" for n in range(20)] + ["missing"]

    def test_what_the_caller_raises_ends_that_file_only(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        upstream.put("a", LARGE)
        upstream.put("b", LARGE)
        error = OSError("no space")

        def refuse(_: bytes) -> None:
            raise error

        other = Receiver(upstream.url + "b")
        bad = Want(upstream.url + "a", refuse)
        ended = {one.want.url[-1]: one for one in opened().fetch([bad, other.want])}
        assert (ended["a"].outcome, ended["a"].error, ended["a"].again) == ("failed", error, False)
        assert ended["b"].outcome == "whole"
        assert_same(other.data, LARGE)

    def test_nothing_stays_after_a_failure(self, opened: Opened, upstream: UpstreamServer) -> None:
        need(upstream, "truncate")
        upstream.put("a", LARGE)
        upstream.put("b", b"b")
        upstream.fault("a", "truncate")
        transport = opened(connections=1)
        fetch(transport, Receiver(upstream.url + "a"))
        receiver = Receiver(upstream.url + "b")
        assert fetch(transport, receiver)[0].outcome == "whole"
        assert receiver.data == b"b"

    # Credentials.

    def test_credentials_are_sent_and_never_shown(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "logins")
        upstream.put("a", b"a")
        url = upstream.url.replace("://", "://me:s%40cret@") + "a"
        for asked in (url, url + "-missing"):
            (fetched,) = fetch(opened(), Receiver(asked))
            assert upstream.identities(asked.rpartition("/")[2]) == ["me:s@cret"]
            shown = (fetched.reason, fetched.url, said_of(fetched))
            assert not any("cret" in text for text in shown)
            assert fetched.url == bare(asked)

    def test_credentials_are_found_by_host(self, opened: Opened, upstream: UpstreamServer) -> None:
        need(upstream, "logins")
        upstream.put("a", b"a")
        logins = Logins.at(upstream.url, Login("me", "secret"))
        fetch(opened(logins=logins), Receiver(upstream.url + "a"))
        elsewhere = Logins.at("https://example.org/", Login("me", "secret"))
        fetch(opened(logins=elsewhere), Receiver(upstream.url + "a"))
        assert upstream.identities("a") == ["me:secret", ""]

    def test_a_redirect_is_followed(self, opened: Opened, upstream: UpstreamServer) -> None:
        need(upstream, "redirect")
        upstream.put("there", LARGE)
        upstream.fault("here", "redirect", location="/there")
        receiver = Receiver(upstream.url + "here")
        (fetched,) = fetch(opened(), receiver)
        assert fetched.outcome == "whole"
        assert_same(receiver.data, LARGE)
        assert fetched.url == upstream.url + "there"

    def test_credentials_do_not_follow_a_redirect_to_another_host(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "redirect", "logins")
        upstream.put("there", b"a")
        other = upstream.url.replace("127.0.0.1", "localhost")
        upstream.fault("here", "redirect", None, location=other + "there")
        url = upstream.url.replace("://", "://me:secret@") + "here"
        logins = Logins.at(upstream.url, Login("me", "secret"))
        assert fetch(opened(), Receiver(url))[0].outcome == "whole"
        assert fetch(opened(logins=logins), Receiver(bare(url)))[0].outcome == "whole"
        assert upstream.identities("here") == ["me:secret"] * 2
        assert upstream.identities("there") == ["", ""]

    def test_a_redirect_leads_only_where_it_may(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "redirect")
        upstream.put("there", b"a")
        upstream.put("allowed/there", b"b")
        allowed = (upstream.url + "allowed",)
        for path, outcome in (("allowed/there", "whole"), ("there", "failed")):
            upstream.fault("here", "redirect", location=f"/{path}")
            (fetched,) = fetch(opened(allowed=allowed), Receiver(upstream.url + "here"))
            assert fetched.outcome == outcome
        assert "does not allow" in fetched.reason
        assert not fetched.again

    def test_a_redirect_that_never_ends_is_refused(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "redirect")
        upstream.fault("here", "redirect", None, location="/here")
        (fetched,) = fetch(opened(), Receiver(upstream.url + "here"))
        assert (fetched.outcome, fetched.again) == ("failed", False)
        assert "redirects" in fetched.reason

    def test_a_redirect_leads_to_no_file_of_this_machine(
        self, opened: Opened, upstream: UpstreamServer
    ) -> None:
        need(upstream, "redirect")
        upstream.fault("here", "redirect", location="file:///etc/passwd")
        receiver = Receiver(upstream.url + "here")
        assert fetch(opened(), receiver)[0].outcome == "failed"
        assert receiver.told == []
