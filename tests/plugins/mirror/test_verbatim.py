"""Verbatim mirrors: what the archive has signed is kept, and served, byte for byte."""

import hashlib

import pytest
from plugins.mirror.archives import SmallArchive, copied
from plugins.mirror.test_kills import started
from upstream import serving

from debrepo.testing.packages import build_deb
from debrepo_mirror import pulling

RELEASES = ("InRelease", "Release", "Release.gpg")
ALPHA = "pool/main/a/alpha/alpha_1.0_amd64.deb"
PACKAGES = "dists/stable/main/binary-amd64/Packages"


@pytest.fixture
def wide(archive):
    """Let the archive have more than packages, and more architectures than are mirrored."""
    archive.by_hash = True
    archive.deb("delta", architecture="arm64", index="main/binary-arm64/Packages")
    archive.source("alpha")
    archive.extra = {
        "main/i18n/Translation-en.bz2": b"translated",
        "main/Contents-amd64.gz": b"contents",
        "main/Contents-arm64.gz": b"of others",
        "main/dep11/Components-amd64.yml.gz": b"software",
        "main/binary-amd64/Packages.diff/Index": b"patches",
    }
    return archive.write()


@pytest.fixture
def whole(wide, trusting, server):
    """Mirror the archive verbatim; return what runs commands of mirrors."""
    words = ("stable", "main", "--verbatim", "--architectures", "amd64", "--with-sources")
    trusting("create", "debian", server.url, *words)
    trusting("update", "debian")
    return trusting


@pytest.fixture
def ask(request):
    """Return what asks our server for a file of a mirror; no command runs any more then."""
    return lambda path, name="debian": request.getfixturevalue("api").get(f"/mirrors/{name}/{path}")


@pytest.fixture
def away(whole, server, ask):
    """Return the same, while the archive is away."""
    server.fault("*", "drop", times=None)
    return ask


def bytes_of(archive, path):
    return (archive.root / path).read_bytes()


def hashed(archive, path):
    digest = hashlib.sha256(bytes_of(archive, path)).hexdigest()
    return f"{path.rpartition('/')[0]}/by-hash/SHA256/{digest}"


def test_everything_is_served_byte_for_byte_while_the_archive_is_away(wide, away):
    paths = [
        *(f"dists/stable/{name}" for name in RELEASES),
        *(f"{PACKAGES}{suffix}" for suffix in (".gz", ".xz")),
        "dists/stable/main/source/Sources.xz",
        "dists/stable/main/i18n/Translation-en.bz2",
        "dists/stable/main/Contents-amd64.gz",
        hashed(wide, f"{PACKAGES}.gz"),
        hashed(wide, "dists/stable/main/i18n/Translation-en.bz2"),
        ALPHA,
        "pool/main/a/alpha/alpha_1.0-1.dsc",
    ]
    for path in paths:
        answer = away(path)
        assert (path, answer.status_code) == (path, 200)
        assert answer.content == bytes_of(wide, path), path


def test_parts_that_are_not_mirrored_are_neither_fetched_nor_served(wide, whole, server, ask):
    paths = [
        "dists/stable/main/binary-arm64/Packages.xz",
        "dists/stable/main/Contents-arm64.gz",
        "dists/stable/main/dep11/Components-amd64.yml.gz",
        f"{PACKAGES}.diff/Index",
        "pool/main/d/delta/delta_1.0_arm64.deb",
    ]
    asked = {seen.path for seen in server.asked("*")}
    for path in paths:
        assert ask(path).status_code == 404
        assert path not in asked
        assert hashed(wide, path) not in asked


def test_package_file_that_is_no_package_of_ours_is_there_too(wide, trusting, server, ask):
    data = b"no package at all"
    wide.put(wide.root / "pool/main/o/odd.deb", data)
    digest = hashlib.sha256(data).hexdigest()
    stanza = f"Package: odd\nVersion: 1\nArchitecture: source\nSize: {len(data)}\n"
    stanza += f"Filename: pool/main/o/odd.deb\nSHA256: {digest}\n"
    wide.add("main/binary-amd64/Packages", stanza.encode())
    wide.write()
    trusting("create", "debian", server.url, "stable", "main", "--verbatim")
    trusting("update", "debian")
    assert "odd_1_source" in trusting("show", "debian", "--problems").output
    assert ask("pool/main/o/odd.deb").content == data


def test_clients_between_two_requests_find_the_state_before(wide, whole, ask):
    before = {path: bytes_of(wide, path) for path in (f"{PACKAGES}.xz", ALPHA)}
    names = {hashed(wide, f"{PACKAGES}.xz"): before[f"{PACKAGES}.xz"], ALPHA: before[ALPHA]}
    wide.stanzas["main/binary-amd64/Packages"].clear()
    wide.deb("epsilon")
    wide.write()
    (wide.root / ALPHA).unlink()
    whole("update", "debian")
    for path, data in names.items():
        assert ask(path).content == data
    new = ask(f"{PACKAGES}.xz")
    assert new.content == bytes_of(wide, f"{PACKAGES}.xz") != before[f"{PACKAGES}.xz"]


def test_nothing_new_is_one_request(whole, server):
    server.clear()
    assert "up to date" in whole("update", "debian").output
    assert len(server.asked("*")) == 1


def test_an_update_fetches_what_has_changed_alone(wide, whole, server):
    wide.deb("epsilon")
    wide.write()
    server.clear()
    whole("update", "debian")
    asked = {seen.path for seen in server.asked("*") if ".diff/" not in seen.path}
    assert asked == {
        *(f"dists/stable/{name}" for name in RELEASES),
        hashed(wide, f"{PACKAGES}.xz"),
        hashed(wide, f"{PACKAGES}.gz"),
        "pool/main/e/epsilon/epsilon_1.0_amd64.deb",
    }


@pytest.mark.parametrize("by_hash", [True, False], ids=["by hash", "by name"])
def test_archive_that_changes_in_the_middle_is_mirrored_in_one_of_its_states(
    archive, trusting, server, tmp_path, ask, by_hash
):
    archive.by_hash = by_hash
    archive.extra = {f"main/i18n/Translation-{n}.bz2": b"old %d" % n for n in range(4)}
    archive.write()
    later = copied(archive, tmp_path / "later")
    later.deb("epsilon")
    later.extra = {f"main/i18n/Translation-{n}.bz2": b"new %d" % n for n in range(4)}
    later.date += 60
    later.write()
    trusting("create", "debian", server.url, "stable", "main", "--verbatim")
    server.switch(later.root, after=4)
    trusting("update", "debian")
    release = ask("dists/stable/InRelease").content
    state = next(
        one for one in (archive, later) if release == bytes_of(one, "dists/stable/InRelease")
    )
    for path in (f"{PACKAGES}.xz", *(f"dists/stable/{path}" for path in archive.extra)):
        assert ask(path).content == bytes_of(state, path)


def test_update_that_is_killed_leaves_the_state_before(
    wide, whole, server, debrepo, debrepo_root, opened, ask
):
    before = bytes_of(wide, "dists/stable/InRelease")
    path = "dists/stable/main/i18n/Translation-en.bz2"
    wide.extra["main/i18n/Translation-en.bz2"] = b"translated anew"
    wide.deb("epsilon")
    wide.write()
    server.fault(hashed(wide, path), "hold", keep=4)
    process = started(debrepo_root)
    server.wait_for(1, hashed(wide, path))
    process.kill()
    process.wait()
    with opened() as session:
        found = pulling.find(session, "debian", "dists/stable/InRelease")
    assert found.sha256 == hashlib.sha256(before).hexdigest()
    debrepo("db", "check")
    whole("update", "debian")
    assert ask("dists/stable/InRelease").content == bytes_of(wide, "dists/stable/InRelease")
    assert ask(path).content == b"translated anew"


def test_release_of_another_state_than_inrelease_is_left_out(wide, trusting, server, ask):
    stale = (wide.dists / "Release").read_bytes()
    gone = wide.date
    wide.deb("epsilon")
    wide.write()
    assert wide.date > gone
    wide.put(wide.dists / "Release", stale)
    trusting("create", "debian", server.url, "stable", "main", "--verbatim")
    trusting("update", "debian")
    found = {name: ask(f"dists/stable/{name}").status_code for name in RELEASES}
    assert found == {"InRelease": 200, "Release": 404, "Release.gpg": 404}


def test_file_that_is_listed_and_not_there_is_a_problem(wide, trusting, server):
    server.hide("*Translation-en*")
    server.hide("*Translation-en.bz2*")
    digest = hashlib.sha256(b"translated").hexdigest()
    server.hide(f"*{digest}")
    trusting("create", "debian", server.url, "stable", "main", "--verbatim")
    trusting("update", "debian")
    assert (
        "Translation-en it is listed, and not there"
        in trusting("show", "debian", "--problems").output
    )


def test_lazy_verbatim_mirror_has_all_indexes_and_fetches_packages(wide, trusting, server, ask):
    words = ("stable", "main", "--verbatim", "--download", "lazy")
    trusting("create", "debian", server.url, *words)
    trusting("update", "debian")
    assert not server.asked("pool/*")
    path = "dists/stable/main/i18n/Translation-en.bz2"
    server.clear()
    assert ask(path).content == bytes_of(wide, path)
    assert not server.asked("*")
    assert ask(ALPHA).content == bytes_of(wide, ALPHA)
    assert len(server.asked("*")) == 1


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--filter", "alpha"), "a filter"),
        (("--latest",), "the newest versions alone"),
        (("--pin", "alpha=1.*"), "pins"),
        (("--with-installer",), "installer images"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value[0],
)
def test_what_makes_verbatim_impossible_is_refused(whole, server, words, what):
    error = f"Error: mirror {{}} cannot be verbatim with {what}\n"
    create = ("create", "other", server.url, "stable", "main", "--verbatim")
    assert error.format("other") in whole(*create, *words, exit_code=2).output
    result = whole("edit", "debian", *words, exit_code=2)
    assert error.format("debian") in result.output
    assert "--no-verbatim" in result.output
    whole("edit", "debian", "--no-verbatim", *words)


def test_rule_that_keeps_a_package_out_makes_verbatim_impossible(
    debrepo, debrepo_root, wide, trusting, server
):
    trusting("create", "debian", server.url, "stable", "main", "--verbatim")
    (debrepo_root / "debrepo.toml").write_text(
        '[policy.house]\nrepo = ["mirror:*"]\ndeny = "beta"\n'
    )
    result = trusting("update", "debian", exit_code=2)
    assert "mirror debian cannot be verbatim: beta_1.0_amd64 may not come in" in result.output
    assert "Last update: never" in trusting("show", "debian").output


def test_cleanup_keeps_what_verbatim_mirrors_serve(debrepo, wide, away):
    debrepo("db", "cleanup", "--no-trash")
    debrepo("db", "check")
    for path in (f"{PACKAGES}.gz", "dists/stable/Release.gpg", ALPHA):
        assert away(path).content == bytes_of(wide, path)


def test_dropped_mirror_leaves_nothing_behind(debrepo, debrepo_root, whole):
    whole("rename", "debian", "other")
    whole("drop", "other")
    debrepo("db", "cleanup", "--no-trash")
    assert not [path for path in (debrepo_root / "pool").rglob("*") if len(path.name) == 62]


def test_flat_repository_is_served_verbatim(tmp_path, archive_key, trusting, ask):
    flat = SmallArchive(tmp_path / "flat", archive_key, "./")
    deb = build_deb(flat.root, "alpha", "1.0", "amd64")
    said = flat.control(deb) + "".join(f"{k}: {v}\n" for k, v in flat.about(deb).items()).encode()
    flat.add("Packages", said)
    flat.write()
    with serving(flat.root) as server:
        trusting("create", "flat", server.url, "./", "--verbatim", "--architectures", "amd64")
        trusting("update", "flat")
    for path in ("InRelease", "Packages.xz", deb.name):
        assert ask(path, "flat").content == (flat.root / path).read_bytes()
