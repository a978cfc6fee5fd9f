"""What a query selects, held against a plain reading of the rules, and what it reads."""

import fnmatch
import random
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo import stanza
from debrepo.package import Package, PackageFile, PackageKey
from debrepo.query import (
    And,
    Candidate,
    Dependency,
    Exact,
    Field,
    Not,
    Or,
    and_,
    or_,
    parse,
    select,
)
from debrepo.version import compare

NAMES = ["a", "a0", "b", "b-dev", "lib/c"]
VERSIONS = ["1.0", "1.00", "1.0-1", "1.0~rc1", "2:0.1"]
ARCHITECTURES = ["all", "amd64", "i386", "source"]
OPERATORS = ["<<", "<=", "=", ">=", ">>"]
PROVIDES = [
    "",
    "a",
    "b (= 1.0)",
    "v, b",
    "v (= 2), a (>= 1)",
    "v (= 1.0~rc1),\n v (= 9)",
    "a (= 9)",
]


def make(name="a", architecture="amd64", version="1.0", kind="deb", **fields):
    if architecture == "source":
        kind = "source"
    key = PackageKey(name, architecture, version, "0123456789abcdef")
    lines = [f"{field.replace('_', '-')}: {value}" for field, value in fields.items() if value]
    files = (PackageFile(f"{name}.deb", 100, "md", "s1", "s256", "s512"),)
    return Package(key, kind, "\n".join([f"Package: {name}", *lines]).encode(), files)


packages = st.builds(
    make,
    st.sampled_from(NAMES),
    st.sampled_from(ARCHITECTURES),
    st.sampled_from(VERSIONS),
    st.sampled_from(["deb", "udeb"]),
    Provides=st.sampled_from(PROVIDES),
    Section=st.sampled_from(["", "libs", "web/x"]),
    Source=st.sampled_from(["", "a", "b (1.0-1)"]),
    Architecture=st.sampled_from(["any", "amd64 arm64"]),
)
conditions = (
    st.just(("", ""))
    | st.tuples(st.sampled_from(OPERATORS), st.sampled_from([*VERSIONS, "a", "libs", "source"]))
    | st.tuples(st.just("%"), st.sampled_from(["*", "a*", "1.?", "*-*", "source", "u?eb"]))
    | st.tuples(st.just("~"), st.sampled_from(["^a", "0$", "-", ".", "deb"]))
)
field_names = ["Name", "Version", "Architecture", "Section", "Source", "Provides", "Missing"]
special_names = ["$Version", "$Source", "$SourceVersion", "$PackageType", "$Architecture"]
terms = (
    st.builds(lambda n, c: Field(n, *c), st.sampled_from(field_names + special_names), conditions)
    | st.builds(
        lambda n, c, a: Dependency(n, *c, a),
        st.sampled_from([*NAMES, "v"]),
        conditions,
        st.sampled_from(["", *ARCHITECTURES]),
    )
    | st.builds(
        lambda n, a, v, h: Exact(PackageKey(n, a, v, h)),
        st.sampled_from(NAMES),
        st.sampled_from(ARCHITECTURES),
        st.sampled_from(VERSIONS),
        st.sampled_from(["", "0123456789abcdef", "0000000000000000"]),
    )
)
queries = st.recursive(
    terms,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=2, max_size=3).map(lambda queries: and_(*queries))
        | st.lists(inner, min_size=2, max_size=3).map(lambda queries: or_(*queries))
    ),
    max_leaves=6,
)


def holds(text, operator, value):
    match operator:
        case "":
            return text != ""
        case "%":
            slashes = text.count("/") == value.count("/")
            return slashes and fnmatch.fnmatchcase(text, value)
        case "~":
            return re.search(value, text) is not None
    order = compare(text, value)
    return {"<<": order < 0, "<=": order <= 0, "=": order == 0, ">=": order >= 0, ">>": order > 0}[
        operator
    ]


def offers(package):
    """Every name and version that a package can be had as."""
    yield package.key.name, package.key.version
    if package.kind != "source":
        for offer in re.split(r",\s*", package.field("Provides")):
            name, _, version = offer.partition(" ")
            if not version or version.startswith("(= "):
                yield name, version[3:-1] or package.key.version


def fits(package, architecture):
    own = package.key.architecture
    return own == architecture or (own == "all" and architecture != "source")


def field_text(package, name):
    source = package.kind == "source"
    match name:
        case "Name":
            return package.key.name
        case "Version" | "$Version":
            return package.key.version
        case "Architecture" if not source:
            return package.key.architecture
        case "$Architecture":
            return package.key.architecture
        case "$PackageType":
            return package.kind
        case "$Source" | "$SourceVersion" | "Source" if source:
            return ""
        case "$Source":
            return package.field("Source").split(" ")[0] or package.key.name
        case "$SourceVersion":
            return package.field("Source").partition("(")[2].rstrip(")") or package.key.version
    return re.sub(r",\s+", ", ", package.field(name))


def plainly(query, package):
    """Answer a query as the rules say it, without a thought for speed."""
    key = package.key
    match query:
        case And(terms):
            return all(plainly(term, package) for term in terms)
        case Or(terms):
            return any(plainly(term, package) for term in terms)
        case Not(term):
            return not plainly(term, package)
        case Exact(wanted):
            return key[:3] == wanted[:3] and wanted.hash in ("", key.hash)
        case Dependency(name, operator, version, architecture):
            return (not architecture or fits(package, architecture)) and any(
                own == name and (not operator or holds(v, operator, version))
                for own, v in offers(package)
            )
        case Field("Name", "=", value):
            return key.name == value
        case Field("$Architecture", "=", value):
            return fits(package, value)
        case Field("$Version", operator, value) if operator:
            return any(own == key.name and holds(v, operator, value) for own, v in offers(package))
        case Field(name, operator, value):
            return holds(field_text(package, name), operator, value)


class Shelf:
    """Packages by entry, which remembers every one that was taken."""

    def __init__(self, packages):
        self.packages = {package.key.entry: package for package in packages}
        self.loads = []

    def load(self, entry):
        self.loads.append(entry)
        return self.packages[entry]

    def select(self, query):
        return [self.packages[entry] for entry in select(query, self.packages, self.load)]


@given(queries, st.lists(packages, max_size=8))
@settings(max_examples=300)
def test_select_agrees_with_the_plain_rules(query, packages):
    shelf = Shelf(packages)
    expected = [package for package in shelf.packages.values() if plainly(query, package)]
    assert shelf.select(query) == expected
    assert len(shelf.loads) == len(set(shelf.loads))
    assert query.needs_record or not shelf.loads
    needles = query.needles()
    for package in expected if needles is not None else ():
        assert any(needle in package.stanza for needle in needles)


@pytest.mark.parametrize(
    ("query", "needle"),
    [
        (Field("Section", "=", "web"), b"web"),
        (Field("Version-Like", "=", "1.0"), None),
        (Field("X", "=", "a01bcd-2e"), b"bcd"),
        (Field("$Source", "=", "nginx"), b"nginx"),
        (Field("Section", "%", "web"), None),
        (Field("Depends", "~", "libssl-3"), b"libssl-3"),
        (Field("Depends", "~", "libssl."), None),
        (Field("Depends", "~", "^libssl"), None),
        (Field("SHA256", "~", "abcd"), b"abcd"),
        (Field("Name", "~", "web"), None),
        (Field("Architecture", "=", "amd64"), None),
    ],
)
def test_value_that_a_record_has_to_hold_is_known(query, needle):
    assert query.needles() == (None if needle is None else frozenset([needle]))


@given(queries, packages)
def test_matching_one_agrees_with_the_plain_rules(query, package):
    loads = []
    candidate = Candidate(package.key, lambda: loads.append(1) or package)
    assert query.matches(candidate) is plainly(query, package)
    assert query.matches(candidate) is plainly(query, package)
    assert len(loads) <= int(query.needs_record)


@given(queries, packages)
def test_only_the_names_a_query_gives_can_match(query, package):
    if plainly(query, package) and query.names() is not None:
        assert package.key.name in query.names()


def many(count):
    choose = random.Random(4).choice
    for number in range(count):
        name = f"{choose(['lib', 'python3-', ''])}{number % 97}"
        yield make(name, choose(ARCHITECTURES), f"{number}.0", Section=choose(["libs", "web"]))


@pytest.mark.parametrize(
    "text",
    [
        "Name (lib7)",
        "Name (% lib*), !Version (>= 300.0)",
        "$Architecture (amd64) | Name (~ ^python3-.*1$), Version (<< 20.0)",
        "lib7_104.0_amd64 | $PackageType (source)",
        "Name (none), Section (libs)",
        "!(Name | Section (libs))",
    ],
)
def test_what_the_keys_tell_loads_nothing(text):
    shelf = Shelf(many(500))
    shelf.select(parse(text))
    assert shelf.loads == []


def test_record_is_loaded_only_where_the_answer_hangs_on_it():
    shelf = Shelf(many(500))
    found = shelf.select(parse("Section (libs), Name (% lib1*) | Name (lib2) | lib2 {source}"))
    for entry in shelf.loads:
        assert PackageKey.from_entry(entry).name.startswith("lib1")
    assert {package.key.name for package in found} >= {"lib1", "lib2"}
    assert len(shelf.loads) == len(set(shelf.loads)) > 0


def test_each_field_is_looked_up_once(monkeypatch):
    looked_up = []
    monkeypatch.setattr(
        "debrepo.package.field",
        lambda text, name: looked_up.append(name) or stanza.field(text, name),
    )
    shelf = Shelf([make(Section="libs", Priority="optional")])
    assert shelf.select(parse("Section (~ a) | Section (~ b), Section (~ c) | Section (libs)"))
    assert looked_up == ["Section"]


PACKAGES = [
    make("nginx", "amd64", "1.22.1-9", Section="httpd", Depends="libc6 (>= 2.36),\n iproute2 | x,"),
    make("nginx", "source", "1.22.1-9", Section="httpd", Architecture="any all"),
    make("nginx-doc", "all", "1.22.1-9", Source="nginx", Multi_Arch="foreign"),
    make("postfix", "i386", "3.7", Provides="mail-transport-agent, smtpd (= 5)", Essential="no"),
    make("hello", "amd64", "2.10-3+b1", Source="hello (2.10-3)", Description="greets\n 100 % nice"),
    make("disk", "amd64", "1.00", kind="udeb", Provides="disk (= 7)", Tag="a::b,\n c::d"),
    make("installer", "amd64", "", kind="installer"),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nginx", "nginx/amd64 nginx/source"),
        ("nginx {source}", "nginx/source"),
        ("nginx {amd64}", "nginx/amd64"),
        ("nginx-doc {amd64}", "nginx-doc/all"),
        ("nginx-doc {source}", ""),
        ("nginx (>= 1.22), $Architecture (amd64)", "nginx/amd64"),
        ("nginx (% 1.2*)", "nginx/amd64 nginx/source"),
        ("nginx_1.22.1-9_source", "nginx/source"),
        ("nginx_1.22.1-9_all", ""),
        ("Pamd64 nginx 1.22.1-9 0123456789abcdef", "nginx/amd64"),
        ("mail-transport-agent", "postfix/i386"),
        ("mail-transport-agent (= 3.7)", "postfix/i386"),
        ("smtpd (= 3.7)", ""),
        ("smtpd (>> 4)", "postfix/i386"),
        ("$Version (= 7)", "disk/amd64"),
        ("Version (= 7)", ""),
        ("Version (= 1.0-0)", "disk/amd64"),
        ("Name (% nginx*)", "nginx/amd64 nginx/source nginx-doc/all"),
        ("Package (~ ^n.*c$)", "nginx-doc/all"),
        ("$Architecture (i386)", "nginx-doc/all postfix/i386"),
        ("$Architecture (source)", "nginx/source"),
        ("$Architecture (% i*)", "postfix/i386"),
        ("Architecture (= 'any all')", "nginx/source"),
        ("$Source (nginx)", "nginx/amd64 nginx-doc/all"),
        ("Source (nginx)", "nginx-doc/all"),
        ("$SourceVersion (= 2.10-3)", "hello/amd64"),
        ("Source (= 'hello (2.10-3)')", "hello/amd64"),
        ("$PackageType (udeb)", "disk/amd64"),
        ("!$PackageType (deb)", "nginx/source disk/amd64 installer/amd64"),
        ("$PackageType (installer)", "installer/amd64"),
        ("!Version", "installer/amd64"),
        ("Depends (= 'libc6 (>= 2.36), iproute2 | x')", "nginx/amd64"),
        ("Tag (= 'a::b, c::d')", "disk/amd64"),
        ("Description (~ '\n 100 %')", "hello/amd64"),
        ("Multi-Arch (foreign) | ESSENTIAL", "nginx-doc/all postfix/i386"),
        ("Section (= httpd), !nginx {source}", "nginx/amd64"),
        ("Size (= 100), SHA256 (s256), MD5sum (md), SHA512 (s512), Name (hello)", "hello/amd64"),
        ("Filename", ""),
    ],
)
def test_query_finds(text, found):
    selected = Shelf(PACKAGES).select(parse(text))
    assert [f"{p.key.name}/{p.key.architecture}" for p in selected] == found.split()


def test_provides_that_makes_no_sense_is_no_reason_to_fail():
    shelf = Shelf([make("x", Provides="???, v (>= 1), v")])
    assert shelf.select(parse("v"))
    assert not shelf.select(parse("v (>= 2)"))


def test_model_knows_nothing_of_the_command_line_or_the_database():
    script = "import sys, debrepo.query; print(sorted({'click', 'lmdb'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "[]\n"
