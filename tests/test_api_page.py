"""The API page: its examples run, and what it calls stable is there, with its signatures."""

import doctest
import importlib
import re
import sys
from pathlib import Path

import pytest

from debrepo import TableRef, hookimpl
from debrepo.plugins import load_plugins
from debrepo.session import Session

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import api  # noqa: E402
import pages  # noqa: E402

PAGE = (ROOT / "docs/reference/api.md").read_text()


class Example:
    """The plugin of the page, which declares a table."""

    @hookimpl
    def debrepo_tables(self):
        return [TableRef("example.seen", 1, "debrepo.catalog:CHUNKS")]


@pytest.fixture
def example(tmp_path):
    """Return what the examples of the page start with."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "debrepo.toml").write_text('[storage.fs.web]\nroot = "www"\nlink = "copy"\n')
    plugins = load_plugins([name for name, _ in pages.entry_points() if name not in pages.PLUGINS])
    plugins.register(Example(), "example")
    session = Session(root, plugins)
    yield {"session": session, "directory": tmp_path}
    session.close()


def test_examples_of_the_page_run(example):
    text = "\n".join(re.findall(r"```pycon\n(.*?)```", PAGE, re.DOTALL))
    parsed = doctest.DocTestParser().get_doctest(text, example, "api.md", "api.md", 0)
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF)
    result = runner.run(parsed, out=said.append, clear_globs=False)
    assert result.failed == 0, "".join(said)
    assert result.attempted > 60


def test_every_section_of_the_page_has_an_example():
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    referring = [one for one in sections if "api.section(" in one]
    assert len(referring) == len(api.STABLE)
    assert [one.partition("\n")[0] for one in referring if "```pycon" not in one] == []


def test_what_is_stable_stays_as_it_is():
    """A name that is stable changes with notice; see the page for what a release may do.

    Run ``python docs/api.py`` after a change that the policy allows.
    """
    stored = api.LIST.read_text().splitlines()
    now = list(map(str, api.stable()))
    assert [line for line in stored if line not in now] == [], "changed or gone"
    assert [line for line in now if line not in stored] == [], "new"


@pytest.mark.parametrize("target", [one for many in api.STABLE.values() for one in many])
def test_stable_name_has_a_docstring_and_no_underscore(target):
    module, _, name = target.partition(":")
    assert not name.startswith("_")
    assert hasattr(importlib.import_module(module), name)
    assert next(iter(api.members(target))).text
