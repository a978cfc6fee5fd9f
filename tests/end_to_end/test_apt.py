"""What apt makes of an archive: the one client that must never be let down."""

import os

import pytest
from end_to_end.clients import Apt

from debrepo.testing.packages import build_deb


@pytest.fixture(params=["file", "http"])
def client(request, tmp_path, published):
    uri = request.getfixturevalue("web").url if request.param == "http" else ""
    apt = Apt(tmp_path / "client", published.source(uri))
    apt.update()
    return apt


def test_policy_names_the_version_and_the_place(client):
    assert client.candidate("hello") == "1:2.10-3+b1"
    assert " 500" in client("apt-cache", "policy", "hello")


def test_show_prints_the_fields_of_the_package(client):
    shown = client("apt-cache", "show", "hello").splitlines()
    assert {"Package: hello", "Version: 1:2.10-3+b1", "Multi-Arch: same", "Section: misc"} <= set(
        shown
    )


def test_download_is_the_file_that_was_added(client, debs):
    client("apt-get", "download", "hello")
    downloaded = client.home / "downloads/hello_1%3a2.10-3+b1_amd64.deb"
    assert downloaded.read_bytes() == (debs / "hello_2.10-3+b1_amd64.deb").read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="dpkg installs as root only")
def test_install_brings_the_package_and_what_it_depends_on(client):
    client("apt-get", "install", "greeter")
    assert (client.home / "usr/share/doc/greeter/copyright").exists()
    assert (client.home / "usr/share/doc/libgreet/copyright").exists()
    assert "ii  greeter" in client("dpkg", f"--root={client.home}", "--list", "greeter")


def test_source_is_fetched_and_unpacked(client):
    client("apt-get", "source", "hello")
    assert (client.home / "downloads/hello-2.10/debian/changelog").exists()


def test_client_of_another_architecture_sees_its_own_packages_and_all(tmp_path, published):
    apt = Apt(tmp_path / "client", published.source(), "arm64")
    apt.update()
    assert (apt.candidate("hello"), apt.candidate("greeter")) == ("1:2.10-3+b1", "1.0")


def test_archive_of_nothing_but_all_is_seen_by_every_architecture(archive, tmp_path):
    archive("repo", "create", "tools")
    archive("repo", "add", "tools", build_deb(tmp_path, "manual", architecture="all"))
    archive("publish", "repo", "tools", "--distribution", "stable")
    for architecture in ("amd64", "arm64"):
        apt = Apt(tmp_path / architecture, archive.source(types="deb"), architecture)
        apt.update()
        assert apt.candidate("manual") == "1.0"


def test_component_without_source_packages_is_no_cause_for_a_warning(archive, debs, tmp_path):
    for name in ("main", "contrib"):
        archive("repo", "create", name, "--component", name, "--distribution", "stable")
    archive("repo", "add", "main", debs)
    archive("repo", "add", "contrib", build_deb(tmp_path, "extra"))
    archive("publish", "repo", "main", "contrib", "--component", "main,contrib")
    source = archive.source().replace("Components: main", "Components: main contrib")
    Apt(tmp_path / "client", source).update()


def test_sources_that_are_still_to_come_can_be_asked_for(archive, tmp_path):
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", build_deb(tmp_path, "tool"))
    archive("publish", "repo", "tools", "--architectures", "amd64,source")
    Apt(tmp_path / "client", archive.source()).update()


def test_indexes_are_asked_for_by_their_hash(tmp_path, published, web):
    Apt(tmp_path / "client", published.source(web.url)).update()
    asked = [path for path in web.asked if "Packages" in path or "/by-hash/" in path]
    assert asked
    assert [path for path in asked if "/by-hash/SHA256/" not in path] == []


def test_second_update_of_an_unchanged_archive_fetches_no_index(tmp_path, published, web):
    apt = Apt(tmp_path / "client", published.source(web.url))
    apt.update()
    web.asked.clear()
    assert "Hit:1" in apt.update()
    assert web.asked == ["/dists/stable/InRelease"]


def test_new_version_is_seen_after_an_update(apt, published, debs):
    apt.update()
    published("repo", "add", "tools", build_deb(debs, "hello", "1:3.0"))
    published("publish", "update", "stable")
    apt.update()
    assert apt.candidate("hello") == "1:3.0"


def test_removed_package_is_gone_after_an_update(apt, published):
    apt.update()
    published("repo", "remove", "tools", "greeter")
    published("publish", "update", "stable")
    apt.update()
    assert apt.candidate("greeter") == ""


def test_switched_snapshot_brings_the_old_version_back(archive, debs, tmp_path):
    archive("repo", "create", "tools")
    archive("repo", "add", "tools", debs)
    archive("snapshot", "create", "old", "from", "repo", "tools")
    archive("repo", "add", "tools", build_deb(debs, "hello", "1:3.0"))
    archive("snapshot", "create", "new", "from", "repo", "tools")
    archive("publish", "snapshot", "new", "--distribution", "stable")
    apt = Apt(tmp_path / "client", archive.source())
    apt.update()
    assert apt.candidate("hello") == "1:3.0"
    archive("publish", "switch", "stable", "old")
    apt.update()
    assert apt.candidate("hello") == "1:2.10-3+b1"


def test_several_components_and_distributions_share_a_prefix(archive, debs, tmp_path):
    for name in ("main", "contrib"):
        archive("repo", "create", name, "--component", name)
        archive("repo", "add", name, build_deb(debs, f"in-{name}", "1.0"))
    archive(
        "publish", "repo", "main", "contrib", "--component", "main,contrib", "--distribution", "a"
    )
    archive("publish", "repo", "main", "--distribution", "b")
    source = archive.source(suite="a", types="deb")
    apt = Apt(tmp_path / "client", source.replace("Components: main", "Components: main contrib"))
    apt.update()
    assert (apt.candidate("in-main"), apt.candidate("in-contrib")) == ("1.0", "1.0")
    apt.trust(archive.source(suite="b", types="deb"))
    apt.update()
    assert (apt.candidate("in-main"), apt.candidate("in-contrib")) == ("1.0", "")


@pytest.mark.parametrize(
    ("options", "priority"),
    [(["--notautomatic=yes"], 1), (["--notautomatic=yes", "--butautomaticupgrades=yes"], 100)],
    ids=["not automatic", "but automatic upgrades"],
)
def test_archive_like_experimental_or_backports_has_its_priority(
    archive, debs, tmp_path, options, priority
):
    archive("repo", "create", "tools")
    archive("repo", "add", "tools", debs)
    archive("publish", "repo", "tools", "--distribution", "stable", *options)
    apt = Apt(tmp_path / "client", archive.source())
    apt.update()
    policy = apt("apt-cache", "policy", "hello").splitlines()
    assert policy[4].split() == ["1:2.10-3+b1", str(priority)]


def test_index_that_somebody_changed_is_refused(apt, published):
    for index in (published.public / "dists/stable/main/binary-amd64").rglob("*"):
        if index.is_file():
            index.unlink()
            index.write_bytes(b"Package: evil\n")
    said = apt("apt-get", "update", exit_code=100)
    assert "Hash Sum mismatch" in said or "unexpected size" in said


def test_archive_of_another_key_is_refused(tmp_path, published, new_archive):
    stranger = new_archive("stranger")
    other = stranger.root / "elsewhere"
    stranger.environment["DEBREPO_SIGNING_GPG_HOME"] = str(other)
    stranger("key", "create", "--name", "Somebody else")
    apt = Apt(tmp_path / "client", stranger.source(f"file:{published.public}"))
    said = apt("apt-get", "update", exit_code=100)
    assert "NO_PUBKEY" in said or "Missing key" in said  # gpgv says the one, sqv the other
