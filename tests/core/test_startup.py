"""What start-up must not import. Deterministic, where a stopwatch would be flaky."""

import os
import subprocess
import sys

import pytest

from debrepo.testing.packages import build_deb

HEAVY = {
    "asyncio", "concurrent.futures", "dataclasses", "debian", "debrepo.archive", "debrepo.ingest",
    "debrepo.query", "email.message", "gnupg", "hashlib", "http.client", "importlib.metadata",
    "isal", "json", "lmdb", "logging", "lzma", "multiprocessing", "re2", "sqlite3", "ssl",
    "tarfile", "tomllib", "urllib.request", "zipfile", "zstandard",
}  # fmt: skip


def imported_by(*args: str) -> set[str]:
    """Return the modules that click and pluggy alone do not import."""
    code = (
        "import sys; import click, pluggy; given = set(sys.modules)\n"
        "from debrepo.cli import main\n"
        f"sys.argv[1:] = {list(args)!r}\n"
        "try: main()\n"
        "finally: print(*sorted(set(sys.modules) - given), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"DEBREPO_DISABLE": ""},
    )
    return set(run.stderr.splitlines()[-1].split())


#: What is slow to import, and what a small package can be added without.
NOT_TO_ADD = {
    "asyncio", "bz2", "concurrent.futures", "dataclasses", "email.message", "gnupg", "hashlib",
    "http.client", "importlib.metadata", "isal", "logging", "multiprocessing", "re2", "signal",
    "ssl", "subprocess", "tarfile", "tempfile", "tomllib", "urllib.request",
}  # fmt: skip


@pytest.mark.parametrize("command", ["--help", "--version"])
def test_looking_around_imports_nothing_heavy(command):
    assert imported_by(command) & HEAVY == set()


@pytest.mark.parametrize("command", ["--help", "version"])
def test_version_and_help_open_no_database(command, tmp_path):
    assert imported_by("--root", str(tmp_path / "root"), command) & HEAVY == set()
    assert not (tmp_path / "root").exists()


def test_help_imports_of_a_plugin_only_its_plugin_module():
    plugins = {name for name in imported_by("--help") if name.startswith("debrepo_")}
    assert {
        name for name in plugins if "." in name and not name.endswith((".plugin", ".hooks"))
    } == set()


def test_repo_list_opens_the_database_and_no_more(tmp_path):
    imported = imported_by("--root", str(tmp_path), "repo", "list")
    assert imported & ((HEAVY | NOT_TO_ADD) - {"lmdb"}) == set()


def test_publish_without_news_loads_nothing_that_reads_packages(debrepo, debrepo_root, tmp_path):
    debrepo("repo", "create", "r", "--distribution", "stable")
    debrepo("repo", "add", "r", build_deb(tmp_path))
    debrepo("publish", "repo", "r", "--skip-signing")
    imported = imported_by("--root", str(debrepo_root), "publish", "update", "stable")
    assert imported & {"debrepo.archive", "debrepo.ingest", "isal", "lzma", "zstandard"} == set()


def test_repo_list_loads_no_plugin_but_its_own(tmp_path):
    imported = imported_by("--root", str(tmp_path), "repo", "list")
    loaded = {name.split(".")[0] for name in imported if name.startswith("debrepo_")}
    modules = {name for name in imported if name.startswith("debrepo_") and "." in name}
    others = {name for name in modules if not name.startswith("debrepo_local.")}
    assert loaded
    assert {name for name in others if not name.endswith((".plugin", ".hooks", ".tables"))} == set()


def test_a_small_add_imports_only_what_reads_its_package(tmp_path):
    package = build_deb(tmp_path)
    root = str(tmp_path / "root")
    imported_by("--root", root, "repo", "create", "web")
    imported = imported_by("--root", root, "repo", "add", "web", str(package))
    assert "debrepo.ingest" in imported
    assert imported & NOT_TO_ADD == set()


def test_a_small_add_waits_for_its_turn_before_it_imports_anything_heavy():
    code = "import sys, debrepo.__main__; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) & (HEAVY | NOT_TO_ADD | {"click", "pluggy", "typing"}) == set()


def test_help_imports_neither_paths_nor_compressors():
    assert imported_by("--help") & {"pathlib", "bz2", "lzma"} == set()
