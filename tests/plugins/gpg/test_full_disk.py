"""Keys on a disk with no space left: what is refused says so, and nothing is half made."""

import subprocess

import pytest

from debrepo.errors import DatabaseFull
from debrepo_gpg.signer import GpgSigner

RELEASE = b"Suite: stable\n"
KEY = ["Key-Type: eddsa", "Key-Curve: ed25519", "%no-protection", "Name-Real: x", "%commit"]


@pytest.fixture
def full(tmp_path):
    """A small file system, and what fills it."""
    target = tmp_path / "small"
    target.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(target)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")

    def fill():
        with (
            (target / "filling").open("wb", buffering=0) as file,
            pytest.raises(OSError, match="No space"),
        ):
            while True:
                file.write(bytes(4096))

    yield target, fill
    subprocess.run(["umount", "-l", str(target)], check=True)


def signer_at(directory):
    return GpgSigner.open({"home": str(directory)}, directory.parent)


def test_key_that_cannot_be_stored_is_refused_as_a_full_disk(full):
    place, fill = full
    fill()
    with pytest.raises(DatabaseFull, match=f"cannot write {place}.*No space left"):
        signer_at(place / "gnupg").create(KEY)


def test_signing_goes_on_where_only_the_keys_are_on_a_full_disk(full):
    place, fill = full
    signer = signer_at(place / "gnupg")
    signer.create(KEY)
    fill()
    assert signer.sign(RELEASE, signer.resolve(())).inline
