"""A mirror is a package list: all that takes one takes mirrors."""

import json
import subprocess
import sys

import pytest

from debrepo import leases
from debrepo_mirror import mirrors
from debrepo_mirror.tables import PENDING, PROBLEMS, STATE, ArchiveFault, IndexState, below


def test_mirrors_are_listed(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    mirrored("security", sources=True, udebs=True)
    assert debrepo("mirror", "list").stdout == (
        "debian\t1 package\thttp://archive.example.org/debian/ bookworm main\n"
        "security\t0 packages\thttp://archive.example.org/debian/ bookworm main [src] [udeb]\n"
    )
    assert debrepo("mirror", "list", "--raw").stdout == "debian\nsecurity\n"
    found = json.loads(debrepo("mirror", "list", "--json").stdout)
    assert [(one["name"], one["size"]) for one in found] == [("debian", 1), ("security", 0)]
    ordered = debrepo("mirror", "list", "--sort", "size", "--raw").stdout
    assert ordered == "debian\nsecurity\n"


def test_mirror_is_shown_in_the_order_that_scripts_know(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    lines = debrepo("mirror", "show", "debian", "--with-packages").stdout.splitlines()
    assert lines == [
        "Name: debian",
        "Archive Root URL: http://archive.example.org/debian/",
        "Distribution: bookworm",
        "Components: main",
        "Architectures: amd64",
        "Download Sources: no",
        "Download .udebs: no",
        "Download Installer: no",
        "Download AppStream: no",
        "Download: all",
        "Last update: 2026-11-28T09:00:00.000000+00:00",
        "Number of packages: 1",
        "",
        "Information from release file:",
        "Architectures: amd64 i386",
        "Codename: bookworm",
        "NotAutomatic: yes",
        "Origin: Example",
        "",
        "Packages:",
        "  hello_1.0_amd64",
    ]


def test_problems_of_the_archive_are_shown_when_asked_for(debrepo, mirrored, opened):
    mirrored("debian")
    with opened() as session, session.db.write() as txn:
        fault = ArchiveFault("main/binary-amd64/Packages", "odd 1.0", "has no checksums")
        txn[PROBLEMS][below("debian", "0")] = fault
    assert "no checksums" not in debrepo("mirror", "show", "debian").stdout
    shown = debrepo("mirror", "show", "debian", "--problems").stdout
    assert "  main/binary-amd64/Packages odd 1.0 has no checksums\n" in shown


def test_mirror_is_searched(debrepo, mirrored):
    mirrored("debian", "hello 1.0 libhello", "libhello 1.0", "other 1.0")
    assert debrepo("mirror", "search", "debian", "hello").stdout == "hello_1.0_amd64\n"
    found = debrepo("mirror", "search", "debian", "hello", "--with-deps").stdout
    assert found == "hello_1.0_amd64\nlibhello_1.0_amd64\n"
    found = debrepo("mirror", "search", "debian", "--format", "{{.Package}}").stdout
    assert found == "hello\nlibhello\nother\n"
    debrepo("mirror", "search", "debian", "none", exit_code=3)


def test_mirror_without_an_update_yet_has_nothing_to_take_from(debrepo, mirrored):
    mirrored("debian", updated="")
    debrepo("repo", "create", "r")
    for line in (
        "mirror search debian",
        "snapshot create s from mirror debian",
        "repo import debian r hello",
        "publish mirror debian",
    ):
        result = debrepo(*line.split(), exit_code=3)
        assert result.stderr == (
            'Error: mirror debian has no packages yet\nHint: run "debrepo mirror update debian"\n'
        )
    assert "Last update: never\n" in debrepo("mirror", "show", "debian").stdout


def test_packages_are_imported_with_their_dependencies(debrepo, mirrored):
    mirrored("debian", "hello 1.0 libhello", "libhello 1.0", "other 1.0")
    debrepo("repo", "create", "r")
    line = ("repo", "import", "debian", "r", "hello", "--with-deps", "--architectures", "amd64")
    planned = debrepo(*line, "--dry-run")
    assert planned.stdout == "imported hello_1.0_amd64\nimported libhello_1.0_amd64\n"
    assert debrepo("repo", "search", "r").stdout == ""
    assert debrepo(*line).stdout == planned.stdout
    assert debrepo("repo", "search", "r").stdout == "hello_1.0_amd64\nlibhello_1.0_amd64\n"
    assert "hello_1.0_amd64" in debrepo("mirror", "search", "debian").stdout


def test_snapshot_of_a_mirror_says_where_it_is_from(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    shown = debrepo("snapshot", "show", "monday").stdout
    place = "http://archive.example.org/debian/ bookworm main"
    assert f"Description: Snapshot from mirror [debian]: {place}\n" in shown
    assert "Made from: mirror:debian\n" in shown


def test_other_verbs_of_snapshots_take_mirrors(debrepo, mirrored):
    mirrored("debian", "hello 1.0 libhello", "libhello 1.0")
    mirrored("newer", "hello 2.0 libhello")
    debrepo("snapshot", "merge", "both", "mirror:debian", "mirror:newer", "--latest")
    found = debrepo("snapshot", "search", "both").stdout
    assert found == "hello_2.0_amd64\nlibhello_1.0_amd64\n"
    debrepo("snapshot", "filter", "mirror:debian", "few", "hello")
    debrepo("snapshot", "pull", "few", "mirror:newer", "pulled", "hello", "--no-deps")
    assert debrepo("snapshot", "search", "pulled").stdout == "hello_2.0_amd64\n"
    missing = debrepo("snapshot", "verify", "mirror:newer").stdout
    assert "libhello" in missing
    assert "satisfied" in debrepo("snapshot", "verify", "mirror:newer", "mirror:debian").stdout
    assert "2.0" in debrepo("snapshot", "diff", "mirror:debian", "mirror:newer").stdout


def test_mirror_is_published_with_what_its_archive_says_of_itself(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    debrepo("publish", "mirror", "debian", "here", "--skip-signing")
    shown = json.loads(debrepo("publish", "show", "bookworm", "here", "--json").stdout)
    assert shown["origin"] == "Example"
    assert shown["not_automatic"] is True
    assert shown["sources"] == {"main": "mirror:debian"}
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    debrepo("snapshot", "filter", "monday", "few", "hello")
    debrepo("publish", "snapshot", "few", "there", "--skip-signing", "--origin", "Mine")
    shown = json.loads(debrepo("publish", "show", "bookworm", "there", "--json").stdout)
    assert (shown["origin"], shown["not_automatic"]) == ("Mine", True)


def test_lists_that_disagree_publish_nothing_of_it(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    mirrored("other", "other 1.0", release=(("Origin", "Other"),), components=("contrib",))
    debrepo("publish", "mirror", "debian", "other", "--component", ",", "--skip-signing")
    shown = json.loads(debrepo("publish", "show", "bookworm", "--json").stdout)
    assert (shown["origin"], shown["not_automatic"]) == ("", False)


def test_mirror_that_is_used_is_dropped_only_by_force(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    refused = debrepo("mirror", "drop", "debian", exit_code=5)
    assert "mirror debian is used by snapshot monday" in refused.stderr
    debrepo("mirror", "drop", "debian", "--force")
    assert debrepo("mirror", "list").stdout == ""
    assert debrepo("snapshot", "search", "monday").stdout == "hello_1.0_amd64\n"


def test_published_mirror_cannot_be_dropped(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    debrepo("publish", "mirror", "debian", "--skip-signing")
    refused = debrepo("mirror", "drop", "debian", "--force", exit_code=5)
    assert "mirror debian is used by" in refused.stderr


def test_renamed_mirror_is_followed(debrepo, mirrored, opened):
    mirrored("debian", "hello 1.0")
    with opened() as session, session.db.write() as txn:
        txn[STATE][below("debian", "main/binary-amd64/Packages")] = IndexState("sha256:00")
        txn[PENDING]["debian"] = mirrors.get(txn, "debian").set_id
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    debrepo("publish", "mirror", "debian", "--skip-signing")
    debrepo("mirror", "rename", "debian", "stable")
    assert "Made from: mirror:stable\n" in debrepo("snapshot", "show", "monday").stdout
    assert "mirror:stable" in debrepo("publish", "show", "bookworm", "--json").stdout
    with opened() as session, session.db.read() as txn:
        assert list(txn[STATE]) == [below("stable", "main/binary-amd64/Packages")]
        assert list(txn[PENDING]) == ["stable"]
    debrepo("mirror", "rename", "debian", "x", exit_code=3)
    mirrored("debian")
    debrepo("mirror", "rename", "debian", "stable", exit_code=4)
    debrepo("mirror", "rename", "debian", "a/b", exit_code=2)


def test_nothing_is_left_of_a_dropped_mirror(debrepo, mirrored, opened):
    mirrored("debian", "hello 1.0")
    mirrored("debian2", "other 1.0")
    with opened() as session, session.db.write() as txn:
        for name in ("debian", "debian2"):
            txn[STATE][below(name, "Packages")] = IndexState("sha256:00")
            txn[PROBLEMS][below(name, "0")] = ArchiveFault("Packages", "", "is odd")
            txn[PENDING][name] = mirrors.get(txn, name).set_id
    debrepo("mirror", "drop", "debian")
    with opened() as session, session.db.read() as txn:
        assert list(txn[STATE]) == [below("debian2", "Packages")]
        assert list(txn[PROBLEMS]) == [below("debian2", "0")]
        assert list(txn[PENDING]) == ["debian2"]


def test_packages_that_an_unfinished_update_has_recorded_survive_a_cleanup(
    debrepo, mirrored, opened
):
    mirror = mirrored("debian", "hello 1.0")
    with opened() as session, session.db.write() as txn:
        txn[PENDING]["other"] = mirror.set_id
    debrepo("mirror", "drop", "debian")
    debrepo("db", "cleanup", "--no-trash")
    assert debrepo("package", "search", "hello").stdout == "hello_1.0_amd64\n"
    with opened() as session, session.db.write() as txn:
        del txn[PENDING]["other"]
    debrepo("db", "cleanup", "--no-trash")
    debrepo("package", "search", "hello", exit_code=3)


def run_elsewhere(root, line):
    """Run a command in another process; return its exit code, and its errors."""
    words = [sys.executable, "-m", "debrepo", "--root", str(root), *line.split()]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "line",
    ["mirror rename debian other", "mirror drop debian", "mirror edit debian --filter x"],
)
def test_mirror_that_is_being_updated_is_left_alone(debrepo, debrepo_root, mirrored, line):
    mirrored("debian", "hello 1.0")
    with leases.hold(debrepo_root, "mirror:debian"):
        shown = debrepo("mirror", "show", "debian").stdout
        assert "Status: mirror:debian is in use by " in shown
        code, said = run_elsewhere(debrepo_root, line)
    assert code == 8
    assert "mirror:debian is in use by" in said


def test_package_says_which_mirrors_have_it(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    shown = debrepo("package", "show", "hello", "--with-references").stdout
    assert "mirror:debian" in shown or "mirror debian" in shown


def test_graph_draws_mirrors_and_what_was_made_of_them(debrepo, mirrored):
    mirrored("debian", "hello 1.0")
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    drawn = debrepo("graph", "--format", "dot").stdout
    for remark in ("http://archive.example.org/de", "bookworm main", "amd64"):
        assert remark in drawn


def test_names_of_mirrors_are_completed(debrepo, mirrored, debrepo_root):
    from click.shell_completion import ShellComplete

    from debrepo.cli import build_cli
    from debrepo.plugins import load_plugins

    mirrored("debian", "hello 1.0")
    complete = ShellComplete(build_cli(load_plugins()), {}, "debrepo", "_DEBREPO_COMPLETE")
    for words in (
        ["mirror", "show"],
        ["mirror", "update"],
        ["snapshot", "create", "s", "from", "mirror"],
        ["publish", "mirror"],
        ["repo", "import"],
    ):
        found = complete.get_completions(["--root", str(debrepo_root), *words], "deb")
        assert "debian" in [one.value for one in found], words
