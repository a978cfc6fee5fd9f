"""Pull-through: a server answers apt for a lazy mirror, and fetches what is asked for."""

import gzip
import hashlib
import itertools
import lzma
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests

ALPHA = "pool/main/a/alpha/alpha_1.0_amd64.deb"
PACKAGES = "dists/stable/main/binary-amd64/Packages"
PLAIN = {"": bytes, ".gz": gzip.decompress, ".xz": lzma.decompress}


@pytest.fixture
def listing(debrepo_root, trusting, server):
    """Mirror the archive lazily; return what runs commands of mirrors."""
    debrepo_root.mkdir(parents=True, exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text("[mirror]\nretry_pause = 0\n")
    trusting("create", "debian", server.url, "stable", "main", "--download", "lazy")
    trusting("update", "debian")
    server.clear()
    return trusting


@pytest.fixture
def mirrors(listing, api):
    """Return what asks a server for a file of the mirror."""
    return lambda path, **more: api.get(f"/mirrors/debian/{path}", **more)


@pytest.fixture
def running(listing, serving):
    """Return the same of a server in a process of its own, beside which commands run."""
    url = serving().url
    return lambda path: requests.get(f"{url}/mirrors/{path}", timeout=60)


def test_release_files_and_indexes_are_those_of_the_last_update(archive, server, mirrors):
    before = (archive.dists / "InRelease").read_bytes()
    archive.deb("delta")
    archive.write()
    assert mirrors("dists/stable/InRelease").content == before
    server.fault("*", "drop", times=None)
    answers = {suffix: mirrors(PACKAGES + suffix) for suffix in ("", ".gz", ".xz")}
    here = [suffix for suffix, answer in answers.items() if answer.status_code == 200]
    assert len(here) == 1  # the compression that the update has read
    assert b"delta" not in PLAIN[here[0]](answers[here[0]].content)


def test_indexes_that_are_listed_by_sha512_alone_are_served(archive, listing, server, running):
    archive.lists = ("SHA512",)
    archive.extra["main/i18n/Translation-en.xz"] = b"translated"
    archive.write()
    listing("update", "debian")
    server.fault("*", "drop", times=None)
    for path in (f"{PACKAGES}.xz", "dists/stable/main/i18n/Translation-en.xz"):
        data = (archive.root / path).read_bytes()
        assert running(f"debian/{path}").content == data
        named = f"{path.rpartition('/')[0]}/by-hash/SHA512/{hashlib.sha512(data).hexdigest()}"
        assert running(f"debian/{named}").content == data


def test_indexes_are_answered_by_hash(archive, listing, running):
    archive.by_hash = True
    archive.write()
    listing("update", "debian")
    for suffix in ("", ".gz", ".xz"):
        data = (archive.dists / f"main/binary-amd64/Packages{suffix}").read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        path = f"debian/dists/stable/main/binary-amd64/by-hash/SHA256/{digest}"
        answer = running(path)
        assert answer.content == data
        assert "immutable" in answer.headers["cache-control"]
    archive.deb("delta")
    archive.write()
    listing("update", "debian")
    assert running(path).content == data  # of the Release file before this one
    assert running(f"debian/{PACKAGES}.xz").content != data


def test_package_file_is_fetched_at_the_first_request(archive, server, mirrors):
    data = (archive.root / ALPHA).read_bytes()
    assert mirrors(ALPHA).content == data
    assert mirrors(ALPHA).content == data
    part = mirrors(ALPHA, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert len(server.asked("pool/*")) == 1
    server.fault("*", "drop", times=None)
    assert mirrors(ALPHA).content == data


def test_file_is_fetched_once_for_many_clients(archive, server, listing, serving):
    server.fault(ALPHA, "hold", keep=10)
    url = f"{serving().url}/mirrors/debian/{ALPHA}"
    with ThreadPoolExecutor(12) as threads:
        answers = [threads.submit(requests.get, url, timeout=60) for _ in range(12)]
        server.wait_for(1, ALPHA)
        server.release()
        contents = {answer.result().content for answer in answers}
    assert contents == {(archive.root / ALPHA).read_bytes()}
    assert len(server.asked(ALPHA)) == 1


@pytest.fixture
def large(archive, listing):
    """Let the archive have a large package; return its path."""
    path = archive.deb("large", content=random.Random(1).randbytes(900_000))
    archive.write()
    listing("update", "debian")
    return str(path.relative_to(archive.root))


def test_large_file_is_sent_while_it_comes(archive, server, large, serving):
    data = (archive.root / large).read_bytes()
    server.fault(large, "hold", keep=400_000)
    url = f"{serving().url}/mirrors/debian/{large}"
    with requests.get(url, stream=True, timeout=60) as answer:
        assert int(answer.headers["content-length"]) == len(data)
        pieces = answer.iter_content(10_000)
        begin = b"".join(itertools.islice(pieces, 20))
        server.release()
        assert begin + b"".join(pieces) == data
    assert requests.get(url, timeout=60).content == data
    assert len(server.asked(large)) == 1


def test_part_of_a_large_file_is_sent_when_it_is_here(archive, server, large, mirrors):
    part = mirrors(large, headers={"Range": "bytes=500000-500009"})
    assert part.content == (archive.root / large).read_bytes()[500_000:500_010]
    assert len(server.asked(large)) == 1


@pytest.mark.parametrize("fault", ["corrupt", "truncate", "longer"])
def test_no_client_has_a_whole_file_that_is_not_verified(archive, server, large, serving, fault):
    data = (archive.root / large).read_bytes()
    server.fault(large, fault, times=None)
    url = f"{serving().url}/mirrors/debian/{large}"
    received = b""
    with requests.get(url, stream=True, timeout=60) as answer:
        if answer.status_code == 200:
            with suppress(requests.RequestException):
                for piece in answer.iter_content(10_000):
                    received += piece
            assert len(received) < len(data)
        else:
            assert answer.status_code == 502
    server.faults.clear()
    assert requests.get(url, timeout=60).content == data


def test_file_that_comes_twice_from_the_start_is_sent_once(archive, server, large, serving):
    """An attempt that ended early is gone on with, and what was sent of it stays good."""
    data = (archive.root / large).read_bytes()
    server.ranges = False
    server.fault(large, "truncate", keep=400_000)
    url = f"{serving().url}/mirrors/debian/{large}"
    assert requests.get(url, timeout=60).content == data
    assert len(server.asked(large)) == 2


def test_connections_are_kept_from_one_file_to_the_next(archive, server, mirrors):
    for name in ("alpha", "beta", "gamma"):
        assert mirrors(f"pool/main/{name[0]}/{name}/{name}_1.0_amd64.deb").status_code == 200
    assert len({seen.connection for seen in server.asked("pool/*")}) == 1


def test_file_that_the_archive_has_no_more_is_not_found(archive, server, mirrors):
    (archive.root / ALPHA).unlink()
    answer = mirrors(ALPHA)
    assert answer.status_code == 404
    assert server.url + ALPHA in answer.json()["error"]
    server.fault("*", "drop", times=None)
    assert mirrors("pool/main/b/beta/beta_1.0_amd64.deb").status_code == 502


def test_clients_have_no_more_fetched_than_the_configuration_says(
    debrepo, debrepo_root, archive, listing, serving
):
    size = (archive.root / ALPHA).stat().st_size
    with (debrepo_root / "debrepo.toml").open("a") as file:
        file.write(f"limits.pulled = {size + 10}\n")
    url = f"{serving().url}/mirrors/debian"
    beta = f"{url}/pool/main/b/beta/beta_1.0_amd64.deb"
    assert requests.get(f"{url}/{ALPHA}", timeout=60).status_code == 200
    answer = requests.get(beta, timeout=60)
    assert answer.status_code == 507
    assert "mirror.limits.pulled" in answer.json()["hint"]
    assert requests.get(f"{url}/{ALPHA}", timeout=60).status_code == 200
    archive.stanzas["main/binary-amd64/Packages"].pop(0)
    archive.write()
    listing("update", "debian")
    debrepo("db", "cleanup", "--no-trash")
    assert requests.get(beta, timeout=60).status_code == 200


def test_no_byte_of_a_small_file_is_sent_that_is_not_verified(server, mirrors):
    for fault in ("corrupt", "truncate", "longer"):
        server.fault(ALPHA, fault, times=None)
        answer = mirrors(ALPHA)
        assert answer.status_code == 502
        assert server.url + ALPHA in answer.json()["error"]
        server.faults.clear()
    assert mirrors(ALPHA).status_code == 200


def test_fetch_goes_on_when_its_client_goes_away(archive, server, listing, serving):
    server.fault(ALPHA, "hold", keep=10)
    url = f"{serving().url}/mirrors/debian/{ALPHA}"
    with pytest.raises(requests.Timeout):
        requests.get(url, timeout=(60, 0.2))
    server.wait_for(1, ALPHA)
    server.release()
    assert requests.get(url, timeout=60).content == (archive.root / ALPHA).read_bytes()
    assert len(server.asked(ALPHA)) == 1


@pytest.mark.parametrize(
    "path",
    [
        "pool/main/n/none/none_1.0_amd64.deb",
        "pool/../../../etc/passwd",
        "dists/stable/contrib/binary-amd64/Packages.xz",
        "dists/stable/main/binary-arm64/Packages.xz",
        "dists/stable/before/InRelease",
        "dists/other/InRelease",
        f"dists/stable/main/binary-amd64/by-hash/SHA256/{64 * '0'}",
        "dists/stable/main/binary-amd64/by-hash/CRC32/00000000000000000000000000000000",
        "",
        "a" * 3000,
    ],
)
def test_what_a_mirror_does_not_have_is_not_asked_for(server, mirrors, path):
    assert mirrors(path).status_code == 404
    assert not server.asked("*")


@pytest.mark.parametrize(
    "options", [["--download", "all"], ["--filter", "alpha"], ["--latest"]], ids=" ".join
)
def test_mirror_that_is_not_the_archive_is_not_served(listing, running, options):
    listing("edit", "debian", *options)
    answer = running("debian/dists/stable/InRelease")
    assert answer.status_code == 404
    assert "publish it" in answer.json()["hint"]
    assert running("other/dists/stable/InRelease").status_code == 404


def test_mirror_is_private_to_those_who_may_download_it(debrepo, listing, serving):
    url = f"{serving('--require-token').url}/mirrors/debian/{ALPHA}"

    def status(*scopes):
        if not scopes:
            return requests.get(url, timeout=60).status_code
        words = [word for scope in scopes for word in ("--scope", scope)]
        token = debrepo("token", "create", f"t{len(scopes[0])}", *words).output.split()[-1]
        return requests.get(url, auth=("x", token), timeout=60).status_code

    assert status() == 401
    assert status("mirror:other:download") == 403
    assert status("download:*") == 403
    assert status("mirror:debian:download") == 200


def test_cleanup_keeps_what_clients_may_ask_for(debrepo, archive, listing, server, serving):
    root = f"{serving().url}/mirrors/debian"
    for path in (ALPHA, PACKAGES + ".gz"):
        assert requests.get(f"{root}/{path}", timeout=60).status_code == 200
    debrepo("db", "cleanup", "--no-trash")
    debrepo("db", "check")
    server.fault("*", "drop", times=None)
    for path in (ALPHA, PACKAGES + ".gz", "dists/stable/InRelease"):
        assert requests.get(f"{root}/{path}", timeout=60).status_code == 200


def test_renamed_mirror_is_served_under_its_new_name(listing, running):
    listing("rename", "debian", "bookworm")
    assert running("bookworm/dists/stable/InRelease").status_code == 200
    assert running(f"bookworm/{ALPHA}").status_code == 200
    listing("drop", "bookworm")
    assert running("bookworm/dists/stable/InRelease").status_code == 404
