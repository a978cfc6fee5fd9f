"""The command line through a server: the same words, the same output."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo import encoding as wire
from debrepo.errors import InvalidInput
from debrepo.package import Package, PackageFile, PackageKey
from debrepo.testing.packages import build_deb, build_source


@pytest.fixture
def remote(debrepo, serving, tmp_path):
    """Run a command line through a server; the root of the client does not exist."""
    url = serving().url

    def run(*args, exit_code=0):
        words = ("--root", tmp_path / "nowhere", "--server", url, *args)
        return debrepo(*words, exit_code=exit_code)

    yield run
    assert not (tmp_path / "nowhere").exists()


def test_command_through_a_server_says_what_it_says_without(debrepo, remote, tmp_path):
    deb = build_deb(tmp_path, "hello", "1.0")
    assert remote("repo", "create", "web").output == "Created repository web.\n"
    added = remote("repo", "add", "web", deb)
    assert added.stdout == "added    hello_1.0_amd64\n"
    for words in (
        ["repo", "list"],
        ["repo", "show", "web", "--with-packages"],
        ["repo", "list", "--json"],
    ):
        assert remote(*words).stdout == debrepo(*words).stdout
    assert "skipped" in remote("repo", "add", "web", deb).stdout
    remote("snapshot", "create", "s", "from", "repo", "web")
    assert remote("snapshot", "list").stdout == debrepo("snapshot", "list").stdout


def test_files_are_sent_and_cleaned_up(remote, tmp_path, debrepo_root):
    remote("repo", "create", "web")
    (tmp_path / "sub").mkdir()
    build_deb(tmp_path / "sub", "a", "1")
    dsc = build_source(tmp_path, "b", "1")
    assert remote("repo", "add", "web", tmp_path / "sub").stdout == "added    a_1_amd64\n"
    assert remote("repo", "add", "web", dsc).stdout == "added    b_1_source\n"
    broken = tmp_path / "broken.deb"
    broken.write_bytes(b"no")
    assert f"failed   {broken}: " in remote("repo", "add", "web", broken, exit_code=1).output
    remote("repo", "add", "web", tmp_path / "none.deb", exit_code=1)
    assert [path for path in debrepo_root.glob("upload/**/*") if path.is_file()] == []


def test_error_of_the_server_is_the_error_of_the_command(debrepo, remote):
    assert (
        remote("repo", "show", "none", exit_code=3).output
        == debrepo("repo", "show", "none", exit_code=3).output
    )
    remote("repo", "create", "a")
    remote("repo", "create", "a", exit_code=4)


def test_token_is_sent(debrepo, serving, monkeypatch):
    secret = debrepo("token", "create", "ci", "--scope", "read").stdout.strip()
    url = serving("--require-token").url
    debrepo("--server", url, "repo", "list", exit_code=12)
    monkeypatch.setenv("DEBREPO_TOKEN", secret)
    debrepo("--server", url, "repo", "list")
    refused = debrepo("--server", url, "repo", "create", "x", exit_code=12)
    assert "lacks the scope repo:" in refused.output


def test_files_that_a_command_sends_are_of_its_token_alone(debrepo, serving, monkeypatch, tmp_path):
    debrepo("repo", "create", "web")
    url, deb = serving("--require-token").url, build_deb(tmp_path, "hello")
    scopes = ("--scope", "repo:web:add", "--scope", "upload:~*")
    monkeypatch.setenv("DEBREPO_TOKEN", debrepo("token", "create", "ci", *scopes).stdout.strip())
    assert (
        debrepo("--server", url, "repo", "add", "web", deb).stdout == "added    hello_1.0_amd64\n"
    )
    poor = debrepo("token", "create", "poor", "--scope", "repo:web:add", "--scope", "upload:ci-*")
    monkeypatch.setenv("DEBREPO_TOKEN", poor.stdout.strip())
    refused = debrepo("--server", url, "repo", "add", "web", deb, exit_code=12)
    assert "lacks the scope upload:~repo.add-" in refused.output


def test_server_that_is_not_there_is_a_remote_error(debrepo):
    said = debrepo("--server", "http://127.0.0.1:9", "repo", "list", exit_code=7).output
    assert "is the server running?" in said
    debrepo("--server", "ftp://x", "repo", "list", exit_code=2)


@pytest.mark.parametrize("path", ["../db", "x/../../db", "", "/etc/.."])
def test_operation_takes_no_path_beyond_the_upload_area(api, session, path):
    session.call("repo.create", name="web")
    (session.root / "db").mkdir(exist_ok=True)
    sent = {"name": "web", "paths": [{"p": path}], "remove_files": True}
    answer = api.post("/api/operations/repo.add", json={"arguments": sent})
    assert (answer.status_code, (session.root / "db").exists()) == (400, True)


@pytest.mark.parametrize(
    "sent",
    [
        {"nonsense": 1},
        {"name": 7},
        {"name": {"n": ["os:system", "x"]}},
        {"name": {"n": ["debrepo.session:Session"]}},
        {"name": {"z": 1}},
        {"name": {"b": "no hex"}},
        {"name": {}},
    ],
)
def test_malformed_arguments_are_refused(api, sent):
    answer = api.post("/api/operations/repo.show", json={"arguments": sent})
    assert answer.status_code in {400, 404}


KEYS = st.builds(PackageKey, st.text(), st.text(), st.text(), st.text())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | KEYS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(VALUES)
def test_what_is_sent_comes_back(value):
    assert wire.decode(wire.encode(value, str), Path, PackageKey) == value


def test_packages_paths_and_times_come_back():
    package = Package(
        PackageKey("a", "all", "1", "0"), "deb", b"Package: a", (PackageFile("a.deb", 1),)
    )
    for value in (package, Path("x/y"), datetime(2024, 1, 1, tzinfo=UTC), frozenset({b"x"})):
        assert wire.decode(wire.encode(value, str), Path, Package) == value
    with pytest.raises(InvalidInput, match="a object cannot be sent"):
        wire.encode(object(), str)
