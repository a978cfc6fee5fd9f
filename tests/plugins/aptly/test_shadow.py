"""``debrepo aptly`` says what aptly says, where aptly is installed, and does it too."""

import json
import re
import shlex
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from debrepo.cli import build_cli
from debrepo.testing.packages import build_deb, build_source

#: In one go, on a root that is empty at first; what fails has to fail alike.
LINES = """
repo list
repo create -comment=us -distribution=stable tools
repo create tools
repo create other
repo add tools debs
repo add tools debs/none.deb
repo add tools debs/hello.dsc
repo list
repo list -raw
repo list -json
repo show tools
repo show -with-packages tools
repo show -json -with-packages tools
repo show none
repo search tools
repo search -format={{.Package}}_{{.Version}} tools hello
repo search tools none
repo copy tools other libhello
repo copy -dry-run tools other hello
repo copy tools other none
repo move other tools libhello
repo remove -dry-run tools boot
repo remove tools boot
repo edit -comment=changed other
repo rename other others
repo drop others
repo drop none
snapshot list
snapshot create one from repo tools
snapshot create one from repo tools
snapshot create none from repo nothere
snapshot create empty empty
snapshot list
snapshot list -raw
snapshot list -sort=time
snapshot list -json
snapshot show one
snapshot show -with-packages one
snapshot show -json one
snapshot show -json -with-packages one
snapshot filter one few 'Name (= libhello)'
snapshot diff one few
snapshot diff few few
snapshot merge both few one
snapshot pull -architectures=amd64 few one pulled hello
snapshot pull -architectures=amd64 -dry-run few one pulled2 hello
snapshot verify -architectures=amd64 one
snapshot verify one
snapshot search one hello
snapshot rename both all
snapshot drop one
snapshot drop -force all
snapshot drop nothere
publish list
publish list -raw
publish list -json
publish snapshot -skip-signing -architectures=amd64 one
publish snapshot -skip-signing -architectures=amd64 one
publish repo -skip-signing -distribution=test -label=L -architectures=amd64,source tools deep/er
publish list
publish list -raw
publish list -json
publish show stable
publish show test deep/er
publish show -json test deep/er
publish show none
publish update -skip-signing test deep/er
publish switch -skip-signing stable few
publish switch -skip-signing test deep/er few
publish drop nothere
snapshot drop few
repo drop tools
package search hello
package search none
package show none
db cleanup
db recover
mirror list
mirror show none
serve -x
rep list
repo lis
repo
repo list x
repo create
repo show -none x
repo add
"""


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    debs = tmp_path_factory.mktemp("shadow") / "debs"
    debs.mkdir()
    fields = {"Depends": "libc6 (>= 2), libhello", "Provides": "a, b (= 1)"}
    build_deb(debs, "hello", "1:2.10-3", fields=fields)
    build_deb(debs, "libhello", "1.0", "all", fields={"Source": "hello (2.0)"})
    build_deb(debs, "boot", "1.0", extension="udeb")
    source = build_source(debs, "hello", "2.10-3", fields={"Build-Depends": "debhelper"})
    source.rename(debs / "hello.dsc")
    return debs


@pytest.fixture
def place(debs, tmp_path, monkeypatch):
    """Work where the package files are, without a configuration of aptly's at home."""
    shutil.copytree(debs, tmp_path / "work/debs")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "work"


@pytest.fixture
def shadow(debrepo, place):
    def run(*words, exit_code=0):
        return debrepo("aptly", *words, exit_code=exit_code)

    return run


@pytest.fixture
def aptly(place, tmp_path):
    if not shutil.which("aptly"):
        pytest.skip("there is no aptly")
    config = tmp_path / "aptly.conf"
    config.write_text(json.dumps({"rootDir": str(tmp_path / "aptly")}))

    def run(*words):
        command = ["aptly", f"-config={config}", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def said(text, root):
    text = re.sub(r'"CreatedAt": "[^"]+"', '"CreatedAt": T', text)
    text = re.sub(r"Created At: .*", "Created At: T", text)
    # aptly prints these in the order of a hash table, or of UUIDs.
    if re.search(r"used as a source|^\[[-+o]\] ", text, re.MULTILINE):
        text = "".join(sorted(text.splitlines(keepends=True)))
    return text.replace(str(root), "ROOT")


def test_it_says_what_aptly_says_to_each_command_and_ends_alike(
    aptly, debrepo, debrepo_root, place, tmp_path
):
    from click.testing import CliRunner

    from debrepo.cli import build_cli
    from debrepo.plugins import load_plugins

    cli = build_cli(load_plugins())
    for line in LINES.strip().splitlines():
        words = shlex.split(line)
        theirs = aptly(*words)
        ours = CliRunner().invoke(cli, ["--root", str(debrepo_root), "-q", "aptly", *words])
        assert ours.exit_code == theirs.returncode, f"{line}: {ours.output}{theirs.stderr}"
        wanted = said(theirs.stdout, tmp_path / "aptly")
        assert said(ours.stdout, debrepo_root) == wanted, line
        if theirs.returncode == 1:
            errors = said(theirs.stderr, tmp_path / "aptly")
            assert said(ours.stderr, debrepo_root) == errors, line


def test_packages_are_shown_byte_for_byte_as_aptly_shows_them(aptly, shadow):
    aptly("repo", "create", "tools")
    aptly("repo", "add", "tools", "debs")
    shadow("repo", "create", "tools")
    shadow("repo", "add", "tools", "debs")
    for query in ("hello {source}", "hello {amd64}", "libhello", "boot"):
        assert shadow("package", "show", query).stdout == aptly("package", "show", query).stdout
    keys = ("repo", "search", "-format={{.Key}}", "tools")
    assert shadow(*keys).stdout == aptly(*keys).stdout


@pytest.mark.parametrize(
    "words",
    [
        ["repo", "-raw", "list"],
        ["-raw", "repo", "list"],
        ["--raw", "repo", "list"],
        ["repo", "list", "-raw=true"],
        ["-architectures=amd64", "repo", "list", "-raw"],
        ["-config", "none", "repo", "list", "-raw", "--"],
    ],
)
def test_options_stand_before_the_arguments_with_one_dash_or_two(shadow, words):
    shadow("repo", "create", "tools")
    assert shadow(*words).stdout == "tools\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "Commands:"),
        (["repo"], "Commands:"),
        (["repo", "lis"], "Commands:"),
        (["repo", "list", "x"], "Usage: aptly repo list"),
        (["repo", "show", "tools", "-json"], "Usage: aptly repo show <name>"),
        (["repo", "show", "-none", "tools"], "flag provided but not defined: -none"),
        (["repo", "list", "-format=x"], "flag provided but not defined: -format"),
        (["repo", "list", "-raw=perhaps"], 'invalid boolean value "perhaps" for -raw'),
        (["mirror", "update", "-max-tries=x", "m"], 'invalid value "x" for flag -max-tries'),
        (["repo", "create", "-comment"], "flag needs an argument: -comment"),
        (["repo", "create", "a", "from", "b"], "Usage: aptly repo create"),
        (["snapshot", "create", "a", "b"], "Usage: aptly snapshot create"),
        (["publish", "repo", "a", "b", "c"], "Usage: aptly publish repo"),
        (["publish", "switch", "-component=a,b", "x", "y"], "Usage: aptly publish switch"),
        (["repo", "list", "-h"], "Usage: aptly repo list"),
    ],
)
def test_a_wrong_command_line_is_status_two(shadow, words, problem):
    assert problem in shadow(*words, exit_code=2).stderr


def test_every_command_has_a_function():
    from importlib import import_module

    from debrepo_aptly.shadow import running
    from debrepo_aptly.shadow.grammar import COMMANDS

    for command in COMMANDS:
        module, name = running._function(command)
        assert callable(getattr(import_module(f"debrepo_aptly.shadow.{module}"), name)), command


def test_several_commands_run_until_one_fails(shadow):
    words = [
        "task",
        "run",
        "repo",
        "create",
        "one,",
        "repo",
        "show",
        "none,",
        "repo",
        "create",
        "two",
    ]
    told = shadow(*words, exit_code=1)
    assert "2) [Running]: repo show none" in told.stdout
    assert "3) [Skipping]: repo create two" in told.stdout
    assert shadow("repo", "list", "-raw").stdout == "one\n"


def test_commands_that_are_typed_run_up_to_an_empty_line(place, debrepo_plugins):
    typed = "repo create 'a b'\nrepo list -raw\n\nrepo list\n"
    words = ["--root", str(place / "typed"), "aptly", "task", "run"]
    told = CliRunner().invoke(build_cli(debrepo_plugins), words, input=typed)
    assert told.exit_code == 0, told.output
    start = (
        "Please enter one command per line and leave one blank when finished.\n> > > 1) [Running]: "
    )
    assert told.stdout.startswith(start)
    assert "2) [Running]: repo list -raw\n\nBegin command output: " in told.stdout
    assert "3)" not in told.stdout
    told = CliRunner().invoke(build_cli(debrepo_plugins), words, input="\n")
    assert (told.exit_code, told.stderr) == (1, "ERROR: nothing entered\n")


def test_commands_of_a_file_run(shadow, place):
    (place / "commands").write_text("repo create 'a b'\n\nrepo list -raw\n")
    assert "\na b\n" in shadow("task", "run", "-filename=commands").stdout
    assert "no such file" in shadow("task", "run", "-filename=none", exit_code=1).stderr


def test_pending_changes_of_sources_are_listed_and_dropped(shadow):
    shadow("repo", "create", "tools")
    shadow("repo", "add", "tools", "debs")
    shadow("snapshot", "create", "one", "from", "repo", "tools")
    shadow("publish", "snapshot", "-skip-signing", "-distribution=stable", "one", ".")
    shadow("publish", "source", "list", "stable", exit_code=1)
    shadow("publish", "source", "add", "-component=extra", "stable", "one")
    assert "extra: one [snapshot]" in shadow("publish", "source", "list", "stable").stdout
    listed = json.loads(shadow("publish", "source", "list", "-json", "stable").stdout)
    assert listed == [
        {"Component": "extra", "Name": "one"},
        {"Component": "main", "Name": "one"},
    ]
    shadow("publish", "source", "remove", "-component=extra", "stable")
    shadow("publish", "source", "drop", "stable")


def test_a_mirror_is_created_listed_and_shown(shadow, debrepo_root, web_archive):
    create = ("mirror", "create", "-ignore-signatures", "-architectures=amd64", "-with-sources")
    told = shadow(*create, "up", web_archive, "stable", "main").stdout
    assert f"Mirror [up]: {web_archive} stable [src] successfully added." in told
    assert (
        "mirror not updated"
        in shadow("snapshot", "create", "s", "from", "mirror", "up", exit_code=1).stderr
    )
    shadow("mirror", "update", "-ignore-signatures", "up")
    assert f" * [up]: {web_archive} stable [src]" in shadow("mirror", "list").stdout
    assert "Number of packages: 3" in shadow("mirror", "show", "up").stdout
    shown = json.loads(shadow("mirror", "show", "-json", "-with-packages", "up").stdout)
    assert shown["DownloadSources"] is True
    assert "libhello_1.0_all" in shown["Packages"]
    shadow("snapshot", "create", "s", "from", "mirror", "up")
    told = shadow("mirror", "drop", "up", exit_code=1)
    assert "was used to create following snapshots" in told.stdout
    shadow("mirror", "edit", "-filter=hello", "up")
    shadow("mirror", "rename", "up", "down")
    shadow("mirror", "drop", "-force", "down")


@pytest.fixture
def web_archive(debrepo, place, tmp_path):
    root = tmp_path / "other"
    for words in (
        ["repo", "create", "r"],
        ["repo", "add", "r", "debs"],
        ["publish", "repo", "r", "--distribution", "stable", "--skip-signing"],
    ):
        debrepo("--root", root, *words)
    return f"file://{root}/public/"


def test_help_of_the_command_itself_is_debrepos(shadow):
    assert shadow("--help").stdout.startswith("Usage: debrepo aptly ")
