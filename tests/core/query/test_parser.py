"""The query language: what a text means, and what is said of a text that means nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debrepo.errors import InvalidInput
from debrepo.package import PackageKey
from debrepo.query import And, Dependency, Exact, Field, Not, Or, and_, or_, parse

A, B, C = Dependency("a"), Dependency("b"), Dependency("c")

texts = st.text(st.sampled_from("ab(1) _|,!{}\"'\\<=~%."), min_size=1, max_size=8)
operators = st.sampled_from(["<<", "<=", "=", ">=", ">>"])
conditions = st.tuples(operators, texts | st.just("")) | st.just(("", ""))
fields = st.builds(
    lambda name, condition: Field(name, *condition),
    st.sampled_from(["Name", "$Version", "X-Odd.Field", "F(x)"]),
    conditions,
)
dependencies = st.builds(
    lambda name, condition, architecture: Dependency(name, *condition, architecture),
    texts.filter(lambda name: name.count("_") < 2),
    conditions,
    st.sampled_from(["", "amd64", "odd}"]),
)
exact = st.builds(
    PackageKey,
    st.sampled_from(["hello", "Hello"]),
    st.sampled_from(["amd64", "source"]),
    st.sampled_from(["1:2.10-3", "1_2"]),
    st.sampled_from(["", "966561016b44ed80"]),
).map(Exact)
queries = st.recursive(
    fields | dependencies | exact,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=2, max_size=3).map(lambda terms: and_(*terms))
        | st.lists(inner, min_size=2, max_size=3).map(lambda terms: or_(*terms))
    ),
    max_leaves=8,
)


@given(queries)
def test_text_of_a_query_parses_to_it(query):
    assert parse(str(query)) == query


@given(st.text(st.sampled_from("aA1 ()|,!{}<>=%~_$\"'\\[*"), max_size=20))
def test_any_text_is_a_query_or_an_error_with_a_column_in_it(text):
    error = None
    try:
        query = parse(text)
    except InvalidInput as caught:
        error = caught
    if error is None:
        assert parse(str(query)) == query
        return
    column = int(str(error).removeprefix("column ").partition(":")[0])
    assert 1 <= column <= len(text) + 1
    assert "\n" not in str(error)
    assert error.hint.endswith("^")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("nginx", Dependency("nginx")),
        ("nginx (1.0)", Dependency("nginx", "=", "1.0")),
        ("nginx (< 1.0)", Dependency("nginx", "<=", "1.0")),
        ("nginx (> 1.0)", Dependency("nginx", ">=", "1.0")),
        ("nginx (>> 1.0)", Dependency("nginx", ">>", "1.0")),
        ("nginx (<<1.0)", Dependency("nginx", "<<", "1.0")),
        ("nginx {source}", Dependency("nginx", architecture="source")),
        ("nginx (= 1){amd64}", Dependency("nginx", "=", "1", "amd64")),
        ("nginx_1.0_amd64", Exact(PackageKey("nginx", "amd64", "1.0", ""))),
        ("nginx_1.0_rc_amd64", Exact(PackageKey("nginx", "amd64", "1.0_rc", ""))),
        ("Nginx_1.0_amd64", Exact(PackageKey("Nginx", "amd64", "1.0", ""))),
        ("nginx_1.0_amd64 (= 2)", Dependency("nginx_1.0_amd64", "=", "2")),
        ("one_underscore", Dependency("one_underscore")),
        ("Upper_case", Dependency("Upper_case")),
        ("Section", Field("Section")),
        ("Name (= nginx)", Field("Name", "=", "nginx")),
        ("Name (nginx)", Field("Name", "=", "nginx")),
        ("$Architecture (= i386)", Field("$Architecture", "=", "i386")),
        ("$PackageType (source)", Field("$PackageType", "=", "source")),
        ("Name (% lib*-dev)", Field("Name", "%", "lib*-dev")),
        (r"Name (~ ^\w+\d$)", Field("Name", "~", r"^\w+\d$")),
        ("Name (~ 'a|b')", Field("Name", "~", "a|b")),
        (r'"Maintainer" (= "A \"B\" \\ C")', Field("Maintainer", "=", r'A "B" \ C')),
        ("Section (= '')", Field("Section", "=", "")),
        ("Maintainer (% foo(bar)", Field("Maintainer", "%", "foo(bar")),
        ("Priority (= optional)", Field("Priority", "=", "optional")),
        (" \ta\n", A),
        ("a,b|c", Or((And((A, B)), C))),
        ("a|b,c", Or((A, And((B, C))))),
        ("(a|b),c", And((Or((A, B)), C))),
        ("a | (b | c)", Or((A, B, C))),
        ("!a, b", And((Not(A), B))),
        ("!!a", Not(Not(A))),
        ("! (a, b)", Not(And((A, B)))),
    ],
)
def test_text_means(text, query):
    assert parse(text) == query


KEY = PackageKey("hello", "amd64", "2.10-3", "966561016b44ed80")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Pamd64 hello 2.10-3 966561016b44ed80", Exact(KEY)),
        (" xDPamd64 hello 2.10-3 966561016b44ed80\n", Exact(KEY)),
        ("a | 'Pamd64 hello 2.10-3 966561016b44ed80'", Or((A, Exact(KEY)))),
    ],
)
def test_package_key_is_a_query(text, query):
    assert parse(text) == query


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "column 1: expected a field or package name, found the end of the query", "nginx"),
        ("a, )", 'column 4: expected a field or package name, found "\\)"', "Section"),
        ("a || b", 'column 4: expected a field or package name, found "|"', ""),
        ("~a", 'column 1: expected a field or package name, found "~"', ""),
        ("''", "column 1: expected a field or package name, found nothing in quotes", ""),
        ("nginx(>= 1)", 'column 6: a blank is missing before "\\("', r"nginx \(>= 1.22\)"),
        ("nginx (>= 1", 'column 12: expected "\\)", found the end of the query', ""),
        ("nginx (= 1 2)", 'column 12: expected "\\)", found "2"', "quotes"),
        ("nginx (>= )", 'column 11: expected a value, found "\\)"', ""),
        ("Name (= ==)", 'column 9: expected a value, found "="', "quotes"),
        ("Name (!= a)", 'column 7: expected a value, found "!"', r"!Section \(= web\)"),
        ("Name (~ (a))", 'column 9: expected a value, found "\\("', "quotes"),
        ("(a", 'column 3: expected "\\)", found the end of the query', ""),
        ("a b", 'column 3: expected the end of the query, found "b"', '"," for and'),
        ("a)", 'column 2: expected the end of the query, found "\\)"', ""),
        ("a >= 1", 'column 3: expected the end of the query, found ">="', "in parentheses"),
        ("a {", "column 4: expected an architecture, found the end", "{amd64}"),
        ("a {amd64", 'column 9: expected "}", found the end', ""),
        ("a_1_amd64 {i386}", 'column 11: expected the end of the query, found "{"', ""),
        ("a, 'b", "column 4: the quote is not closed", ""),
        ("$Foo", r"column 1: there is no \$Foo", r"\$Architecture, \$PackageType"),
        ("Name (~ '[a')", "column 9: bad regular expression: missing", "glob"),
        ("Name (~ foo(bar)", "column 9: bad regular expression: missing", "glob"),
        ("Name (% '[a')", 'column 9: bad glob: a "\\[" is not closed', "glob"),
        ("Pamd64 hello 2.10-3", 'column 8: expected the end of the query, found "hello"', ""),
        ("!" * 200 + "a", "column 101: the query is nested too deeply", ""),
        ("(" * 200 + "a", "column 101: the query is nested too deeply", ""),
    ],
)
def test_error_names_the_column_and_helps(text, message, hint):
    with pytest.raises(InvalidInput, match=f"^{message}") as caught:
        parse(text)
    assert hint.replace("\\", "") in caught.value.hint


def test_hint_points_at_the_place():
    with pytest.raises(InvalidInput, match="column 9") as caught:
        parse("nginx\n, )")
    assert caught.value.hint.splitlines()[1:] == ["    nginx , )", "            ^"]


def test_hint_shows_the_part_of_a_long_query_that_matters():
    with pytest.raises(InvalidInput, match="column 1004") as caught:
        parse("a" * 1000 + " | )" + "b" * 1000)
    _, shown, caret = caught.value.hint.splitlines()
    assert shown[caret.index("^") - 2 :].startswith("| )bbb")
    assert len(shown) < 80


def test_joining_needs_something_to_join():
    assert and_(A) == or_(A) == A
    assert and_(and_(A, B), C) == And((A, B, C))
    with pytest.raises(ValueError, match="nothing to join"):
        or_()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Name (= a)", {"a"}),
        ("Package (= a)", {"a"}),
        ("Name (% a)", {"a"}),
        ("Name (% a*)", None),
        ("Name (>= a)", None),
        ("a_1_amd64", {"a"}),
        ("a", None),
        ("Name (a) | Name (b)", {"a", "b"}),
        ("Name (a) | Section (x)", None),
        ("Name (a), Section (x)", {"a"}),
        ("(Name (a) | b_1_i386), (Name (b) | c_1_all)", {"b"}),
        ("Name (a), Name (b)", set()),
        ("!Name (a)", None),
    ],
)
def test_names_are_those_that_can_match(text, names):
    assert parse(text).names() == names


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("Name (~ a), Version (>> 1), $Architecture (i386)", False),
        ("a_1_amd64 | !Name (a)", False),
        ("$PackageType (source)", False),
        ("$PackageType (deb)", True),
        ("Architecture (= amd64)", True),
        ("$Version", False),
        ("$Version (= 1)", True),
        ("Section", True),
        ("Name (a), Section", True),
        ("a", True),
    ],
)
def test_query_knows_whether_it_needs_records(text, needed):
    assert parse(text).needs_record is needed
