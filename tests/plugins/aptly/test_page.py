"""The page for clients of aptly's API names routes and tests that there are."""

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from debrepo_server.access import Access
from debrepo_server.app import build

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/reference/rest-aptly.md").read_text()
ROWS = re.findall(r"^\| `(.+?)` \| (.+?) \| `(.+?)::(.+?)` \|", PAGE, re.MULTILINE)


def shape(path):
    return re.sub(r"\{[^}]*\}|:\w+|\*\w+", "*", path)


@pytest.fixture
def served(session):
    routes = build(session, Access(session, trusting=True)).routes
    return {
        f"{method} {shape(route.path_format)}"
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }


def test_page_maps_every_route(served):
    ours = {shape(theirs if same == "the same" else same.strip("`")) for theirs, same, *_ in ROWS}
    assert ours - served == set()
    assert len(ROWS) >= 70


@pytest.mark.parametrize(("file", "test"), sorted({row[2:] for row in ROWS}))
def test_page_names_a_test_that_is_there(file, test):
    assert f"\ndef {test}(" in (ROOT / "tests/plugins" / file).read_text()
