"""The benchmark runs; what it measures is nothing to assert."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
