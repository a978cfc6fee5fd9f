"""Overrides: set by hand or from files, followed into publications, and what is refused."""

import gzip
import json
import shutil

import pytest
from debian.deb822 import Deb822

from debrepo.testing.packages import build_deb, build_source
from debrepo_publish.indexes import lines


@pytest.fixture
def tools(debrepo, tmp_path):
    """A repository with packages of each kind."""
    debrepo("repo", "create", "tools", "--distribution", "stable")
    fields = {"Section": "misc", "Priority": "extra"}
    for name in ("hello", "hello-data", "world"):
        debrepo("repo", "add", "tools", build_deb(tmp_path, name, fields=fields))
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello-udeb", extension="udeb"))
    debrepo("repo", "add", "tools", build_source(tmp_path, "hello", fields={"Section": "misc"}))


@pytest.fixture
def stanzas(debrepo_root):
    def read(name="binary-amd64/Packages", distribution="stable"):
        path = debrepo_root / "public/dists" / distribution / "main" / f"{name}.gz"
        text = gzip.decompress(path.read_bytes())
        return {s["Package"]: s for s in Deb822.iter_paragraphs(text, use_apt_pkg=False)}

    return read


@pytest.fixture
def publish(debrepo, debrepo_root):
    def run():
        there = (debrepo_root / "public/dists/stable").exists()
        words = ("update", "stable") if there else ("repo", "tools", "--skip-signing")
        return debrepo("publish", *words).stdout

    return run


def test_fields_are_replaced_and_added_and_come_back(tools, debrepo, publish, stanzas):
    said = debrepo("repo", "override", "set", "tools", "hello", "section=net", "Bugs=mailto:a@b.c")
    assert said.stdout == "The next publish of tools gives hello 2 other fields.\n"
    publish()
    hello = stanzas()["hello"]
    assert (hello["Section"], hello["Bugs"], hello["Priority"]) == ("net", "mailto:a@b.c", "extra")
    assert stanzas()["world"]["Section"] == "misc"
    assert stanzas("source/Sources")["hello"]["Section"] == "misc"
    debrepo("repo", "override", "drop", "tools", "hello", "Section")
    publish()
    hello = stanzas()["hello"]
    assert (hello["Section"], hello["Bugs"]) == ("misc", "mailto:a@b.c")
    debrepo("repo", "override", "drop", "tools", "hello")
    publish()
    assert "Bugs" not in stanzas()["hello"]


def test_each_kind_of_package_has_its_own(tools, debrepo, publish, stanzas):
    debrepo("repo", "override", "set", "tools", "hello*", "Section=net", "--kind", "udeb")
    debrepo("repo", "override", "set", "tools", "hello", "Section=devel", "--kind", "source")
    publish()
    assert stanzas()["hello"]["Section"] == "misc"
    assert stanzas("debian-installer/binary-amd64/Packages")["hello-udeb"]["Section"] == "net"
    assert stanzas("source/Sources")["hello"]["Section"] == "devel"


def test_name_of_a_package_precedes_patterns(tools, debrepo, publish, stanzas):
    debrepo("repo", "override", "set", "tools", "hello", "Section=net")
    debrepo("repo", "override", "set", "tools", "hello*", "section=doc", "Priority=optional")
    publish()
    found = stanzas()
    assert [found[name]["Section"] for name in ("hello", "hello-data", "world")] == [
        "net", "doc", "misc",
    ]  # fmt: skip
    assert found["hello"]["Priority"] == "optional"


def test_unchanged_overrides_publish_nothing(tools, debrepo, publish):
    debrepo("repo", "override", "set", "tools", "hello", "Section=net")
    publish()
    before = debrepo("publish", "show", "stable", "--json").output
    publish()
    assert debrepo("publish", "show", "stable", "--json").output == before


def test_snapshots_have_the_overrides_of_what_they_were_made_from(tools, debrepo, stanzas):
    debrepo("repo", "override", "set", "tools", "hello", "Section=net")
    debrepo("snapshot", "create", "one", "from", "repo", "tools")
    debrepo("snapshot", "filter", "one", "two", "hello")
    debrepo("publish", "snapshot", "two", "--distribution", "two", "--skip-signing")
    assert stanzas(distribution="two")["hello"]["Section"] == "net"


def test_list_says_what_there_is(tools, debrepo):
    debrepo("repo", "override", "set", "tools", "hello", "Section=net")
    assert debrepo("repo", "override", "list", "tools").stdout == (
        "Kind  Package  Field    Value\ndeb   hello    Section  net\n"
    )
    assert json.loads(debrepo("repo", "override", "list", "tools", "--json").stdout) == [
        {"kind": "deb", "package": "hello", "field": "Section", "value": "net"}
    ]


def test_overrides_follow_a_new_name_and_go_with_their_repository(tools, debrepo):
    debrepo("repo", "override", "set", "tools", "hello", "Section=net")
    debrepo("repo", "rename", "tools", "utils")
    assert "hello" in debrepo("repo", "override", "list", "utils").stdout
    debrepo("repo", "drop", "utils")
    debrepo("repo", "create", "utils")
    assert "hello" not in debrepo("repo", "override", "list", "utils").stdout


COLUMNS = """# of Debian
hello\toptional\tnet
world  required  admin  Somebody Else <else@example.org>
none   optional  misc   * => New <new@example.org>
"""
FIELDS = """hello Section net
hello $Component contrib

hello-* Priority optional
"""


def test_files_of_apt_ftparchive_and_reprepro_are_read(tools, debrepo, tmp_path, publish, stanzas):
    (tmp_path / "override").write_text(COLUMNS)
    (tmp_path / "extra").write_text(FIELDS)
    (tmp_path / "override.src").write_text("hello devel\n")
    words = ("repo", "override", "import", "tools")
    said = debrepo(*words, tmp_path / "override").stdout
    assert said == "tools has 8 overrides from override.\n"
    debrepo(*words, tmp_path / "override.src", "--kind", "source")
    publish()
    assert stanzas()["world"]["Maintainer"] == "Somebody Else <else@example.org>"
    assert stanzas()["world"]["Priority"] == "required"
    assert stanzas("source/Sources")["hello"]["Section"] == "devel"
    debrepo(*words, tmp_path / "extra", "--format", "fields", "--replace")
    publish()
    found = stanzas()
    assert found["world"]["Section"] == "misc"
    assert (found["hello"]["Section"], found["hello"]["Priority"]) == ("net", "extra")
    assert found["hello-data"]["Priority"] == "optional"
    assert stanzas("source/Sources")["hello"]["Section"] == "devel"


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        ("hello optional net\nhello\n", "columns", "line 2: there are too few columns"),
        ("hello Section", "fields", "line 1: this is not a package, a field and a value"),
        ("hello Filename /etc/passwd", "fields", "line 1: the field 'Filename' of a package"),
        ("../x Section net", "fields", "line 1: '../x' cannot be the name of a package"),
        ("h optional net Old => New", "columns", "line 1: a maintainer is replaced whatever"),
        ("\xff", "columns", "cannot read"),
    ],
)
def test_bad_file_changes_nothing(tools, debrepo, tmp_path, text, form, said):
    path = tmp_path / "override"
    path.write_bytes(text.encode("latin-1"))
    words = ("repo", "override", "import", "tools", path, "--format", form)
    assert said in debrepo(*words, exit_code=2).output
    assert debrepo("repo", "override", "list", "tools", "--json").stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("set", "none", "hello", "Section=net"), 3, "no repository called none"),
        (("set", "tools", "hello", "Section"), 2, "'Section' has no value"),
        (("set", "tools", "hello", "Section="), 2, "the field Section needs a value"),
        (("set", "tools", "hello", "Version=2"), 2, "the field 'Version' of a package"),
        (("set", "tools", "a b", "Section=x"), 2, "'a b' cannot be the name of a package"),
        (("set", "tools", "[", "Section=x"), 2, "'[' cannot be the name of a package"),
        (("set", "tools", "lib[a-", "Section=x"), 2, "'lib[a-' cannot be the name of a package"),
        (("set", "tools", "lib]", "Section=x"), 2, "'lib]' cannot be the name of a package"),
        (("set", "tools", "lib[]", "Section=x"), 2, "'lib[]' cannot be the name of a package"),
        (("drop", "tools", "hello"), 3, "tools has no such override of hello"),
        (("list", "none"), 3, "no repository called none"),
    ],
)
def test_what_cannot_be_is_refused(tools, debrepo, words, code, said):
    assert said in debrepo("repo", "override", *words, exit_code=code).output


@pytest.mark.parametrize("pattern", ["*", "lib*", "[hw]*", "lib[!a-c]?", "python3.?-*"])
def test_patterns_of_names_are_taken(tools, debrepo, pattern):
    debrepo("repo", "override", "set", "tools", pattern, "Section=x")


def test_routes_do_what_commands_do(tools, debrepo, api):
    url = "/api/repos/tools/overrides"
    answer = api.put(f"{url}/hello", json={"fields": {"Section": "net"}})
    row = {"kind": "deb", "package": "hello", "field": "Section", "value": "net"}
    assert (answer.status_code, answer.json()) == (200, [row])
    assert api.get(url).json() == [row]
    assert api.delete(f"{url}/hello").status_code == 200
    assert api.get(url).json() == []
    assert api.delete(f"{url}/hello").status_code == 404
    assert api.put(f"{url}/hello", json={"fields": {"Version": "1"}}).status_code == 400


def test_a_field_of_a_plugin_and_an_override_of_it_are_an_error(tools, debrepo, publish):
    debrepo("repo", "override", "set", "tools", "hello", "Phased-Update-Percentage=5")
    publish()
    said = debrepo("publish", "update", "stable", "--phased", "hello=20", exit_code=9).output
    assert "both add the field Phased-Update-Percentage" in said


@pytest.fixture
def index(debrepo_root):
    def read(name):
        path = debrepo_root / "public/dists/stable/main" / f"{name}.gz"
        return gzip.decompress(path.read_bytes()).decode()

    return read


def test_contents_name_the_section_that_is_given(
    tools, debrepo, debrepo_root, index, tmp_path, publish
):
    debrepo("repo", "override", "set", "tools", "hello*", "Section=net")
    debrepo("publish", "repo", "tools", "--skip-signing", "--contents")
    assert "usr/share/doc/hello/copyright net/hello\n" in index("Contents-amd64")
    assert "usr/share/doc/world/copyright misc/world\n" in index("Contents-amd64")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello-more", fields={"Section": "x"}))
    debrepo("repo", "remove", "tools", "hello-data")
    publish()
    step_by_step = index("Contents-amd64")
    assert "usr/share/doc/hello-more/copyright net/hello-more\n" in step_by_step
    shutil.rmtree(debrepo_root / "cache")
    debrepo("publish", "update", "stable", "--force")
    assert index("Contents-amd64") == step_by_step
    debrepo("repo", "override", "drop", "tools", "hello*")
    publish()
    assert "usr/share/doc/hello/copyright misc/hello\n" in index("Contents-amd64")
    assert "net/" not in index("Contents-amd64")


def test_descriptions_that_are_given_are_those_of_the_translation(
    tools, debrepo, index, stanzas, publish
):
    debrepo("publish", "repo", "tools", "--skip-signing", "--translations")
    debrepo("repo", "override", "set", "tools", "hello", "Description=greets everybody")
    publish()
    hello = stanzas()["hello"]
    assert hello["Description"] == "greets everybody"
    said = {s["Description-md5"]: s for s in Deb822.iter_paragraphs(index("i18n/Translation-en"))}
    assert said[hello["Description-md5"]]["Description-en"] == "greets everybody"


def test_other_fields_make_no_contents_anew(tools, debrepo, publish, debrepo_root, monkeypatch):
    debrepo("publish", "repo", "tools", "--skip-signing", "--contents")
    debrepo("repo", "override", "set", "tools", "hello", "Priority=optional")
    built = []
    monkeypatch.setattr(lines, "_build_kinds", lambda *_: built.append(1))
    publish()
    assert built == []


def test_file_that_is_no_text_is_refused(debrepo, tmp_path):
    debrepo("repo", "create", "web")
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    said = debrepo("repo", "override", "import", "web", tmp_path / "bad", exit_code=2).stderr
    assert said.endswith("bad: it is not text in UTF-8\n")
