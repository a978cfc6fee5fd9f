"""Metadata of software, from packages to what is published, made by the real generator."""

import io
import shutil
import tarfile
import zlib

import pytest
from plugins.appstream import software

from debrepo_appstream import generator

real = pytest.mark.skipif(
    not software.generator_is_there(), reason="appstream-compose is not installed"
)


@pytest.fixture
def incoming(tmp_path):
    directory = tmp_path / "incoming"
    directory.mkdir()
    return directory


@pytest.fixture
def publish(debrepo, incoming):
    """Add packages, and publish them."""
    debrepo("repo", "create", "tools", "--distribution", "stable")

    def run(*options, exit_code=0):
        debrepo("repo", "add", "tools", incoming)
        words = ("--skip-signing", "--architectures", "amd64,arm64", "--appstream", *options)
        return debrepo("publish", "repo", "tools", *words, exit_code=exit_code)

    return run


@pytest.fixture
def dep11(debrepo_root):
    """Return what is published below ``dep11``, read as libappstream does: the first member."""

    def read(name):
        path = debrepo_root / f"public/dists/stable/main/dep11/{name}.gz"
        unpacked = zlib.decompressobj(wbits=31)
        text = unpacked.decompress(path.read_bytes())
        assert unpacked.unused_data == b""
        return text

    return read


@pytest.fixture
def composed(monkeypatch):
    """Return the packages that the generator was run for."""
    found = []
    compose = generator.compose

    def noted(files, package):
        found.append(package)
        return compose(files, package)

    monkeypatch.setattr("debrepo_appstream.extracts.compose", noted)
    return found


@real
def test_software_is_published_with_its_icons(publish, incoming, dep11, debrepo, debrepo_root):
    software.build(incoming, "Paint")
    software.build(incoming, "Draw", architecture="all")
    software.build(incoming, "Plain", paths={"usr/bin/plain": b""})
    publish()
    text = dep11("Components-amd64.yml").decode()
    head, *documents = text.split("---\n")[1:]
    assert head == "File: DEP-11\nVersion: '0.16'\nOrigin: \"stable-stable-main\"\n"
    assert [("Package: draw\n" in one, "Package: paint\n" in one) for one in documents] == [
        (True, False),
        (False, True),
    ]
    assert "name: paint_org.example.Paint.png" in documents[1]
    assert "Package: paint" not in dep11("Components-arm64.yml").decode()
    with tarfile.open(fileobj=io.BytesIO(dep11("icons-64x64.tar"))) as icons:
        assert icons.getnames() == ["draw_org.example.Draw.png", "paint_org.example.Paint.png"]
        assert icons.extractfile(icons.getmembers()[0]).read(4) == b"\x89PNG"
    release = (debrepo_root / "public/dists/stable/Release").read_text()
    assert "main/dep11/Components-amd64.yml\n" in release
    assert "main/dep11/icons-128x128.tar.gz\n" in release
    debrepo("publish", "update", "stable", "--no-appstream")
    assert "dep11" not in (debrepo_root / "public/dists/stable/Release").read_text()


@real
def test_package_is_read_once(publish, incoming, dep11, debrepo, composed):
    for number in range(6):
        software.build(incoming, f"App{number}")
    publish()
    assert sorted(composed) == [f"app{number}" for number in range(6)]
    software.build(incoming, "Another")
    debrepo("repo", "add", "tools", incoming / "another_1.0_amd64.deb")
    debrepo("publish", "update", "stable")
    assert composed[6:] == ["another"]
    debrepo("publish", "repo", "tools", "--skip-signing", "--distribution", "b", "--appstream")
    debrepo("repo", "remove", "tools", "app0")
    debrepo("publish", "update", "stable")
    assert len(composed) == 7
    assert b"Package: app0\n" not in dep11("Components-amd64.yml")


@real
def test_what_is_kept_is_what_something_live_lists(
    publish, incoming, debrepo, composed, debrepo_root
):
    software.build(incoming, "Paint")
    publish()
    (debrepo_root / "debrepo.toml").write_text("[publish]\ncache_size = 1\n")
    software.build(incoming, "Draw")
    debrepo("repo", "add", "tools", incoming / "draw_1.0_amd64.deb")
    debrepo("publish", "update", "stable")
    debrepo("publish", "update", "stable", "--label", "other")
    assert composed == ["paint", "draw"]


@real
@pytest.mark.parametrize(
    "broken",
    [
        {"usr/share/metainfo/org.example.Paint.metainfo.xml": b"<component"},
        {"usr/share/metainfo/org.example.Paint.metainfo.xml": b"\0\xff"},
        {"usr/share/icons/hicolor/128x128/apps/org.example.Paint.png": b"no image"},
        {"usr/share/icons/hicolor/128x128/apps/org.example.Paint.png": bytes(3 << 20)},
    ],
    ids=["cut-xml", "binary-xml", "bad-icon", "large-icon"],
)
def test_software_that_cannot_be_read_is_named_and_published_without(
    publish, incoming, dep11, debrepo, broken, composed
):
    software.build(incoming, "Paint", paths=software.files("Paint") | broken)
    software.build(incoming, "Draw")
    said = publish().output
    assert said.count("Warning: paint_1.0_amd64.deb has nothing for appstream: ") == 1
    text = dep11("Components-amd64.yml")
    assert b"Package: draw\n" in text
    assert b"Package: paint\n" not in text
    count = len(composed)
    assert "Warning" not in debrepo("publish", "update", "stable", "--label", "other").output
    assert len(composed) == count


def test_missing_generator_is_named_before_anything_is_written(
    publish, incoming, monkeypatch, tmp_path, debrepo, debrepo_root
):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "prlimit").symlink_to(shutil.which("prlimit"))
    monkeypatch.setenv("PATH", str(programs))
    software.build(incoming, "Paint")
    assert publish(exit_code=9).output.endswith(
        'Error: AppStream metadata is made by "appstreamcli compose", which is not installed\n'
        'Hint: run "apt install appstream appstream-compose"\n'
    )
    assert not (debrepo_root / "public/dists").exists()
    debrepo("publish", "list")


def test_publication_without_software_needs_no_generator(publish, incoming, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    software.build(incoming, "Plain", paths={"usr/bin/plain": b""})
    publish()


@real
def test_no_file_of_the_machine_gets_into_metadata(publish, incoming, dep11, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a secret of the machine")
    text = software.metainfo("Paint").replace(b"<summary>Paint", b"<summary>See &e; Paint")
    entity = f'<!DOCTYPE component [<!ENTITY e SYSTEM "file://{secret}">]>\n<component '
    text = text.replace(b"<component ", entity.encode(), 1)
    name = "usr/share/metainfo/org.example.Paint.metainfo.xml"
    software.build(incoming, "Paint", paths=software.files("Paint") | {name: text})
    software.build(incoming, "Draw")
    publish()
    assert b"Package: draw\n" in dep11("Components-amd64.yml")
    assert b"secret" not in dep11("Components-amd64.yml")
