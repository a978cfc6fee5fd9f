"""The memory of a server in a process of its own, while it sends and takes much."""

import http.client
import re
from pathlib import Path

import pytest

from debrepo import catalog, packageset
from debrepo.package import Package, PackageFile, PackageKey, encode
from debrepo.plugins import load_plugins
from debrepo.session import Session
from debrepo_local import repos
from debrepo_local.repos import LocalRepo

PACKAGES = 10_000
ALLOWED = 64 << 20  # bytes more than before


def package(number):
    key = PackageKey(f"package{number:05}", "amd64", "1.0", f"{number:016x}")
    text = f"Package: {key.name}\nVersion: 1.0\nArchitecture: amd64\nDescription: {'long ' * 200}\n"
    file = PackageFile(f"{key.name}_1.0_amd64.deb", 1, "m" * 32, "1" * 40, "2" * 64, "5" * 128)
    return Package(key, "deb", text.encode(), (file,))


@pytest.fixture
def large(serving, debrepo_root):
    """A server with a repository of many packages."""
    session = Session(debrepo_root, load_plugins())
    known = [package(number) for number in range(PACKAGES)]
    with session.db.write() as txn:
        catalog.add(txn, (catalog.Known(p.key.entry, encode(p), b"") for p in known))
        set_id = packageset.build(txn[catalog.CHUNKS], (p.key.entry for p in known))
        repos.create(txn, LocalRepo("large", set_id=set_id))
    session.close()
    return serving()


def peak(server):
    """Return the most memory that a server has held since the last time, in bytes."""
    process = Path(f"/proc/{server.process.pid}")
    found = re.search(r"VmHWM:\s*(\d+)", (process / "status").read_text())
    (process / "clear_refs").write_text("5")
    return int(found[1]) << 10


def ask(server, method, path, body=None):
    """Return status and size of an answer, read in pieces, as who stores it would."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=120)
    connection.request(method, path, body, encode_chunked=body is not None)
    response = connection.getresponse()
    size = sum(len(block) for block in iter(lambda: response.read(1 << 16), b""))
    connection.close()
    return response.status, size


def test_packages_are_sent_in_detail_as_they_are_read(large):
    ask(large, "GET", "/api/repos/large/packages?format=details&q=package00001")
    before = peak(large)
    status, size = ask(large, "GET", "/api/repos/large/packages?format=details")
    assert (status, size > PACKAGES * 1000) == (200, True)
    assert peak(large) - before < ALLOWED


def test_upload_is_stored_as_it_comes(serving, debrepo_root):
    server, size = serving(), 300 << 20
    ask(server, "PUT", "/api/files/d/small", iter([b"x"]))
    before = peak(server)
    block = bytes(1 << 20)
    status, _ = ask(server, "PUT", "/api/files/d/f", iter([block] * (size >> 20)))
    assert (status, (debrepo_root / "upload/d/f").stat().st_size) == (200, size)
    assert peak(server) - before < ALLOWED
