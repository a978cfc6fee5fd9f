"""Every command and option of aptly has its counterpart, as the page for its users says."""

import hashlib
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from debrepo.cli import LazyCommand, build_cli
from debrepo.plugins import load_plugins
from debrepo.testing.packages import build_deb, build_source

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "aptly-commands.md"
ROW = re.compile(r"^\| `(.+?)` \| (?:`(.+?)`|–) \| (?:`(\w+)`)? ?\| (.*) \|$", re.MULTILINE)
ROWS = [
    tuple(cell.replace("\\|", "|") for cell in row) for row in ROW.findall(PAGE.read_text())
]  # aptly, debrepo, test, remark
EXAMPLES = [row for row in ROWS if row[1]]
GROUPS = ("mirror", "repo", "snapshot", "publish", "package")
CLI = build_cli(load_plugins())
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE)
}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """Return a directory with package files and a root with some of everything."""
    place = tmp_path_factory.mktemp("stocked")
    depends = {"Depends": "libhello", "Provides": "virtual-hello (= 1.0)", "Priority": "optional"}
    for name in ("debs", "rebuilt", "others"):
        (place / name).mkdir()
    for version in ("1.0", "2.0"):
        build_deb(place / "debs", "hello", version, fields=depends)
    build_deb(place / "debs", "libhello")
    build_source(place / "debs", "hello", "1.0")
    build_deb(place / "rebuilt", "hello", fields=depends | {"Section": "misc"})
    build_deb(place / "others", "installer", extension="udeb")
    build_deb(place / "others", "hello-dbgsym", extension="ddeb")
    build_deb(place / "others", "zstd", compression="zstd")
    (place / "uploads").mkdir()
    uploaded = build_deb(place / "uploads", "uploaded")
    (place / "uploads" / "uploaded.changes").write_text(CHANGES + listed(uploaded))
    allow = {"allow": [{"condition": "Source (= uploaded)", "allow": ["*"]}]}
    (place / "uploaders.json").write_text(json.dumps(allow))
    (place / "query").write_text("hello (>= 1.0)\n")
    (place / "ppas" / "team" / "tools").mkdir(parents=True)
    (place / "ppas" / "team" / "tools" / "ubuntu").symlink_to(place / "root" / "public")
    (place / "debrepo.toml").write_text(
        "[publish]\nskip_signing = true\n"
        f'[mirror]\nppa_base_url = "file://{place}/ppas"\nppa_codename = "stable"\n'
    )
    (place / "root").mkdir()
    shutil.copy(place / "debrepo.toml", place / "root")
    for line in STOCK.strip().splitlines():
        done = run(place, *shlex.split(line))
        assert done.exit_code == 0, done.output
    return place


CHANGES = """Format: 1.8
Source: uploaded
Binary: uploaded
Architecture: amd64
Version: 1.0
Distribution: unstable
"""


def listed(file):
    """Return the sums of a file as a .changes lists them."""
    data, found = file.read_bytes(), ""
    for field, algorithm, extra in (
        ("Files", "md5", "misc optional "),
        ("Checksums-Sha1", "sha1", ""),
        ("Checksums-Sha256", "sha256", ""),
    ):
        digest = hashlib.new(algorithm, data).hexdigest()
        found += f"{field}:\n {digest} {len(data)} {extra}{file.name}\n"
    return found


STOCK = """
repo create tools --distribution stable
repo create staging --distribution stable
repo create used
repo create unused
repo add tools {place}/debs/hello_1.0_amd64.deb {place}/debs/libhello_1.0_amd64.deb
repo add staging {place}/debs/hello_2.0_amd64.deb
snapshot create monday from repo tools
snapshot create tuesday from repo staging
snapshot create source from repo used
snapshot create derived from snapshot source
snapshot create unused-snapshot empty
publish repo tools
publish snapshot monday team
publish repo tools staging two --component main,contrib --distribution stable
publish source update --prefix team --component main stable tuesday
mirror create debian file://{place}/root/public stable --ignore-signatures
mirror update debian
snapshot create mirrored from mirror debian
mirror create unused file://{place}/root/public stable --ignore-signatures
"""

#: What stands for the archive on the page.
ARCHIVE = "http://archive.example.org/debian"


def run(place, *words):
    given = ["--root", str(place / "root"), *(word.format(place=place) for word in words)]
    return CliRunner().invoke(CLI, given, input="hello\n", prog_name="debrepo")


@pytest.fixture
def copied(stocked, tmp_path, monkeypatch):
    """Return a copy of it that a test may change, and is in."""
    shutil.copytree(stocked, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


@pytest.fixture
def debrepo(copied):
    """Run a command line in the copy."""

    def run_it(line, exit_code=0):
        line = line.replace(ARCHIVE, f"file://{copied}/root/public")
        words = ["--root", str(copied / "root"), *shlex.split(line)]
        done = CliRunner().invoke(CLI, words, input="hello\n", prog_name="debrepo")
        assert done.exit_code == exit_code, done.output + repr(done.exception)
        return done.stdout

    return run_it


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_row_has_a_test_or_says_why_there_is_no_such_thing(row):
    _, example, test, remark = row
    assert test in TESTS if example else len(remark) > 5


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row[0])
def test_example_names_a_command_and_options_that_exist(row):
    words = [word for word in shlex.split(row[1]) if word != "debrepo.toml"]
    command: click.Command = CLI
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if isinstance(command, click.Group) and word in command.commands:
            found = command.commands[word]
            command = found.load() if isinstance(found, LazyCommand) else found
            known |= {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    assert not isinstance(command, click.Group)
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row[0])
def test_example_does_what_it_says(debrepo, row):
    if "--gpg-key" in row[1]:
        if not shutil.which("gpg"):
            pytest.skip("needs gpg")
        debrepo("key create --name archive")
    debrepo(row[1])


def aptly_options():
    """Return what aptly says it has: ``repo add -force-replace``, and ``repo add`` itself."""
    if not shutil.which("aptly"):
        return []
    overall = options("help")
    found = [f"-{name}" for name in overall] + ["graph"]
    found += [f"graph -{name}" for name in options("help", "graph") - overall]
    for group in GROUPS:
        for verb in re.findall(r"^    ([a-z]+)  ", said(group), re.MULTILINE):
            found.append(f"{group} {verb}")
            local = options("help", group, verb) - overall
            found += [f"{group} {verb} -{name}" for name in sorted(local)]
    return found


def said(*words):
    done = subprocess.run(["aptly", *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def options(*words):
    return set(re.findall(r"^  -([a-z0-9-]+)", said(*words), re.MULTILINE))


@pytest.mark.skipif(not shutil.which("aptly"), reason="needs aptly")
def test_aptly_has_nothing_that_the_page_leaves_out():
    told = {row[0] for row in ROWS}
    asked = aptly_options()
    assert len(asked) > 100
    assert [name for name in asked if name not in told] == []


def test_config_names_the_configuration(debrepo, copied):
    (copied / "other.toml").write_text('[publish]\norigin = "Elsewhere"\n')
    assert "Elsewhere" in debrepo("--config other.toml config show")


def test_a_created_repository_is_listed_with_what_was_said(debrepo):
    debrepo("repo create new --comment 'for builders' --component contrib --distribution testing")
    shown = json.loads(debrepo("repo show new --json"))
    assert (shown["comment"], shown["component"], shown["distribution"]) == (
        "for builders",
        "contrib",
        "testing",
    )


def test_a_rebuilt_package_replaces_the_old_one_on_request(debrepo):
    debrepo("repo add tools rebuilt/hello_1.0_amd64.deb", exit_code=1)
    assert "replaced" in debrepo("repo add tools rebuilt/hello_1.0_amd64.deb --force-replace")
    assert "misc" in debrepo("repo search tools hello --format '{{.Section}}'")


def test_files_that_were_added_are_removed_on_request(debrepo, copied):
    debrepo("repo add tools debs/hello_2.0_amd64.deb --remove-files")
    assert not (copied / "debs" / "hello_2.0_amd64.deb").exists()
    assert "hello_2.0_amd64" in debrepo("repo show tools --with-packages")


def test_a_dry_run_removes_nothing(debrepo):
    assert "libhello" in debrepo("repo remove tools libhello --dry-run")
    assert "libhello" in debrepo("repo show tools --with-packages")


def test_edit_changes_what_is_given_alone(debrepo):
    debrepo("repo edit tools --comment new")
    shown = json.loads(debrepo("repo show tools --json"))
    assert (shown["comment"], shown["distribution"]) == ("new", "stable")


@pytest.mark.parametrize(("noun", "first"), [("repo", "staging"), ("snapshot", "derived")])
def test_lists_are_printed_by_name(debrepo, noun, first):
    names = debrepo(f"{noun} list --raw").splitlines()
    assert names[0] == first
    assert names == sorted(names)
    assert [line.split("\t")[0] for line in debrepo(f"{noun} list").splitlines()] == names


@pytest.mark.parametrize("noun", ["repo", "snapshot"])
def test_lists_are_printed_as_json(debrepo, noun):
    listed = json.loads(debrepo(f"{noun} list --json"))
    assert [found["name"] for found in listed] == debrepo(f"{noun} list --raw").splitlines()
    assert {"tools": 2, "monday": 2}.items() & {f["name"]: f["size"] for f in listed}.items()


@pytest.mark.parametrize(("noun", "name"), [("repo", "tools"), ("snapshot", "monday")])
def test_show_tells_of_a_list(debrepo, noun, name):
    assert f"Name: {name}\n" in debrepo(f"{noun} show {name}")
    assert json.loads(debrepo(f"{noun} show {name} --json"))["size"] == 2


@pytest.mark.parametrize(("noun", "name"), [("repo", "tools"), ("snapshot", "monday")])
def test_show_prints_the_packages(debrepo, noun, name):
    lines = debrepo(f"{noun} show {name} --with-packages").splitlines()
    assert lines[-2:] == ["  hello_1.0_amd64", "  libhello_1.0_amd64"]


def test_what_refers_to_a_renamed_list_follows(debrepo):
    debrepo("snapshot rename monday first")
    debrepo("repo rename tools things")
    assert "snapshot:first" in debrepo("publish show stable team")
    assert "repo:things" in debrepo("snapshot show first")


def test_what_is_published_cannot_be_dropped(debrepo):
    for command in ("repo drop tools", "snapshot drop monday"):
        debrepo(command, exit_code=5)
        debrepo(f"{command} --force", exit_code=5)


def test_what_others_were_made_from_is_dropped_by_force(debrepo):
    for command in ("repo drop used", "snapshot drop source"):
        debrepo(command, exit_code=5)
        debrepo(f"{command} --force")


def test_a_snapshot_keeps_what_was_there(debrepo):
    debrepo("repo remove tools hello")
    assert "hello_1.0_amd64" in debrepo("snapshot show monday --with-packages")


def test_a_snapshot_can_be_empty(debrepo):
    debrepo("snapshot create nothing empty")
    assert json.loads(debrepo("snapshot show nothing --json"))["size"] == 0


def test_snapshots_are_listed_by_time(debrepo):
    debrepo("snapshot create aaa empty")
    times = [found["created"] for found in json.loads(debrepo("snapshot list --sort time --json"))]
    assert times == sorted(times)


def test_a_publication_is_listed_and_shown(debrepo):
    debrepo("publish snapshot tuesday third --distribution testing")
    assert debrepo("publish list --raw").splitlines() == [
        ". stable",
        "team stable",
        "third testing",
        "two stable",
    ]
    assert len(json.loads(debrepo("publish list --json"))) == 4
    assert "main: snapshot:tuesday" in debrepo("publish show testing third")
    assert json.loads(debrepo("publish show testing third --json"))["generations"]


def test_options_of_a_publication_are_in_its_release_file(debrepo, copied):
    debrepo(
        "publish update stable --origin Example --label Tools --suite stable --codename bookworm"
        " --version 12.7 --architectures amd64,arm64"
    )
    release = (copied / "root" / "public" / "dists" / "stable" / "Release").read_text()
    for field in ("Origin: Example", "Label: Tools", "Suite: stable", "Codename: bookworm"):
        assert f"{field}\n" in release
    assert "Version: 12.7\n" in release
    assert re.search(r"^Architectures: .*\barm64\b", release, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")
def test_several_keys_may_sign_by_option(debrepo):
    for name in ("one", "two"):
        debrepo(f"key create --name {name}")
    line = "publish repo tools signed --sign --gpg-key one --gpg-key two --json"
    assert len(json.loads(debrepo(line))["fingerprints"]) == 2


def test_keeping_superseded_files_is_a_matter_of_time(debrepo, copied):
    by_hash = copied / "root" / "public" / "dists" / "stable" / "main" / "binary-amd64" / "by-hash"
    before = {path.name for path in by_hash.rglob("*") if path.is_file()}
    debrepo("repo remove tools libhello")
    debrepo("publish update stable --grace 10w")
    assert before <= {path.name for path in by_hash.rglob("*")}
