"""The body cache: each body is computed once, and few are kept or computed at a time."""

import asyncio
import threading

import pytest
from fastapi import Request

from debrepo.errors import InvalidInput
from debrepo.http import BodyCache
from debrepo.stopping import Watch, checkpoint, watching


def request(**headers):
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "headers": named})


def ask(kept, *keys, make=lambda: b"[]", **headers):
    """Return the answers to who asks for all of these keys at once."""

    async def together():
        asked = (kept.answer(request(**headers), key, make) for key in keys)
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(together())


def test_answer_is_made_once_for_all_who_ask_at_once():
    made = []
    answers = ask(BodyCache(), *"kkkk", make=lambda: made.append(1) or b"[]")
    assert ({answer.body for answer in answers}, made) == ({b"[]"}, [1])


def test_answer_that_cannot_be_made_fails_for_all_and_is_tried_again():
    def fail():
        raise InvalidInput("no such query")

    kept = BodyCache()
    assert [str(error) for error in ask(kept, "k", "k", make=fail)] == ["no such query"] * 2
    assert ask(kept, "k")[0].body == b"[]"


def test_few_answers_are_made_at_once_however_many_are_asked_for():
    busy, most = [], []

    def make():
        busy.append(1)
        most.append(len(busy))
        threading.Event().wait(0.01)
        busy.pop()
        return b"[]"

    assert len(ask(BodyCache(), *"abcdefgh", make=make)) == 8
    assert (len(most), max(most)) == (8, 2)


def test_client_who_goes_away_leaves_the_answer_to_the_others():
    kept = BodyCache()

    async def together():
        gone = asyncio.ensure_future(kept.answer(request(), "k", lambda: b"[]"))
        await asyncio.sleep(0)
        stays = asyncio.ensure_future(kept.answer(request(), "k", lambda: b"other"))
        await asyncio.sleep(0)
        gone.cancel()
        return (await stays).body

    assert asyncio.run(together()) == b"[]"


def test_client_that_has_the_answer_gets_304():
    kept = BodyCache()
    etag = ask(kept, "k")[0].headers["etag"]
    (again,) = ask(kept, "k", if_none_match=etag)
    assert (again.status_code, again.headers["etag"]) == (304, etag)
    assert ask(kept, "other", if_none_match=etag)[0].status_code == 200


def test_long_answer_is_packed_for_those_who_can_read_it():
    kept = BodyCache()
    (packed,) = ask(kept, "k", make=lambda: b"x" * 10_000, accept_encoding="gzip")
    assert (packed.headers["content-encoding"], len(packed.body) < 200) == ("gzip", True)
    assert ask(kept, "k")[0].body == b"x" * 10_000


@pytest.mark.parametrize(("key", "expected"), [("a", b"x" * 40), ("b", b"new"), ("c", b"x" * 40)])
def test_answer_that_nobody_asked_for_goes_first(key, expected):
    kept = BodyCache(limit=100)
    for name in ("a", "b", "a", "c"):
        ask(kept, name, make=lambda: b"x" * 40)
    assert ask(kept, key, make=lambda: b"new")[0].body == expected


def test_answer_is_made_for_as_long_as_one_of_those_who_asked_is_there():
    """Who goes away leaves it to the others; when all have, nothing more is done for it."""
    watches = [Watch(), Watch()]
    began, go_on = threading.Event(), threading.Event()

    def make():
        began.set()
        assert go_on.wait(20)
        checkpoint()
        return b"[]"

    async def asked(kept, watch):
        with watching(watch):
            return await kept.answer(request(), "k", make)

    async def together(leaving):
        kept = BodyCache()
        asking = [asyncio.ensure_future(asked(kept, watch)) for watch in watches]
        await asyncio.to_thread(began.wait, 20)
        for watch in leaving:
            watch.leave()
        go_on.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    assert [answer.body for answer in asyncio.run(together(watches[:1]))] == [b"[]", b"[]"]
    answers = asyncio.run(together(watches))
    assert [str(answer) for answer in answers] == ["all clients have disconnected"] * 2
