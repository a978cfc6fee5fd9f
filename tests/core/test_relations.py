"""Dependency fields are read as Policy 7.1 has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debrepo.errors import InvalidInput
from debrepo.relations import (
    Alternative,
    Requirement,
    Requirements,
    architecture_matches,
    parse,
    provides,
    satisfies,
)

names = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,8}", fullmatch=True)
terms = st.builds(str.__add__, st.sampled_from(["", "!"]), st.sampled_from(["amd64", "linux-any"]))
some_terms = st.lists(terms, min_size=1, max_size=3).map(tuple)
conditions = st.sampled_from(["<<", "<=", "=", ">=", ">>"])
alternatives = st.builds(
    lambda name, archqual, condition, architectures, profiles: Alternative(
        name, archqual, *condition, architectures, profiles
    ),
    names,
    st.sampled_from(["", "any", "amd64", "native"]),
    st.just(("", "")) | st.tuples(conditions, st.sampled_from(["1.0", "2:1.0~rc1-1+b1"])),
    st.just(()) | some_terms,
    st.lists(some_terms, max_size=2).map(tuple),
)
requirements = st.lists(alternatives, min_size=1, max_size=3).map(Requirement)


@given(st.lists(requirements, max_size=4).map(Requirements))
def test_text_of_requirements_parses_to_them(field):
    assert parse(str(field)) == field


def test_parse_reads_every_part_of_a_relation():
    assert parse("a, libc6:any ( >=2.36 )[amd64 !i386]<!nocheck> <cross stage1>|b") == (
        (Alternative("a"),),
        (
            Alternative(
                "libc6",
                "any",
                ">=",
                "2.36",
                ("amd64", "!i386"),
                (("!nocheck",), ("cross", "stage1")),
            ),
            Alternative("b"),
        ),
    )


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a(>=1)", "a (>= 1)"),
        ("a (< 1)", "a (<= 1)"),
        ("a (> 1)", "a (>= 1)"),
        ("a (1.0)", "a (= 1.0)"),
        ("a\t|  b ,\n c,", "a | b, c"),
        ("Old_Name (= 1:2-3)", "Old_Name (= 1:2-3)"),
        (" ", ""),
    ],
)
def test_text_becomes_canonical(text, canonical):
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a, b (>> ), c", r"column 6: expected the end of the relation, found '\(>> \)'"),
        ("a | | b", "column 5: expected a package name$"),
        ("a (~ 1)", "column 3: expected the end"),
        ("a b", "column 3: expected the end of the relation, found 'b'"),
        ("ok, ${misc:Depends}", r"column 5: expected a package name, found '\${misc"),
        ("a [amd64", r"column 3: expected the end of the relation, found '\[amd64'"),
    ],
)
def test_error_names_the_column(text, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        parse(text)
    assert "(>= 2.36)" in caught.value.hint


def test_provides_keeps_names_and_exact_versions():
    assert provides("mail-transport-agent, foo (= 1.2), bar (>= 3), ???, baz:any") == (
        ("mail-transport-agent", ""),
        ("foo", "1.2"),
        ("baz", ""),
    )


@pytest.mark.parametrize(
    ("operator", "holds"),
    [("<<", "100"), ("<=", "110"), ("=", "010"), (">=", "011"), (">>", "001")],
)
def test_relation_is_satisfied_in_debian_order(operator, holds):
    alternative = Alternative("a", "", operator, "1.0")
    answers = [alternative.satisfied_by(version) for version in ("1.0~rc1", "1.00-0", "1.0-1")]
    assert answers == [digit == "1" for digit in holds]


def test_alternative_without_version_takes_any():
    assert Alternative("a").satisfied_by("0")


def test_unknown_relation_is_refused():
    with pytest.raises(InvalidInput, match="not a relation between versions: '=='"):
        satisfies("1", "==", "1")


@pytest.mark.parametrize(
    ("wildcard", "covered"),
    [
        ("any", "amd64 armhf kfreebsd-amd64"),
        ("linux-any", "amd64 armhf"),
        ("any-amd64", "amd64 kfreebsd-amd64"),
        ("any-arm", "armhf"),
        ("kfreebsd-any", "kfreebsd-amd64"),
        ("armhf", "armhf"),
    ],
)
def test_wildcard_covers_architectures(wildcard, covered):
    every = ("amd64", "armhf", "kfreebsd-amd64")
    assert [a for a in every if architecture_matches(a, wildcard)] == covered.split()


@pytest.mark.parametrize(
    ("text", "architecture", "profiles", "applies"),
    [
        ("a", "amd64", "", True),
        ("a [amd64]", "i386", "", False),
        ("a [!amd64]", "i386", "", True),
        ("a [linux-any]", "i386", "", True),
        ("a <!nocheck>", "i386", "nocheck", False),
        ("a <!nocheck>", "i386", "", True),
        ("a <stage1 cross> <pkg.a.b>", "i386", "cross", False),
        ("a <stage1 cross> <pkg.a.b>", "i386", "pkg.a.b", True),
    ],
)
def test_restrictions_tell_where_a_relation_applies(text, architecture, profiles, applies):
    ((alternative,),) = parse(text)
    assert alternative.applies_to(architecture, frozenset(profiles.split())) is applies


def test_a_million_blanks_in_a_relation_take_no_longer_than_other_text():
    with pytest.raises(InvalidInput):
        parse("a (" + " " * (1 << 20) + ")")
