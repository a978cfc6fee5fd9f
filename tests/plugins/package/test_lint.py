"""``debrepo package lint``: what repo add would say, and nothing is added."""

import json

import pytest

from debrepo import catalog
from debrepo.catalog import PACKAGES
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo.testing.packages import build_deb, build_source


@pytest.fixture
def debs(tmp_path):
    directory = tmp_path / "debs"
    directory.mkdir()
    build_deb(directory, "good")
    build_deb(directory, "bad", fields={"Depends": "foo >= 1", "Essential": "maybe"})
    build_deb(directory, "my_odd")
    build_source(directory, "source")
    return directory


def test_all_that_is_wrong_with_files_is_said(debrepo, debs):
    (debs / "broken.deb").write_bytes(b"nothing!")
    result = debrepo("package", "lint", debs, exit_code=1)
    lines = result.stdout.splitlines()
    assert lines == [
        f"unreadable {debs}/bad_1.0_amd64.deb: Depends: 'foo >= 1' is no relation between binary"
        " packages",
        f"refused    {debs}/bad_1.0_amd64.deb: Essential is 'maybe', not yes or no",
        f"unreadable {debs}/broken.deb: not a Debian package: it starts with 'nothing!', not with"
        " '!<arch>\\n'",
        f"remark     {debs}/my_odd_1.0_amd64.deb: Package is 'my_odd', which Debian Policy 5.6.1"
        " does not allow",
    ]
    assert "5 packages: 2 would be refused, 1 with remarks." in result.stderr
    assert "Error: 2 of 5 packages would be refused" in result.stderr
    assert debrepo("package", "search").stdout == ""


def test_packages_without_a_fault_are_not_mentioned(debrepo, debs):
    result = debrepo("package", "lint", debs / "good_1.0_amd64.deb", debs / "source_1.0-1.dsc")
    assert result.stdout == ""
    assert "2 packages: 0 would be refused, 0 with remarks." in result.stderr


def test_what_is_no_package_is_said(debrepo, tmp_path):
    (tmp_path / "readme").touch()
    result = debrepo("package", "lint", tmp_path / "readme", tmp_path / "gone.deb", exit_code=1)
    assert "readme: not a package file by its name" in result.stdout
    assert "gone.deb: cannot be read: No such file or directory\n" in result.stdout
    result = debrepo("package", "lint", "tools", exit_code=1)
    assert "a package list, give kind and name, such as repo:NAME" in result.stdout


@pytest.mark.parametrize(
    ("policy", "labels", "refused"),
    [
        ("strict", ["unreadable", "refused", "refused", "refused"], [1, 1, 1]),
        ("dpkg", ["unreadable", "refused", "refused", "remark"], [1, 1, 0]),
        ("lenient", ["unreadable", "remark", "remark", "remark"], [1, 0, 0]),
    ],
)
def test_each_policy_says_of_each_finding_whether_it_keeps_the_package_out(
    debrepo, debs, monkeypatch, policy, labels, refused
):
    monkeypatch.setenv("DEBREPO_ARCHIVE_POLICY", policy)
    build_deb(debs, "bold", fields={"Essential": "maybe"})
    files = [debs / f"{name}_1.0_amd64.deb" for name in ("bad", "bold", "my_odd")]
    said = debrepo("package", "lint", *files, exit_code=1)
    assert [line.split()[0] for line in said.stdout.splitlines()] == labels
    assert f"3 packages: {sum(refused)} would be refused" in said.stderr
    found = json.loads(debrepo("package", "lint", "--json", *files, exit_code=1).stdout)
    assert [one["refused"] for one in found] == list(map(bool, refused))
    assert [f["refused"] for one in found for f in one["findings"]] == [
        label != "remark" for label in labels
    ]


def test_policy_decides_what_is_refused(debrepo, debs, debrepo_root):
    debrepo_root.mkdir()
    (debrepo_root / "debrepo.toml").write_text('archive.policy = "strict"\n')
    debrepo("package", "lint", debs / "my_odd_1.0_amd64.deb", exit_code=1)
    (debrepo_root / "debrepo.toml").write_text('archive.policy = "odd"\n')
    result = debrepo("package", "lint", debs / "my_odd_1.0_amd64.deb", exit_code=2)
    assert "archive.policy cannot be 'odd'" in result.output


def test_packages_of_a_list_are_judged_by_the_rules_of_today(debrepo, debs, debrepo_root):
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", debs / "good_1.0_amd64.deb", debs / "source_1.0-1.dsc")
    assert debrepo("package", "lint", "repo:tools").stdout == ""
    session = Session(debrepo_root, load_plugins())
    with session.db.write() as txn:
        (entry,) = catalog.find(txn, "good")
        txn[PACKAGES][entry] = txn[PACKAGES][entry].replace(b"Maintainer:", b"Depends: a,,\nX:")
    session.close()
    result = debrepo("package", "lint", "repo:tools", "--json", exit_code=1)
    (good, source) = json.loads(result.stdout)
    assert (good["package"], good["refused"]) == ("good_1.0_amd64", True)
    assert good["findings"][0]["level"] == "unreadable"
    assert source == {"package": "source_1.0-1_source", "refused": False, "findings": []}


def test_unknown_list_is_said(debrepo):
    result = debrepo("package", "lint", "repo:nothing", exit_code=3)
    assert "no repository called nothing" in result.output
