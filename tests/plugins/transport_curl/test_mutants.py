"""Transports with one fault each, to see that the contract notices it."""

from dataclasses import replace

import pytest
from upstream import serving

import debrepo_transport_curl.transfer as transfers
from debrepo.testing import TransportContract
from debrepo.transport import TransportOptions, Validators
from debrepo_transport_curl import answers
from debrepo_transport_curl.transfer import HttpTransfer, Transfer
from debrepo_transport_curl.transport import CurlTransport

HTTP = HttpTransfer


def ends_early(patch):
    patch(HTTP, "given_up", lambda self, code, text: self.complete())


def never_again(patch):
    patch(answers, "PASSING", frozenset())
    patch(transfers, "_PASSING", frozenset())


def always_again(patch):
    patch(answers, "PASSING", frozenset(range(400, 600)))


def no_patience(patch):
    patch(answers.HttpAnswer, "after", property(lambda self: 0.0))


def error_pages(patch):
    def look(self):
        self._answer = answers.read(self.handle.headers)
        return True

    patch(HTTP, "look", look)


def any_range(patch):
    patch(answers.HttpAnswer, "start", property(lambda self: 1000))


def anywhere(patch):
    patch(transfers, "is_below", lambda url, roots: True)


def no_restart(patch):
    prepare = Transfer.prepare

    def kept(self):
        self.want = replace(self.want, restart=lambda: None)
        prepare(self)

    patch(Transfer, "prepare", kept)


def no_begin(patch):
    prepare = Transfer.prepare

    def kept(self):
        self.want = replace(self.want, begin=lambda validators: None)
        prepare(self)

    patch(Transfer, "prepare", kept)


def no_if_range(patch):
    patch(answers, "if_range", lambda validators: "")


def no_condition(patch):
    patch(answers, "condition", lambda validators: [])


def condition_of_another(patch):
    patch(answers, "condition", lambda validators: ["If-None-Match: *"])
    patch(HTTP, "done", lambda self, code, text: self.ended("unchanged"))


def no_limit(patch):
    prepare = Transfer.prepare

    def lifted(self):
        self.want.limit = 1 << 62
        prepare(self)

    patch(Transfer, "prepare", lifted)


def no_validators(patch):
    patch(answers.HttpAnswer, "validators", property(lambda self: Validators()))


def size_of_the_rest(patch):
    ended = Transfer.ended

    def of_the_rest(self, *words):
        return ended(self, *words)._replace(size=self.size - self.offset)

    patch(Transfer, "ended", of_the_rest)


def everything_at_once(patch):
    fetch = CurlTransport.fetch
    patch(CurlTransport, "fetch", lambda self, wants: fetch(self, list(wants)))


def a_connection_each(patch):
    def fetch(self, wants):
        for want in wants:
            other = CurlTransport(self._options)
            try:
                yield from original(other, [want])
            finally:
                other.close()

    original = CurlTransport.fetch
    patch(CurlTransport, "fetch", fetch)


def first_failure_ends_it(patch):
    fetch = CurlTransport.fetch

    def until_failure(self, wants):
        for fetched in fetch(self, wants):
            yield fetched
            if fetched.outcome != "whole":
                return

    patch(CurlTransport, "fetch", until_failure)


def secrets_shown(patch):
    patch(transfers, "bare", lambda url: url)


def login_everywhere(patch):
    def find(self, url):
        from debrepo.credentials import Login

        return Login("me", "secret") if self._entries else found(self, url)

    from debrepo.credentials import Logins

    found = Logins.find
    patch(Logins, "find", find)


def no_redirects(patch):
    patch(answers, "MOVED", frozenset())


def endless_redirects(patch):
    patch(transfers, "_HOPS", -1)


def pace_of_each(patch):
    from debrepo.transport import Pace

    received = Pace.received
    patch(Pace, "received", lambda self, size: received(self, size // 4))


def errors_lost(patch):
    ended = Transfer.failed

    def lost(self, reason, *, error=None, **more):
        return ended(self, reason, **more)

    patch(Transfer, "failed", lost)


def quoted_plus(patch):
    prepare = Transfer.prepare

    def unquoted(self):
        from urllib.parse import unquote

        self.url = unquote(self.url)
        prepare(self)

    patch(Transfer, "prepare", unquoted)


CAUGHT = [
    (ends_early, "a_body_that_ends_early_is_not_whole", "truncate"),
    (ends_early, "a_rest_that_ends_early_is_not_whole"),
    (never_again, "a_dropped_connection_may_be_tried_again"),
    (never_again, "a_server_that_is_busy_says_for_how_long", "503"),
    (never_again, "a_body_that_ends_early_is_not_whole", "cut"),
    (always_again, "what_may_pass_is_told_from_what_does_not", "403", False),
    (no_patience, "a_server_that_is_busy_says_for_how_long", "429"),
    (error_pages, "a_missing_file_is_missing"),
    (error_pages, "a_server_that_is_busy_says_for_how_long", "503"),
    (any_range, "a_server_that_cannot_resume_spoils_nothing", "wrong-range"),
    (no_restart, "a_server_that_cannot_resume_spoils_nothing", "ignore-range"),
    (no_restart, "a_file_that_has_changed_comes_from_its_start"),
    (no_restart, "a_file_that_is_shorter_than_what_is_here_comes_from_its_start"),
    (no_begin, "validators_are_told_before_the_first_byte"),
    (no_begin, "an_empty_file_is_whole"),
    (no_if_range, "a_file_that_has_changed_comes_from_its_start"),
    (no_condition, "what_has_not_changed_is_not_sent"),
    (condition_of_another, "what_has_changed_is_sent"),
    (no_limit, "a_body_beyond_the_limit_is_refused"),
    (no_validators, "validators_are_told_before_the_first_byte"),
    (size_of_the_rest, "the_rest_of_a_file_is_fetched"),
    (everything_at_once, "files_are_taken_when_a_connection_is_free"),
    (a_connection_each, "many_files_come_over_few_connections"),
    (anywhere, "a_redirect_leads_only_where_it_may"),
    (first_failure_ends_it, "a_file_that_fails_does_not_lose_the_others"),
    (secrets_shown, "credentials_are_sent_and_never_shown"),
    (login_everywhere, "credentials_do_not_follow_a_redirect_to_another_host"),
    (login_everywhere, "credentials_are_found_by_host"),
    (no_redirects, "a_redirect_is_followed"),
    (endless_redirects, "a_redirect_is_followed"),
    (pace_of_each, "all_connections_share_one_pace"),
    (errors_lost, "what_the_caller_raises_ends_that_file_only"),
    (quoted_plus, "a_file_may_have_odd_characters", "a_1%3a2.deb"),
]


@pytest.mark.parametrize(
    ("mutate", "test", "arguments"),
    [(mutate, test, arguments) for mutate, test, *arguments in CAUGHT],
    ids=[f"{mutate.__name__}-{test}" for mutate, test, *_ in CAUGHT],
)
def test_contract_notices(tmp_path, monkeypatch, mutate, test, arguments):
    transports = []

    def opened(**options):
        transports.append(CurlTransport.open(TransportOptions(**options)))
        return transports[-1]

    contract = getattr(TransportContract(), f"test_{test}")
    with serving(tmp_path) as upstream:
        contract(opened, upstream, *arguments)
    mutate(monkeypatch.setattr)
    with serving(tmp_path) as upstream, pytest.raises((AssertionError, KeyError, ValueError)):
        contract(opened, upstream, *arguments)
    for transport in transports:
        transport.close()
