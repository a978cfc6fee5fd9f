"""A place with secret keys, below a directory with a short name: sockets of GnuPG need that."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from kills.dying import Place


@pytest.fixture(scope="session")
def keys():
    """Return the fingerprints of two secret keys, and their home, in a short directory."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        place = Place(Path(directory), ("", ""), root / "gnupg")
        root.mkdir()
        for name in ("old", "new"):
            place.run(f"key create --name {name}")
        found = [one.fingerprint for one in place.call("key.list")]
        data = place.call("key.export", keys=found, binary=True)
        (root / "both.gpg").write_bytes(data)
        yield found, root / "gnupg"


@pytest.fixture
def place(keys):
    with tempfile.TemporaryDirectory() as directory:
        yield Place(Path(directory) / "place", *keys)
