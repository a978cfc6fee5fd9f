"""Updates: what is upstream comes into the mirror, and nothing is done twice."""

import json
import subprocess
import sys
import time

import pytest
from plugins.mirror.archives import copied

from debrepo import packageset
from debrepo.catalog import CHUNKS
from debrepo.claims import Claim
from debrepo_mirror.tables import MIRRORS, PENDING


def asked(server):
    return [(seen.path, seen.status) for seen in server.asked()]


def test_update_brings_what_is_upstream(mirror, names, server):
    assert mirror("update", "debian").output.startswith(
        "Mirror debian has been updated: 3 added, 0 removed, 3 packages; 3 files"
    )
    assert names() == ["alpha_1.0", "beta_1.0", "gamma_1.0"]


@pytest.mark.parametrize("download", ["all", "lazy"])
def test_package_that_a_policy_keeps_out_is_a_problem_and_the_rest_comes(
    mirror, names, debrepo_root, download
):
    rule = '[policy.house]\nrepo = ["mirror:*"]\ndeny = "beta"\n'
    with (debrepo_root / "debrepo.toml").open("a") as file:
        file.write(rule)
    mirror("edit", "debian", "--download", download)
    mirror("update", "debian")
    assert names() == ["alpha_1.0", "gamma_1.0"]
    (fault,) = json.loads(mirror("show", "--problems", "debian", "--json").output)["faults"]
    assert (fault["where"], fault["what"]) == ("policy", "beta_1.0_amd64")


def test_second_update_costs_one_conditional_request(mirror, server, opened):
    mirror("update", "debian")
    with opened() as session:
        before = session.db.serial()
    server.clear()
    result = mirror("update", "debian")
    assert result.output == "Mirror debian is up to date: 3 packages.\n"
    assert asked(server) == [("dists/stable/InRelease", 304)]
    with opened() as session:
        assert session.db.serial() == before


#: What reading, choosing and recording need, and an update that has nothing to do does not.
HEAVY = ("debrepo.ingest", "debrepo.query", "debrepo_mirror.updating", "lzma", "subprocess")


def test_second_update_imports_nothing_that_reads_an_archive(mirror, debrepo_root):
    mirror("update", "debian")
    code = (
        "import sys\nfrom debrepo.__main__ import main\n"
        f"sys.argv = ['debrepo', '--root', {str(debrepo_root)!r}, 'mirror', 'update', 'debian']\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "is up to date" in done.stdout
    assert not set(HEAVY) & set(done.stderr.split())


def test_server_without_validators_is_recognized_by_the_bytes(mirror, server, opened):
    mirror("update", "debian")
    server.validators = False
    server.clear()
    assert "is up to date" in mirror("update", "debian").output
    assert asked(server) == [("dists/stable/InRelease", 200)]


def test_only_what_is_new_is_fetched(mirror, names, server, archive):
    mirror("update", "debian")
    archive.deb("delta", "2.0")
    archive.stanzas["main/binary-amd64/Packages"].pop(0)
    archive.write()
    server.clear()
    assert "1 added, 1 removed, 3 packages; 1 file" in mirror("update", "debian").output
    assert names() == ["beta_1.0", "delta_2.0", "gamma_1.0"]
    assert [path for path, _ in asked(server) if path.startswith("pool/")] == [
        "pool/main/d/delta/delta_2.0_amd64.deb"
    ]


def test_key_is_the_one_that_adding_the_file_gives(mirror, debrepo, archive):
    mirror("update", "debian")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", archive.root / "pool")
    keys = [
        json.loads(debrepo(*words, "--json").output)
        for words in (("mirror", "show", "--with-packages", "debian"),
                      ("repo", "show", "--with-packages", "tools"))
    ]  # fmt: skip
    assert keys[0]["packages"] == keys[1]["packages"]


def test_package_that_is_known_already_is_not_fetched(mirror, debrepo, archive, server):
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", archive.root / "pool")
    mirror("update", "debian")
    assert not server.asked("pool/*")


def test_index_that_has_not_changed_is_not_fetched(trusting, names, archive, server):
    archive.deb("tool", index="contrib/binary-amd64/Packages")
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    archive.deb("other", index="contrib/binary-amd64/Packages")
    archive.write()
    server.clear()
    trusting("update", "debian")
    assert names() == ["alpha_1.0", "beta_1.0", "gamma_1.0", "other_1.0", "tool_1.0"]
    assert not server.asked("dists/stable/main/*")
    assert server.asked("dists/stable/contrib/*")


def test_dry_run_says_what_would_come_and_changes_nothing(mirror, names, server, archive):
    result = mirror("update", "debian", "--dry-run")
    assert "would be updated: 3 added, 0 removed, 3 packages; 3 files" in result.output
    assert not server.asked("pool/*")
    mirror("search", "debian", exit_code=3)
    mirror("update", "debian")
    archive.stanzas["main/binary-amd64/Packages"].pop()
    archive.deb("delta")
    archive.write()
    result = mirror("update", "debian", "--dry-run")
    assert "would be updated: 1 added, 1 removed, 3 packages; 1 file" in result.output
    assert names() == ["alpha_1.0", "beta_1.0", "gamma_1.0"]


def test_missing_file_leaves_the_list_as_it_was(mirror, names, server, archive):
    mirror("update", "debian")
    archive.deb("delta")
    archive.deb("epsilon")
    archive.write()
    server.hide("pool/*/delta*")
    result = mirror("update", "debian", exit_code=7)
    assert "mirror debian stays as it was: 1 files could not be fetched" in result.output
    assert "pool/main/d/delta/delta_1.0_amd64.deb" in result.output
    assert "--allow-missing" in result.output
    assert names() == ["alpha_1.0", "beta_1.0", "gamma_1.0"]
    server.hidden.clear()
    server.clear()
    mirror("update", "debian")
    assert [seen.path for seen in server.asked("pool/*")] == [
        "pool/main/d/delta/delta_1.0_amd64.deb"
    ]


def test_missing_file_may_be_left_out(mirror, names, server, archive):
    server.hide("pool/*/beta*")
    result = mirror("update", "debian", "--allow-missing")
    assert "missing  http" in result.output
    assert names() == ["alpha_1.0", "gamma_1.0"]
    assert "with files missing" in mirror("show", "debian").output
    server.hidden.clear()
    mirror("update", "debian")
    assert names() == ["alpha_1.0", "beta_1.0", "gamma_1.0"]
    assert "with files missing" not in mirror("show", "debian").output


def test_lost_pool_file_is_fetched_again_by_force(mirror, server, debrepo, debrepo_root):
    mirror("update", "debian")
    victim = next(path for path in (debrepo_root / "pool").glob("??/*"))
    victim.unlink()
    server.clear()
    mirror("update", "debian", "--force")
    assert victim.exists()
    assert len(server.asked("pool/*")) == 1
    debrepo("db", "check")


def test_what_an_unfinished_update_has_recorded_is_used_by_the_next(
    mirror, names, server, opened, debrepo
):
    server.hide("pool/*/beta*")
    mirror("update", "debian", exit_code=7)
    debrepo("db", "cleanup", "--no-trash")
    with opened() as session, session.db.read() as txn:
        assert packageset.count(txn[CHUNKS], txn[PENDING]["debian"]) == 2
    server.hidden.clear()
    server.clear()
    mirror("update", "debian")
    assert len(server.asked("pool/*")) == 1
    with opened() as session, session.db.read() as txn:
        assert "debian" not in txn[PENDING]
    assert len(names()) == 3


def test_cache_may_be_lost(mirror, names, server, archive, debrepo_root):
    mirror("update", "debian")
    for path in (debrepo_root / "cache" / "mirror").rglob("*"):
        if path.is_file():
            path.unlink()
    archive.deb("delta")
    archive.write()
    server.clear()
    mirror("update", "debian")
    assert len(names()) == 4
    assert len(server.asked("pool/*")) == 1


def test_changed_filter_takes_effect_without_a_change_upstream(mirror, names):
    mirror("update", "debian")
    mirror("edit", "debian", "--filter", "alpha | beta")
    mirror("update", "debian")
    assert names() == ["alpha_1.0", "beta_1.0"]
    mirror("edit", "debian", "--filter", "")
    mirror("update", "debian")
    assert len(names()) == 3


def test_archive_that_changes_underneath_is_read_again(mirror, names, server, archive, tmp_path):
    new = copied(archive, tmp_path / "new")
    new.deb("delta")
    new.write()
    server.switch(new.root, after=1)
    mirror("update", "debian")
    assert names() == ["alpha_1.0", "beta_1.0", "delta_1.0", "gamma_1.0"]


def test_archive_that_changes_underneath_is_no_failure_by_hash(
    trusting, names, server, archive, tmp_path
):
    archive.by_hash = True
    archive.plain_names = False
    archive.write()
    trusting("create", "debian", server.url, "stable")
    new = copied(archive, tmp_path / "new")
    new.deb("delta")
    new.write()
    server.switch(new.root, after=1)
    trusting("update", "debian")
    assert names() == ["alpha_1.0", "beta_1.0", "gamma_1.0"]


def test_mirror_is_found_by_audit_and_hooks(mirror, opened):
    mirror("update", "debian")
    with opened() as session, session.db.read() as txn:
        stored = txn[MIRRORS]["debian"]
    assert stored.updated
    assert stored.etag
    assert dict(stored.release)["Origin"] == "Example"
    assert len(stored.signers) >= 1


def test_lazy_mirror_has_the_whole_index_and_no_files(mirror, names, server):
    mirror("edit", "debian", "--download", "lazy")
    mirror("update", "debian")
    assert len(names()) == 3
    assert not server.asked("pool/*")
    mirror("edit", "debian", "--download", "all")
    mirror("update", "debian")
    assert len(server.asked("pool/*")) == 3


@pytest.mark.parametrize("word", ["--skip-existing-packages", "--downloader=grab", "--max-tries=2"])
def test_words_of_aptly_are_taken(mirror, word):
    mirror("update", "debian", word)


@pytest.mark.parametrize(
    ("signed", "files"),
    [("", ["Release"]), ("detached", ["Release", "Release.gpg"])],
    ids=["unsigned", "detached"],
)
def test_archive_without_inrelease_is_not_asked_for_it_again(
    trusting, names, server, archive, signed, files
):
    archive.signed = signed
    archive.write()
    words = () if signed else ("--ignore-signatures",)
    trusting("create", "debian", server.url, "stable", *words)
    trusting("update", "debian")
    server.clear()
    assert "up to date" in trusting("update", "debian").output
    assert [path for path, _ in asked(server)] == ["dists/stable/Release"]
    archive.deb("delta")
    archive.write()
    server.clear()
    trusting("update", "debian")
    assert "delta_1.0" in names()
    found = [seen.path.rpartition("/")[2] for seen in server.asked("dists/stable/*elease*")]
    assert found == files


def test_signature_that_moves_to_inrelease_is_found(trusting, names, server, archive):
    archive.signed = "detached"
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    archive.signed = "inline"
    archive.deb("delta")
    archive.write()
    trusting("update", "debian")
    assert "delta_1.0" in names()


def test_archive_that_is_published_twice_in_one_second_is_not_taken_for_unchanged(
    mirror, names, server, archive
):
    """As nginx and Apache have it: the entity tag is of the second and the size."""
    server.tag, server.dated = '"5-10"', time.time()
    mirror("update", "debian")
    archive.deb("delta")
    archive.write()
    mirror("update", "debian")
    assert "delta_1.0" in names()


def test_what_a_release_file_is_recognized_by_is_kept_once_it_is_not_new(mirror, server):
    server.dated = time.time()
    mirror("update", "debian")
    server.dated = time.time() - 60
    found = []
    for _ in range(3):
        server.clear()
        assert "up to date" in mirror("update", "debian").output
        found += asked(server)
    assert [status for _, status in found] == [200, 304, 304]


def test_packages_that_are_read_again_are_reserved_together(mirror, debrepo_root, monkeypatch):
    mirror("update", "debian")
    calls = []
    writes = Claim._write
    monkeypatch.setattr(
        Claim, "_write", lambda self, data: (calls.append(data), writes(self, data))
    )
    mirror("update", "debian", "--force")
    assert max(map(len, calls)) == 3 * 32
    assert len(calls) < 3
