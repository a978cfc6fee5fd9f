"""QueryLimits: how large a query may be."""

import pytest

from debrepo import query, selection
from debrepo.errors import InvalidInput
from debrepo.query import QueryLimits


def refused(text, limits, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        query.parse(text, limits)
    return caught.value.hint


@pytest.mark.parametrize("sign", ["|", ","])
def test_query_with_too_many_terms_names_the_limit_and_its_setting(sign):
    text = sign.join(f"p{number}" for number in range(11))
    hint = refused(text, QueryLimits(terms=10), "too many terms, and the limit is 10")
    assert hint == "the setting query.terms sets the limit"
    assert query.parse(text, QueryLimits(terms=11))


def test_query_of_half_a_million_alternatives_is_refused_before_it_is_read():
    text = "|".join(f"Name (~ x{number})" for number in range(500_000))
    refused(text, QueryLimits(length=1 << 30), "too many terms, and the limit is 10000")
    refused(text, QueryLimits(), r"has \d+ characters or more, and the limit is 1048576")


def test_query_that_is_nested_too_deeply_names_the_limit_and_its_setting():
    hint = refused("((((a))))", QueryLimits(depth=3), "nested too deeply, and the limit is 3")
    assert hint.startswith("the setting query.depth sets the limit")
    refused("!" * 5000 + "a", QueryLimits(depth=100_000), "the limit is 150")


def test_largest_query_that_is_allowed_can_be_asked():
    names = "|".join(f"Name (= p{number})" for number in range(10_000))
    assert len(query.parse(names).names()) == 10_000
    deep = query.parse("!(" * 70 + "a" + ")" * 70, QueryLimits(depth=150))
    assert deep.compiled


def test_queries_that_come_together_share_the_limits(session):
    session.config.override("query.terms", 5, "test")
    with pytest.raises(InvalidInput, match="too many terms, and the limit is 5"):
        selection.parse(session.config, ["a|b", "c|d", "e|f"])
    session.config.override("query.length", 4, "test")
    with pytest.raises(InvalidInput, match="5 characters or more, and the limit is 4"):
        selection.parse(session.config, ["abc", "de"])


def test_number_of_queries_is_limited(session):
    session.config.override("query.count", 3, "test")
    with pytest.raises(InvalidInput, match="there are 4 queries, and 3 may come at once") as caught:
        session.call("package.search", queries=["a", "b", "c", "d"])
    assert "query.count" in caught.value.hint


@pytest.mark.parametrize("operation", ["package.search", "repo.search", "repo.remove"])
def test_limits_hold_wherever_a_query_is_parsed(session, operation):
    session.call("repo.create", name="a")
    session.config.override("query.terms", 2, "test")
    more = {} if operation.startswith("package") else {"name": "a"}
    with pytest.raises(InvalidInput, match="the limit is 2"):
        session.call(operation, queries=["a|b|c"], **more)
