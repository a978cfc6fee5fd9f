"""Globs, regular expressions and comparisons, as a query applies them to a text."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debrepo.errors import InvalidInput
from debrepo.query.patterns import condition, is_literal
from debrepo.relations import satisfies


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("lib*-dev", "lib-dev libfoo-dev", "libfoo-dev2 alib-dev lib/x-dev"),
        ("a?c", "abc a.c", "ac a/c abbc"),
        ("a**c", "ac abbc", "a/c"),
        ("[a-cx]", "a c x", "d -"),
        ("[^a-c]", "d /", "a"),
        ("[!a-c]", "d", "b"),
        (r"[\]\-]", "] -", "a \\"),
        (r"\*.\?", "*.?", "a.b"),
        ("a.b+c", "a.b+c", "aab+c a.bbc"),
        ("", "", "a"),
    ],
)
def test_glob_matches_the_whole_text(glob, matching, other):
    holds = condition("%", glob)
    assert [text for text in matching.split(" ") if not holds(text)] == []
    assert [text for text in other.split(" ") if holds(text)] == []


@given(st.text(st.sampled_from("ab*?.+"), max_size=6), st.text(st.sampled_from("ab.+"), max_size=6))
def test_glob_agrees_with_the_shell(glob, text):
    assert condition("%", glob)(text) == fnmatch.fnmatchcase(text, glob)


@pytest.mark.parametrize(
    ("glob", "message"),
    [
        ("a[b", '^bad glob: a "\\[" is not closed$'),
        ("a[]", '^bad glob: a "\\[" is not closed$'),
        ("a\\", "^bad glob: nothing follows the backslash$"),
        ("[z-a]", "^bad glob: the range z-a runs backwards$"),
    ],
)
def test_bad_glob_is_an_error(glob, message):
    with pytest.raises(InvalidInput, match=message):
        condition("%", glob)


def test_literal_glob_is_known_as_one():
    assert is_literal("libc6")
    assert not any(map(is_literal, ["a*", "a?", "[a]", r"\a"]))


@pytest.mark.parametrize(
    ("expression", "matching", "other"),
    [
        ("b", "abc b", "ac"),
        ("^b", "bc", "ab"),
        ("(?i)B$", "ab AB", "bc"),
        ("[[:digit:]x]+$", "a1 x", "1a"),
        ("[^[:alpha:]]", "a1", "ab"),
        ("^[[:space:][:punct:]]$", "- [ ] ^ \\ ~", "a 1"),
        (r"b\z", "ab", "ba"),
        (r"\[a\]", "[a]", "a"),
        (r"^[\]a[]$", "] a [", "\\"),
        ("^[]a]$", "] a", "b"),
        ("^[a&&~~||]$", "& ~ |", "b"),
        ("^[+--]$", "+ , -", "."),
        (r"^\w$", "a _ 1", "é"),
        (r"^\d$", "1", "١"),
    ],
)
def test_regular_expression_is_found_anywhere(expression, matching, other):
    holds = condition("~", expression)
    assert [text for text in matching.split(" ") if not holds(text)] == []
    assert [text for text in other.split(" ") if holds(text)] == []


@pytest.mark.parametrize(
    "expression", ["(", "a**", "[a", r"\pL", "[[:nonsense:]]", "a{99999999999}", "(" * 5000]
)
def test_bad_regular_expression_is_an_error(expression):
    with pytest.raises(InvalidInput, match=r"^bad regular expression: \w"):
        condition("~", expression)


@pytest.mark.parametrize(
    ("operator", "holds"),
    [("<<", "100"), ("<=", "110"), ("=", "010"), (">=", "011"), (">>", "001")],
)
def test_texts_compare_as_versions(operator, holds):
    test = condition(operator, "1.0")
    assert [test(text) for text in ("1.0~rc1", "1.00-0", "1.0-1")] == [c == "1" for c in holds]


versions = st.text(st.sampled_from("0012.:-~a²"), max_size=6) | st.just("9" * 5000)


@given(st.sampled_from(["<<", "<=", "=", ">=", ">>"]), versions, versions)
def test_comparing_agrees_with_the_relation_between_versions(operator, text, value):
    assert condition(operator, value)(text) is satisfies(text, operator, value)


def test_without_operator_a_text_has_to_say_something():
    assert condition("", "")("a")
    assert not condition("", "")("")
