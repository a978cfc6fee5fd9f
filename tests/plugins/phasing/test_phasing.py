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


START = 1_800_000_000


@pytest.fixture
def clock(monkeypatch):
    """Set the time: ``clock(START + 60)``."""

    def set_time(seconds):
        monkeypatch.setattr("debrepo.clock.now", lambda: seconds)

    set_time(START)
    return set_time


def test_schedule_raises_the_percentage_step_by_step(debrepo, archive, clock):
    debrepo("publish", "update", "stable", "--phased", "hello=10+40/6h,other=5")
    assert archive()["hello 1.10"] == "10"
    clock(START + 6 * 3600 - 1)
    assert debrepo("publish", "raise").stdout == "Nothing is due.\n"
    clock(START + 6 * 3600)
    said = debrepo("publish", "raise").stdout
    assert said == "./stable offers hello to 50 % of machines.\n"
    assert archive() == {"hello 1.0": None, "hello 1.10": "50", "other 1.0": "5"}
    assert debrepo("publish", "raise", "--json").stdout.strip() == "[]"
    clock(START + 30 * 3600)
    debrepo("publish", "raise")
    assert archive()["hello 1.10"] is None
    clock(START + 300 * 3600)
    assert debrepo("publish", "raise").stdout == "Nothing is due.\n"


def test_raising_publishes_no_other_packages(debrepo, archive, clock, tmp_path):
    debrepo("publish", "update", "stable", "--phased", "hello=10+10/1d")
    debrepo("repo", "add", "web", build_deb(tmp_path, "later"))
    clock(START + 86400)
    debrepo("publish", "raise")
    assert archive() == {"hello 1.0": None, "hello 1.10": "20", "other 1.0": None}


def test_another_version_and_another_schedule_begin_anew(debrepo, archive, clock, tmp_path):
    debrepo("publish", "update", "stable", "--phased", "hello=10+10/1h")
    clock(START + 3600)
    debrepo("publish", "raise")
    debrepo("publish", "update", "stable", "--label", "x")
    assert archive()["hello 1.10"] == "20"
    debrepo("repo", "add", "web", build_deb(tmp_path, "hello", "2.0"))
    debrepo("publish", "update", "stable")
    assert archive()["hello 2.0"] == "10"
    clock(START + 7200)
    debrepo("publish", "raise")
    assert archive()["hello 2.0"] == "20"
    debrepo("publish", "update", "stable", "--phased", "hello=5+10/1h")
    assert archive()["hello 2.0"] == "5"


@pytest.mark.parametrize(
    "end", [("update", "stable", "--phased", "hello=100"), ("drop", "stable")], ids=str
)
def test_schedule_ends_with_the_option_and_with_the_publication(debrepo, archive, clock, end):
    debrepo("publish", "update", "stable", "--phased", "hello=5+10/1h")
    debrepo("publish", *end)
    clock(START + 86400)
    assert debrepo("publish", "raise").stdout == "Nothing is due.\n"


def test_packages_of_now_can_be_published_with_other_options(debrepo, archive, debrepo_root):
    words = ("publish", "update", "stable", "--same-packages")
    debrepo("repo", "remove", "web", "other")
    debrepo(*words, "--label", "x")
    assert "other 1.0" in archive()
    assert "\nLabel: x\n" in (debrepo_root / "public/dists/stable/Release").read_text()
    said = debrepo(*words, "--dry-run", exit_code=2).output
    assert "--same-packages leaves no difference to show" in said
    debrepo("publish", "update", "stable")
    assert "other 1.0" not in archive()


def test_what_cannot_be_published_is_raised_the_next_time(debrepo, archive, clock, debrepo_root):
    debrepo("publish", "update", "stable", "--phased", "hello=10+10/1h")
    clock(START + 3600)
    release = debrepo_root / "public/dists/stable/Release"
    text = release.read_bytes()
    release.write_bytes(b"of somebody else\n")
    debrepo("publish", "raise", exit_code=11)
    release.write_bytes(text)
    debrepo("publish", "raise")
    assert archive()["hello 1.10"] == "20"


def test_server_raises_by_itself(debrepo, archive, clock, session):
    from debrepo_phasing import rollouts

    debrepo("publish", "update", "stable", "--phased", "hello=10+10/1h")
    clock(START + 3600)
    rollouts.in_background(session, None)()
    assert archive()["hello 1.10"] == "20"


@pytest.mark.parametrize("given", ["hello=5+0/1h", "hello=5+5", "hello=5+5/0h", "hello=5+5/1x"])
def test_schedule_that_is_none_is_refused(debrepo, archive, given):
    result = debrepo("publish", "update", "stable", "--phased", given, exit_code=2)
    assert f"the option phased cannot be {given!r}" in result.stderr


def test_rise_that_was_killed_is_made_by_the_next(debrepo, archive, clock, session):
    """Clients may not have seen what the database has of it."""
    from debrepo_phasing import rollouts

    debrepo("publish", "update", "stable", "--phased", "hello=10+90/1h")
    clock(START + 3600)
    with session.db.write() as txn:
        for key, row in list(txn[rollouts.ROLLOUTS].items()):
            txn[rollouts.ROLLOUTS][key] = row._replace(steps=1)
    session.close()
    assert archive()["hello 1.10"] == "10"
    debrepo("publish", "raise")
    assert archive()["hello 1.10"] is None
    assert debrepo("publish", "raise").stdout == "Nothing is due.\n"


def test_schedule_begins_though_its_publish_was_killed_before_it_was_noted(
    debrepo, archive, clock, session
):
    from debrepo_phasing import rollouts

    debrepo("publish", "update", "stable", "--phased", "hello=10+10/1h")
    with session.db.write() as txn:
        for key in list(txn[rollouts.ROLLOUTS]):
            del txn[rollouts.ROLLOUTS][key]
    session.close()
    debrepo("publish", "raise")
    clock(START + 3600)
    debrepo("publish", "raise")
    assert archive()["hello 1.10"] == "20"


def test_clock_that_goes_back_takes_no_machine_out(debrepo, archive, clock):
    debrepo("publish", "update", "stable", "--phased", "hello=10+10/1h")
    clock(START + 7200)
    debrepo("publish", "raise")
    clock(START - 86400)
    assert debrepo("publish", "raise").stdout == "Nothing is due.\n"
    debrepo("publish", "update", "stable", "--label", "x")
    assert archive()["hello 1.10"] == "30"


def test_publication_that_cannot_be_raised_leaves_the_others(debrepo, archive, clock, debrepo_root):
    debrepo("publish", "repo", "web", "--distribution", "a", "--skip-signing")
    for name in ("a", "stable"):
        debrepo("publish", "update", name, "--phased", "hello=10+10/1h")
    (debrepo_root / "public/dists/a/Release").write_bytes(b"of somebody else\n")
    clock(START + 3600)
    debrepo("publish", "raise", exit_code=11)
    assert archive()["hello 1.10"] == "20"
