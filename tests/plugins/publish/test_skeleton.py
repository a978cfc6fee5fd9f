"""Files of the user are published beside the indexes, and listed in Release."""

import gzip
import re

import pytest
from plugins.publish import test_crashes
from plugins.publish.client import Client
from plugins.publish.test_crashes import strays

from debrepo.errors import InvalidInput

each_crash, ready = test_crashes.each_crash, test_crashes.ready  # fixtures

DAY = 86400
NOW = 1_800_000_000


@pytest.fixture
def put(session):
    """Put a file into the skeleton of a publication: ``put("main/notes.txt", b"Hello")``."""

    def put_file(path, data, *, place="dists/stable"):
        target = session.root / "skel" / place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    return put_file


def listed(public, distribution="stable"):
    text = (public / f"dists/{distribution}/Release").read_text()
    return {path: digest for digest, path in re.findall(r"^ (\w{64}) +\d+ (\S+)$", text, re.M)}


def test_file_is_published_listed_and_found_by_its_hash(add, create, put, public, session):
    add("hello")
    put("main/installer/notes.txt.gz", gzip.compress(b"hello"))
    create()
    digest = listed(public)["main/installer/notes.txt.gz"]
    hashed = public / f"dists/stable/main/installer/by-hash/SHA256/{digest}"
    assert gzip.decompress(hashed.read_bytes()) == b"hello"
    client = Client(public)
    client.check_names()
    assert client.packages() == {("hello", "1.0", "amd64")}
    assert strays(session) == (set(), set())


def test_change_of_a_file_is_one_and_nothing_else_is(add, create, update, put, public):
    add("hello")
    path = put("main/notes.txt", b"1")
    create()
    assert not update().changed
    before = listed(public)
    path.write_bytes(b"2")
    assert update().changed
    after = listed(public)
    assert {one for one in after if after[one] != before.get(one)} == {"main/notes.txt"}
    assert (public / "dists/stable/main/notes.txt").read_bytes() == b"2"


def test_file_stays_listed_while_packages_change(add, create, update, put, public):
    add("hello")
    add("other", repo="extra")
    put("extra/notes.txt", b"1")
    create("tools", "extra", components=("main", "extra"))
    add("more")
    update()
    assert "extra/notes.txt" in listed(public)
    Client(public).check_names()


def test_file_that_is_taken_away_goes_after_its_grace(
    add, create, update, put, public, clock, session
):
    add("hello")
    path = put("main/notes.txt", b"1")
    create(grace=DAY, keep_generations=0)
    path.unlink()
    update()
    assert "main/notes.txt" not in listed(public)
    clock(NOW + 2 * DAY)
    update()
    assert not list(public.rglob("notes.txt"))
    assert strays(session) == (set(), set())


def test_place_of_a_publication_is_part_of_the_path(add, create, put, public):
    add("hello")
    put("main/notes.txt", b"1", place="team/dists/stable")
    create(place="team")
    create()
    assert "main/notes.txt" in listed(public / "team")
    assert "main/notes.txt" not in listed(public)


def test_setting_names_another_directory_or_none(add, create, update, put, session, public):
    add("hello")
    put("main/notes.txt", b"1")
    session.config.override("publish.skeleton", "", "the test")
    create()
    assert "main/notes.txt" not in listed(public)
    session.config.override("publish.skeleton", str(session.root / "skel"), "the test")
    update()
    assert "main/notes.txt" in listed(public)


def test_what_cannot_be_published_is_named_in_a_warning(
    add, create, put, session, monkeypatch, public
):
    add("hello")
    notes = []
    monkeypatch.setattr(session.progress, "note", notes.append)
    secret = session.root / "secret"
    secret.write_bytes(b"secret")
    put("README", b"1")
    put("main/.hidden", b"1")
    put("main/by-hash/x", b"1")
    put("main/odd\nname", b"1")
    (session.root / "skel/dists/stable/main/link").symlink_to(secret)
    (session.root / "skel/dists/stable/main/directory").symlink_to(session.root)
    create()
    said = "\n".join(notes)
    for what in (
        "README is in none of the components",
        ".hidden has a name that debrepo keeps for itself",
        "by-hash/x has a name that debrepo keeps for itself",
        "name has a name that cannot be published",
        "link is no regular file",
        "directory is no regular file",
    ):
        assert what in said
    assert not [path for path in listed(public) if "link" in path or "secret" in path]


@pytest.mark.parametrize("path", ["main/binary-amd64/Packages.gz", "main/binary-amd64/Release"])
def test_file_never_replaces_an_index(add, create, put, public, path):
    add("hello")
    put(path, b"mine")
    with pytest.raises(InvalidInput, match=f"skeleton file {path} has the path of an index"):
        create()
    assert not (public / "dists/stable/Release").exists()


def test_files_that_are_too_large_are_refused(add, create, put, session):
    add("hello")
    session.config.override("publish.skeleton_size", 10, "the test")
    put("main/a", b"123456")
    put("main/b", b"123456")
    with pytest.raises(InvalidInput, match=r"larger than publish\.skeleton_size"):
        create()


def test_rollback_publishes_the_files_of_now(add, create, update, put, session, public):
    add("hello")
    put("main/notes.txt", b"1")
    create()
    add("more")
    update()
    put("main/notes.txt", b"2")
    session.call("publish.rollback", distribution="stable")
    assert (public / "dists/stable/main/notes.txt").read_bytes() == b"2"
    Client(public).check_names()


def test_publish_with_a_skeleton_dies_anywhere(ready, put, add, each_crash, clock):
    put("main/notes.txt", b"1")
    ready.call("publish.create", kind="repo", names=["tools"], distribution="stable")
    put("main/notes.txt", b"2")
    add("extra")
    clock(NOW + 3600)

    def again(session):
        return session.call("publish.update", distribution="stable")

    for session, what in each_crash(ready, again, deadly=True):
        public = session.root / "public"
        again(session)
        assert (public / "dists/stable/main/notes.txt").read_bytes() == b"2", what
        Client(public).check_names()
