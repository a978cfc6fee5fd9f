"""Mirrors are created and edited against what their archives have, and whom one trusts there."""

import json
import re
import threading

import pytest
from plugins.mirror.archives import SmallArchive
from upstream import serving

from debrepo_mirror import mirrors


def shown(mirror, name="debian"):
    return json.loads(mirror("show", name, "--json").stdout)


def test_created_mirror_says_what_comes_next(trusting, server, archive_key):
    result = trusting("create", "debian", server.url, "stable", "main")
    assert result.stdout == f"Created mirror debian: {server.url} stable main.\n"
    assert 'Run "debrepo mirror update debian" to fetch its packages.' in result.stderr
    found = shown(trusting)
    assert (found["updated"], found["size"]) == ("", 0)
    assert archive_key.fingerprint in found["signers"]
    assert [seen.path for seen in server.asked()] == ["dists/stable/InRelease"]


def test_all_that_there_is_comes_by_omission(trusting, server, archive):
    archive.deb("delta", index="contrib/binary-amd64/Packages")
    archive.deb("epsilon", architecture="arm64", index="main/binary-arm64/Packages")
    archive.write()
    trusting("create", "debian", server.url, "stable")
    found = shown(trusting)
    assert sorted(found["components"]) == ["contrib", "main"]
    assert sorted(found["architectures"]) == ["amd64", "arm64"]


def test_configured_architectures_are_those_of_new_mirrors(trusting, server, debrepo_root):
    debrepo_root.mkdir(exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text('architectures = ["riscv64"]\n')
    refused = trusting("create", "debian", server.url, "stable", exit_code=2)
    assert "riscv64" in refused.stderr
    trusting("create", "debian", server.url, "stable", "--force-architectures")
    assert shown(trusting)["architectures"] == ["riscv64"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["stable", "none"], "--force-components"),
        (["stable", "--architectures", "none"], "--force-architectures"),
    ],
)
def test_what_the_archive_does_not_list_has_to_be_forced(trusting, server, words, option):
    refused = trusting("create", "debian", server.url, *words, exit_code=2)
    assert "none" in refused.stderr
    assert option in refused.stderr
    assert trusting("list").stdout == ""
    trusting("create", "debian", server.url, *words, option)


def test_taken_name_is_refused_before_anything_is_fetched(mirror, server):
    server.clear()
    refused = mirror("create", "debian", server.url, "stable", exit_code=4)
    assert refused.stderr == "Error: mirror debian exists already\n"
    assert server.asked() == []


@pytest.mark.parametrize(
    "words",
    [
        ["./", "main"],
        ["./", "--with-udebs"],
        ["./", "--with-installer"],
        ["./", "--with-appstream"],
        ["stable", "--without-release"],
        ["stable", "--filter", "((("],
        ["stable", "../x"],
        ["stable", "--architectures", "all"],
        ["stable", "--architectures", "source"],
        ["stable", "--fingerprint", "ABCD"],
        ["stable", "--credentials", "none"],
        ["."+"."],
        [],
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_fetched(trusting, server, words):
    code = 3 if "--credentials" in words else 2
    refused = trusting("create", "debian", server.url, *words, exit_code=code)
    assert refused.stderr.startswith("Error: ")
    assert server.asked() == []
    assert trusting("list").stdout == ""


def test_flat_repository_has_no_components(debrepo, tmp_path, archive_key, trusting):
    flat = SmallArchive(tmp_path / "flat", archive_key, "sub/")
    flat.stanzas = {"Packages": []}
    flat.deb("alpha", index="Packages")
    flat.write()
    with serving(flat.root) as server:
        trusting("create", "flat", server.url, "sub/", "--architectures", "amd64")
        found = shown(trusting, "flat")
        assert (found["distribution"], found["components"]) == ("./sub/", [])
        trusting("update", "flat")
    assert debrepo("mirror", "search", "flat").stdout == "alpha_1.0_amd64\n"


def test_key_that_is_missing_is_named_with_what_fetches_it(debrepo, server, archive_key):
    refused = debrepo("mirror", "create", "debian", server.url, "stable", exit_code=6)
    assert re.search(rf'run "debrepo key fetch .*{archive_key.fingerprint}"', refused.stderr)


def test_key_of_a_file_is_kept_with_the_mirror(debrepo, server, archive_key, tmp_path):
    file = tmp_path / "vendor.asc"
    file.write_text(archive_key.public)
    debrepo("mirror", "create", "debian", server.url, "stable", "--keyring", file)
    file.unlink()
    debrepo("mirror", "update", "debian")
    assert len(debrepo("mirror", "search", "debian").stdout.split()) == 3


def test_source_that_names_a_key_is_all_that_it_takes(debrepo, server, archive_key, tmp_path):
    (tmp_path / "vendor.asc").write_text(archive_key.public)
    line = f"deb [arch=amd64 signed-by={tmp_path}/vendor.asc] {server.url} stable main"
    debrepo("mirror", "create", "one", line)
    block = "\n".join(f" {line or '.'}" for line in archive_key.public.strip().split("\n"))
    stanza = (
        f"Types: deb\nURIs: {server.url}\nSuites: stable\nComponents: main\nSigned-By:\n{block}\n"
    )
    (tmp_path / "vendor.sources").write_text(stanza)
    debrepo("mirror", "create", "two", f"@{tmp_path}/vendor.sources")
    for name in ("one", "two"):
        debrepo("mirror", "update", name)
        assert len(debrepo("mirror", "search", name).stdout.split()) == 3
    debrepo("mirror", "create", "three", "@/none/there", exit_code=2)
    debrepo("mirror", "create", "four", line, "stable", exit_code=2)


def test_pinned_fingerprint_has_to_have_signed(trusting, server, archive_key):
    other = "0123456789ABCDEF0123456789ABCDEF01234567"
    trusting("create", "debian", server.url, "stable", "--fingerprint", other, exit_code=6)
    trusting("create", "debian", server.url, "stable", "--fingerprint", archive_key.fingerprint)


def test_unsigned_archive_needs_the_word_for_it(debrepo, server, archive):
    archive.signed = ""
    archive.write()
    debrepo("mirror", "create", "debian", server.url, "stable", exit_code=6)
    debrepo("mirror", "create", "debian", server.url, "stable", "--ignore-signatures")
    assert "Signatures: not verified\n" in debrepo("mirror", "show", "debian").stdout


def test_ppa_is_where_the_configuration_says(trusting, server, archive, debrepo_root, tmp_path):
    ppa = tmp_path / "archive" / "ann" / "tools"
    ppa.mkdir(parents=True)
    (ppa / "ubuntu").symlink_to(tmp_path / "archive")
    (debrepo_root / "debrepo.toml").write_text(
        f'[mirror]\nppa_base_url = "{server.url}"\nppa_codename = "stable"\n'
    )
    trusting("create", "debian", "ppa:ann/tools")
    assert shown(trusting)["url"] == f"{server.url}ann/tools/ubuntu/"
    trusting("create", "other", "ppa:ann/tools", "stable", exit_code=2)


def test_edit_that_concerns_nothing_upstream_asks_nobody(mirror, server):
    server.clear()
    mirror("edit", "debian", "--filter", "alpha", "--latest", "--max-tries", "5")
    assert server.asked() == []
    found = shown(mirror)
    assert (found["filter"], found["latest"], found["max_tries"]) == ("alpha", True, 5)
    mirror("edit", "debian", "--filter", "", "--all-versions")
    found = shown(mirror)
    assert (found["filter"], found["latest"], found["max_tries"]) == ("", False, 5)


def test_everything_of_a_mirror_can_be_edited(mirror, server, archive, debrepo):
    mirror("update", "debian")
    archive.deb("delta", index="contrib/binary-amd64/Packages")
    archive.write()
    mirror("edit", "debian", "--components", "contrib")
    assert len(debrepo("mirror", "search", "debian").stdout.split()) == 3
    mirror("update", "debian")
    assert debrepo("mirror", "search", "debian").stdout == "delta_1.0_amd64\n"
    mirror("edit", "debian", "--components", "")
    assert sorted(shown(mirror)["components"]) == ["contrib", "main"]


def test_edit_to_an_archive_that_is_not_there_changes_nothing(mirror, server):
    before = shown(mirror)
    mirror("edit", "debian", "--archive-url", server.url + "none", exit_code=7)
    mirror("edit", "debian", "--distribution", "none", exit_code=7)
    mirror("edit", "debian", "--components", "none", exit_code=2)
    mirror("edit", "none", "--latest", exit_code=3)
    assert shown(mirror) == before


def test_edited_url_is_that_of_the_next_update(mirror, tmp_path, archive_key, debrepo):
    mirror("update", "debian")
    other = SmallArchive(tmp_path / "other", archive_key)
    other.deb("elsewhere")
    other.write()
    with serving(other.root) as elsewhere:
        mirror("edit", "debian", "--archive-url", elsewhere.url)
        mirror("update", "debian")
    assert debrepo("mirror", "search", "debian").stdout == "elsewhere_1.0_amd64\n"


def test_mirror_created_twice_at_once_is_created_once(debrepo, trusting, server, opened):
    with opened() as session:
        outcomes = []

        def create():
            try:
                session.call("mirror.create", name="m", url=server.url, distribution="stable")
                outcomes.append("created")
            except Exception as error:
                outcomes.append(type(error).__name__)

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcomes) == ["AlreadyExists"] * 3 + ["created"]


def test_password_of_a_url_is_nowhere(debrepo, debrepo_root, server):
    url = re.sub("//", "//ann:hunter2@", server.url, count=1)
    for words in (
        ["create", "debian", url, "stable"],
        ["create", "debian", f"deb {url} stable main"],
    ):
        refused = debrepo("mirror", *words, exit_code=2)
        assert "hunter2" not in refused.output
        assert "mirror.credentials" in refused.output
    assert not any(b"hunter2" in f.read_bytes() for f in debrepo_root.rglob("*") if f.is_file())
    assert server.asked() == []


def test_credentials_reach_the_archive(trusting, server, debrepo_root):
    server.authorization = {"Basic YW5uOmh1bnRlcjI="}  # ann:hunter2
    trusting("create", "debian", server.url, "stable", exit_code=7)
    debrepo_root.mkdir(exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text(
        f'[mirror.credentials.vendor]\nurl = "{server.url}"\nuser = "ann"\npassword = "hunter2"\n'
    )
    trusting("create", "debian", server.url, "stable", "--credentials", "vendor")
    trusting("update", "debian")
    shown = trusting("show", "debian", "--json").output
    assert "hunter2" not in shown
    assert '"credentials": "vendor"' in shown


def test_auth_conf_below_the_root_reaches_the_archive(trusting, server, debrepo_root):
    server.authorization = {"Basic YW5uOmh1bnRlcjI="}
    (debrepo_root / "auth.conf").write_text(f"machine {server.url} login ann password hunter2\n")
    trusting("create", "debian", server.url, "stable")


def test_dropped_mirror_leaves_nothing_for_the_next_of_its_name(mirror, opened, server):
    mirror("update", "debian")
    mirror("drop", "debian")
    mirror("create", "debian", server.url, "stable", "main")
    with opened() as session, session.db.read() as txn:
        assert mirrors.get(txn, "debian").updated == ""
    assert "3 added" in mirror("update", "debian").output


def test_failure_of_one_mirror_does_not_keep_the_others(trusting, server, debrepo):
    for name in ("alpha", "beta"):
        trusting("create", name, server.url, "stable", "--filter", name)
    server.hide("pool/*alpha*")
    result = trusting("update", "alpha", "none", "beta", exit_code=7)
    assert "Mirror beta has been updated" in result.stdout
    assert "Error: alpha: " in result.stderr
    assert "Error: none: no mirror called none\n" in result.stderr
    assert result.stderr.endswith("Error: 2 of 3 mirrors could not be updated\n")
    assert debrepo("mirror", "search", "beta").stdout == "beta_1.0_amd64\n"
