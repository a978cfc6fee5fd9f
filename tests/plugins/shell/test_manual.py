"""Manual pages: one for every command, that ``man`` and mandoc read without complaint."""

import shutil
import subprocess

import pytest

from debrepo.cli import build_cli
from debrepo.plugins import load_plugins
from debrepo_shell import manual

PLUGINS = load_plugins()
COMMANDS = dict(manual.walk(build_cli(PLUGINS), "debrepo"))
PAGES = manual.pages(PLUGINS)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("man")
    for name, text in PAGES.items():
        (directory / name).write_text(text)
    return directory


@pytest.mark.parametrize("path", COMMANDS)
def test_command_has_a_page_with_its_options(path):
    page = PAGES[f"{path.replace(' ', '-')}.1"].replace("\\-", "-")
    shown = [p for p in COMMANDS[path].params if not getattr(p, "hidden", False)]
    options = [option for p in shown for option in p.opts if option[0] == "-"]
    assert f".B {path}\n" in page
    assert [option for option in options if option not in page] == []


def test_settings_have_a_page():
    page = PAGES["debrepo.toml.5"]
    declared = [s for batch in PLUGINS.hook.debrepo_settings() for s in batch]
    assert [s.name for s in declared if s.name.replace("-", "\\-") not in page] == []


def test_pages_are_dated_by_source_date_epoch(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert manual.pages(PLUGINS)["debrepo.1"].startswith(".TH DEBREPO 1 1970-01-02 ")


def test_nothing_in_a_help_text_is_taken_for_a_request():
    assert manual._text(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert manual._text("a\n'b \\n") == "a \\(aqb \\en"


@pytest.mark.skipif(not shutil.which("mandoc"), reason="needs mandoc")
def test_mandoc_finds_nothing_wrong(written):
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *sorted(map(str, written.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


@pytest.mark.skipif(not shutil.which("man"), reason="needs man")
@pytest.mark.parametrize("name", ["debrepo.1", "debrepo-publish-snapshot.1", "debrepo.toml.5"])
def test_man_shows_it_without_warnings(written, name):
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(written / name)],
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "SYNOPSIS" in done.stdout or "SETTINGS" in done.stdout


def test_the_command_writes_them_where_man_looks(debrepo, tmp_path):
    debrepo("man", tmp_path / "share")
    assert (tmp_path / "share" / "man1" / "debrepo-repo-add.1").exists()
    assert (tmp_path / "share" / "man5" / "debrepo.toml.5").exists()


def test_a_directory_that_cannot_be_written_is_an_error(debrepo, tmp_path):
    (tmp_path / "file").write_text("")
    assert "Error: cannot write" in debrepo("man", tmp_path / "file" / "x", exit_code=2).output
