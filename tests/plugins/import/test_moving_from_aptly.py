"""The guide to moving: what it shows of aptly runs, in its order."""

import re
import shlex
from pathlib import Path

from debrepo_import.aptly import watching

PAGE = Path(__file__).parents[3] / "docs/guide/moving.md"


def _stop(*_):
    raise KeyboardInterrupt


def test_the_commands_of_the_guide_run(debrepo, aptly, monkeypatch):
    monkeypatch.setattr(watching, "wait", _stop)
    text = PAGE.read_text().partition("\n## From aptly\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\$ debrepo (.+)$", text, re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        given = line.replace("/srv/aptly", str(aptly.root)).replace(
            "/etc/aptly.conf", str(aptly.config)
        )
        debrepo(*shlex.split(given), exit_code=1 if "--watch" in line else 0)


def test_each_reason_of_a_report_is_explained():
    from typing import get_args

    from debrepo_import.report import Why

    text = PAGE.read_text()
    assert [word for word in get_args(Why) if f"| `{word}` |" not in text] == []
