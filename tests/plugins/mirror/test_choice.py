"""Choice: filter, dependencies, sources, newest versions and pins."""

import pytest

from debrepo.errors import InvalidInput
from debrepo_mirror.choosing import parse_pin


@pytest.fixture
def archive(archive):
    """Return an archive with dependencies over two components, and several versions."""
    archive.clear()
    archive.deb("web", "1.0", Depends="lib (>= 1), mail-agent", Source="web-source (0.9)")
    archive.deb("web", "2.0", Depends="lib (>= 2)", Source="web-source")
    archive.deb("lib", "1.0")
    archive.deb("lib", "2.0")
    archive.deb("other", "1.0")
    archive.deb("postbox", "1.0", index="contrib/binary-amd64/Packages", Provides="mail-agent")
    archive.source("web-source", "0.9")
    archive.source("web-source", "2.0")
    archive.source("other", "1.0")
    return archive.write()


@pytest.fixture
def update(trusting, server):
    def run(*words):
        trusting("create", "debian", server.url, "stable", *words)
        return trusting("update", "debian")

    return run


def test_filter_chooses(update, names, server):
    update("--filter", "web (= 1.0)")
    assert names() == ["web_1.0"]
    assert len(server.asked("pool/*")) == 1


def test_filter_brings_dependencies_of_all_components(update, names):
    update("--filter", "web (= 1.0)", "--filter-with-deps")
    assert names() == ["lib_2.0", "postbox_1.0", "web_1.0"]


def test_filter_brings_the_exact_sources(update, names):
    update("--filter", "web (= 1.0)", "--with-sources")
    assert names() == ["web_1.0", "web-source_0.9"]


def test_source_that_is_not_listed_is_a_problem(update, names, trusting, archive):
    archive.stanzas["main/source/Sources"].pop(0)
    archive.write()
    update("--filter", "web (= 1.0)", "--with-sources")
    assert names() == ["web_1.0"]
    shown = trusting("show", "debian", "--problems").output
    assert "its source package web-source 0.9 is not listed" in shown


def test_only_newest_versions_are_fetched(update, names, server):
    update("--latest")
    assert names() == ["lib_2.0", "other_1.0", "postbox_1.0", "web_2.0"]
    assert len(server.asked("pool/*")) == 4


def test_newest_versions_for_one_update(trusting, server, names):
    trusting("create", "debian", server.url, "stable")
    trusting("update", "debian", "--latest")
    assert len(names()) == 4
    trusting("update", "debian")
    assert len(names()) == 6


def test_pinned_package_is_limited_to_its_version(update, names):
    update("--pin", "lib=1.*", "--pin", "web (<< 2)", "--latest")
    assert names() == ["lib_1.0", "other_1.0", "postbox_1.0", "web_1.0"]


def test_pinned_package_stays_when_it_is_gone_upstream(update, names, trusting, archive):
    update("--pin", "lib=1.0")
    before = names()
    stanzas = archive.stanzas["main/binary-amd64/Packages"]
    stanzas[:] = [one for one in stanzas if b"Package: lib\nVersion: 1.0" not in one]
    archive.deb("lib", "3.0")
    archive.write()
    trusting("update", "debian")
    assert names() == before


def test_pin_for_the_dependencies_of_the_filter(update, names):
    update("--pin", "lib=1.0", "--filter", "web (= 1.0)", "--filter-with-deps")
    assert names() == ["lib_1.0", "postbox_1.0", "web_1.0"]


@pytest.mark.parametrize("text", ["", "nginx", "=1.0", "a b=1", "$Version (= 1)"])
def test_pin_has_to_name_packages_and_versions(session, text):
    if text == "nginx":
        assert parse_pin(session.config, text).query is not None
        return
    with pytest.raises(InvalidInput):
        parse_pin(session.config, text)


def test_changed_archive_is_filtered_again(update, names, trusting, archive, server):
    update("--filter", "web, $Version (>= 1.5)")
    assert names() == ["web_2.0"]
    archive.deb("web", "3.0")
    archive.write()
    server.clear()
    trusting("update", "debian")
    assert sorted(names()) == ["web_2.0", "web_3.0"]
    assert [seen.path for seen in server.asked("pool/*")] == ["pool/main/w/web/web_3.0_amd64.deb"]
    assert not server.asked("dists/stable/contrib/*")
    assert "up to date" in trusting("update", "debian").output


def test_sources_and_their_files_come_along(update, names, server, debrepo, archive):
    update("--with-sources")
    assert {"other_1.0", "web-source_0.9", "web-source_2.0"} <= set(names())
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", archive.root / "pool")
    debrepo("db", "check")


def test_dry_run_counts_what_the_filter_chooses(trusting, server):
    trusting("create", "debian", server.url, "stable", "--filter", "web")
    output = trusting("update", "debian", "--dry-run").output
    assert "2 added, 0 removed, 2 packages; 2 files" in output
