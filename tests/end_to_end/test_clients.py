"""Clients beside apt: what else reads an archive."""

import json
import os

import pytest
from end_to_end.clients import run, which

from debrepo.testing.packages import build_deb


def needs(program):
    return pytest.mark.skipif(which(program) is None, reason=f"there is no {program}")


@pytest.fixture
def keyring(published, tmp_path):
    armored, binary = tmp_path / "key.asc", tmp_path / "key.gpg"
    armored.write_text(published("key", "export"))
    run("gpg", "--dearmor", "--output", binary, armored, GNUPGHOME=str(tmp_path))
    return binary


@needs("aptly")
def test_aptly_mirrors_it(published, web, keyring, tmp_path):
    config = tmp_path / "aptly.conf"
    config.write_text(json.dumps({"rootDir": str(tmp_path / "aptly"), "gpgProvider": "gpg"}))
    aptly = ("aptly", f"-config={config}")
    run(
        *aptly, "mirror", "create", f"-keyring={keyring}", "-with-udebs", "-with-sources",
        "-architectures=amd64", "it", web.url, "stable", "main",
    )  # fmt: skip
    run(*aptly, "mirror", "update", f"-keyring={keyring}", "it")
    shown = run(*aptly, "mirror", "show", "-with-packages", "it")
    assert {"greeter_1.0_all", "hello_1:2.10-3+b1_amd64", "hello_1:2.10-3_source"} <= set(
        shown.split()
    )


@needs("reprepro")
def test_reprepro_pulls_it(published, web, keyring, tmp_path):
    base = tmp_path / "reprepro"
    (base / "conf").mkdir(parents=True)
    (base / "conf/distributions").write_text(
        "Codename: stable\nArchitectures: amd64 source\nComponents: main\nUDebComponents: main\n"
        "Update: it\n"
    )
    fingerprint = published.json("key", "list")[0]["fingerprint"]
    (base / "conf/updates").write_text(
        f"Name: it\nMethod: {web.url}\nVerifyRelease: {fingerprint[-16:]}\nGetInRelease: yes\n"
    )
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    run("gpg", "--import", keyring, GNUPGHOME=str(home))
    run("reprepro", "-b", base, "update", GNUPGHOME=str(home))
    listed = run("reprepro", "-b", base, "list", "stable", GNUPGHOME=str(home))
    run("gpgconf", "--kill", "all", GNUPGHOME=str(home))
    assert "stable|main|amd64: hello 1:2.10-3+b1" in listed
    assert "stable|main|source: hello 1:2.10-3" in listed


@needs("debootstrap")
@pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap runs as root only")
def test_debootstrap_downloads_a_system_from_it(published, debs, web, keyring, tmp_path):
    for name in ("base-files", "dpkg"):
        published("repo", "add", "tools", build_deb(debs, name, fields={"Priority": "required"}))
    published("repo", "add", "tools", build_deb(debs, "apt", "2:1.0"))
    published("publish", "update", "stable")
    target = tmp_path / "system"
    said = run(
        "debootstrap", "--download-only", "--variant=minbase", "--arch=amd64",
        f"--keyring={keyring}", "--include=greeter", "stable", target, web.url, "sid",
    )  # fmt: skip
    assert "Valid Release signature" in said
    names = {path.name for path in (target / "var/cache/apt/archives").glob("*.deb")}
    assert {"apt_2%3a1.0_amd64.deb", "base-files_1.0_amd64.deb", "greeter_1.0_all.deb"} <= names
