"""PDiffs: patches lead to the index of today, one for each version that a client may have."""

import gzip
import random
import re
import subprocess
from itertools import pairwise

import pytest

from debrepo.testing.packages import build_deb
from debrepo_publish.indexes import ed_scripts
from debrepo_publish.indexes.cache import opened

DIFFS = "dists/stable/main/binary-amd64/Packages.diff"


@pytest.fixture
def add(debrepo, tmp_path):
    debrepo("repo", "create", "r", "--distribution", "stable")

    def run(*names, version="1.0"):
        place = tmp_path / f"debs-{version}-{names[0]}"
        place.mkdir()
        for name in names:
            build_deb(place, name, version)
        debrepo("repo", "add", "r", place)

    return run


@pytest.fixture
def publish(debrepo, debrepo_root):
    """Publish; return Packages as it is now."""
    root = debrepo_root / "public/dists/stable"

    def run(*options):
        words = ("update", "stable") if root.exists() else ("repo", "r", "--skip-signing")
        debrepo("publish", *words, "--skip-contents", *options)
        return gzip.decompress((root / "main/binary-amd64/Packages.gz").read_bytes())

    return run


@pytest.fixture
def diffs(debrepo_root):
    """Return what the list of patches says, and the patches: both by name."""
    root = debrepo_root / "public/dists/stable"

    def read():
        if "Packages.diff/Index" not in (root / "Release").read_text():
            return "", {}
        text = (root / "main/binary-amd64/Packages.diff/Index").read_text()
        names = re.findall(r"^ \w{64} \d+ (\S+)\.gz$", text, re.M)
        packed = {n: root / f"main/binary-amd64/Packages.diff/{n}.gz" for n in names}
        return text, {name: gzip.decompress(path.read_bytes()) for name, path in packed.items()}

    return read


def patched(text, script, tmp_path):
    """Apply a script with the real patch program."""
    (tmp_path / "old").write_bytes(text)
    (tmp_path / "script").write_bytes(script)
    command = ["patch", "--ed", "-s", "old", "script"]
    subprocess.run(command, cwd=tmp_path, check=True)
    return (tmp_path / "old").read_bytes()


def applied(text, hunks):
    lines = text.split(b"\n")[:-1]
    for start, stop, new in reversed(hunks):
        lines[start:stop] = new
    return b"".join(line + b"\n" for line in lines)


def _texts(chance, count):
    old = [b"%d\nx: %d\n\n" % (n, chance.randrange(3)) for n in range(12) if chance.random() > 0.3]
    found = [b"".join(old)]
    for _ in range(count):
        new = {one.split(b"\n")[0]: one for one in old if chance.random() > 0.3}
        for n in chance.choices(range(12), k=4):
            new[b"%d" % n] = b"%d\nx: %d\ny: %d\n\n" % (n, chance.randrange(3), chance.randrange(2))
        old = [new[key] for key in sorted(new, key=int)]
        found.append(b"".join(old))
    return found


def test_scripts_lead_from_one_text_to_another_and_joined_ones_further():
    chance = random.Random(11)
    for _ in range(300):
        texts = _texts(chance, 3)
        steps = [list(ed_scripts.between(a, b)) for a, b in pairwise(texts)]
        for step, (before, after) in zip(steps, pairwise(texts), strict=True):
            assert applied(before, step) == after
            assert ed_scripts.parse(ed_scripts.script(step)) == [
                hunk._replace(lines=list(hunk.lines)) for hunk in step
            ]
        whole = ed_scripts.compose(ed_scripts.compose(steps[0], steps[1]), steps[2])
        assert applied(texts[0], whole) == texts[3]


def test_texts_in_another_order_are_replaced_as_a_whole():
    old, new = b"a\n\nb\n\nc\n\n", b"b\n\na\n\nc\n\nd\n\n"
    assert applied(old, list(ed_scripts.between(old, new))) == new


def test_patches_lead_from_each_version_to_that_of_today(add, publish, diffs, tmp_path, clock):
    add(*(f"p{number:03}" for number in range(300)))
    texts = [publish("--pdiffs", "30")]
    assert diffs() == ("", {})
    for number, name in enumerate(("p007", "aaa", "zzz", "p250")):
        clock(1_800_000_000 + 60 * (number + 1))
        add(name, version="2.0")
        texts.append(publish())
    index, scripts = diffs()
    assert "X-Patch-Precedence: merged\n" in index
    assert list(scripts) == sorted(scripts)
    assert len(scripts) == 4
    for text, script in zip(texts, scripts.values(), strict=False):
        assert patched(text, script, tmp_path) == texts[-1]
        assert len(script) < 2000
    release = (tmp_path / "root/public/dists/stable/Release").read_text()
    assert re.search(r"main/binary-amd64/Packages\.diff/Index$", release, re.M)
    assert "T-" not in release


def test_versions_of_one_second_have_patches_of_their_own(add, publish, diffs, clock):
    clock(1_800_000_000)
    add(*(f"p{number:03}" for number in range(200)))
    publish("--pdiffs", "30")
    for name in ("aaa", "mmm", "zzz"):
        add(name)
        publish()
    _, patches = diffs()
    assert len(patches) == 3
    assert len(set(patches.values())) == 3


def test_unchanged_index_keeps_its_patches(add, publish, diffs, clock):
    add(*(f"p{number:03}" for number in range(40)))
    publish("--pdiffs", "30")
    add("new")
    clock(1_800_000_060)
    publish()
    before = diffs()
    assert before[1]
    clock(1_800_000_120)
    publish("--label", "x")
    assert diffs() == before
    publish("--force")
    assert diffs() == before


def test_old_patches_go_and_all_of_them_with_the_option(add, publish, diffs, clock, debrepo_root):
    add(*(f"p{number:03}" for number in range(40)))
    publish("--pdiffs", "2", "--grace", "0s", "--keep-generations", "0")
    for day in range(1, 5):
        clock(1_800_000_000 + day * 86400)
        add(f"new{day}")
        publish()
    assert len(diffs()[1]) == 2
    root = debrepo_root / "public/dists/stable/main/binary-amd64/Packages.diff"
    clock(1_800_000_000 + 5 * 86400)
    publish("--pdiffs", "0")
    assert "Packages.diff" not in (root.parents[2] / "Release").read_text()
    clock(1_800_000_000 + 6 * 86400)
    publish("--label", "x")
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_patches_begin_anew_without_the_cache(add, publish, diffs, debrepo_root, clock):
    add(*(f"p{number:03}" for number in range(40)))
    publish("--pdiffs", "30")
    clock(1_800_000_060)
    add("new")
    publish()
    with opened(debrepo_root) as cache:
        cache.keep([])
        cache.keep_texts([])
    clock(1_800_000_120)
    add("newer")
    publish()
    assert diffs() == ("", {})
    clock(1_800_000_180)
    add("newest")
    publish()
    assert len(diffs()[1]) == 1


def test_patch_that_is_no_smaller_than_the_index_is_left_out(add, publish, diffs, clock):
    add("a")
    publish("--pdiffs", "30")
    clock(1_800_000_060)
    add(*(f"p{number:03}" for number in range(40)))
    publish()
    assert diffs() == ("", {})


def test_verify_and_repair_know_patches(add, publish, diffs, debrepo, clock):
    add(*(f"p{number:03}" for number in range(40)))
    publish("--pdiffs", "30")
    clock(1_800_000_060)
    add("new")
    publish()
    debrepo("publish", "verify", "stable")
    debrepo("publish", "repair", "stable", "--reconcile")
    assert len(diffs()[1]) == 1


def test_same_changes_make_the_same_bytes(add, publish, diffs, debrepo, debrepo_root, clock):
    add(*(f"p{number:03}" for number in range(40)))
    publish("--pdiffs", "30")
    debrepo("publish", "repo", "r", "other", "--skip-signing", "--skip-contents", "--pdiffs", "30")
    clock(1_800_000_060)
    add("new")
    publish()
    debrepo("publish", "update", "stable", "other")
    found = {
        place: {
            path.name: path.read_bytes()
            for path in (
                debrepo_root / place / "dists/stable/main/binary-amd64/Packages.diff"
            ).glob("*")
            if path.is_file()
        }
        for place in ("public", "public/other")
    }
    assert found["public"]
    assert found["public"] == found["public/other"]


@pytest.mark.parametrize("value", ["x", "-1"])
def test_days_are_a_number(add, debrepo, value):
    add("a")
    debrepo("publish", "repo", "r", "--skip-signing", "--pdiffs", value, exit_code=2)
