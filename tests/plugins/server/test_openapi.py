"""The server keeps to its own OpenAPI document, whatever is sent."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from debrepo_server.access import Access
from debrepo_server.app import build

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MODERATE = {
    "max_examples": 5,
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}


def test_server_keeps_to_its_document(serving):
    document = schemathesis.openapi.from_url(f"{serving().url}/api/openapi.json")
    document = document.exclude(
        path_regex="^/api/(v4|operations)/"
    )  # which speak as GitLab and debrepo do

    def answers(case):
        case.call_and_validate(checks=CHECKS)

    for found in document.get_all_operations():
        cases = found.ok().as_strategy()
        settings(**MODERATE)(given(case=cases)(answers))()


def test_document_states_the_scopes_of_routes(session):
    document = build(session, Access(session, trusting=True)).openapi()
    assert document["paths"]["/api/repos/{name}"]["delete"]["x-scopes"] == ["repo:{name}:drop"]
    parameters = document["paths"]["/api/repos"]["post"]["parameters"]
    assert "_async" in {parameter["name"] for parameter in parameters}


def test_page_for_people_names_every_route(api):
    answer = api.get("/docs.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.text
    for path, methods in api.get("/docs/doc.json").json()["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in answer.text


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/index.html"])
def test_page_for_people_is_found_under_its_other_names(api, path):
    answer = api.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (301, "/docs.html")
