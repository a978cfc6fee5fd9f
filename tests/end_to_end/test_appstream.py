"""apt fetches the metadata of software, and appstreamcli finds the software in it."""

import subprocess
from pathlib import Path

import pytest
from end_to_end.clients import Apt, run, which
from plugins.appstream import software

#: As in the file 50appstream of Debian's package appstream.
TARGETS = """
Acquire::IndexTargets::deb {
  DEP-11 {
    MetaKey "$(COMPONENT)/dep11/Components-$(NATIVE_ARCHITECTURE).yml";
    ShortDescription "Components-$(NATIVE_ARCHITECTURE)";
    Description "$(RELEASE)/$(COMPONENT) $(NATIVE_ARCHITECTURE) DEP-11 Metadata";
    KeepCompressed "true";
    KeepCompressedAs "gz";
  };
  DEP-11-icons {
    MetaKey "$(COMPONENT)/dep11/icons-64x64.tar";
    ShortDescription "icons-64x64";
    Description "$(RELEASE)/$(COMPONENT) DEP-11 64x64 Icons";
    KeepCompressed "true";
    KeepCompressedAs "gz";
  };
};
"""
#: Run in a file system of its own, as appstreamcli knows apt's lists by their usual place alone.
READ = """
mount --bind "$1" /var/lib/apt/lists && mount --bind "$2" /var/lib/swcatalog &&
mount --bind "$3" /var/cache/swcatalog && appstreamcli refresh --source=os --force &&
appstreamcli search --no-color --details paint
"""


def _can_read():
    if not (software.generator_is_there() and which("appstreamcli") and which("unshare")):
        return False
    places = ("/var/lib/apt/lists", "/var/lib/swcatalog", "/var/cache/swcatalog")
    if not all(Path(place).is_dir() for place in places):
        return False
    done = subprocess.run(
        ["unshare", "--mount", "mount", "--bind", "/tmp", "/mnt"],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return done.returncode == 0


@pytest.mark.skipif(
    not _can_read(), reason="appstream-compose is not installed, or nothing can be mounted"
)
def test_appstreamcli_finds_the_software_of_what_apt_has_fetched(archive, web, tmp_path):
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    for name in ("Paint", "Draw"):
        software.build(incoming, name, summary=f"{name} pictures on a canvas")
    archive("repo", "create", "tools", "--distribution", "stable")
    archive("repo", "add", "tools", incoming)
    archive("publish", "repo", "tools", "--appstream")
    apt = Apt(tmp_path / "client", archive.source(web.url, types="deb"))
    with (apt.home / "apt.conf").open("a") as config:
        config.write(TARGETS)
    apt.update()
    lists = apt.home / "var/lib/apt/lists"
    catalog, cache = tmp_path / "swcatalog", tmp_path / "cache"
    catalog.mkdir()
    cache.mkdir()
    said = run("unshare", "--mount", "sh", "-c", READ, "sh", lists, catalog, cache)
    assert "Identifier: org.example.Paint [desktop-application]" in said
    assert "Package: paint" in said
    assert "Draw" not in said
    assert sorted(path.name for path in catalog.glob("icons/*/64x64/*")) == [
        "draw_org.example.Draw.png",
        "paint_org.example.Paint.png",
    ]
