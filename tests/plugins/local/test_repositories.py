"""``debrepo repo``: create, add, list, show, edit, rename, remove, drop."""

import json
import os

import pytest

from debrepo.arrival import FILE
from debrepo.catalog import CONTENTS
from debrepo.errors import AlreadyExists, InvalidPackage, NotFound
from debrepo.testing.packages import break_data, build_deb, build_source


@pytest.fixture
def r(debrepo):
    debrepo("repo", "create", "r", "--comment", "Our packages")
    return debrepo


def listed(debrepo, name="r"):
    lines = debrepo("repo", "show", name, "--with-packages").output.splitlines()
    return [line.strip() for line in lines if line.startswith("  ")]


def test_created_repository_is_listed(r):
    assert r("repo", "list").output == "r\t0 packages\tOur packages\n"
    assert r("repo", "list", "--raw").output == "r\n"
    assert json.loads(r("repo", "list", "--json").output)[0]["name"] == "r"


def test_the_largest_repository_is_listed_first_when_asked_for(r, tmp_path):
    r("repo", "create", "z")
    r("repo", "add", "z", build_deb(tmp_path))
    assert r("repo", "list", "--raw", "--sort", "size").output == "z\nr\n"


def test_create_refuses_a_taken_name(r):
    result = r("repo", "create", "r", exit_code=4)
    assert result.output == "Error: repository r exists already\n"


def test_show_of_a_missing_repository_says_where_to_look(debrepo):
    result = debrepo("repo", "show", "nope", exit_code=3)
    assert result.output == 'Error: no repository called nope\nHint: run "debrepo repo list"\n'


def test_directories_are_searched_for_packages_of_every_kind(r, tmp_path):
    below = tmp_path / "a/b"
    below.mkdir(parents=True)
    build_deb(below, "one")
    build_deb(below, "two", extension="udeb")
    build_deb(tmp_path, "three-dbgsym", extension="ddeb")
    build_source(below, "four")
    (below / "notes.txt").write_text("not a package")
    output = r("repo", "add", "r", tmp_path).output
    assert sum(line.startswith("added") for line in output.splitlines()) == 4
    assert len(listed(r)) == 4


def test_adding_the_same_again_skips_it(r, tmp_path):
    deb = build_deb(tmp_path)
    r("repo", "add", "r", deb)
    assert "skipped  hello_1.0_amd64" in r("repo", "add", "r", deb).output


def lose(root):
    files = [path for path in (root / "pool").glob("??/*") if len(path.name) == 62]
    for path in files:
        path.unlink()
    return len(files)


def test_adding_a_package_whose_file_is_lost_repairs_it(r, debrepo_root, tmp_path):
    deb = build_deb(tmp_path)
    r("repo", "add", "r", deb)
    assert lose(debrepo_root) == 1
    done = r("repo", "add", "r", deb)
    assert done.stdout == "repaired hello_1.0_amd64\n"
    assert "r: 1 repaired, 0 failed" in done.stderr
    assert "skipped  hello_1.0_amd64" in r("repo", "add", "r", deb).output


def test_adding_many_packages_whose_files_are_lost_repairs_each(r, debrepo_root, tmp_path):
    large = build_deb(tmp_path, "large", paths={"usr/share/large": os.urandom(1 << 19)})
    source = build_source(tmp_path, "four")
    paths = [large, source, *(build_deb(tmp_path, f"small{number}") for number in range(3))]
    r("repo", "add", "r", *paths)
    assert lose(debrepo_root)
    found = json.loads(r("repo", "add", "r", "--json", *paths).stdout)
    assert [one["status"] for one in found] == ["repaired"] * 5


def test_adding_a_new_package_twice_at_once_repairs_nothing(r, tmp_path):
    deb = build_deb(tmp_path)
    copy = tmp_path / "copy.deb"
    copy.write_bytes(deb.read_bytes())
    found = json.loads(r("repo", "add", "r", "--json", deb, copy).stdout)
    assert [one["status"] for one in found] == ["added", "skipped"]


def test_other_bytes_under_the_same_version_are_refused(r, tmp_path):
    r("repo", "add", "r", build_deb(tmp_path))
    other = build_deb(tmp_path, fields={"Description": "another build"})
    result = r("repo", "add", "r", other, exit_code=1)
    assert "hello_1.0_amd64 is in r already, with other bytes" in result.output
    assert "--force-replace" in result.output


def test_force_replace_takes_the_new_bytes(r, tmp_path):
    r("repo", "add", "r", build_deb(tmp_path))
    other = build_deb(tmp_path, fields={"Description": "another build"})
    assert "replaced hello_1.0_amd64" in r("repo", "add", "r", other, "--force-replace").output
    assert listed(r) == ["hello_1.0_amd64"]
    assert "another build" in r("package", "show", "Description (~ another)").output


def test_two_builds_of_one_version_in_one_run_conflict(r, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first = build_deb(tmp_path / "a")
    second = build_deb(tmp_path / "b", fields={"Description": "another build"})
    r("repo", "add", "r", first, second, exit_code=1)
    assert listed(r) == ["hello_1.0_amd64"]


def test_what_is_good_is_added_whatever_happens_to_the_rest(r, tmp_path):
    good = build_deb(tmp_path)
    bad = tmp_path / "bad_1.0_amd64.deb"
    bad.write_bytes(b"not an archive")
    result = r("repo", "add", "r", bad, good, tmp_path / "missing.deb", exit_code=1)
    assert "added    hello_1.0_amd64" in result.output
    assert f"failed   {bad}" in result.output
    assert "2 of 3 files could not be added" in result.output
    assert listed(r) == ["hello_1.0_amd64"]


def test_removed_files_are_those_that_are_in(r, tmp_path):
    dsc = build_source(tmp_path, "src")
    bad = tmp_path / "bad.deb"
    bad.write_bytes(b"")
    r("repo", "add", "r", "--remove-files", tmp_path, exit_code=1)
    assert not dsc.exists()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["bad.deb"]


def test_outcomes_are_json_when_asked_for(r, tmp_path):
    rows = json.loads(r("repo", "add", "r", build_deb(tmp_path), "--json").stdout)
    assert [(row["package"], row["status"]) for row in rows] == [("hello_1.0_amd64", "added")]


def test_packages_are_listed_by_name_and_newest_first(r, tmp_path):
    for version in ("1.0", "1.0~rc1", "1.10", "1.9"):
        build_deb(tmp_path, version=version)
    build_deb(tmp_path, "abc")
    r("repo", "add", "r", tmp_path)
    assert [item.rsplit("_", 1)[0] for item in listed(r)] == [
        "abc_1.0", "hello_1.10", "hello_1.9", "hello_1.0", "hello_1.0~rc1",
    ]  # fmt: skip


def test_edit_changes_what_is_given_and_no_more(r):
    r("repo", "edit", "r", "--distribution", "stable")
    shown = json.loads(r("repo", "show", "r", "--json").output)
    assert (shown["distribution"], shown["comment"]) == ("stable", "Our packages")


def test_a_renamed_repository_is_still_where_snapshots_came_from(r):
    r("snapshot", "create", "s", "from", "repo", "r")
    r("repo", "rename", "r", "new")
    assert "repo:new" in r("snapshot", "show", "s").output


def test_rename_refuses_a_taken_name(r):
    r("repo", "create", "other")
    result = r("repo", "rename", "r", "other", exit_code=4)
    assert "repository other exists already" in result.output
    assert r("repo", "show", "r").output


def test_remove_takes_what_matches(r, tmp_path):
    for name in ("liba", "libb", "tool"):
        build_deb(tmp_path, name)
    r("repo", "add", "r", tmp_path)
    assert "removed  liba_1.0_amd64" in r("repo", "remove", "r", "Name (% lib*)").output
    assert listed(r) == ["tool_1.0_amd64"]


def test_a_dry_run_of_remove_changes_nothing(r, tmp_path):
    r("repo", "add", "r", build_deb(tmp_path))
    assert "nothing was changed" in r("repo", "remove", "r", "hello", "--dry-run").output
    assert listed(r) == ["hello_1.0_amd64"]


def test_drop_is_refused_while_a_snapshot_was_made_from_it(r):
    r("snapshot", "create", "s", "from", "repo", "r")
    result = r("repo", "drop", "r", exit_code=5)
    assert result.output == (
        "Error: repo r is used by snapshot s\n"
        "Hint: --force drops it nevertheless: snapshot s keeps what it has\n"
    )
    r("repo", "drop", "r", "--force")


def test_what_is_published_is_not_dropped_by_force_and_the_hint_says_what_that_ignores(r, tmp_path):
    r("repo", "add", "r", build_deb(tmp_path))
    r("snapshot", "create", "s", "from", "repo", "r")
    r("publish", "repo", "r", "--distribution", "d", "--skip-signing")
    for options in ((), ("--force",)):
        result = r("repo", "drop", "r", *options, exit_code=5)
        assert result.output == (
            "Error: repo r is used by publication ./d, snapshot s\n"
            'Hint: run "debrepo publish drop d"; --force ignores only snapshot s\n'
        )


def test_drop_is_refused_while_it_is_published_even_by_force(r, tmp_path):
    r("repo", "add", "r", build_deb(tmp_path))
    r("publish", "repo", "r", "--distribution", "stable", "--skip-signing")
    result = r("repo", "drop", "r", "--force", exit_code=5)
    assert 'Hint: run "debrepo publish drop stable"' in result.output


def test_directory_without_packages_is_a_warning(r, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("not a package")
    result = r("repo", "add", "r", empty, build_deb(tmp_path))
    assert f"Warning: {empty}: no package files in this directory\n" in result.stderr
    assert listed(r) == ["hello_1.0_amd64"]
    (row,) = json.loads(r("repo", "add", "r", empty, "--json").stdout)
    assert (row["source"], row["status"], row["package"]) == (str(empty), "empty", "")


def test_directory_without_packages_is_an_error_when_strict(r, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    result = r("repo", "add", "--strict", "r", build_deb(tmp_path), empty, exit_code=3)
    assert result.output.endswith(f"Error: {empty}: no package files in this directory\n")
    assert listed(r) == ["hello_1.0_amd64"]


@pytest.mark.parametrize("bad", ["taken", "broken"])
def test_whole_upload_is_added_or_none_of_it(session, tmp_path, bad):
    session.call("repo.create", name="tools")
    first = build_deb(tmp_path, "hello", "1.0", paths={"usr/first": b"x"})
    list(session.call("repo.add", name="tools", paths=[first]))
    other = tmp_path / "other"
    other.mkdir()
    good = build_deb(other, "good", "1.0")
    if bad == "taken":
        failing = build_deb(other, "hello", "1.0")
    else:
        failing = other / "broken_1.0_amd64.deb"
        failing.write_bytes(b"nothing")
    outcomes = list(session.call("repo.add", name="tools", paths=[good, failing], whole=True))
    assert [(one.source, one.status) for one in outcomes] == [(failing, "failed")]
    shown = session.call("repo.show", name="tools", with_packages=True)
    assert [key.name for key in shown.packages] == ["hello"]
    outcomes = list(session.call("repo.add", name="tools", paths=[good, first], whole=True))
    assert {one.status for one in outcomes} == {"added", "skipped"}


@pytest.fixture
def later(r, debrepo_root):
    """Read no data at once."""
    (debrepo_root / "debrepo.toml").write_text('ingest.deep = "publish"\n')
    return r


def bad(directory):
    return break_data(build_deb(directory, "bad", paths={"usr/bad": os.urandom(5000)}))


def test_add_deep_refuses_a_package_that_cannot_be_unpacked(later, tmp_path):
    result = later("repo", "add", "r", bad(tmp_path), "--deep", exit_code=1)
    assert "bad_1.0_amd64.deb: data.tar.xz is damaged: " in result.output
    assert listed(later) == []


def test_add_deep_keeps_what_it_reads_of_a_package_that_is_there(later, tmp_path, session):
    path = build_deb(tmp_path)
    later("repo", "add", "r", path)
    assert "skipped" in later("repo", "add", "r", path, "--deep").output
    with session.db.read() as txn:
        assert len(txn[CONTENTS]) == 1


def test_add_leaves_data_for_later_if_it_is_told_to(later, tmp_path):
    later("repo", "add", "r", bad(tmp_path))
    assert listed(later) == ["bad_1.0_amd64"]


def test_add_refuses_what_is_known_to_be_broken(later, tmp_path):
    path = bad(tmp_path)
    later("repo", "add", "r", path)
    later(
        "publish",
        "repo",
        "r",
        "--distribution",
        "stable",
        "--architectures",
        "amd64",
        "--skip-signing",
    )
    later("repo", "create", "other")
    result = later("repo", "add", "other", path, exit_code=1)
    assert "bad_1.0_amd64.deb: data.tar.xz is damaged: " in result.output


def test_files_of_several_repositories_are_added_in_one_transaction_or_not_at_all(
    session, tmp_path
):
    for name in ("one", "two"):
        session.call("repo.create", name=name)
    first, other = build_deb(tmp_path, "first"), build_deb(tmp_path, "other")
    seen = []

    def add(files):
        return session.hook.debrepo_add_files(
            session=session, kind="repo", files=files, arrival=FILE, also=seen.append
        )

    def names(repo):
        shown = session.call("repo.show", name=repo, with_packages=True)
        return [key.name for key in shown.packages]

    broken = tmp_path / "broken_1.0_amd64.deb"
    broken.write_bytes(b"nothing")
    with pytest.raises(InvalidPackage, match=r"^broken_1.0_amd64.deb: "):
        add({"one": [first], "two": [other, broken]})
    with pytest.raises(NotFound):
        add({"one": [first], "three": [other]})
    assert (names("one"), seen) == ([], [])
    before = session.db.serial()
    assert add({"one": [first], "two": [other]}) == 2
    assert session.db.serial() == before + 1
    assert [txn.writable for txn in seen] == [True]
    assert (names("one"), names("two")) == (["first"], ["other"])
    rebuilt = tmp_path / "rebuilt"
    rebuilt.mkdir()
    files = {
        "one": [build_deb(rebuilt, "new")],
        "two": [build_deb(rebuilt, "other", paths={"x": b""})],
    }
    with pytest.raises(AlreadyExists, match=r"^other_1.0_amd64.deb: .* other bytes"):
        add(files)
    assert names("one") == ["first"]
    words = {"files": files, "arrival": FILE, "also": seen.append}
    assert session.hook.debrepo_add_files(session=session, kind="mirror", **words) is None


def test_packages_leave_several_repositories_in_a_transaction_of_the_caller(session, tmp_path):
    for name in ("one", "two"):
        session.call("repo.create", name=name)
    paths = [build_deb(tmp_path, name) for name in ("first", "other")]
    words = {"files": {"one": paths, "two": paths}, "arrival": FILE, "also": lambda _: None}
    session.hook.debrepo_add_files(session=session, kind="repo", **words)

    def entries(repo):
        shown = session.call("repo.show", name=repo, with_packages=True)
        return [key.entry for key in shown.packages]

    first, other = entries("one")

    def remove(txn, packages, kind="repo"):
        return session.hook.debrepo_remove_packages(
            session=session, txn=txn, kind=kind, packages=packages
        )

    with pytest.raises(NotFound), session.db.write() as txn:
        remove(txn, {"one": [first], "three": [first]})
    assert entries("one") == [first, other]
    with session.db.write() as txn:
        assert remove(txn, {"one": [first, first], "two": [first, other]}) == 3
        assert remove(txn, {"one": [first]}) == 0
        assert remove(txn, {"one": [other]}, kind="mirror") is None
    assert (entries("one"), entries("two")) == ([other], [])
