"""apt finds an archive as it was, by a plain URL and by a snapshot's name."""

import re

import pytest
from end_to_end.clients import Apt, run

from debrepo.testing.packages import build_deb

#: Of an apt that knows the option.
KNOWS_SNAPSHOTS = (
    "--snapshot" in run("apt-get", "--help")
    or int(re.findall(r"apt (\d+)", run("apt-get", "--version"))[0]) >= 3
)


@pytest.fixture
def names(archive, web, tmp_path):
    """Publish one version after the other, and return the names of the dated archives."""
    url = f'[storage.fs.default]\npublic_url = "{web.url}"\n'
    (archive.root / "debrepo.toml").write_text(url)
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", build_deb(tmp_path, "greeter", "1.0", "all"))
    words = ("--snapshots", "all", "--grace", "0", "--keep-generations", "0")
    archive("publish", "repo", "tools", "--architectures", "amd64", *words)
    for version in ("2.0", "3.0"):
        archive("repo", "remove", "tools", "greeter")
        archive("repo", "add", "tools", build_deb(tmp_path, "greeter", version, "all"))
        archive("publish", "update", "stable")
    rows = archive.json("publish", "history", "stable")
    return [row["dated"] for row in reversed(rows)]


def installable(client):
    client.update()
    client("apt-get", "download", "greeter")
    return client.candidate("greeter")


def test_plain_urls_lead_to_the_archive_as_it_was(archive, web, names, tmp_path):
    client = Apt(tmp_path / "client", archive.source(web.url, types="deb"))
    assert installable(client) == "3.0"
    for name, version in zip(names, ("1.0", "2.0", "3.0"), strict=True):
        for url, suite in ((web.url, f"stable/{name}"), (f"{web.url}/snapshots/{name}", "stable")):
            client.trust(archive.source(url, suite, types="deb"))
            assert installable(client) == version


def test_dated_archive_verifies_like_any_other(archive, web, names):
    archive("publish", "verify", f"stable/{names[0]}", "--url", web.url)
    archive("publish", "verify", "stable")


def test_suite_and_codename_serve_the_same(archive, web, names, tmp_path):
    archive("publish", "update", "stable", "--codename", "bookworm", "--alias", "bookworm")
    client = Apt(tmp_path / "client", archive.source(web.url, "bookworm", types="deb"))
    assert installable(client) == "3.0"  # and no warning
    client.trust(archive.source(web.url, "stable", types="deb"))
    assert installable(client) == "3.0"


@pytest.mark.skipif(not KNOWS_SNAPSHOTS, reason="apt is older than 2.9")
def test_snapshot_option_of_apt_finds_the_archive(archive, web, names, tmp_path):
    client = Apt(tmp_path / "client", archive.source(web.url, types="deb"))
    client.update()
    client("apt-get", "--snapshot", names[0], "update")
    client("apt-get", "--snapshot", names[0], "download", "greeter")
    assert list(client.home.glob("downloads/greeter_1.0_*"))
