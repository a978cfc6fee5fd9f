"""Signing with GnuPG, checked by gpgv and sqv."""

import gc
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debrepo.errors import InvalidInput, SigningFailed
from debrepo.testing import SignerContract
from debrepo.testing.signer_contract import RELEASE, dearmor
from debrepo_gpg import home as homes
from debrepo_gpg.signer import GpgSigner

pytestmark = pytest.mark.skipif(not shutil.which("gpgv"), reason="needs gpg and gpgv")

ED25519 = ("Key-Type: EDDSA", "Key-Curve: ed25519", "Key-Usage: sign")
RSA2048 = ("Key-Type: RSA", "Key-Length: 2048", "Key-Usage: sign")


def make(signer, name, *more, kind=ED25519, protection="%no-protection"):
    return signer.create([*kind, f"Name-Real: {name}", *more, protection, "%commit"])


@pytest.fixture(scope="session")
def two_keys(tmp_path_factory):
    """Make a home with two keys once, for tests to copy."""
    home = tmp_path_factory.mktemp("keys") / "gnupg"
    signer = GpgSigner(home)
    make(signer, "Alice Archive", "Name-Email: alice@example.org")
    make(signer, "Bob Archive", kind=RSA2048)
    return home


@pytest.fixture
def home(two_keys, tmp_path):
    return Path(shutil.copytree(two_keys, tmp_path / "gnupg"))


@pytest.fixture
def signer(home):
    return GpgSigner(home)


@pytest.fixture
def empty(tmp_path):
    return GpgSigner(tmp_path / "new" / "gnupg")


@pytest.fixture
def protecting(empty):
    """Return a signer whose new keys take a passphrase without seconds of stretching it."""
    empty.home.directory.mkdir(parents=True)
    (empty.home.directory / "gpg-agent.conf").write_text("s2k-count 65536\n")
    return empty


@pytest.fixture
def check(tmp_path):
    """Have a verifier look at a detached signature."""

    def run(program, signer, keys, signatures):
        for name, data in (
            ("key.gpg", dearmor(signer.export(keys))),
            ("Release.gpg", signatures.detached),
            ("Release", RELEASE),
        ):
            (tmp_path / name).write_bytes(data)
        command = [program, "--keyring", "./key.gpg", "Release.gpg", "Release"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    return run


class TestGpgSigner(SignerContract):
    @pytest.fixture
    def signer(self, home):
        return GpgSigner(home)

    @pytest.fixture
    def names(self):
        return "alice@example.org", "Bob Archive"

    @pytest.mark.parametrize("place", ["before", "after"])
    def test_text_around_the_signed_block_is_not_part_of_what_was_signed(
        self, signer, keys, verify, place
    ):
        inline = signer.sign(RELEASE, keys).inline
        forged = b"Suite: forged\n\n"
        with_more = forged + inline if place == "before" else inline + forged
        try:
            signed = verify(keys, with_more)[0]
        except subprocess.CalledProcessError:
            return
        assert signed == RELEASE

    def test_another_block_does_not_slip_in(self, signer, keys, verify):
        inline = signer.sign(RELEASE, keys).inline
        forged = inline.replace(b"Suite: stable", b"Suite: forged")
        with pytest.raises(subprocess.CalledProcessError):
            verify(keys, inline + forged)


@pytest.mark.skipif(not shutil.which("sqv"), reason="needs sqv")
def test_sequoia_accepts_every_kind_of_key(signer, check):
    for name in ("Alice", "Bob"):
        keys = signer.resolve([name])
        assert check("sqv", signer, keys, signer.sign(RELEASE, keys)).returncode == 0


def test_the_digest_is_sha512(signer):
    assert b"\nHash: SHA512\n" in signer.sign(RELEASE, signer.resolve(["Bob"])).inline


def test_the_only_key_needs_no_name(empty):
    fingerprint = make(empty, "Only")
    assert [key.fingerprint for key in empty.resolve([])] == [fingerprint]


def test_configured_keys_need_no_name(home):
    signer = GpgSigner(home, keys=["Bob", "Alice"])
    assert [key.user_ids[0][:3] for key in signer.resolve([])] == ["Bob", "Ali"]


def test_without_any_key_the_way_out_is_named(empty):
    with pytest.raises(SigningFailed, match="there is no secret key") as caught:
        empty.resolve([])
    assert caught.value.hint == 'run "debrepo key create --name NAME"'


def test_looking_for_keys_makes_no_home(empty):
    assert empty.secret_keys() == []
    assert not empty.home.directory.exists()


def test_an_ambiguous_name_says_which_keys_it_could_be(signer):
    with pytest.raises(SigningFailed, match=r"'Archive' names no single key: .*Alice.*Bob"):
        signer.resolve(["Archive"])


def test_an_expired_key_is_refused_with_a_way_out(empty):
    make(empty, "Old", "Creation-Date: 2020-01-01", "Expire-Date: 1d")
    with pytest.raises(SigningFailed, match=r"\(Old\) has expired") as caught:
        empty.resolve(["Old"])
    (old,) = empty.secret_keys()
    assert f'run "debrepo key extend {old.key.fingerprint} --expire 2y"' in caught.value.hint
    assert "debrepo key create" in caught.value.hint


def test_an_expired_key_does_not_sign_for_those_who_kept_it(empty):
    make(empty, "Old", "Creation-Date: 2020-01-01", "Expire-Date: 1d")
    with pytest.raises(SigningFailed, match=r"Old.* did not sign"):
        empty.sign(RELEASE, [found.key for found in empty.secret_keys()])


def test_an_expired_key_leaves_its_name_to_the_next(empty):
    make(empty, "Archive", "Creation-Date: 2020-01-01", "Expire-Date: 1d")
    new = make(empty, "Archive")
    assert [key.fingerprint for key in empty.resolve(["Archive"])] == [new]


def test_a_key_that_has_gone_does_not_become_another(signer, home):
    keys = signer.resolve(["Alice"])
    (home / "pubring.kbx").unlink()
    with pytest.raises(SigningFailed, match=keys[0].fingerprint):
        signer.sign(RELEASE, keys)


def test_a_passphrase_is_read_from_its_file(protecting, tmp_path, check):
    make(protecting, "Locked", protection="Passphrase: gehäim %01")
    (tmp_path / "passphrase").write_text("gehäim %01\n")
    signer = GpgSigner(protecting.home.directory, passphrase_file=tmp_path / "passphrase")
    keys = signer.resolve([])
    assert check("gpgv", signer, keys, signer.sign(RELEASE, keys)).returncode == 0


def test_a_wrong_passphrase_is_said_to_be_wrong(protecting, tmp_path):
    make(protecting, "Locked", protection="Passphrase: right")
    (tmp_path / "passphrase").write_text("wrong\n")
    signer = GpgSigner(protecting.home.directory, passphrase_file=tmp_path / "passphrase")
    with pytest.raises(SigningFailed, match=r"the passphrase is wrong for .*Locked"):
        signer.sign(RELEASE, signer.resolve([]))


def test_a_missing_passphrase_is_asked_for_in_the_error_alone(protecting):
    make(protecting, "Locked", protection="Passphrase: right")
    with pytest.raises(SigningFailed, match=r"a passphrase is needed for .*Locked") as caught:
        protecting.sign(RELEASE, protecting.resolve([]))
    assert "signing.gpg.passphrase_file" in caught.value.hint


def test_an_empty_passphrase_file_does_not_eat_the_release(home, tmp_path, check):
    (tmp_path / "passphrase").touch()
    signer = GpgSigner(home, passphrase_file=tmp_path / "passphrase")
    keys = signer.resolve(["Alice"])
    assert check("gpgv", signer, keys, signer.sign(RELEASE, keys)).returncode == 0


def test_an_unreadable_passphrase_file_is_named(home, tmp_path):
    signer = GpgSigner(home, passphrase_file=tmp_path / "nowhere")
    with pytest.raises(SigningFailed, match=r"cannot read the passphrase file .*nowhere"):
        signer.sign(RELEASE, signer.resolve(["Alice"]))


def test_a_long_path_is_no_obstacle(tmp_path, check):
    signer = GpgSigner(tmp_path / ("long" * 30) / ("path" * 30) / "gnupg")
    make(signer, "Far away")
    keys = signer.resolve([])
    assert check("gpgv", signer, keys, signer.sign(RELEASE, keys)).returncode == 0


@pytest.mark.parametrize("name", ["Alice", "Bob"])
def test_the_same_epoch_gives_the_same_bytes(signer, monkeypatch, name):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1900000000")
    keys = signer.resolve([name])
    assert signer.sign(RELEASE, keys) == signer.sign(RELEASE, keys)


def test_no_signature_is_older_than_its_key(signer, monkeypatch, check):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    keys = signer.resolve(["Alice"])
    assert check("gpgv", signer, keys, signer.sign(RELEASE, keys)).returncode == 0


def test_an_epoch_that_is_no_number_is_refused(signer, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InvalidInput, match="a number of seconds, found 'yesterday'"):
        signer.sign(RELEASE, signer.resolve(["Alice"]))


@pytest.mark.skipif(not shutil.which("setsid"), reason="needs setsid")
def test_neither_terminal_nor_environment_is_needed(home):
    script = (
        "from pathlib import Path; from debrepo_gpg.signer import GpgSigner;"
        f"signer = GpgSigner(Path({str(home)!r}));"
        "print(signer.sign(b'x\\n', signer.resolve(['Alice', 'Bob'])).inline.decode())"
    )
    path = f"PYTHONPATH={os.pathsep.join(filter(None, sys.path))}"
    result = subprocess.run(
        ["env", "-i", path, "setsid", "--wait", sys.executable, "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith("-----BEGIN PGP SIGNED MESSAGE-----")
    assert result.stderr == ""


def test_many_can_sign_at_once(home, check):
    def sign(number):
        signer = GpgSigner(home)
        return signer.sign(RELEASE, signer.resolve(["Alice"]))

    with ThreadPoolExecutor(4) as threads:
        signed = list(threads.map(sign, range(8)))
    signer = GpgSigner(home)
    keys = signer.resolve(["Alice"])
    assert all(check("gpgv", signer, keys, each).returncode == 0 for each in signed)


def test_keys_made_at_once_are_all_kept(tmp_path):
    def create(number):
        return make(GpgSigner(tmp_path / "gnupg"), f"Key number {number}")

    with ThreadPoolExecutor(4) as threads:
        made = set(threads.map(create, range(6)))
    found = GpgSigner(tmp_path / "gnupg").secret_keys()
    assert {entry.key.fingerprint for entry in found} == made


def test_a_key_made_by_somebody_else_is_seen(signer, home):
    signer.secret_keys()
    made = make(GpgSigner(home), "Carol")
    assert [key.fingerprint for key in signer.resolve(["Carol"])] == [made]


def test_the_agent_goes_with_the_signer(home):
    signer = GpgSigner(home)
    signer.sign(RELEASE, signer.resolve(["Alice"]))
    view = signer.home.view()
    assert (view / "S.gpg-agent").exists()
    del signer
    gc.collect()
    assert not view.exists()
    assert not list(home.glob("S.gpg-agent*"))


def test_what_a_killed_process_left_is_swept(tmp_path):
    left, used = tmp_path / "debrepo-gpg-left", tmp_path / "debrepo-gpg-used"
    for view in (left, used):
        view.mkdir()
        os.utime(view, (0, 0))
    lock = homes.lock(used)
    homes._sweep(tmp_path)
    assert (left.exists(), used.exists()) == (False, True)
    os.close(lock)


def test_a_missing_program_is_named(home):
    with pytest.raises(SigningFailed, match="cannot run no-such-gpg"):
        GpgSigner(home, program="no-such-gpg").secret_keys()


def test_the_keys_of_the_user_are_used_where_they_are(home, monkeypatch):
    with homes.closing(homes.View(home)) as view:  # stands for a home with a short name
        (view.path / "pubring.kbx").symlink_to(home / "pubring.kbx")
        monkeypatch.setenv("GNUPGHOME", str(view.path))
        signer = GpgSigner.open({"home": "user"}, Path("/nowhere"))
        assert signer.resolve(["Alice"])[0].user_ids == ("Alice Archive <alice@example.org>",)


def test_settings_are_relative_to_the_root():
    signer = GpgSigner.open({"home": "", "passphrase_file": "secret"}, Path("/srv/debrepo"))
    assert signer.home.directory == Path("/srv/debrepo/gnupg")
    assert signer.passphrase_file == Path("/srv/debrepo/secret")
    assert GpgSigner.open({"home": "/k"}, Path("/srv")).home.directory == Path("/k")


def test_a_short_rsa_key_is_a_problem(empty):
    make(empty, "Short", kind=("Key-Type: RSA", "Key-Length: 1024"))
    key = empty.resolve([])[0]
    refused = "which Sequoia refuses since 2014-02-01 and apt refuses since 2024-03-01"
    replace = f'replace it: run "debrepo key rotate start {key.fingerprint} NEW"'
    assert f"has the algorithm rsa1024, {refused}: {replace}" in empty.problems(key)


def test_an_old_algorithm_is_a_problem(empty):
    make(empty, "Past", kind=("Key-Type: DSA", "Key-Length: 2048", "Key-Usage: sign"))
    text = "has the algorithm dsa2048, which apt 3 refuses since 2024-02-01"
    assert any(text in problem for problem in empty.problems(empty.resolve([])[0]))


def test_a_key_that_is_good_today_is_a_problem_on_the_day_that_it_is_refused(empty):
    make(empty, "Fair", kind=("Key-Type: RSA", "Key-Length: 2048"))
    (entry,) = empty.secret_keys()
    assert empty.problems_of(entry, datetime(2030, 1, 31, tzinfo=UTC)) == []
    (text,) = empty.problems_of(entry, datetime(2030, 2, 1, tzinfo=UTC))
    assert text.startswith("has the algorithm rsa2048, which apt 3 refuses since 2030-02-01: ")


def test_a_key_has_expired_by_a_later_day(empty):
    make(empty, "Soon", "Expire-Date: 100d")
    (entry,) = empty.secret_keys()
    day = entry.key.expires
    assert empty.problems_of(entry, day - timedelta(days=31)) == []
    near, over = (empty.problems_of(entry, day + timedelta(days=more)) for more in (-5, 1))
    assert f"expires on {day:%Y-%m-%d}, in 5 days: renew it: run " in near[0]
    assert over[0].startswith(f"has expired by {day + timedelta(days=1):%Y-%m-%d}: renew it")


@pytest.mark.skipif(not shutil.which("sqv"), reason="needs sqv")
def test_sequoia_has_its_say_on_a_key(empty):
    make(empty, "Short", kind=("Key-Type: RSA", "Key-Length: 1024"))
    problems = empty.problems(empty.resolve([])[0])
    assert any(problem.startswith("sqv refuses its signatures") for problem in problems)


def test_a_self_signature_with_sha1_is_a_problem(empty, monkeypatch):
    monkeypatch.setattr("debrepo_gpg.signer._OPTIONS", ("--cert-digest-algo", "SHA1"))
    make(empty, "Past", "Creation-Date: 2020-01-01")
    monkeypatch.undo()
    (entry,) = empty.secret_keys()
    text = "its self-signature uses SHA-1, which Sequoia refuses since 2023-02-01"
    apt = f"{text} and apt 3 refuses since 2026-02-01: renew it: run "
    today, before, long_ago = (
        empty.problems_of(entry, datetime(year, 6, 1, tzinfo=UTC)) for year in (2026, 2025, 2022)
    )
    assert today[0].startswith(apt)
    assert before[0].startswith(f"{text}: renew")
    assert long_ago == []


def test_an_expiry_that_is_near_is_a_problem(empty):
    make(empty, "Soon", "Expire-Date: 5d")
    assert "in 4 days" in empty.problems(empty.resolve([])[0])[0]


def test_an_expired_key_is_a_problem(empty):
    make(empty, "Old", "Creation-Date: 2020-01-01", "Expire-Date: 1d")
    assert empty.problems(empty.secret_keys()[0].key) == ["has expired"]
