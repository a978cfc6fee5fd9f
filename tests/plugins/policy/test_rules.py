"""Acceptance rules: what keeps a package out of a repository, by whatever way it comes."""

import json

import pytest

from debrepo.errors import InvalidInput, InvalidPackage
from debrepo.testing.packages import build_deb, build_source

ALL = {"repo": ["*"]}


def names(debrepo, repo="tools"):
    return debrepo("repo", "search", repo).output.split()


@pytest.mark.parametrize(
    ("rule", "expected", "setting"),
    [
        (
            {"deny": "Section (non-free)"},
            "not Section (= non-free), found Section: non-free",
            "deny",
        ),
        ({"require": "Section (main)"}, "Section (= main), found Section: non-free", "require"),
        ({"require": "Homepage"}, "Homepage, found no Homepage", "require"),
        ({"names": ["acme-*", "lib*"]}, "a name like acme-* or lib*, found hello", "names"),
        ({"architectures": ["arm*"]}, "an architecture like arm*, found amd64", "architectures"),
        (
            {"maintainers": ["*@acme.example>"]},
            "a Maintainer like *@acme.example>, found Somebody <somebody@example.org>",
            "maintainers",
        ),
        (
            {"signed": True},
            "a signed upload, found a file without a verified signature",
            "signed",
        ),
    ],
)
def test_refusal_names_rule_package_expected_and_found(
    debrepo, policy, tmp_path, rule, expected, setting
):
    policy(house={**ALL, **rule})
    debrepo("repo", "create", "tools")
    deb = build_deb(tmp_path, fields={"Section": "non-free"})
    result = debrepo("repo", "add", "tools", deb, exit_code=1)
    assert f"hello_1.0_amd64 breaks the rule house: expected {expected}" in result.output
    assert f"the setting policy.house.{setting} says so" in result.output
    assert names(debrepo) == []


def test_package_that_keeps_all_rules_is_accepted(debrepo, policy, tmp_path):
    policy(
        house={**ALL, "require": "Section (main)", "names": ["hel*"], "max_size": 10_000_000},
        other={"repo": ["other"], "signed": True},
    )
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, fields={"Section": "main"}))
    assert names(debrepo) == ["hello_1.0_amd64"]


def test_all_files_of_a_source_package_count_for_its_size(debrepo, policy, tmp_path):
    source = build_source(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.iterdir() if path.is_file())
    policy(house={**ALL, "max_size": size - 1})
    debrepo("repo", "create", "tools")
    result = debrepo("repo", "add", "tools", source, exit_code=1)
    assert f"expected {size - 1} bytes at most, found {size} bytes" in result.output
    policy(house={**ALL, "max_size": size})
    debrepo("repo", "add", "tools", source)


def test_remark_keeps_a_package_out(debrepo, policy, tmp_path):
    policy(house={**ALL, "no_remarks": True})
    debrepo("repo", "create", "tools")
    result = debrepo("repo", "add", "tools", build_deb(tmp_path, "my_odd"), exit_code=1)
    assert "expected no remarks, found Package is 'my_odd'" in result.output


def test_own_message_is_the_hint(debrepo, policy, tmp_path):
    policy(house={**ALL, "deny": "hello", "message": "ask the release team"})
    debrepo("repo", "create", "tools")
    result = debrepo("repo", "add", "tools", build_deb(tmp_path), exit_code=1)
    assert "ask the release team" in result.output


def test_older_version_is_refused_and_the_same_one_is_skipped(debrepo, policy, tmp_path):
    policy(house={**ALL, "no_downgrade": True})
    debrepo("repo", "create", "tools")
    old, new = (build_deb(tmp_path, version=version) for version in ("1.9", "1.10"))
    other = build_deb(tmp_path, version="1.0", architecture="arm64")
    debrepo("repo", "add", "tools", new)
    result = debrepo("repo", "add", "tools", old, exit_code=1)
    assert "expected a version not below 1.10, which tools has, found 1.9" in result.output
    debrepo("repo", "add", "tools", new, other)


def test_stored_package_is_skipped_although_a_newer_one_came(debrepo, policy, tmp_path):
    debrepo("repo", "create", "tools")
    old, new = (build_deb(tmp_path, version=version) for version in ("1.9", "1.10"))
    debrepo("repo", "add", "tools", old, new)
    policy(house={**ALL, "no_downgrade": True})
    debrepo("repo", "add", "tools", old)


def test_copies_moves_and_new_repositories_are_held_to_the_rules(debrepo, policy, tmp_path):
    for name in ("staging", "tools"):
        debrepo("repo", "create", name)
    debrepo("repo", "add", "staging", build_deb(tmp_path))
    policy(house={"repo": ["tools", "new"], "deny": "hello"})
    for words in (
        ("repo", "copy", "staging", "tools", "hello"),
        ("repo", "move", "staging", "tools", "hello"),
        ("repo", "import", "repo:staging", "tools", "hello"),
        ("repo", "create", "new", "from", "repo", "staging"),
    ):
        result = debrepo(*words, exit_code=2)
        assert "hello_1.0_amd64 breaks the rule house" in result.output
    assert names(debrepo) == []
    assert names(debrepo, "staging") == ["hello_1.0_amd64"]
    debrepo("repo", "show", "new", exit_code=3)


def test_repository_does_not_get_a_name_whose_rules_its_packages_break(debrepo, policy, tmp_path):
    policy(house={"repo": ["prod*"], "deny": "bad"}, signed={"repo": ["secure"], "signed": True})
    for name in ("good", "bad"):
        debrepo("repo", "create", name)
        debrepo("repo", "add", name, build_deb(tmp_path, name))
    result = debrepo("repo", "rename", "bad", "prod", exit_code=2)
    assert "bad_1.0_amd64 breaks the rule house: expected not bad" in result.output
    result = debrepo("repo", "rename", "good", "secure", exit_code=2)
    assert "expected a signed upload, found a copy from repo:good" in result.output
    assert names(debrepo, "bad") == ["bad_1.0_amd64"]
    debrepo("repo", "rename", "good", "prod")
    debrepo("repo", "rename", "prod", "production")


def test_copies_come_only_from_where_they_may(debrepo, policy, tmp_path):
    for name in ("staging", "tools", "wild"):
        debrepo("repo", "create", name)
    debrepo("repo", "add", "staging", build_deb(tmp_path, "tested"))
    debrepo("repo", "add", "wild", build_deb(tmp_path, "untested"))
    policy(house={"repo": ["tools"], "signed": True, "copied_from": ["repo:stag*"]})
    debrepo("repo", "copy", "staging", "tools", "tested")
    result = debrepo("repo", "copy", "wild", "tools", "untested", exit_code=2)
    assert "expected a copy from repo:stag*, found a copy from repo:wild" in result.output
    policy(house={"repo": ["tools"], "signed": True})
    result = debrepo("repo", "copy", "staging", "tools", "tested", "--dry-run")
    result = debrepo("repo", "copy", "wild", "tools", "untested", exit_code=2)
    assert "expected a signed upload, found a copy from repo:wild" in result.output
    assert names(debrepo) == ["tested_1.0_amd64"]


def test_package_is_not_added_by_its_key_against_the_rules(session, policy, tmp_path):
    policy(house={"repo": ["tools"], "signed": True})
    for name in ("staging", "tools"):
        session.call("repo.create", name=name)
    list(session.call("repo.add", name="staging", paths=[build_deb(tmp_path)]))
    (found,) = session.call("repo.search", name="staging")
    with pytest.raises(InvalidPackage, match="expected a signed upload, found a copy from keys:"):
        session.call("repo.add-keys", name="tools", keys=[str(found.key)])


@pytest.fixture
def denied(policy):
    policy(house={"repo": ["tools"], "deny": "hello"})


def test_rules_hold_for_what_clients_upload(denied, api, session, tmp_path):
    session.call("repo.create", name="tools")
    with build_deb(tmp_path).open("rb") as file:
        api.post("/api/files/in", files={"file": file})
    report = api.post("/api/repos/tools/file/in").json()["Report"]
    assert "breaks the rule house: expected not hello, found hello_1.0_amd64" in str(report)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"deny": "hello"}, "the rule house is for nothing"),
        ({**ALL, "deny": "hello ((("}, r"policy\.house\.deny: "),
        ({**ALL, "max_removed": 101}, "max_removed has to be a percentage, 0 to 100"),
        ({**ALL, "max_size": -1}, "max_size has to be a number of bytes"),
    ],
)
def test_rule_that_cannot_be_meant_is_an_error(session, policy, rule, message):
    policy(house=rule)
    with pytest.raises(InvalidInput, match=message):
        session.call("policy.list")


def test_rules_are_listed_with_what_they_say(debrepo, policy):
    policy(b={**ALL, "signed": True}, a={"publication": ["stable"], "max_removed": 20})
    assert debrepo("policy", "list").output == (
        "a\n  max_removed: 20\n  publication: stable\nb\n  repo: *\n  signed: True\n"
    )
    listed = json.loads(debrepo("policy", "list", "--json").output)
    assert [rule["name"] for rule in listed] == ["a", "b"]


def test_check_says_what_files_and_lists_break(debrepo, policy, tmp_path):
    debrepo("repo", "create", "tools")
    debs = tmp_path / "debs"
    debs.mkdir()
    build_deb(debs, "good")
    bad = build_deb(debs, "bad")
    build_source(debs, "source")
    (debs / "broken.deb").write_bytes(b"nothing")
    debrepo("repo", "add", "tools", debs, exit_code=1)
    policy(house={"repo": ["tools"], "deny": "bad", "names": ["bad", "good"], "signed": True})
    result = debrepo("policy", "check", "repo:tools", exit_code=1)
    assert result.stdout.splitlines() == [
        "bad_1.0_amd64 breaks the rule house: expected not bad, found bad_1.0_amd64",
        "source_1.0-1_source breaks the rule house: expected a name like bad or good, found source",
    ]
    assert "3 packages: 2 would be refused." in result.stderr
    result = debrepo("policy", "check", debs, "--repo", "tools", "--json", exit_code=1)
    found = json.loads(result.stdout)
    assert [bool(one["broken"] or one["error"]) for one in found].count(True) == 3
    assert debrepo("policy", "check", bad, "--repo", "other").stdout == ""
    debrepo("repo", "create", "other")
    result = debrepo("policy", "check", "repo:other", exit_code=3)
    assert "no rule holds for repo:other" in result.output


def test_check_says_what_cannot_be_read(debrepo, policy, tmp_path):
    policy(house=ALL)
    (tmp_path / "readme").touch()
    result = debrepo("policy", "check", tmp_path / "readme", tmp_path / "gone.deb", exit_code=1)
    assert "readme: not a package file by its name" in result.stdout
    assert "gone.deb: cannot be read: No such file or directory" in result.stdout
