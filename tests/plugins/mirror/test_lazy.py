"""Lazy mirrors: the whole index at once, and each file when it is first needed."""

import hashlib
import subprocess
import sys
import threading

import pytest

from debrepo_mirror import lazy, origins

PUBLISH = ("publish", "snapshot", "monday", "--skip-signing")


@pytest.fixture
def listing(debrepo, trusting, server):
    """Mirror the archive lazily; return what runs commands of mirrors."""
    trusting("create", "debian", server.url, "stable", "main", "--download", "lazy")
    trusting("update", "debian")
    assert not server.asked("pool/*")
    return trusting


@pytest.fixture
def snapshot(debrepo, listing):
    """Make a snapshot of the lazy mirror."""
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")


def debs(directory):
    return sorted(path.name for path in directory.rglob("*.deb"))


def pool_of(root):
    found = [path for path in (root / "pool").rglob("*") if len(path.name) == 62]
    return [path for path in found if path.read_bytes().startswith(b"!<arch>")]


def test_publish_fetches_each_file_once_and_verified(
    debrepo, debrepo_root, archive, server, snapshot
):
    debrepo(*PUBLISH)
    published = debrepo_root / "public" / "pool"
    assert debs(published) == debs(archive.root)
    for path in published.rglob("*.deb"):
        (original,) = archive.root.rglob(path.name)
        assert path.read_bytes() == original.read_bytes()
    assert len(server.asked("pool/*")) == 3
    debrepo("publish", "snapshot", "monday", "other", "--skip-signing")
    assert len(server.asked("pool/*")) == 3
    debrepo("publish", "verify", "stable", "--files")
    debrepo("db", "check")


def test_only_what_a_publication_needs_is_fetched(debrepo, debrepo_root, server, snapshot):
    debrepo("snapshot", "filter", "monday", "some", "alpha")
    debrepo("publish", "snapshot", "some", "--skip-signing")
    assert [seen.path for seen in server.asked("pool/*")] == [
        "pool/main/a/alpha/alpha_1.0_amd64.deb"
    ]
    assert len(pool_of(debrepo_root)) == 1


def test_contents_of_a_lazy_mirror_are_published(debrepo, debrepo_root, snapshot):
    debrepo(*PUBLISH, "--contents")
    (contents,) = (debrepo_root / "public/dists/stable").rglob("Contents-amd64.gz")
    assert (
        b"usr/share/alpha"
        in subprocess.run(["gzip", "-dc", contents], capture_output=True, check=True).stdout
    )


def test_other_lists_take_packages_whose_files_are_elsewhere(debrepo, server, snapshot):
    debrepo("repo", "create", "own")
    debrepo("repo", "import", "mirror:debian", "own", "alpha")
    debrepo("repo", "create", "second")
    debrepo("repo", "copy", "own", "second", "alpha")
    assert "alpha_1.0_amd64" in debrepo("package", "show", "alpha").output
    debrepo("package", "show", "alpha", "--with-files")
    debrepo("package", "lint", "snapshot:monday")
    debrepo("db", "check")
    debrepo("db", "check", "--deep")
    assert not server.asked("pool/*")
    debrepo("publish", "repo", "second", "--skip-signing", "--distribution", "web")
    assert len(server.asked("pool/*")) == 1


@pytest.mark.parametrize("fault", ["corrupt", 404])
def test_file_that_cannot_be_had_leaves_the_publication_as_it_was(
    debrepo, debrepo_root, archive, server, listing, fault
):
    debrepo("publish", "mirror", "debian", "--skip-signing", "--distribution", "stable")
    archive.deb("delta")
    archive.deb("epsilon")
    archive.write()
    listing("update", "debian")
    before = (debrepo_root / "public/dists/stable/Release").read_bytes()
    path = "pool/main/d/delta/delta_1.0_amd64.deb"
    server.fault(path, fault, times=None)
    result = debrepo("publish", "update", "stable", exit_code=7)
    assert "delta_1.0_amd64.deb" in result.output
    assert server.url + path in result.output
    assert "Traceback" not in result.output
    assert (debrepo_root / "public/dists/stable/Release").read_bytes() == before
    debrepo("publish", "verify", "stable", "--files")
    server.faults.clear()
    debrepo("publish", "update", "stable")
    assert len(server.asked("pool/main/e/*")) == 1  # it was kept
    debrepo("db", "check")


def test_files_are_still_fetched_after_the_mirror_is_dropped(debrepo, debrepo_root, listing):
    debrepo("snapshot", "create", "monday", "from", "mirror", "debian")
    listing("drop", "debian", "--force")
    debrepo("db", "cleanup", "--no-trash")
    debrepo("db", "check")
    debrepo(*PUBLISH)
    assert len(debs(debrepo_root / "public" / "pool")) == 3


def test_cleanup_drops_the_origins_of_what_no_list_has(debrepo, opened, archive, listing):
    archive.clear()
    archive.deb("delta")
    archive.write()
    listing("update", "debian")
    with opened() as session, session.db.read() as txn:
        assert len(list(origins.listed(txn))) == 4
    debrepo("db", "cleanup", "--no-trash")
    with opened() as session, session.db.read() as txn:
        assert len(list(origins.listed(txn))) == 1
        assert len(txn[origins.PLACES]) == 1
    listing("drop", "debian")
    debrepo("db", "cleanup", "--no-trash")
    with opened() as session, session.db.read() as txn:
        assert not txn[origins.ORIGINS]
        assert not txn[origins.PLACES]


def test_file_is_fetched_from_another_mirror_where_the_first_has_it_no_more(
    debrepo, debrepo_root, archive, server, listing, tmp_path
):
    from plugins.mirror.archives import copied
    from upstream import serving

    other = copied(archive, tmp_path / "other")
    with serving(other.root) as second:
        listing("create", "second", second.url, "stable", "main", "--download", "lazy")
        listing("update", "second")
        second.hide("pool/*")
        debrepo("publish", "mirror", "second", "--skip-signing", "--distribution", "stable")
    assert len(debs(debrepo_root / "public" / "pool")) == 3
    assert len(server.asked("pool/*")) == 3


def test_lazy_mirror_becomes_a_whole_one_and_back(debrepo, debrepo_root, listing, server):
    debrepo("snapshot", "create", "sooner", "from", "mirror", "debian")
    listing("edit", "debian", "--download", "all")
    assert "3 files" in listing("update", "debian", "--dry-run").output
    listing("update", "debian")
    assert len(server.asked("pool/*")) == 3
    assert len(pool_of(debrepo_root)) == 3
    debrepo("snapshot", "create", "later", "from", "mirror", "debian")
    assert "identical" in debrepo("snapshot", "diff", "sooner", "later").output
    listing("edit", "debian", "--download", "lazy")
    listing("update", "debian")
    assert len(server.asked("pool/*")) == 3
    debrepo("publish", "mirror", "debian", "--skip-signing", "--distribution", "stable")
    debrepo("db", "cleanup", "--no-trash")
    debrepo("db", "check")


def test_file_is_fetched_once_for_threads_and_processes_that_need_it(
    opened, debrepo_root, archive, listing, server
):
    path = "pool/main/a/alpha/alpha_1.0_amd64.deb"
    server.fault(path, "hold", keep=10)
    script = (
        "import sys; from pathlib import Path; from debrepo.plugins import load_plugins;"
        "from debrepo.session import Session; from debrepo import remote_files;"
        "s = Session(Path(sys.argv[1]), load_plugins());"
        "remote_files.fetch(s, [(sys.argv[2], int(sys.argv[3]))]);"
        "print(sys.argv[2] in s.pool); s.close()"
    )
    with opened() as session:
        with session.db.read() as txn:
            found = origins.find(txn, origins.listed(txn)).items()
            digest = next(digest for digest, known in found if known[0].path == path)
        first = threading.Thread(target=lazy.fetch, args=(session, frozenset([digest])))
        first.start()
        server.wait_for(1, path)
        second = threading.Thread(target=lazy.fetch, args=(session, frozenset([digest])))
        second.start()
        size = str((archive.root / path).stat().st_size)
        command = [sys.executable, "-c", script, debrepo_root, digest, size]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            server.release()
            assert process.communicate()[0] == b"True\n"
        first.join()
        second.join()
        assert hashlib.sha256(session.pool.path(digest).read_bytes()).hexdigest() == digest
    assert len(server.asked(path)) == 1


def test_publish_that_is_killed_while_it_fetches_is_done_by_the_next_one(
    debrepo, debrepo_root, archive, server, snapshot
):
    path = "pool/main/b/beta/beta_1.0_amd64.deb"
    server.fault(path, "hold", keep=10)
    command = [sys.executable, "-m", "debrepo", "--root", str(debrepo_root), *PUBLISH]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        server.wait_for(1, path)
        process.kill()
    server.release()
    debrepo("db", "check")
    assert not list((debrepo_root / "public").rglob("Release"))
    debrepo(*PUBLISH)
    assert debs(debrepo_root / "public" / "pool") == debs(archive.root)
    debrepo("publish", "verify", "stable", "--files")


def test_file_that_a_power_failure_has_cut_short_is_fetched_again(
    debrepo, debrepo_root, archive, server, snapshot
):
    (original,) = archive.root.rglob("alpha*.deb")
    digest = hashlib.sha256(original.read_bytes()).hexdigest()
    short = debrepo_root / "pool" / digest[:2] / digest[2:]
    short.parent.mkdir(parents=True, exist_ok=True)
    short.write_bytes(b"")
    debrepo(*PUBLISH)
    (published,) = (debrepo_root / "public" / "pool").rglob("alpha*.deb")
    assert published.read_bytes() == original.read_bytes()


def test_archive_that_is_not_allowed_any_more_is_not_asked(debrepo, debrepo_root, server, snapshot):
    (debrepo_root / "debrepo.toml").write_text('[mirror]\nurls = ["https://mirror.example.org/"]\n')
    result = debrepo(*PUBLISH, exit_code=7)
    assert "mirror.urls does not allow" in result.output
    assert not server.asked("pool/*")


def test_repair_puts_a_lost_file_back_from_the_archive(debrepo, debrepo_root, server, snapshot):
    debrepo(*PUBLISH)
    (lost,) = (debrepo_root / "public").rglob("alpha*.deb")
    digest = hashlib.sha256(lost.read_bytes()).hexdigest()
    lost.unlink()
    (debrepo_root / "pool" / digest[:2] / digest[2:]).unlink()
    debrepo("db", "check")
    debrepo("publish", "repair", "stable")
    assert hashlib.sha256(lost.read_bytes()).hexdigest() == digest
    debrepo("publish", "verify", "stable", "--files")


def test_installer_images_and_metadata_are_fetched_when_they_are_published(
    debrepo, debrepo_root, archive, trusting, server
):
    archive.extra = {"main/dep11/Components-amd64.yml.gz": b"no gzip, and nobody looks"}
    archive.write()
    trusting(
        "create", "debian", server.url, "stable", "main", "--with-appstream", "--download", "lazy"
    )
    trusting("update", "debian")
    assert not server.asked("*dep11*")
    debrepo("publish", "mirror", "debian", "--skip-signing", "--distribution", "stable")
    assert (debrepo_root / "public/dists/stable/main/dep11/Components-amd64.yml.gz").read_bytes()
