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
        (r"^\pL$", "a é", "1"),
        ("^.$", "é a", "aé"),
    ],
)
def test_regular_expression_is_found_anywhere(expression, matching, other):
    holds = condition("~", expression)
    assert [text for text in matching.split(" ") if not holds(text)] == []
    assert [text for text in other.split(" ") if holds(text)] == []


@pytest.mark.parametrize(
    "expression",
    ["(", "a**", "[a", r"\1", "(?=a)", r"a\Z", "[[:nonsense:]]", "a{9999}", "(" * 5000],
)
def test_bad_regular_expression_is_an_error(expression):
    with pytest.raises(InvalidInput, match=r"^bad regular expression: \w"):
        condition("~", expression)


def test_too_large_a_regular_expression_is_an_error():
    for expression in (r"(\pL{300}|a){3}", r"(\pL{500}|a){2}", r"\pL{700}"):
        with pytest.raises(InvalidInput, match=r"^bad regular expression: .*too large"):
            condition("~", expression)


@pytest.mark.parametrize(
    ("operator", "pattern"),
    [
        ("~", "(a+)+$"),
        ("~", "(a|a)*b"),
        ("~", "(a?){50}a{50}b"),
        ("~", "(.*)(.*)(.*)(.*)[ab]{20}c"),
        ("%", "a*" * 40 + "b"),
        ("%", "*a?" * 40 + "b"),
    ],
)
def test_no_pattern_takes_more_time_than_the_text_is_long(operator, pattern):
    assert not condition(operator, pattern)("a" * 20_000 + "!")


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
