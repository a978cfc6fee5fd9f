"""apt fetches the metadata of software, and appstreamcli finds the software in it."""

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
READER = which("appstreamcli")


@pytest.mark.skipif(
    not software.generator_is_there() or READER is None, reason="appstreamcli is not installed"
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
    (components,) = lists.glob("*_dep11_Components-amd64.yml.gz")
    (icons,) = lists.glob("*_dep11_icons-64x64.tar.gz")
    data, cache = tmp_path / "swcatalog", tmp_path / "cache"
    place = data / "icons/tools-stable-main/64x64"
    place.mkdir(parents=True)
    (data / "yaml").mkdir()
    (data / "yaml" / components.name).write_bytes(components.read_bytes())
    run("tar", "-xzf", icons, "-C", place)  # as appstreamcli unpacks it
    assert sorted(path.name for path in place.iterdir()) == [
        "draw_org.example.Draw.png",
        "paint_org.example.Paint.png",
    ]
    words = ("--no-color", f"--datapath={data}", f"--cachepath={cache}")
    said = run("appstreamcli", "search", *words, "--details", "paint")
    assert "Identifier: org.example.Paint [desktop-application]" in said
    assert "Package: paint" in said
    assert "Draw" not in said
    assert "paint_org.example.Paint.png" in said
