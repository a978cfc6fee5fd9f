"""What reprepro keeps is brought here, while reprepro goes on."""

import random
import shutil
import subprocess
from contextlib import suppress

import pytest
from end_to_end.writers import EXPECTED, build_packages

from debrepo.errors import InvalidInput
from debrepo.testing.packages import build_deb
from debrepo_import.reprepro.berkeley import BerkeleyFile

pytestmark = pytest.mark.skipif(not shutil.which("reprepro"), reason="needs reprepro")

CONF = """\
Origin: Acme
Label: Acme tools
Codename: bookworm
Suite: stable
Version: 12
Description: Tools of Acme
Architectures: amd64 arm64 source
Components: main contrib
UDebComponents: main
Contents: .gz
Tracking: minimal
DebOverride: override.deb
ValidFor: 10d
Update: upstream
Pull: tested
Log: bookworm.log

Codename: trixie
Architectures: amd64
Components: main
"""
UPDATES = """\
Name: upstream
Method: http://deb.example.org/debian
Suite: bookworm
Components: main
Architectures: amd64 source
VerifyRelease: 0123456789ABCDEF
FilterFormula: Package (== hello) | Priority (== required)
ListHook: /bin/true
"""


def reprepro(base, *words):
    done = subprocess.run(
        ["reprepro", "--silent", "-b", base, *words], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A base with everything that it can hold."""
    base = tmp_path_factory.mktemp("reprepro")
    packages = build_packages(tmp_path_factory.mktemp("packages"))
    (base / "conf").mkdir()
    (base / "conf/distributions").write_text(CONF)
    (base / "conf/updates").write_text(UPDATES)
    (base / "conf/pulls").write_text("Name: tested\nFrom: trixie\nFilterFormula: Package (== a)\n")
    (base / "conf/incoming").write_text(
        "Name: default\nIncomingDir: incoming\nTempDir: tmp\nAllow: bookworm\nCleanup: on_deny\n"
    )
    (base / "conf/override.deb").write_text("hello Section web\n")
    (base / "conf/options").write_text("outdir +b/www\nverbose\n")
    (base / "www").mkdir()
    for file in sorted(packages.glob("*.deb")):
        reprepro(base, "includedeb", "bookworm", file)
    for file in packages.glob("*.udeb"):
        reprepro(base, "includeudeb", "bookworm", file)
    for file in packages.glob("*.dsc"):
        reprepro(base, "includedsc", "bookworm", file)
    tool = build_deb(packages, "tool", "1.0", fields={"Section": "x", "Priority": "optional"})
    reprepro(base, "-C", "contrib", "includedeb", "bookworm", tool)
    reprepro(base, "includedeb", "trixie", tool)
    return base


@pytest.fixture
def base(original, tmp_path):
    copy = tmp_path / "base"
    shutil.copytree(original, copy)
    return copy


def search(debrepo, name):
    return set(debrepo("repo", "search", name).stdout.split())


def test_components_become_repositories_with_all_packages(debrepo, base):
    said = debrepo("import", "reprepro", base)
    assert "created  repo bookworm-main\n" in said.stdout
    assert search(debrepo, "bookworm-main") == EXPECTED
    assert search(debrepo, "bookworm-contrib") == {"tool_1.0_amd64"}
    assert search(debrepo, "trixie-main") == {"tool_1.0_amd64"}
    shown = debrepo("package", "show", "hello (= 1:2.10-3+b1), $Architecture (amd64)").stdout
    assert "Section: web\n" in shown  # as it was overridden


def test_publications_are_taken_over_where_they_are(debrepo, base):
    debrepo("import", "reprepro", base)
    words = ("publish", "update", "bookworm", "fs:reprepro:.", "--take-over")
    assert "notice nothing" in debrepo(*words, "--dry-run").stdout
    debrepo(*words)
    text = (base / "www/dists/bookworm/Release").read_text()
    for line in ("Origin: Acme", "Label: Acme tools", "Suite: stable", "Version: 12"):
        assert f"{line}\n" in text
    assert "Valid-Until: " in text
    assert "no problems" in debrepo("publish", "verify", "bookworm", "fs:reprepro:.").stdout


def test_second_run_brings_what_has_changed(debrepo, base, tmp_path):
    debrepo("import", "reprepro", base)
    said = debrepo("import", "reprepro", base).stdout
    assert said == "Brought 0 packages and 0 files (0 B); 4 lists unchanged.\n"
    fields = {"Section": "x", "Priority": "optional"}
    reprepro(base, "includedeb", "trixie", build_deb(tmp_path, "new", "2.0", fields=fields))
    reprepro(base, "remove", "trixie", "tool")
    assert "changed  repo trixie-main\n" in debrepo("import", "reprepro", base).stdout
    assert search(debrepo, "trixie-main") == {"new_2.0_amd64"}


def test_update_rules_become_mirrors(debrepo, base):
    debrepo("import", "reprepro", base)
    shown = debrepo("mirror", "show", "upstream-bookworm").stdout
    assert "http://deb.example.org/debian/" in shown
    assert "Name (= hello) | Priority (= required)" in shown


@pytest.mark.parametrize(
    "line",
    [
        "unsupported: distribution bookworm, tracking: minimal: ",
        "unsupported: distribution bookworm, deboverride: override.deb: ",
        "unsupported: distribution bookworm, log: bookworm.log: ",
        "unsupported: update rule upstream, listhook: /bin/true",
        "unsupported: incoming default, allow: bookworm",
        "unsupported: conf/options, verbose: set",
        "note: pull rule tested: pulls from trixie: ",
        "note: incoming default: uploads in incoming: ",
        "note: update rule upstream, verifyrelease: 0123456789ABCDEF: ",
    ],
)
def test_option_without_counterpart_is_named(debrepo, base, line):
    assert f"\n{line}" in "\n" + debrepo("import", "reprepro", base).stderr


def test_half_a_pool_is_brought_and_the_rest_is_named(debrepo, base):
    gone = next(base.rglob("libgreet_*.deb"))
    gone.unlink()
    damaged = next(base.rglob("hello_*arm64.deb"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    said = debrepo("import", "reprepro", base).stderr
    assert "missing: package libgreet_0.9~rc1-1_all: " in said
    assert "damaged: package hello_1:2.10-3+b1_arm64: " in said
    assert search(debrepo, "bookworm-main") == EXPECTED - {
        "libgreet_0.9~rc1-1_all",
        "hello_1:2.10-3+b1_arm64",
    }


def test_base_in_use_is_left_alone(debrepo, base):
    (base / "db/lockfile").touch()
    said = debrepo("import", "reprepro", base, exit_code=5)
    assert "reprepro is at work" in said.stderr


def test_unknown_layout_leads_to_its_export(debrepo, base):
    (base / "db/version").write_text("6.0.0\n6.0.0\nbdb5.3.28\nbdb5.3.0\n")
    said = debrepo("import", "reprepro", base, exit_code=2)
    assert "cannot be read" in said.stderr
    assert f"debrepo import tree {base / 'www'}" in said.stderr


def test_no_base_is_said(debrepo, tmp_path):
    said = debrepo("import", "reprepro", tmp_path, exit_code=3)
    assert "is no base of reprepro" in said.stderr


def test_configuration_that_is_none_is_said(debrepo, base):
    (base / "conf/distributions").write_text("what is this\n")
    said = debrepo("import", "reprepro", base, exit_code=2)
    assert "distributions:1: not a field: 'what is this'" in said.stderr


def test_repository_that_was_changed_here_stays(debrepo, base, tmp_path):
    debrepo("import", "reprepro", base)
    debrepo("repo", "add", "trixie-main", build_deb(tmp_path, "ours", "1.0"))
    fields = {"Section": "x", "Priority": "optional"}
    reprepro(base, "includedeb", "trixie", build_deb(tmp_path, "new", "2.0", fields=fields))
    said = debrepo("import", "reprepro", base).stderr
    assert "taken: repo trixie-main: it has been changed here since" in said
    assert "ours_1.0_amd64" in search(debrepo, "trixie-main")


def test_files_can_be_linked(debrepo, base):
    debrepo("import", "reprepro", base, "--link")
    assert {file.stat().st_nlink for file in base.rglob("tool_*.deb")} <= {1, 2}
    assert {file.stat().st_nlink for file in base.rglob("hello_*.deb")} == {2}


def test_database_is_the_same_through_the_library_and_without(base):
    """Every package that reprepro lists is read, also where a tree has several levels."""
    with BerkeleyFile(base / "db/packages.db") as packages:
        names = {key.rstrip(b"\0").decode() for key, _ in packages.records("bookworm|main|amd64")}
        assert "bookworm|contrib|amd64" in packages.trees()
        assert list(packages.records("none")) == []
    listed = reprepro(base, "-A", "amd64", "-C", "main", "-T", "deb", "list", "bookworm")
    assert names == {line.split()[1] for line in listed.splitlines()}


def test_references_have_their_duplicates(base):
    with BerkeleyFile(base / "db/references.db") as references:
        found = [key for key, _ in references.records("references")]
    assert len(found) > len(set(found))


@pytest.mark.parametrize("seed", range(40))
def test_damaged_database_is_said_and_nothing_else(base, seed):
    path = base / "db/packages.db"
    data = bytearray(path.read_bytes())
    chosen = random.Random(seed)
    for _ in range(60):
        data[chosen.randrange(len(data))] = chosen.randrange(256)
    if seed % 4 == 0:
        del data[chosen.randrange(len(data)) :]
    path.write_bytes(data)
    with suppress(InvalidInput), BerkeleyFile(path) as packages:
        for tree in packages.trees():
            for _ in packages.records(tree):
                pass
