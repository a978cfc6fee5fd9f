"""Answers that are kept: made once, by key, and no more of them than there is room for."""

import time
from concurrent.futures import ThreadPoolExecutor

from fastapi import Request

from debrepo.http import KeptAnswers


def request(**headers):
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "headers": named})


def test_answer_is_made_once_for_all_who_ask_at_once():
    kept, made = KeptAnswers(), []

    def make():
        made.append(1)
        time.sleep(0.02)
        return b"[]"

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(kept.answer, request(), "k", make) for _ in range(16)]
        assert {job.result().body for job in jobs} == {b"[]"}
    assert made == [1]


def test_client_that_has_the_answer_gets_304():
    kept = KeptAnswers()
    etag = kept.answer(request(), "k", lambda: b"[]").headers["etag"]
    assert kept.answer(request(if_none_match=etag), "k", lambda: b"").status_code == 304
    assert kept.answer(request(if_none_match=etag), "other", lambda: b"").status_code == 200


def test_long_answer_is_packed_for_those_who_can_read_it():
    kept = KeptAnswers()
    packed = kept.answer(request(accept_encoding="gzip"), "k", lambda: b"x" * 10_000)
    assert (packed.headers["content-encoding"], len(packed.body) < 200) == ("gzip", True)
    assert kept.answer(request(), "k", lambda: b"").body == b"x" * 10_000


def test_answer_that_nobody_asked_for_goes_first():
    kept = KeptAnswers(limit=100)
    for key in ("a", "b", "a", "c"):
        kept.answer(request(), key, lambda: b"x" * 40)
    assert kept.answer(request(), "a", lambda: b"new").body == b"x" * 40
    assert kept.answer(request(), "b", lambda: b"new").body == b"new"
