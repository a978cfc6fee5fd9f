"""Archives that are broken: each failure is one line, and the list stays as it was."""

import pytest
from plugins.mirror.archives import SmallArchive, copied

INDEX = "dists/stable/main/binary-amd64/Packages"


@pytest.fixture
def changed(mirror, archive):
    """Update the mirror, and change the archive afterwards."""
    mirror("update", "debian")
    archive.deb("delta")
    archive.write()
    return mirror


def failed(mirror, code, *said):
    result = mirror("update", "debian", "--max-tries", "1", exit_code=code)
    lines = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    for text in said:
        assert text in result.output
    assert len(mirror("search", "debian").output.split()) == 3


@pytest.mark.parametrize("kind", ["truncate", "cut", "drop", "503", "500"])
def test_release_that_cannot_be_had_is_one_line(changed, server, kind):
    server.fault("dists/stable/InRelease", kind, times=None)
    failed(changed, 7, "dists/stable/InRelease", "Hint:")


@pytest.mark.parametrize("kind", ["truncate", "cut", "drop", "503"])
def test_index_that_cannot_be_had_is_one_line(changed, server, kind):
    server.fault(f"{INDEX}*", kind, times=None)
    failed(changed, 7, INDEX)


@pytest.mark.parametrize("kind", ["truncate", "cut", "drop", "503"])
def test_index_that_fails_once_is_asked_for_again(changed, server, names, kind):
    server.fault(f"{INDEX}*", kind, retry_after=0)
    changed("update", "debian", "--max-tries", "2")
    assert "delta_1.0" in names()


def test_index_that_is_nowhere_is_one_line(changed, server):
    server.hide(f"{INDEX}*")
    failed(changed, 7, "is in Release, and not there in any compression")


def test_index_is_taken_in_another_compression(changed, server, names):
    server.hide(f"{INDEX}.xz")
    server.hide(f"{INDEX}.gz")
    changed("update", "debian")
    assert "delta_1.0" in names()


def test_index_with_other_bytes_says_what_was_expected_and_found(changed, server):
    server.fault(f"{INDEX}*", "corrupt", times=None)
    failed(changed, 6, INDEX, "checksum", "expected")


def test_index_that_is_longer_than_listed_is_not_read_to_its_end(changed, server):
    server.fault(f"{INDEX}*", "longer", times=None)
    failed(changed, 6, "has more than", "expected")


def test_index_with_other_bytes_is_taken_in_another_compression(changed, server, names):
    server.fault(f"{INDEX}.xz", "corrupt", times=None)
    server.fault(f"{INDEX}.gz", "corrupt", times=None)
    changed("update", "debian")
    assert "delta_1.0" in names()


def test_checksums_of_an_index_may_be_ignored(changed, server, archive, names):
    archive.deb("epsilon")
    text = archive.index("main/binary-amd64/Packages")
    server.fault(f"{INDEX}*", "other", data=text, times=None)
    for suffix in (".xz", ".gz"):
        server.hide(f"{INDEX}{suffix}")
    assert "expected" in changed("update", "debian", "--ignore-checksums").output
    assert "epsilon_1.0" in names()


def test_stale_by_hash_and_missing_directories_fall_back(trusting, server, archive, names):
    archive.by_hash = True
    archive.lists = ("MD5Sum", "SHA256", "SHA512")
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    assert {seen.path.split("/by-hash/")[1][:6] for seen in server.asked("*/by-hash/*")} == {
        "SHA512", "SHA256",
    }  # fmt: skip
    assert len(names()) == 3


def test_by_hash_may_be_forced_and_forbidden(trusting, server, archive):
    archive.by_hash = True
    archive.fields["Acquire-By-Hash"] = ""
    archive.write()
    for name, by_hash in (("force", True), ("auto", False), ("no", False)):
        server.clear()
        trusting("create", name, server.url, "stable", "--by-hash", name)
        trusting("update", name)
        assert bool(server.asked("*/by-hash/*")) == by_hash


def test_archive_that_is_nowhere_is_one_line(changed, server):
    server.hide("*")
    failed(changed, 7, "has neither InRelease nor Release")


def test_package_with_other_bytes_leaves_the_list_as_it_was(changed, server):
    server.fault("pool/*/delta*", "corrupt", times=None)
    failed(changed, 7, "delta_1.0_amd64.deb", "expected")


def test_checksums_of_packages_may_be_ignored(changed, server, archive, names, debrepo):
    path = next(archive.root.glob("pool/*/*/delta/*.deb"))
    path.write_bytes(path.read_bytes() + b"\n")
    changed("update", "debian", "--ignore-checksums")
    assert "delta_1.0" in names()
    debrepo("db", "check")


def test_faults_of_stanzas_are_recorded_and_block_nothing(mirror, archive, names):
    archive.deb("epsilon", about={"Filename": "../../etc/passwd"})
    archive.deb("zeta", about={"SHA256": "", "MD5sum": ""})
    archive.deb("eta", about={"Size": "many"})
    archive.add("main/binary-amd64/Packages", b"Package: nothing\n")
    archive.deb("theta", Depends="libc6 (>= ")
    archive.add("main/binary-amd64/Packages", b"rubbish\n")
    archive.write()
    assert "6 problems in the archive" in mirror("update", "debian").output
    assert names() == ["alpha_1.0", "beta_1.0", "gamma_1.0"]
    shown = mirror("show", "debian", "--problems").output
    for text in ("epsilon", "no path in the archive", "zeta", "no checksum", "eta", "its Size is"):
        assert text in shown


def test_one_version_with_two_contents_is_a_problem(mirror, archive, names):
    archive.deb("delta")
    other = archive.root / "pool/main/d/delta/other.deb"
    other.write_bytes(b"!<arch>\n")
    stanza = archive.stanzas["main/binary-amd64/Packages"][-1]
    said = archive.about(other)
    for line in stanza.decode().splitlines():
        name = line.partition(":")[0]
        if name in said:
            stanza = stanza.replace(line.encode(), f"{name}: {said[name]}".encode())
    archive.add("main/binary-amd64/Packages", stanza)
    archive.write()
    assert "1 problem in the archive" in mirror("update", "debian").output
    assert "delta_1.0" in names()
    assert "listed twice, with other files" in mirror("show", "debian", "--problems").output


def test_problems_stay_known_while_their_index_does(trusting, server, archive):
    archive.add("main/binary-amd64/Packages", b"Package: nothing\n")
    archive.deb("tool", index="contrib/binary-amd64/Packages")
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    archive.deb("other", index="contrib/binary-amd64/Packages")
    archive.write()
    trusting("update", "debian")
    assert "nothing" in trusting("show", "debian", "--problems").output


def test_index_that_release_does_not_list_is_a_problem(trusting, server, archive, names):
    archive.fields["Architectures"] = "amd64 riscv64"
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    assert len(names()) == 3
    assert "it is not listed" in trusting("show", "debian", "--problems").output


def test_release_without_any_index_of_the_mirror_is_refused(trusting, server, archive):
    trusting("create", "debian", server.url, "stable", "main", "--architectures", "riscv64",
             "--force-architectures")  # fmt: skip
    result = trusting("update", "debian", exit_code=7)
    assert "lists none of the indexes that this mirror has" in result.output


def test_archive_that_changes_all_the_time_is_given_up(changed, server, archive, tmp_path):
    for number in range(8):
        other = copied(archive, tmp_path / f"new{number}")
        other.deb(f"new{number}")
        other.write()
        server.switch(other.root, after=number * 3 + 1)
    server.fault(f"{INDEX}*", "corrupt", times=None)
    failed(changed, 6, INDEX)


def test_index_with_too_many_packages_is_refused(changed, debrepo_root):
    (debrepo_root / "debrepo.toml").write_text("[mirror.limits]\npackages = 2\n")
    failed(changed, 7, "lists more than 2 packages", "mirror.limits.packages")


def test_bomb_is_refused(changed, debrepo_root):
    (debrepo_root / "debrepo.toml").write_text("[mirror.limits]\nindex = 100\n")
    failed(changed, 7, "100 are allowed", "mirror.limits.index")


def test_large_release_is_refused(changed, debrepo_root):
    (debrepo_root / "debrepo.toml").write_text("[mirror.limits]\nrelease = 100\n")
    failed(changed, 7, "InRelease")


def test_empty_index_brings_nothing(trusting, server, archive_key, tmp_path, debrepo):
    archive = SmallArchive(tmp_path / "empty", archive_key)
    server.root = archive.write().root
    trusting("create", "debian", server.url, "stable")
    server.clear()
    assert "0 packages" in trusting("update", "debian").output
    assert not server.asked(f"{INDEX}*")
    debrepo("db", "check")


def test_outage_is_no_reason_to_leave_packages_out(changed, server, names):
    server.fault("pool/*/delta*", "503", times=None, retry_after=0)
    result = changed("update", "debian", "--allow-missing", "--max-tries", "1", exit_code=7)
    assert "stays as it was" in result.output
    assert len(names()) == 3


@pytest.mark.parametrize("kind", ["corrupt", "longer", "404"])
def test_lacking_files_are_problems_of_a_partial_mirror(changed, server, names, kind):
    if kind == "404":
        server.hide("pool/*/delta*")
    else:
        server.fault("pool/*/delta*", kind, times=None)
    changed("update", "debian", "--allow-missing")
    assert len(names()) == 3
    assert "delta_1.0_amd64" in changed("show", "debian", "--problems").output


def test_file_that_is_forbidden_is_looked_for_elsewhere(changed, server, names):
    server.fault(f"{INDEX}.gz", "403", times=None)
    server.fault("dists/stable/InRelease", "403", times=None)
    changed("update", "debian")
    assert "delta_1.0" in names()


def test_package_of_another_architecture_than_its_index_is_a_problem(mirror, archive, names):
    archive.deb("delta", architecture="armhf")
    archive.write()
    mirror("update", "debian")
    assert len(names()) == 3
    assert "armhf is not an architecture of this index" in (
        mirror("show", "debian", "--problems").output
    )
