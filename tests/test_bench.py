"""The benchmark runs; what it measures is nothing to assert."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from debrepo.testing.packages import build_deb

RUN = Path(__file__).parents[1] / "contrib" / "bench" / "run"


def test_the_benchmark_draws_how_work_grows(tmp_path):
    rows = [
        {"work": "repo list", "tool": tool, "packages": count, "cpu": count / 1e4}
        for tool in ("debrepo", "aptly")
        for count in (1000, 10000)
    ]
    numbers, drawing = tmp_path / "numbers.json", tmp_path / "growth.svg"
    numbers.write_text(json.dumps(rows))
    subprocess.run([sys.executable, str(RUN.with_name("plot.py")), numbers, drawing], check=True)
    assert "repo list" in drawing.read_text()


def test_the_benchmark_measures_five_packages(tmp_path):
    numbers, tables = tmp_path / "numbers.json", tmp_path / "tables.md"
    given = ["--make", "5", "--times", "1", "--tools", "debrepo", "--work", str(tmp_path / "work")]
    done = subprocess.run(
        [sys.executable, str(RUN), *given, "--json", str(numbers), "--out", str(tables)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = {row["work"]: row for row in json.loads(numbers.read_text())}
    assert {"--help", "repo add, all", "update, no change", "db cleanup"} <= set(measured)
    assert all(row["peak"] > 0 for row in measured.values())
    assert "| repo add, all | " in tables.read_text()


def test_the_benchmark_of_jobs_finds_all_uploads_in_the_index(tmp_path):
    given = ["--packages", "3", "--jobs", "2", "--uploads", "4", "--unsigned"]
    command = [sys.executable, str(RUN.with_name("jobs")), *given, "--work", str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("uploads: 4 in ")


def test_the_benchmark_of_pruning_plans_for_a_few_packages():
    command = [sys.executable, str(RUN.with_name("prune")), "--count", "40"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| plan per source | 16 | " in done.stdout


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
def test_the_benchmark_of_a_busy_repository_says_what_is_left():
    given = ["--count", "3", "--updates", "5"]
    command = [sys.executable, str(RUN.with_name("busy")), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| 5 | " in done.stdout
    assert "Superseded(publication='./stable'" in done.stdout


def test_the_benchmark_of_a_large_repository_updates_it(tmp_path):
    command = [sys.executable, str(RUN.with_name("large")), "--count", "30", "--times", "1"]
    command += ["--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| update after +1 0 | " in done.stdout


def bench(tmp_path, *given, **env):
    """Measure debrepo on real packages, and return the rows and the tables."""
    numbers, tables = tmp_path / "numbers.json", tmp_path / "tables.md"
    command = [sys.executable, str(RUN), "--real", "3", "--large", "1", "--times", "1", *given]
    command += ["--work", str(tmp_path / "work"), "--json", str(numbers), "--out", str(tables)]
    done = subprocess.run(
        command, env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {row["work"]: row for row in json.loads(numbers.read_text())}, tables.read_text()


@pytest.mark.skipif(not shutil.which("apt-ftparchive"), reason="needs apt and apt-ftparchive")
def test_the_benchmark_measures_packages_that_apt_downloads(tmp_path):
    archive, state = tmp_path / "archive", tmp_path / "apt"
    archive.mkdir()
    (state / "lists" / "partial").mkdir(parents=True)
    for name in ("one", "two", "three", "four"):
        build_deb(archive, name)
    index = subprocess.run(
        ["apt-ftparchive", "packages", "."], cwd=archive, check=True, capture_output=True
    ).stdout
    (archive / "Packages").write_bytes(index)
    (state / "sources.list").write_text(f"deb [trusted=yes] file:{archive} ./\n")
    config = tmp_path / "apt.conf"
    config.write_text(
        f'Dir::State "{state}"; Dir::State::Lists "{state}/lists"; Dir::Cache "{state}";\n'
        f'Dir::State::Status "/dev/null"; Dir::Etc::SourceList "{state}/sources.list";\n'
        f'Dir::Etc::SourceParts "-"; APT::Sandbox::User ""; APT::Architecture "amd64";\n'
    )
    apt = {"APT_CONFIG": str(config)}
    update = ["apt-get", "-qq", "update"]
    subprocess.run(update, env=os.environ | apt, check=True, capture_output=True)

    rows, tables = bench(tmp_path, "--tools", "debrepo", **apt)
    assert {
        "repo add",
        "repo add and first publish, with Contents",
        "the large package: repo add and first publish, no Contents",
        "the large package: its four digests alone",
    } <= set(rows)
    assert all(row["wall"] > 0 and row["peak"] > 0 for row in rows.values())
    assert "3 packages, 0 MB" in tables
    assert "| the largest process of all of them, MB |" in tables


def test_the_benchmark_says_in_a_word_that_there_are_no_real_packages(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    rows, tables = bench(tmp_path, "--tools", "debrepo", PATH=str(tools))
    assert rows == {}
    assert "Skipped: apt-less." in tables


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")
def test_the_benchmark_asks_a_server(tmp_path):
    numbers = tmp_path / "numbers.json"
    given = ["--make", "5", "--seconds", "1", "--times", "1", "--tools", "debrepo"]
    given += ["--only", "version,ETag,details"]
    done = subprocess.run(
        [sys.executable, RUN.with_name("serve"), *given, "--json", numbers],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = {row: by["debrepo"] for row, by in json.loads(numbers.read_text()).items()}
    assert {"version", "packages, known by ETag", "format=details"} <= set(measured)
    assert all(one["requests"] > 0 and not one["errors"] for one in measured.values())


def test_writers_by_command_line_and_api_lose_nothing():
    given = ["--commands", "4", "--clients", "6", "--adds", "2"]
    done = subprocess.run(
        [sys.executable, str(RUN.with_name("writers")), *given],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 acknowledged, 0 lost, 0 failed, db check in order" in done.stdout


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_the_benchmark_of_mirrors_counts_requests(tmp_path):
    numbers = tmp_path / "numbers.json"
    given = ["--sets", "20", "--times", "1", "--tools", "debrepo", "--work", tmp_path / "work"]
    done = subprocess.run(
        [sys.executable, RUN.with_name("mirror"), *given, "--json", numbers],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = {row: by["debrepo"] for row, by in json.loads(numbers.read_text())["20"].items()}
    assert measured["first mirror update"]["requests"] >= 20
    assert measured["mirror update, nothing new"]["requests"] == 1
    assert 3 <= measured["mirror update, 1 % changed"]["requests"] < 10
    assert "| mirror update, nothing new, requests |  | 1 | 1 | held |" in done.stdout
