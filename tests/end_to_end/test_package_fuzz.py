"""Packages damaged at random: debrepo takes those that dpkg installs and apt reads, no others.

What is different is a row of the table in docs/reference/packages.md, "Where debrepo differs".
A few are tried in each run, and as many as DEBREPO_TEST_FUZZ says if it is set; the same number
gives the same packages, unless DEBREPO_TEST_FUZZ_SEED is another.
"""

import io
import os
import random
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from end_to_end.clients import SYSTEM
from end_to_end.damage import damaged
from end_to_end.differences import DIFFERENCES, Said, installed, judged, published
from end_to_end.judges import Dpkg, apt_reads, todays_dpkg

from debrepo.archive import sound

NUMBER = int(os.environ.get("DEBREPO_TEST_FUZZ", "30"))
SEED = int(os.environ.get("DEBREPO_TEST_FUZZ_SEED", "1"))


@pytest.fixture(scope="session")
def judges(request):
    """dpkg of this system, and of Debian unstable if that can be fetched."""
    if str(SYSTEM) != "/" or not shutil.which("dpkg"):
        pytest.skip("there is no dpkg")
    unstable = todays_dpkg(request.config.cache.mkdir("unstable"))
    return [Dpkg(), unstable] if unstable else [Dpkg()]


@pytest.fixture(scope="session")
def controls(request):
    """The control files of a few small real packages."""
    cache = request.config.cache.mkdir("fuzz")
    if not any(cache.glob("*.deb")):
        command = ["apt-get", "download", "hostname", "tzdata", "libmd0", "netbase", "mawk"]
        subprocess.run(command, cwd=cache, check=False, capture_output=True, timeout=60)
    found = [control(path.read_bytes()) for path in sorted(cache.glob("*.deb"))]
    if not found:
        pytest.skip("apt-get can download no packages here")
    return found


def control(deb):
    """Return the control file of a package."""
    command = ["dpkg-deb", "--ctrl-tarfile", "/dev/stdin"]
    packed = subprocess.run(command, input=deb, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as info:
        return info.extractfile("./control").read()


def unreadable(stanzas, home):
    """Return the numbers of the stanzas that apt cannot read, of those with these numbers."""
    if not stanzas or apt_reads([stanza for _, stanza in stanzas], home / "all"):
        return []
    if len(stanzas) == 1:
        return [stanzas[0][0]]
    half = len(stanzas) // 2
    return [
        *unreadable(stanzas[:half], home / "left"), *unreadable(stanzas[half:], home / "right")
    ]  # fmt: skip


@pytest.mark.timeout(300 + NUMBER)
def test_what_dpkg_installs_and_apt_reads_is_taken_and_nothing_else(controls, judges, tmp_path):
    rng = random.Random(SEED)
    debs = [damaged(rng.choice(controls), rng) for _ in range(NUMBER)]
    sound.expect_many()  # ordinary ones are told at a glance, as they are in bulk
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(lambda deb: installed(deb, judges), debs))
    ours = list(map(judged, debs))
    stanzas = [
        (number, published(deb)) for number, deb in enumerate(debs) if theirs[number].word == "yes"
    ]
    taken = [(number, stanza) for number, stanza in stanzas if ours[number].word != "no"]
    for number in unreadable(taken, tmp_path / "taken"):
        theirs[number] = Said("no", "apt cannot read it")
    for number, stanza in stanzas:
        alone = tmp_path / str(number)
        if ours[number].word == "no" and stanza is not None and not apt_reads([stanza], alone):
            theirs[number] = Said("no", "apt cannot read it")
    found = []
    for number, deb in enumerate(debs):
        mine, other = ours[number], theirs[number]
        if (mine.word == "no") == (other.word == "no"):
            continue
        if not any(row.is_ours(mine) and row.is_theirs(other) for row in DIFFERENCES):
            (tmp_path / f"{number}.deb").write_bytes(deb)
            found.append((number, mine, other.word, other.text[-300:]))
    assert found == [], tmp_path
