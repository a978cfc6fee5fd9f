"""Trust: whose Release file a mirror takes, of which day, and what it refuses."""

import pytest
from plugins.mirror.archives import SmallArchive


def update(mirror, *words, said="", exit_code=6):
    result = mirror("update", "debian", *words, exit_code=exit_code)
    assert said in result.output, result.output
    return result.output


def test_release_with_a_detached_signature_will_do(trusting, names, server, archive):
    archive.signed = "detached"
    archive.write()
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    assert len(names()) == 3
    server.clear()
    assert "up to date" in trusting("update", "debian").output
    assert [(seen.path, seen.status) for seen in server.asked()] == [("dists/stable/Release", 304)]


def test_unsigned_archive_is_refused_and_taken_in_so_many_words(trusting, names, server, archive):
    archive.signed = "no"
    archive.write()
    result = trusting("create", "debian", server.url, "stable", exit_code=6)
    assert "is not signed: there is neither InRelease nor Release.gpg" in result.output
    assert "--ignore-signatures" in result.output
    trusting("create", "debian", server.url, "stable", "--ignore-signatures")
    trusting("update", "debian")
    assert len(names()) == 3


def test_signed_archive_may_be_taken_without_a_look(debrepo, names, server):
    debrepo("mirror", "create", "debian", server.url, "stable", "--ignore-signatures")
    debrepo("mirror", "update", "debian")
    assert len(names()) == 3


def test_missing_key_is_named_with_the_command_that_fetches_it(debrepo, server, archive_key):
    result = debrepo("mirror", "create", "debian", server.url, "stable", exit_code=6)
    assert f"it is signed by {archive_key.fingerprint}" in result.output
    assert f"debrepo key fetch --server hkps://keyserver.ubuntu.com {archive_key.fingerprint}" in (
        result.output
    )
    assert debrepo("mirror", "list").output == ""


def test_signature_of_another_key_than_the_pinned_one_is_refused(trusting, server, archive_key):
    words = ("create", "debian", server.url, "stable", "--fingerprint")
    result = trusting(*words, "A" * 40, exit_code=6)
    assert "which is not one of the keys asked for" in result.output
    trusting(*words, archive_key.fingerprint)


def test_forged_release_is_refused(mirror, names, archive, server):
    mirror("update", "debian")
    archive.deb("evil")
    archive.write()
    path = archive.dists / "InRelease"
    path.write_bytes(path.read_bytes().replace(b"Origin: Example", b"Origin: Exbmple"))
    archive.dists.joinpath("Release.gpg").unlink()
    update(mirror, said="InRelease: no trusted key has signed it")
    assert len(names()) == 3


def test_page_in_the_place_of_a_release_file_is_refused(mirror, server, archive):
    for name in ("InRelease", "Release"):
        server.fault(
            f"dists/stable/{name}", "other", data=b"<html>Please log in</html>", times=None
        )
    update(mirror, said="it is not a clear-signed text")


def test_older_release_is_refused_as_a_replay(mirror, names, archive, server, tmp_path):
    mirror("update", "debian")
    archive.date -= 100
    archive.deb("delta")
    archive.write()
    output = update(mirror, said="which is older than the one of the last update")
    assert "--ignore-dates" in output
    assert len(names()) == 3
    mirror("update", "debian", "--ignore-dates")
    assert len(names()) == 4


def test_expired_release_is_refused_also_when_it_has_not_changed(mirror, archive):
    archive.fields["Valid-Until"] = "Sat, 01 Jan 2022 00:00:00 UTC"
    archive.write()
    update(mirror, said="has expired: it was valid until Sat, 01 Jan 2022")
    mirror("edit", "debian", "--ignore-dates")
    mirror("update", "debian")
    assert "up to date" in mirror("update", "debian").output
    mirror("edit", "debian", "--check-dates")
    update(mirror, said="has expired")


def test_release_of_the_future_is_refused(mirror, archive):
    archive.date += 36 * 3600
    archive.write()
    update(mirror, said="which is in the future")


def test_archive_with_md5_checksums_only_is_refused(trusting, names, server, archive):
    archive.lists = ("MD5Sum",)
    archive.write()
    trusting("create", "debian", server.url, "stable")
    output = update(trusting, said="has MD5 and SHA1 checksums only")
    assert "--weak-checksums" in output
    trusting("edit", "debian", "--weak-checksums")
    trusting("update", "debian")
    assert len(names()) == 3


def test_packages_with_md5_checksums_only_are_problems(
    trusting, names, server, archive_key, tmp_path
):
    archive = SmallArchive(tmp_path / "old", archive_key)
    archive.digests = ("md5",)
    archive.deb("old")
    archive.digests = ("md5", "sha256")
    archive.deb("new")
    server.root = archive.write().root
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian")
    assert names() == ["new_1.0"]
    shown = trusting("show", "debian", "--problems").output
    assert "old_1.0_amd64" in shown
    assert "MD5 and SHA1 checksums only" in shown
    trusting("edit", "debian", "--weak-checksums")
    trusting("update", "debian")
    assert names() == ["new_1.0", "old_1.0"]


@pytest.mark.parametrize("words", [(), ("main", "contrib")])
def test_components_and_architectures_are_those_of_release(trusting, server, archive, words):
    archive.deb("tool", index="contrib/binary-i386/Packages", architecture="i386")
    archive.write()
    trusting("create", "debian", server.url, "stable", *words)
    shown = trusting("show", "debian").output
    assert "main contrib" in shown
    assert "amd64, i386" in shown or "amd64 i386" in shown
    result = trusting("create", "other", server.url, "stable", "non-free", exit_code=2)
    assert "--force-components" in result.output
