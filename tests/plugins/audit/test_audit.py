"""The audit log: what leaves a record, and what tampering it notices."""

import json

import pytest

from debrepo.errors import InUse
from debrepo.testing.packages import build_deb
from debrepo_audit.log import RECORDS, faults


@pytest.fixture
def records(debrepo):
    """Return what the command line says of the log, oldest first."""
    return lambda *options: json.loads(debrepo("audit", "list", "--json", *options).stdout)[::-1]


def test_change_leaves_a_record_with_the_old_and_the_new_set(debrepo, records, tmp_path):
    debrepo("repo", "create", "web")
    debrepo("repo", "add", "web", build_deb(tmp_path, "hello", "1.0"))
    debrepo("snapshot", "create", "s", "from", "repo", "web")
    debrepo("repo", "drop", "web", "--force")
    found = records()
    assert [record["operation"] for record in found] == [
        "repo.create",
        "repo.add",
        "snapshot.create",
        "repo.drop",
    ]
    (created,), (added,), (taken,), (dropped,) = (record["changes"] for record in found)
    assert (created["what"], created["before"]) == ("repo:web", "")
    assert created["after"] == added["before"] != added["after"]
    assert taken["after"] == added["after"] == dropped["before"]
    assert dropped["after"] == ""


def test_record_names_scope_and_user(debrepo, records, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "alice")
    debrepo("repo", "create", "web")
    (record,) = records()
    assert record["scope"] == "repo:web:create"
    assert record["actor"].startswith("alice as ")


def test_looking_leaves_no_record(debrepo, records):
    debrepo("repo", "create", "web")
    debrepo("repo", "list")
    debrepo("repo", "show", "web")
    assert len(records()) == 1


def test_what_fails_leaves_no_record(session):
    session.call("repo.create", name="web")
    session.call("snapshot.create", name="s", kind="repo", source="web")
    with pytest.raises(InUse):
        session.call("repo.drop", name="web")
    assert len(session.call("audit.list")) == 2


def test_change_through_the_api_names_the_caller(api, session):
    api.post("/api/repos", json={"Name": "web"})
    (record,) = session.call("audit.list")
    assert record.actor == "anonymous@testclient"


def test_records_are_chosen(debrepo, records):
    for name in "ab":
        debrepo("repo", "create", name)
    assert [r["scope"] for r in records("--what", "repo:a")] == ["repo:a:create"]
    assert [r["scope"] for r in records("--limit", 1)] == ["repo:b:create"]
    assert records("--operation", "repo.drop") == records("--actor", "nobody") == []
    assert "repo:a  - -> " in debrepo("audit", "list").stdout


def test_edit_of_properties_is_found_by_the_name_of_the_thing(debrepo, records):
    debrepo("repo", "create", "web")
    debrepo("repo", "create", "web-two")
    debrepo("repo", "edit", "web", "--comment", "ours")
    debrepo("repo", "override", "set", "web", "hello", "Section=net")
    found = [record["operation"] for record in records("--what", "repo:web")]
    assert found == ["repo.create", "repo.edit", "repo.override.set"]
    assert len(records("--what", "repo:web-two")) == 1


def test_decisions_about_a_publication_are_found_by_its_name(debrepo, records, tmp_path):
    debrepo("repo", "create", "web", "--distribution", "stable")
    debrepo("repo", "add", "web", build_deb(tmp_path))
    debrepo("publish", "repo", "web", "--skip-signing")
    debrepo("publish", "edit", "stable", "--protected")
    debrepo("publish", "source", "add", "stable", "web", "--component", "extra")
    found = [record["operation"] for record in records("--what", "publication:./stable")]
    assert found == ["publish.create", "publish.edit", "publish.source.add"]


def test_whole_log_verifies(debrepo):
    debrepo("repo", "create", "a")
    assert debrepo("audit", "verify").stdout.startswith("1 record, the last one ")
    assert json.loads(debrepo("audit", "verify", "--json").stdout)["faults"] == []


def tamper(txn, how):
    if how == "changed":
        txn[RECORDS][2] = txn[RECORDS][2]._replace(actor="somebody else")
    elif how == "rehashed":
        changed = txn[RECORDS][2]._replace(actor="somebody else")
        txn[RECORDS][2] = changed._replace(hash=changed.hashed())
    elif how == "removed":
        del txn[RECORDS][2]
    else:
        txn[RECORDS][4] = txn[RECORDS][3]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("changed", "record 2 was changed"),
        ("rehashed", "record 3 does not follow"),
        ("removed", "records 2 to 2 are missing"),
        ("repeated", "record 4 does not follow"),
    ],
)
def test_tampering_is_noticed(session, how, said):
    for name in "abc":
        session.call("repo.create", name=name)
    with session.db.write() as txn:
        tamper(txn, how)
        assert said in "\n".join(faults(txn))
