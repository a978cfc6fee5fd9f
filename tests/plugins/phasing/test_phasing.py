"""Phased updates: the newest version of a package is offered to a part of the machines."""

import gzip

import pytest
from debian import deb822

from debrepo.errors import InvalidInput
from debrepo.testing.packages import build_deb

FIELD = "Phased-Update-Percentage"


@pytest.fixture
def archive(debrepo, debrepo_root, tmp_path):
    """An archive with two versions of ``hello``, and one of ``other``."""
    debrepo("repo", "create", "web")
    for name, version in (("hello", "1.0"), ("hello", "1.10"), ("other", "1.0")):
        debrepo("repo", "add", "web", build_deb(tmp_path, name, version))
    debrepo("publish", "repo", "web", "--distribution", "stable", "--skip-signing")

    def phases():
        path = debrepo_root / "public/dists/stable/main/binary-amd64/Packages.gz"
        stanzas = deb822.Packages.iter_paragraphs(
            gzip.decompress(path.read_bytes()), use_apt_pkg=False
        )
        return {f"{one['Package']} {one['Version']}": one.get(FIELD) for one in stanzas}

    return phases


def test_only_the_newest_version_is_phased(debrepo, archive):
    debrepo("publish", "update", "stable", "--phased", "hello=20")
    assert archive() == {"hello 1.0": None, "hello 1.10": "20", "other 1.0": None}


def test_phases_stay_until_others_are_given(debrepo, archive, tmp_path):
    debrepo("publish", "update", "stable", "--phased", "hello=20,other=0")
    debrepo("repo", "add", "web", build_deb(tmp_path, "hello", "2.0"))
    debrepo("publish", "update", "stable")
    phases = {"hello 1.0": None, "hello 1.10": None, "hello 2.0": "20", "other 1.0": "0"}
    assert archive() == phases
    debrepo("publish", "update", "stable", "--phased", "hello=100")
    assert archive() == dict.fromkeys(phases)


def test_package_that_is_not_there_is_a_warning(debrepo, archive):
    result = debrepo("publish", "update", "stable", "--phased", "hullo=20")
    assert "Warning: ./stable has no package hullo to phase." in result.stderr


@pytest.mark.parametrize("given", ["hello", "hello=", "hello=101", "hello=-1", "hello=2.5", "=5"])
def test_anything_but_a_percentage_is_refused_and_changes_nothing(debrepo, archive, given):
    result = debrepo("publish", "update", "stable", "--phased", given, exit_code=2)
    assert f"the option phased cannot be {given!r}" in result.stderr
    assert set(archive().values()) == {None}


def test_every_package_is_as_it_was_without_the_option(session):
    from debrepo.published import PublicationState
    from debrepo_phasing import plugin

    state = PublicationState("", ".", "stable", 1, {}, (), "", "", "", "", {"phased": ("x",)})
    assert plugin.debrepo_package_fields(session, None, state._replace(options={}), "main") == {}
    with pytest.raises(InvalidInput, match="phased cannot be 'x'"):
        plugin.debrepo_package_fields(session, None, state, "main")
