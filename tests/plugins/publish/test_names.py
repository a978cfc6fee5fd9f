"""Names that are mistyped, swapped or incomplete, and what the commands say of them."""

import json

import pytest

from debrepo.testing.packages import build_deb


@pytest.fixture
def published(debrepo, tmp_path, monkeypatch):
    """Publish a repository as bookworm in three places, and as trixie in one of them."""
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "1")
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    for place in ("a", "b", "c"):
        debrepo("publish", "repo", "tools", place, "--distribution", "bookworm")
    debrepo("publish", "repo", "tools", "a", "--distribution", "trixie")


COMMANDS = {
    "update": ["publish", "update"],
    "show": ["publish", "show"],
    "drop": ["publish", "drop"],
    "verify": ["publish", "verify"],
    "rollback": ["publish", "rollback"],
    "sources": ["publish", "sources"],
    "repair": ["publish", "repair"],
    "source": ["publish", "source", "list"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_distribution_that_is_published_elsewhere_comes_with_its_places(
    debrepo, published, command
):
    result = debrepo(*COMMANDS[command], "bookworm", exit_code=3)
    assert "nothing is published as bookworm in ." in result.stderr
    assert "it is published in a, b, c: name the place after the distribution" in result.stderr


def test_swapped_and_mistyped_arguments_come_with_what_there_is(debrepo, published):
    swapped = debrepo("publish", "update", "c", "bookworm", exit_code=3)
    assert "the distribution comes first: bookworm c" in swapped.stderr
    mistyped = debrepo("publish", "update", "trixi", "a", exit_code=3)
    assert "is trixie meant?" in mistyped.stderr
    unknown = debrepo("publish", "update", "zzz", exit_code=3)
    assert 'run "debrepo publish list"' in unknown.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["repo", "show", "tool"], "tools"),
        (["snapshot", "create", "s", "from", "repo", "tols"], "tools"),
        (["snapshot", "show", "munday"], "monday"),
        (["publish", "snapshot", "mondy", "--distribution", "x"], "monday"),
    ],
)
def test_mistyped_lists_come_with_the_nearest_one(debrepo, published, words, meant):
    debrepo("snapshot", "create", "monday", "from", "repo", "tools")
    assert f"is {meant} meant?" in debrepo(*words, exit_code=3).stderr


def test_removing_what_is_not_there_is_a_warning_and_an_error_when_strict(debrepo, published):
    assert "Warning: no package of tools matches." in debrepo("repo", "remove", "tools", "x").stderr
    result = debrepo("repo", "remove", "tools", "x", "--strict", exit_code=3)
    assert 'run "debrepo repo search tools"' in result.stderr
    debrepo("repo", "remove", "tools", "hello", "--strict")


def test_files_that_come_back_are_not_counted_as_new(debrepo, published, tmp_path):
    debrepo("snapshot", "create", "one", "from", "repo", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "other"))
    debrepo("snapshot", "create", "two", "from", "repo", "tools")
    debrepo("publish", "snapshot", "one", "--distribution", "s")
    assert "1 new file," in debrepo("publish", "switch", "s", "two").stderr
    assert "0 new files," in debrepo("publish", "switch", "s", "one").stderr
    assert "0 new files," in debrepo("publish", "switch", "s", "two").stderr


def test_lists_name_who_has_signed_and_until_when(debrepo, tmp_path):
    debrepo("repo", "create", "tools")
    debrepo("repo", "add", "tools", build_deb(tmp_path, "hello"))
    key = debrepo("key", "create", "--name", "Archive", "--expire", "2038-01-01").stdout
    key = key.split()[-1].rstrip(".")
    debrepo("publish", "repo", "tools", "--distribution", "s", "--valid-for", "7d")
    assert f"signed by {key} until 203" in debrepo("publish", "list").stdout
    (row,) = json.loads(debrepo("publish", "list", "--json").stdout)
    assert [one["fingerprint"] for one in row["signatures"]] == [key]
    shown = debrepo("publish", "show", "s").stdout
    assert f"Signatures: {key} until 203" in shown
    assert "Valid until: 20" in shown


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("switch", "s", "a", "bookworm"), "the distribution comes first: bookworm a s"),
        (("switch", "s", "alone"), "the distribution comes first: alone s"),
        (("switch", "bookworm", "s", "a"), "it is published in a, b, c: name the place after"),
    ],
)
def test_swapped_arguments_of_a_switch_come_in_their_order(debrepo, published, arguments, hint):
    debrepo("snapshot", "create", "s", "from", "repo", "tools")
    debrepo("publish", "repo", "tools", "--distribution", "alone")
    assert f"Hint: {hint}" in debrepo("publish", *arguments, exit_code=3).stderr


@pytest.mark.parametrize(
    ("configured", "message"),
    [
        ("", "Hint: configure [storage.s3.NAME], and write s3:NAME:PREFIX; its root is s3:NAME:."),
        ('[storage.s3.lab]\nbucket = "b"\n', "Hint: the root of that storage is s3:lab:."),
        ('[storage.s3.other]\nbucket = "b"\n', "a prefix after it: s3:other:."),
    ],
)
def test_storage_without_a_prefix_comes_with_its_root(
    debrepo, published, debrepo_root, configured, message
):
    (debrepo_root / "debrepo.toml").write_text(configured)
    result = debrepo("publish", "repo", "tools", "s3:lab", "--distribution", "x", exit_code=2)
    assert message in result.stderr


def test_switch_back_counts_the_files_that_it_puts_in_place(debrepo, published, tmp_path):
    debrepo("repo", "add", "tools", build_deb(tmp_path, "other"))
    debrepo("snapshot", "create", "two", "from", "repo", "tools")
    debrepo("repo", "remove", "tools", "other")
    debrepo("snapshot", "create", "one", "from", "repo", "tools")

    def switched(name):
        return debrepo("publish", "switch", "d", "s", name).stderr.splitlines()[-1].split(",")[0]

    debrepo("publish", "snapshot", "two", "s", "--distribution", "d")
    assert [switched("one"), switched("two")] == [
        "0 new files",
        "0 new files",
    ]  # it was still there
    debrepo("publish", "update", "d", "s", "--grace", "0s", "--keep-generations", "0", "--force")
    assert [switched("one"), switched("two")] == ["0 new files", "1 new file"]
