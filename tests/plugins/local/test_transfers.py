"""Packages go from list to list, with what they depend on, and come out again."""

import json

import pytest

from debrepo.testing.packages import build_deb, build_source


@pytest.fixture
def shop(debrepo, tmp_path):
    """Two repositories: ``all`` has a few packages that need one another, ``some`` is empty."""
    files = tmp_path / "files"
    files.mkdir()
    build_deb(files, "web", "2.0", fields={"Depends": "lib (>= 2) | other, base", "Source": "src"})
    build_deb(files, "web", "1.0", fields={"Depends": "lib"})
    build_deb(files, "lib", "2.1", fields={"Recommends": "doc"})
    build_deb(files, "lib", "1.0", "i386")
    build_deb(files, "base", "1", "all", fields={"Provides": "core"})
    build_deb(files, "doc", "1", "all")
    build_deb(files, "alone", "1", fields={"Depends": "gone (>= 1)"})
    build_source(files, "src", "2.0", fields={"Build-Depends": "doc, lib"})
    debrepo("repo", "create", "all")
    debrepo("repo", "create", "some")
    debrepo("repo", "add", "all", files)
    return files


def packages(debrepo, name):
    return debrepo("repo", "search", name).stdout.split()


def test_copied_packages_are_in_both(debrepo, shop):
    result = debrepo("repo", "copy", "all", "some", "web (= 2.0)")
    assert result.stdout == "copied   web_2.0_amd64\n"
    assert result.stderr == "some: 1 package copied.\n"
    assert packages(debrepo, "some") == ["web_2.0_amd64"]
    assert len(packages(debrepo, "all")) == 8


def test_moved_packages_leave_where_they_were(debrepo, shop):
    debrepo("repo", "move", "all", "some", "web (= 2.0)", "doc")
    assert packages(debrepo, "some") == ["doc_1_all", "web_2.0_amd64"]
    assert len(packages(debrepo, "all")) == 6


def test_dependencies_come_along_on_request(debrepo, shop):
    command = ("repo", "copy", "all", "some", "web (= 2.0)", "--with-deps", "--architectures=amd64")
    result = debrepo(*command, "--why")
    assert result.stdout.splitlines() == [
        "copied   web_2.0_amd64",
        "copied   lib_2.1_amd64  (web_2.0_amd64 Depends: lib (>= 2) | other)",
        "copied   base_1_all  (web_2.0_amd64 Depends: base)",
    ]


@pytest.mark.parametrize(
    ("command", "taken"),
    [
        (("repo", "copy", "all", "some"), {"lib_1.0_i386", "base_1_all"}),
        (("repo", "move", "all", "some"), {"lib_1.0_i386"}),
        (("snapshot", "filter", "repo:all", "some-snapshot"), {"lib_1.0_i386", "base_1_all"}),
    ],
)
def test_architectures_restrict_what_is_taken(debrepo, shop, command, taken):
    before = packages(debrepo, "all")
    debrepo(*command, "lib", "base", "src", "--architectures", "i386")
    kind = "snapshot" if command[0] == "snapshot" else "repo"
    found = debrepo(kind, "search", command[-1]).stdout.split()
    assert set(found) == taken
    left = set(before) - (taken if command[1] == "move" else set())
    assert set(packages(debrepo, "all")) == left


def test_architectures_restrict_what_is_removed(debrepo, shop):
    before = set(packages(debrepo, "all"))
    words = ("repo", "remove", "all", "lib", "base", "src")
    debrepo(*words, "--architectures", "i386")
    assert before - set(packages(debrepo, "all")) == {"lib_1.0_i386"}
    debrepo(*words, "--architectures", "all,source")
    assert before - set(packages(debrepo, "all")) == {
        "lib_1.0_i386",
        "base_1_all",
        "src_2.0_source",
    }
    refused = debrepo(*words, "--architectures", "I/386", exit_code=2)
    assert "I/386" in refused.output


def test_removal_for_one_architecture_leaves_what_another_one_needs(debrepo, shop):
    build_deb(shop, "web", "2.0", "i386", fields={"Depends": "base, doc"})
    debrepo("repo", "add", "all", shop)
    words = ("repo", "remove", "all", "web", "--with-deps", "--architectures", "i386")
    assert debrepo(*words).stdout.split() == ["removed", "web_2.0_i386", "removed", "doc_1_all"]


@pytest.mark.parametrize("group", ["repo", "package", "snapshot"])
def test_architectures_restrict_what_is_found(debrepo, shop, group):
    debrepo("snapshot", "create", "all", "from", "repo", "all")
    words = (group, "search", *(() if group == "package" else ("all",)))
    found = debrepo(*words, "--architectures", "i386").stdout.split()
    assert found == ["base_1_all", "doc_1_all", "lib_1.0_i386"]
    found = debrepo(*words, "lib", "--architectures=i386,source").stdout.split()
    assert found == ["lib_1.0_i386"]


def test_options_on_dependencies_are_not_ignored_in_silence(debrepo, shop):
    words = ("repo", "copy", "all", "some", "web", "--dry-run")
    said = debrepo(*words, "--dep-follow-source", "--why").stderr
    assert "Warning: --dep-follow-source has no effect without --with-deps.\n" in said
    assert "Warning: --why has no effect without --with-deps.\n" in said
    assert "Warning" not in debrepo(*words, "--with-deps", "--dep-follow-source", "--why").stderr


def test_what_is_there_already_is_not_brought_again(debrepo, shop):
    debrepo("repo", "copy", "all", "some", "base", "lib {amd64}")
    result = debrepo("repo", "copy", "all", "some", "web (= 2.0)", "--with-deps")
    assert result.stdout == "copied   web_2.0_amd64\n"


def test_more_is_followed_when_asked_for(debrepo, shop):
    command = ("repo", "copy", "all", "some", "web (= 2.0)", "--with-deps", "--architectures=amd64")
    follow = ("--dep-follow-recommends", "--dep-follow-source", "--dep-follow-build-depends")
    debrepo(*command, *follow)
    assert packages(debrepo, "some") == [
        "base_1_all",
        "doc_1_all",
        "lib_2.1_amd64",
        "src_2.0_source",
        "web_2.0_amd64",
    ]


def test_what_is_followed_can_be_configured(debrepo, shop, debrepo_root):
    (debrepo_root / "debrepo.toml").write_text('dependencies.follow = ["recommends"]\n')
    debrepo("repo", "copy", "all", "some", "lib {amd64}", "--with-deps")
    assert packages(debrepo, "some") == ["doc_1_all", "lib_2.1_amd64"]


def test_what_cannot_be_found_is_told(debrepo, shop):
    result = debrepo("repo", "copy", "all", "some", "alone", "--with-deps")
    assert result.stdout == "copied   alone_1_amd64\n"
    assert "missing  alone_1_amd64 lacks, in Depends: gone (>= 1)\n" in result.stderr


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_a_dry_run_changes_nothing(debrepo, shop, verb):
    before = packages(debrepo, "all")
    result = debrepo("repo", verb, "all", "some", "web", "--with-deps", "--dry-run")
    assert "web_1.0_amd64" in result.stdout
    assert result.stderr.endswith("nothing was changed.\n")
    assert (packages(debrepo, "all"), packages(debrepo, "some")) == (before, [])


def test_a_query_without_matches_copies_nothing(debrepo, shop):
    assert debrepo("repo", "copy", "all", "some", "nothing").stdout == ""


def test_packages_are_imported_from_any_kind_of_list(debrepo, shop):
    debrepo("snapshot", "create", "frozen", "from", "repo", "all")
    result = debrepo("repo", "import", "snapshot:frozen", "some", "doc")
    assert result.stdout == "imported doc_1_all\n"


def test_importing_takes_mirrors_unless_told_otherwise(debrepo, shop):
    result = debrepo("repo", "import", "all", "some", "doc", exit_code=3)
    assert "mirror" in result.stderr


def test_packages_do_not_leave_a_snapshot(debrepo, shop):
    debrepo("snapshot", "create", "frozen", "from", "repo", "all")
    result = debrepo("repo", "move", "snapshot:frozen", "some", "doc", exit_code=2)
    assert result.stderr == (
        "Error: packages cannot leave snapshot:frozen\n"
        'Hint: run "debrepo repo copy snapshot:frozen some QUERY"\n'
    )


def test_source_and_target_have_to_differ(debrepo, shop):
    result = debrepo("repo", "copy", "all", "all", "doc", exit_code=2)
    assert result.stderr.startswith("Error: all is where the packages are already\n")


def test_other_bytes_under_a_version_that_is_there_are_refused(debrepo, shop, tmp_path):
    debrepo("repo", "add", "some", build_deb(tmp_path, "doc", "1", "all", compression="gzip"))
    result = debrepo("repo", "copy", "all", "some", "doc", "lib", exit_code=4)
    assert "doc_1_all is in some already, with other bytes" in result.stderr
    assert packages(debrepo, "some") == ["doc_1_all"]


def test_a_repository_can_start_with_the_packages_of_a_snapshot(debrepo, shop):
    debrepo("snapshot", "create", "frozen", "from", "repo", "all")
    debrepo("repo", "create", "again", "from", "snapshot", "frozen")
    assert packages(debrepo, "again") == packages(debrepo, "all")
    debrepo("repo", "create", "more", "from", "snapshot", "gone", exit_code=3)
    debrepo("repo", "create", "more", "of", "snapshot", "frozen", exit_code=2)


def test_removing_with_dependencies_leaves_what_others_need(debrepo, shop):
    debrepo("repo", "remove", "all", "web (= 1.0) | alone | src {source} | doc")
    result = debrepo("repo", "remove", "all", "web", "--with-deps", "--architectures=amd64")
    removed = ["web_2.0_amd64", "base_1_all", "lib_2.1_amd64"]
    assert result.stdout.splitlines() == [f"removed  {name}" for name in removed]


def test_removing_with_dependencies_keeps_those_in_use(debrepo, shop):
    result = debrepo("repo", "remove", "all", "web (= 2.0)", "--with-deps", "--dry-run")
    assert result.stdout.splitlines() == ["removed  web_2.0_amd64", "removed  base_1_all"]


def test_search_prints_the_newest_first(debrepo, shop):
    assert debrepo("repo", "search", "all", "web").stdout == "web_2.0_amd64\nweb_1.0_amd64\n"
    assert debrepo("repo", "search", "all", "web", "--latest").stdout == "web_2.0_amd64\n"


def test_search_follows_dependencies(debrepo, shop):
    result = debrepo("repo", "search", "all", "web (= 1.0)", "--with-deps", "--architectures=amd64")
    assert result.stdout == "lib_2.1_amd64\nweb_1.0_amd64\n"


def test_search_prints_keys_json_and_templates(debrepo, shop):
    (key,) = json.loads(debrepo("repo", "search", "all", "doc", "--json").stdout)
    assert debrepo("repo", "search", "all", "doc", "--raw").stdout == f"{key}\n"
    assert key.startswith("Pall doc 1 ")
    template = '{{.Package}} {{.Version}} {{index . "Depends"}} {{.ShortKey}}'
    result = debrepo("repo", "search", "all", "doc", "--format", template)
    assert result.stdout == "doc 1 <no value> Pall doc 1\n"


def test_search_sorts_as_asked(debrepo, shop):
    by_version = debrepo("repo", "search", "all", "web", "doc", "lib", "--sort=version").stdout
    assert by_version.split()[:2] == ["lib_2.1_amd64", "web_2.0_amd64"]
    by_architecture = debrepo("repo", "search", "all", "--sort=architecture").stdout
    assert by_architecture.split()[0] == "base_1_all"


def test_a_search_without_matches_says_so(debrepo, shop):
    result = debrepo("repo", "search", "all", "nothing", exit_code=3)
    assert result.stderr == "Error: no package matches nothing\n"
    assert debrepo("repo", "search", "all", "nothing", "--json").stdout == "[]\n"


def test_queries_are_read_from_files(debrepo, shop, tmp_path):
    (tmp_path / "query").write_text("doc |\n  lib {i386}\n")
    result = debrepo("repo", "search", "all", f"@{tmp_path / 'query'}")
    assert result.stdout == "doc_1_all\nlib_1.0_i386\n"
    result = debrepo("repo", "search", "all", "@/nowhere", exit_code=2)
    assert "cannot read the query from '/nowhere': No such file" in result.stderr


def test_other_plugins_hear_of_both_repositories(session, shop):
    told = []

    class Listener:
        @staticmethod
        def debrepo_packages_changed(target, added, removed):
            told.append((str(target), len(added), len(removed)))

    from debrepo import hookimpl

    hookimpl(Listener.debrepo_packages_changed)
    session.plugins.register(Listener)
    session.call("repo.move", source="all", target="some", queries=["web"])
    assert told == [("repo:some", 2, 0), ("repo:all", 0, 2)]


def test_a_package_that_leaves_its_list_meanwhile_is_a_conflict(session, shop, monkeypatch):
    from debrepo import selection
    from debrepo.errors import Conflict

    check = selection.check_joinable

    def check_and_interfere(*args):
        monkeypatch.setattr(selection, "check_joinable", check)
        check(*args)
        import threading

        other = threading.Thread(target=session.call, args=("repo.remove",), kwargs=removal)
        other.start()
        other.join()

    removal = {"name": "all", "queries": ["web (= 2.0)"]}
    monkeypatch.setattr(selection, "check_joinable", check_and_interfere)
    with pytest.raises(Conflict, match=r"web_2\.0_amd64 has left repo:all meanwhile"):
        session.call("repo.copy", source="all", target="some", queries=["web"])
