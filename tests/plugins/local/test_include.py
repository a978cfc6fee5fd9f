"""Uploads: what a .changes lists, its signature, its sums and its uploaders."""

import json
import re
from pathlib import Path

import pytest
from plugins.local.uploads import changes

from debrepo import archive
from debrepo.errors import InvalidInput, VerificationFailed
from debrepo.testing.packages import build_deb, build_source
from debrepo_local.uploaders import check_upload, rules


@pytest.fixture
def unstable(debrepo):
    debrepo("repo", "create", "unstable")


@pytest.fixture
def sign(session, debrepo, tmp_path):
    """Sign a file in line, with a key that is trusted."""
    debrepo("key", "create", "--name", "Somebody")
    key = tmp_path / "key.asc"
    key.write_text(debrepo("key", "export").output)
    debrepo("key", "trust", key)
    keys = session.signer.resolve([])

    def sign(path):
        path.write_bytes(session.signer.sign(path.read_bytes(), keys).inline)
        return keys[0].fingerprint

    return sign


def names(debrepo, repo="unstable"):
    return debrepo("repo", "search", repo).output.split()


def test_signed_upload_goes_in_as_a_whole_and_is_gone(debrepo, incoming, unstable, sign):
    source = build_source(incoming)
    parts = [path for path in incoming.iterdir() if path != source]
    sign(changes(incoming, build_deb(incoming, version="1.0-1"), source, *parts))
    debrepo("repo", "include", incoming)
    assert set(names(debrepo)) == {"hello_1.0-1_amd64", "hello_1.0-1_source"}
    assert list(incoming.iterdir()) == []


def test_acceptance_rule_knows_whether_an_upload_is_signed(
    debrepo, debrepo_root, incoming, unstable, sign
):
    text = '[policy.house]\nrepo = ["*"]\nsigned = true\n'
    (debrepo_root / "debrepo.toml").write_text(text)
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    refused = debrepo("repo", "include", "--accept-unsigned", path, exit_code=1)
    assert "breaks the rule house: expected a signed upload" in refused.output
    sign(path)
    debrepo("repo", "include", path)
    assert names(debrepo) == ["hello_1.0-1_amd64"]


def test_unsigned_upload_has_to_be_accepted(debrepo, incoming, unstable):
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    refused = debrepo("repo", "include", path, exit_code=1)
    assert "it is not signed" in refused.output
    debrepo("repo", "include", "--accept-unsigned", path)
    assert names(debrepo) == ["hello_1.0-1_amd64"]


def test_file_that_the_changes_does_not_describe_stays_out(debrepo, incoming, unstable):
    deb = build_deb(incoming, version="1.0-1")
    path = changes(incoming, deb)
    build_deb(incoming, version="1.0-1", fields={"Section": "other"})
    refused = debrepo("repo", "include", "--accept-unsigned", path, exit_code=1)
    assert "the .changes says" in refused.output
    assert names(debrepo) == []
    assert path.exists()


def test_package_that_the_changes_does_not_name_stays_out(debrepo, incoming, unstable):
    path = changes(incoming, build_deb(incoming, "other", "1.0-1"))
    refused = debrepo("repo", "include", "--accept-unsigned", path, exit_code=1)
    assert "other_1.0-1_amd64 has been ignored" in refused.output


@pytest.mark.parametrize("odd", ["other_1.0-1_amd64.deb", "bad_1.0-1_amd64.deb"])
def test_upload_of_which_a_package_does_not_fit_stays_out_as_a_whole(
    debrepo, incoming, unstable, odd
):
    files = [build_deb(incoming, name, "1.0-1") for name in ("hello", "other", "bad")]
    (incoming / "bad_1.0-1_amd64.deb").write_bytes(b"not a package")
    fitting = [file for file in files if file.name[:2] in ("he", odd[:2])]
    path = changes(incoming, *fitting, Binary="hello bad")
    there = sorted(incoming.iterdir())
    refused = debrepo("repo", "include", "--accept-unsigned", path, exit_code=1)
    assert names(debrepo) == []
    assert sorted(incoming.iterdir()) == there
    assert refused.stderr.startswith(f"failed   {incoming / odd}: ")
    assert "unstable: nothing added, 1 failed" in refused.stderr
    (incoming / odd).unlink()
    changes(
        incoming,
        build_deb(incoming, odd.partition("_")[0], "1.0-1"),
        files[0],
        Binary="other hello bad",
    )
    debrepo("repo", "include", "--accept-unsigned", path)
    assert len(names(debrepo)) == 2
    assert not path.exists()


def test_upload_with_a_package_that_is_there_with_other_bytes_stays_out_as_a_whole(
    debrepo, incoming, unstable
):
    debrepo("repo", "add", "unstable", build_deb(incoming, version="1.0-1"))
    hello = build_deb(incoming, version="1.0-1", fields={"Section": "other"})
    path = changes(incoming, build_deb(incoming, "more", "1.0-1"), hello, Binary="hello more")
    refused = debrepo("repo", "include", "--accept-unsigned", path, exit_code=1)
    assert "is in unstable already, with other bytes" in refused.stderr
    assert names(debrepo) == ["hello_1.0-1_amd64"]
    assert len(list(incoming.iterdir())) == 3
    debrepo("repo", "include", "--accept-unsigned", "--force-replace", path)
    assert len(names(debrepo)) == 2
    assert list(incoming.iterdir()) == []


def test_summary_names_each_repository_and_not_the_template(debrepo, incoming, unstable):
    debrepo("repo", "create", "testing")
    changes(incoming, build_deb(incoming, version="1.0-1"))
    more = build_deb(incoming, "more", "1.0-1")
    changes(incoming, more, name="more.changes", Binary="more", Distribution="testing")
    said = debrepo("repo", "include", "--accept-unsigned", incoming).stderr
    assert "testing: 1 added, 0 failed, in " in said
    assert "unstable: 1 added, 0 failed, in " in said
    assert "{{" not in said
    path = changes(incoming, build_deb(incoming, version="1.0-1"), Distribution="none")
    said = debrepo("repo", "include", "--accept-unsigned", path, "--json", exit_code=1)
    assert [found["repo"] for found in json.loads(said.stdout)] == ["none"]
    assert "none: nothing added, 1 failed, in " in said.stderr


def test_changes_without_all_sums_is_refused(debrepo, incoming, unstable):
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    path.write_text(path.read_text().split("Checksums-Sha256")[0])
    refused = debrepo("repo", "include", "--accept-unsigned", path, exit_code=1)
    assert "it lacks Files, Checksums-Sha1 or Checksums-Sha256" in refused.output


def test_template_chooses_the_repository(debrepo, incoming):
    debrepo("repo", "create", "my-unstable")
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    debrepo("repo", "include", "--accept-unsigned", "--repo", "my-{{.Distribution}}", path)
    assert names(debrepo, "my-unstable") == ["hello_1.0-1_amd64"]


def test_files_can_stay(debrepo, incoming, unstable):
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    debrepo("repo", "include", "--accept-unsigned", "--no-remove-files", path)
    assert len(list(incoming.iterdir())) == 2


def uploaders(tmp_path, allow=(), deny=(), condition="Source (= hello)"):
    path = tmp_path / "uploaders.json"
    rule = {"condition": condition, "allow": list(allow), "deny": list(deny)}
    text = json.dumps({"groups": {"us": ["them", "us"], "them": []}, "rules": [rule]})
    path.write_text(f"// who may\n{text[:-1]},}}")
    return path


@pytest.mark.parametrize(
    ("allow", "deny", "included"),
    [
        (["*"], [], True),
        (["KEY"], [], True),
        (["key"], [], True),
        (["us"], [], False),
        (["*"], ["KEY"], False),
        (["0123456789ABCDEF"], [], False),
    ],
)
def test_uploaders_decide_by_key(debrepo, incoming, tmp_path, sign, allow, deny, included):
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    key = sign(path)[-16:]
    spelt = {"KEY": key, "key": key.lower()}
    file = uploaders(tmp_path, *([spelt.get(name, name) for name in x] for x in (allow, deny)))
    debrepo("repo", "create", "unstable", "--uploaders-file", file)
    debrepo("repo", "include", path, exit_code=0 if included else 1)
    assert bool(names(debrepo)) == included


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("Architecture (= source)", False),
        ("Architecture (= 'source amd64')", True),
        ("Architecture (% *amd64*)", True),
        ("$Architecture (% *amd64*)", True),
        ("!Architecture (= source)", True),
        ("Architecture (~ \\bi386\\b)", False),
        ("Source (= hello)", True),
        ("$Source (= hello)", True),
        ("Name (= hello)", True),
        ("Source (= hello0)", False),
        ("hello {amd64}", True),
        ("hello {i386}", False),
        ("hello (<< 2)", True),
        ("hello (<< 1)", False),
        ("hello_1.0-1_source", True),
        ("hello_1.0-1_i386", False),
        ("Version (= 1.0-01)", True),
        ("$Version (>> 1.0)", True),
        ("Distribution (= unstable), (Binary (% none) | Binary)", True),
        ("Changed-By", False),
    ],
)
def test_conditions_see_the_fields_of_the_upload_as_they_are(condition, holds, incoming):
    path = changes(incoming, Source="hello (0.9)")
    listed = archive.parse_list(path.read_bytes())
    document = {"rules": [{"condition": condition, "deny": ["*"]}]}
    with pytest.raises(VerificationFailed) as refused:
        check_upload(rules(json.dumps(document)), listed, ["A" * 40])
    assert ("according to the uploaders' rule" in str(refused.value)) == holds


def test_condition_of_source_only_uploads_holds(incoming):
    listed = archive.parse_list(changes(incoming, Architecture="source").read_bytes())
    for name in ("Architecture", "$Architecture"):
        document = {"rules": [{"condition": f"{name} (= source), $Source", "allow": ["*"]}]}
        check_upload(rules(json.dumps(document)), listed, ["A" * 40])


def test_condition_on_what_no_upload_has_is_refused():
    document = {"rules": [{"condition": "Source | !$PackageType (= deb)", "deny": ["*"]}]}
    with pytest.raises(InvalidInput, match=r"rule 1 of the uploaders: .*no \$PackageType"):
        rules(json.dumps(document))


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, "{", "1"])
def test_uploaders_that_cannot_be_read_are_refused(text):
    with pytest.raises(InvalidInput, match="the uploaders"):
        rules(text)


def test_uploaders_keep_out_what_nobody_has_signed(debrepo, incoming, tmp_path):
    debrepo("repo", "create", "unstable")
    debrepo("repo", "edit", "unstable", "--uploaders-file", uploaders(tmp_path, ["*"]))
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    refused = debrepo("repo", "include", "--accept-unsigned", path, exit_code=1)
    assert "no trusted key" in refused.output
    debrepo("repo", "edit", "unstable", "--uploaders-file", "")
    debrepo("repo", "include", "--accept-unsigned", path)


def test_common_uploaders_stand_in(debrepo, incoming, tmp_path, unstable):
    path = changes(incoming, build_deb(incoming, version="1.0-1"))
    file = uploaders(tmp_path, ["*"])
    words = ("--accept-unsigned", "--uploaders-file", file, path)
    assert "no trusted key" in debrepo("repo", "include", *words, exit_code=1).output
    assert not names(debrepo)


def test_uploaders_that_make_no_sense_are_refused(debrepo, tmp_path):
    file = uploaders(tmp_path, ["*"], condition="")
    refused = debrepo("repo", "create", "x", "--uploaders-file", file, exit_code=2)
    assert "rule 1 of the uploaders" in refused.output


def test_upload_is_included_over_http(api, incoming):
    api.post("/api/repos", json={"Name": "unstable"})
    build_source(incoming)
    build_deb(incoming, version="1.0-1")
    changes(incoming, *incoming.iterdir())
    for file in incoming.iterdir():
        api.put(f"/api/files/in/{file.name}", content=file.read_bytes())
    refused = api.post("/api/repos/unstable/include/in").json()
    assert [path.rpartition("/")[2] for path in refused["FailedFiles"]] == ["hello.changes"]
    done = api.post("/api/repos/unstable/include/in/hello.changes?acceptUnsigned=1").json()
    assert done == {
        "FailedFiles": [],
        "Report": {
            "Warnings": [],
            "Added": ["hello_1.0-1_source added", "hello_1.0-1_amd64 added"],
            "Removed": [],
        },
    }
    assert api.get("/api/files").json() == []
    assert api.post("/api/repos/none/include/in").status_code == 404


def test_rules_of_the_guide_are_understood():
    guide = Path(__file__).parents[3] / "docs/guide/uploads.md"
    (text,) = re.findall("```json\n(.*?)```", guide.read_text(), re.DOTALL)
    kernel, others = rules(text)
    assert kernel.allow < others.allow
    assert kernel.deny == others.allow - kernel.allow


def test_directory_without_uploads_is_a_warning_and_an_error_when_strict(debrepo, incoming):
    result = debrepo("repo", "include", incoming)
    assert f"Warning: {incoming}: no .changes files in it\n" in result.stderr
    result = debrepo("repo", "include", "--strict", incoming, exit_code=3)
    assert result.output.endswith(f"Error: {incoming}: no .changes files in it\n")
    other = incoming / "notes.txt"
    other.write_text("")
    result = debrepo("repo", "include", other)
    assert f"Warning: {other}: not a .changes file by its name\n" in result.stderr
