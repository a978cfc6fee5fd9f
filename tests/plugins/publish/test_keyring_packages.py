"""Packages with a keyring: built when the keys change, and not otherwise."""

import hashlib
import shutil
import subprocess

import pytest
from databases.roots import copy_root
from plugins.publish.client import Client
from plugins.publish.crashing import Killed
from plugins.publish.signers import FINGERPRINT

from debrepo.errors import InvalidInput, NotFound
from debrepo_keyring import deb

DAY = 86400
NOW = 1_800_000_000
OLD, NEW = FINGERPRINT, "BEEF" * 10
NAME = "example-archive-keyring"
pytestmark = pytest.mark.usefixtures("public_keys")


def package(session, repo="tools", name="example", **how):
    return session.call("key.package", repo=repo, name=name, **how)


def test_package_is_added_and_published(add, create, session, public):
    add()
    create()
    made = package(session)
    assert made == (NAME, "2027.01.15", "tools", (OLD,), True, ["./stable"])
    assert Client(public).packages() == {("hello", "1.0", "amd64"), (NAME, "2027.01.15", "all")}


def test_same_keys_change_nothing_on_another_day(add, create, session, clock):
    add()
    create()
    package(session)
    clock(NOW + 5 * DAY)
    assert package(session) == (NAME, "2027.01.15", "tools", (OLD,), False, [])


def test_other_keys_make_another_version_on_the_same_day_too(add, create, session, clock):
    add()
    create()
    package(session)
    session.call("key.rotate.start", old=OLD, new=NEW)
    made = package(session)
    assert (made.version, made.fingerprints) == ("2027.01.15.1", (OLD, NEW))
    clock(NOW + DAY)
    session.call("key.rotate.cancel")
    assert package(session).version == "2027.01.16"


def test_version_grows_although_the_clock_goes_back(add, create, session, clock):
    add()
    create()
    package(session)
    clock(NOW - 400 * DAY)
    assert package(session, keys=(NEW,)).version == "1:2025.12.11.1"
    assert not package(session, keys=(NEW,)).added


def test_rotation_builds_it_at_each_stage_where_it_is_configured(add, create, session, opened):
    add()
    create()
    session.close()
    with (session.root / "debrepo.toml").open("a") as file:
        file.write('keyring.repo = "tools"\nkeyring.name = "example"\n')
    again = opened(session.root)
    again.call("key.rotate.start", old=OLD, new=NEW)
    packages = Client(session.root / "public").packages()
    assert (NAME, "2027.01.15", "all") in packages
    for _ in range(3):
        again.call("key.rotate.next", yes_really=True)
    made = again.call("key.package")
    assert (made.added, made.fingerprints) == (False, (NEW,))


@pytest.mark.parametrize("name", ["", "Example", "a b", "../x", "-x", "x" * 200])
def test_what_is_no_name_of_a_package_is_refused(add, create, session, name):
    add()
    create()
    with pytest.raises(InvalidInput):
        package(session, name=name)


def test_repository_has_to_be_there(add, session):
    add()
    with pytest.raises(NotFound, match="none"):
        package(session, repo="none")
    with pytest.raises(InvalidInput, match="needs a name and a repository"):
        package(session, repo="")


def test_it_dies_anywhere_and_the_next_attempt_completes_it(add, create, session, opened, tmp_path):
    add()
    create()
    session.close()
    for step in range(40):
        root = tmp_path / f"crashed-{step}"
        copy_root(session.root, root)
        copy = opened(root)
        copy.fate.strike(step)
        died = False
        try:
            package(copy)
        except Killed:
            died = True
        copy.fate.live()
        made = package(copy)
        assert (NAME, made.version, "all") in Client(root / "public").packages()
        assert made.version == "2027.01.15"
        copy.close()
        if not died:
            assert step > 10
            return
    raise AssertionError("it has more steps than there are attempts")


def built():
    control = {
        "Package": "x", "Version": "1", "Architecture": "all", "Maintainer": "A <a@example.org>",
        "Description": "short\n long",
    }  # fmt: skip
    files = {"usr/share/x/b": b"b" * 5000, "usr/share/a": b"a"}
    return deb.build(control, files, NOW)


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
def test_dpkg_reads_what_is_built(tmp_path):
    path = tmp_path / "x.deb"
    path.write_bytes(built())
    subprocess.run(["dpkg-deb", "-x", path, tmp_path / "x"], check=True)
    assert (tmp_path / "x/usr/share/x/b").read_bytes() == b"b" * 5000
    done = subprocess.run(["dpkg-deb", "-f", path], check=True, capture_output=True, text=True)
    assert "Installed-Size: 9\nDescription: short\n long\n" in done.stdout
    subprocess.run(["dpkg-deb", "-e", path, tmp_path / "control"], check=True)
    sums = (tmp_path / "control/md5sums").read_text()
    assert f"{hashlib.md5(b'a').hexdigest()}  usr/share/a\n" in sums


def test_what_is_built_again_has_the_same_bytes():
    assert built() == built()
