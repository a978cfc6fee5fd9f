"""Closures in a real index, and in made-up ones, held against a solver of others."""

import glob
import random
import re
import shutil
import subprocess

import pytest

from debrepo import packageset
from debrepo.package import Package, PackageKey, encode
from debrepo.packageset import Lookup
from debrepo.resolver import Following, Universe, resolve
from debrepo.stanza import field, split

AMD64 = Following(architectures=("amd64",))
ROOTS = 12  # of a real index; by hand, 500 were tried
APT_LISTS = "/var/lib/apt/lists/*_dists_*_main_binary-amd64_Packages*"

pytestmark = pytest.mark.skipif(
    shutil.which("dose-debcheck") is None, reason="needs dose-debcheck, of dose-distcheck"
)


class Index:
    """The stanzas of a Packages file, as the catalog and a package set would have them."""

    def __init__(self, data):
        self.records = {}
        for stanza in split(data):
            name, version, architecture = (
                field(stanza, wanted) for wanted in ("Package", "Version", "Architecture")
            )
            entry = PackageKey(name, architecture, version, "0123456789abcdef").entry
            self.records[entry] = encode(Package(PackageKey.from_entry(entry), "deb", stanza, ()))
        store = {}
        self.lookup = Lookup(store, packageset.build(store, self.records))
        self.universe = Universe(self.records.__getitem__, offered=[self.lookup])

    def text(self, entries):
        return b"".join(self.records[entry].partition(b"\n\n")[2] + b"\n\n" for entry in entries)


def broken(path, text, *, only=""):
    """Return the names of the packages of which dose says that they cannot be installed."""
    path.write_bytes(text)
    command = ["dose-debcheck", "--failures", "--deb-native-arch=amd64", str(path)]
    if only:
        command[1:1] = ["--checkonly", only]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "broken-packages:" in done.stdout, done.stderr
    return set(re.findall(r"package: (\S+)", done.stdout))


@pytest.fixture(scope="module")
def debian():
    sizes = []
    for path in sorted(glob.glob(APT_LISTS)):
        command = ["/usr/lib/apt/apt-helper", "cat-file", path]
        done = subprocess.run(command, capture_output=True, check=False)
        sizes.append((len(done.stdout), done.stdout))
    if not sizes or max(sizes)[0] < 1_000_000:
        pytest.skip("apt has no large index here")
    return Index(max(sizes)[1])


def test_closures_in_debian_can_be_installed(debian, tmp_path):
    for root in random.Random(3).sample(sorted(debian.records), ROOTS):
        found = resolve(debian.universe, [root], AMD64)
        assert found.lacks == ()
        name, _, version, _ = PackageKey.from_entry(root)
        text = debian.text([root, *(one.entry for one in found.brought)])
        assert broken(tmp_path / "closure", text, only=f"{name}:amd64 (= {version})") == set()


def made_up(rng):
    """Return an index of 80 packages, many of which lack something, and none in conflict."""
    names = [f"p{number}" for number in range(80)]
    stanzas = []
    for name in names:
        relations = []
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            wanted = rng.sample([*names, "v0", "v1", "gone"], rng.choice((1, 1, 2, 3)))
            signs = rng.choices(("", " (>= 2)", " (<< 3)", " (= 1)"), (8, 1, 1, 1), k=3)
            relations.append(" | ".join(map(str.__add__, wanted, signs)))
        provides = rng.choice(
            ("", "", "v0", "v1 (= 2)", "gone (= 1)", f"{rng.choice(names)} (= 2)")
        )
        lines = [f"Package: {name}", f"Version: {rng.choice('123')}"]
        lines += [f"Architecture: {rng.choice(('all', 'amd64'))}"]
        lines += [f"Depends: {', '.join(relations)}"] if relations else []
        lines += [f"Provides: {provides}"] if provides else []
        stanzas.append("\n".join(lines))
    return "\n\n".join(stanzas).encode()


@pytest.mark.parametrize("seed", range(6))
def test_a_closure_is_found_exactly_where_there_is_one(seed, tmp_path):
    index = Index(made_up(random.Random(seed)))
    expected = broken(tmp_path / "index", index.text(index.records))
    found = {
        PackageKey.from_entry(entry).name
        for entry in index.records
        if resolve(index.universe, [entry], AMD64).lacks
    }
    assert found == expected
