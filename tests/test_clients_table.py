"""The page of clients has the rows and columns of the code that runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference/clients.md"


def run(*words, exit_code=0):
    command = [sys.executable, str(ROOT / "contrib/clients/run"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    return done.stdout + done.stderr


def test_page_has_a_row_for_every_client_and_every_column():
    run("--check", PAGE)


def test_page_says_when_it_was_made_and_with_which_versions():
    text = PAGE.read_text()
    assert "on 20" in text
    assert "| apt 3.3" in text


@pytest.mark.parametrize(("old", "new"), [("| dget ", "| wget "), ("| two keys |", "| keys |")])
def test_page_without_a_row_or_column_is_out_of_step(tmp_path, old, new):
    page = tmp_path / "clients.md"
    page.write_text(PAGE.read_text().replace(old, new))
    assert "is out of step" in run("--check", page, exit_code=1)


def test_results_become_cells_and_notes(tmp_path):
    results = tmp_path / "results.json"
    rows = [
        ["apt", "sid", "3.3.5", "gz", "works", ""],
        ["apt", "sid", "3.3.5", "xz", "fails", "E: no luck"],
        ["apt", "sid", "3.3.5", "zst", "none", ""],
        ["dget", "sid", "2.26", "gz", "warns", "E: no luck"],
    ]
    results.write_text(json.dumps(rows))
    text = run("--results", results, "--date", "2026-01-02")
    assert "on 2026-01-02" in text
    cells = next(line for line in text.splitlines() if "| apt 3.3.5 (sid) |" in line).split(" | ")
    assert cells[2:4] == ["yes", "**no** [1](#notes)"]
    assert "–" in cells
    assert "1. apt: `E: no luck`" in text
