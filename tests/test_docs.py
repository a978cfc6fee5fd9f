"""The documentation names everything that there is, and its examples run."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from debrepo.testing.packages import build_deb

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import pages  # noqa: E402

COMMANDS = dict(pages.commands())
MARKDOWN = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def page(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text()


@pytest.mark.parametrize("hook", pages.hooks(), ids=lambda hook: hook.__name__)
def test_hook_is_documented_with_its_arguments(hook):
    assert hook.__doc__
    assert f"## {pages.signature(hook)}\n" in page("hooks")


@pytest.mark.parametrize("hook", pages.hooks(), ids=lambda hook: hook.__name__)
def test_hook_says_whether_it_collects_asks_or_tells(hook):
    assert re.search(r"^\s*\*(Collects|Asks|Tells)\*, ", hook.__doc__, re.MULTILINE)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path or "debrepo")
def test_command_and_its_options_are_documented(path):
    heading = f"## `{f'debrepo {path}'.strip()}`"
    section = page("commands").split(heading + "\n")[1].split("\n## ")[0]
    for parameter in COMMANDS[path].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert max(parameter.opts, key=len) in section


@pytest.mark.parametrize("operation", pages.operations(), ids=lambda operation: operation.name)
def test_operation_is_documented(operation):
    assert f"## {operation.name}\n\n{operation.summary}\n" in page("operations")


@pytest.mark.parametrize("setting", pages.settings(), ids=lambda setting: setting.name)
def test_setting_is_documented(setting):
    assert re.fullmatch(r"\S.*[^.]", setting.help)
    assert f"| `{setting.name}` |" in page("settings")


def test_limits_of_the_security_page_are_settings():
    limits = (DOCS / "security.md").read_text().split("\n## Limits\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", limits))
    known = {setting.name for setting in pages.settings()}
    assert named - known == set()
    assert {name for name in known if name.startswith(("ingest.limits.", "query."))} - named == {
        "ingest.limits.paths"
    }


@pytest.mark.parametrize("kind", pages.error_classes(), ids=lambda kind: kind.__name__)
def test_error_class_is_documented_with_its_exit_code(kind):
    assert f"| `{kind.__name__}` | {kind.exit_code} |" in page("errors")


def test_every_route_is_documented():
    assert pages.rest_page() in page("rest")


@pytest.mark.parametrize("name", pages.PLUGINS)
def test_plugin_is_documented(name):
    assert f"| `{name}` | `{pages.PLUGINS[name]}` |" in page("plugins")


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [t for t in targets if "://" not in t and not (path.parent / t).exists()]
    assert missing == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_a_page_mentions_exist(path):
    mentioned = re.findall(r"\bdebrepo ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", fenced(path))
    known = set(COMMANDS)
    unknown = {words for words in mentioned if not {words, words.split()[0]} & known}
    groups = {path for path in known if isinstance(COMMANDS[path], click.Group)}
    wrong = {words for words in mentioned if words.split()[0] in groups and words not in known}
    assert unknown | wrong == set()


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_of_the_checkout_that_a_page_names_exist(path):
    text = path.read_text()
    named = set(re.findall(r"(?<![\w./-])(?:contrib|core|plugins|tests)/[\w./-]*\w", text))
    assert {name for name in named if not (ROOT / name).exists() and "NAME" not in name} == set()


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_names_that_a_page_mentions_can_be_imported(path):
    missing = []
    for name in sorted(imported(path.read_text())):
        module, _, attribute = name.rpartition(".")
        try:
            found = importlib.import_module(module)
            if not hasattr(found, attribute):
                importlib.import_module(name)
        except ImportError:
            missing.append(name)
    assert missing == []


def imported(text: str) -> set[str]:
    """Return what a page takes from our packages, in its examples or in its sentences."""
    lines = re.findall(r"^\s*from (debrepo[\w.]*) import ([\w, ]+)$", text, re.MULTILINE)
    found = {f"{module}.{name.strip()}" for module, names in lines for name in names.split(",")}
    found |= set(re.findall(r"`(debrepo[\w]*\.[\w.]*\w)`", text))
    ours = {"debrepo", *(folder.name for folder in (ROOT / "plugins").iterdir())}
    files = re.compile(r"debrepo\.(toml|sock|service|socket|conf|fish)")
    return {name for name in found if name.split(".")[0] in ours and not files.fullmatch(name)}


def fenced(path: Path) -> str:
    """Return the shell examples of a page: fenced ``sh`` and ``console`` blocks."""
    blocks = re.findall(r"```(?:sh|console)[^\n]*\n(.*?)```", path.read_text(), re.DOTALL)
    return "\n".join(blocks)


def sessions(path: Path) -> list[tuple[str, str]]:
    """Return the commands that ``console`` blocks of a page show, each with its output."""
    blocks = re.findall(r"```console\n(.*?)```", path.read_text(), re.DOTALL)
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks), re.MULTILINE)


def without_chance(output: str) -> str:
    """Return the output with the same key and the same duration each time."""
    return re.sub(r"in [0-9.]+ s", "in 0.1 s", re.sub(r"[0-9A-F]{40}", "F" * 40, output))


def test_readme_shows_what_its_commands_print(tmp_path):
    for name in ("build", "next"):
        (tmp_path / name).mkdir()
    build_deb(tmp_path / "build", "hello", "1.0")
    build_deb(tmp_path / "build", "hello-doc", "1.0", "all")
    build_deb(tmp_path / "next", "hello", "1.1")
    shown = sessions(ROOT / "README.md")
    assert len(shown) == 7
    for command, output in shown:
        done = run_in(tmp_path, command)
        assert without_chance(done.stdout) == without_chance(output)


def run_in(directory: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a directory that is the home directory, too."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("DEBREPO_", "GNUPG"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        env=kept | {"HOME": str(directory), "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="the tutorial installs a package, as root")
def test_tutorial_runs_from_top_to_bottom(tmp_path):
    done = run_in(tmp_path, fenced(DOCS / "tutorial.md"))
    assert done.returncode == 0, done.stdout
    assert re.findall("^Good .*", done.stdout, re.MULTILINE) == ["Good morning", "Good evening"]
    assert "W: " not in done.stdout
