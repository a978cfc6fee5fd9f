"""What GnuPG lists of the secret keys: asked for once, until something changes."""

import os
import time

import pytest

from debrepo_gpg.listing import secret_keys

FINGERPRINT = "A" * 40
DAY = 86400


def listing(expires=""):
    sec = ["sec", "u", "255", "22", FINGERPRINT[-16:], "1700000000", str(expires), "", "", "", ""]
    sec += ["scSC", "", "", "+", "", "ed25519"]
    rows = (sec, ["fpr", *[""] * 8, FINGERPRINT], ["uid", *[""] * 8, "Archive"])
    return "\n".join(":".join([*row, ""]) for row in rows).encode()


class Asking:
    """GnuPG, as far as it is asked."""

    def __init__(self, home):
        self.home = home
        self.answer = listing()
        self.times = 0

    def __call__(self):
        self.times += 1
        return self.answer

    def keys(self, program="gpg"):
        return [key.key.fingerprint for key in secret_keys(self.home, program, self)]


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def asking(tmp_path):
    for name in ("pubring.kbx", "private-keys-v1.d"):
        (tmp_path / name).mkdir()
        age(tmp_path / name, DAY)
    return Asking(tmp_path)


def test_keys_are_asked_for_once(asking):
    assert [asking.keys() for _ in range(3)] == [[FINGERPRINT]] * 3
    assert asking.times == 1
    assert (asking.home / "secret-keys.listing").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["pubring.kbx", "private-keys-v1.d"])
def test_keys_that_have_changed_are_asked_for_again(asking, name):
    asking.keys()
    age(asking.home / name, DAY / 2)
    asking.answer = b""
    assert asking.keys() == []
    assert asking.keys() == []
    assert asking.times == 2


def test_keys_that_have_just_changed_are_asked_for_until_their_files_have_settled(asking):
    age(asking.home / "pubring.kbx", 0)
    asking.keys()
    asking.keys()
    assert asking.times == 2


def test_configuration_and_program_count(asking):
    asking.keys()
    (asking.home / "gpg.conf").touch()
    age(asking.home / "gpg.conf", DAY)
    asking.keys()
    asking.keys("gpg2")
    asking.keys("gpg2")
    assert asking.times == 3


def test_key_that_has_expired_since_is_asked_for_again(asking):
    asking.answer = listing(int(time.time()) - DAY)
    asking.keys()
    asking.keys()
    assert asking.times == 1
    age(asking.home / "secret-keys.listing", 2 * DAY)
    asking.keys()
    assert asking.times == 2


@pytest.mark.parametrize("spoil", [b"", b"garbage", None])
def test_damaged_listing_and_one_of_the_future_are_asked_for_again(asking, spoil):
    asking.keys()
    kept = asking.home / "secret-keys.listing"
    if spoil is None:
        age(kept, -DAY)
    else:
        kept.write_bytes(kept.read_bytes()[:80] + spoil)
    assert asking.keys() == [FINGERPRINT]
    assert asking.times == 2


def test_home_that_cannot_be_written_to_serves(asking):
    (asking.home / "secret-keys.listing").mkdir()
    assert [asking.keys() for _ in range(2)] == [[FINGERPRINT]] * 2
    assert asking.times == 2
    assert not list(asking.home.glob("*.partial"))
