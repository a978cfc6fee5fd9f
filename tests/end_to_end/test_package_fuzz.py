"""Real packages, damaged at random: debrepo takes those that dpkg installs.

A few are tried in each run, and as many as DEBREPO_TEST_FUZZ says if it is set; the same number
gives the same packages, unless DEBREPO_TEST_FUZZ_SEED is another.
"""

import gzip
import io
import os
import random
import re
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from end_to_end.clients import SYSTEM
from end_to_end.judges import Dpkg, todays_dpkg

from debrepo import archive
from debrepo.archive import Digests
from debrepo.errors import InvalidPackage
from debrepo.testing.packages import ar

NUMBER = int(os.environ.get("DEBREPO_TEST_FUZZ", "30"))
SEED = int(os.environ.get("DEBREPO_TEST_FUZZ_SEED", "1"))
#: What the section "Where debrepo differs" of docs/reference/packages.md tells of, by what
#: debrepo says where it refuses …
REFUSED = re.compile(
    r"control character, 00|stands twice|outside of the package|is empty, a link, or there twice"
    r"|epoch is not a number|line that is no field|is no architecture|apt|of bytes of|Important is"
    r"|ar header|starts with b|takes more than|is truncated|longer than 255|Description-md5"
)
#: … and by what dpkg says where it does not install.
NOT_INSTALLED = re.compile(
    r"No such file or directory|does not match system|maintainer script|Is a directory"
    r"|trying to overwrite|it does not end"
)
WORDS = (
    b"(", b")", b",", b"|", b":", b"<", b">=", b"[amd64]", b"${x}", b"~", b"-", b"_", b"/", b" ",
    b"\n", b"\n ", b"\r\n", b"\x0b", b"\xe4", b"1:", b"Depends: ", b"Package: ", b"yes", b"(1)",
)  # fmt: skip


@pytest.fixture(scope="session")
def judges(request):
    """dpkg of this system, and of Debian unstable if that can be fetched."""
    if str(SYSTEM) != "/" or not shutil.which("dpkg"):
        pytest.skip("there is no dpkg")
    unstable = todays_dpkg(request.config.cache.mkdir("unstable"))
    return [Dpkg(), unstable] if unstable else [Dpkg()]


@pytest.fixture(scope="session")
def packages(request):
    """A few small real packages, as their control files and what else is in them."""
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


def small(text, rng):
    """Return a package with this control file that installs next to nothing."""

    def packed(name, content):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as made:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
        return buffer.getvalue()

    info, data = packed("./control", text), packed("./file", b"x" * rng.randrange(700))
    parts = [("debian-binary", b"2.0\n"), ("control.tar", info), ("data.tar", data)]
    if rng.random() < 0.5:
        parts[1:] = [(f"{name}.gz", gzip.compress(part, mtime=0)) for name, part in parts[1:]]
    return parts


def damaged(text, rng):
    """Return a package that is wrong in one place, or perhaps not."""
    kind = rng.random()
    if kind < 0.6:
        text = mutated_text(text, rng)
    parts = small(text, rng)
    if 0.6 <= kind < 0.8:
        number = rng.randrange(1, 3)
        name, part = parts[number]
        parts[number] = (
            name,
            mutated_tar(part, rng) if not name.endswith(".gz") else flipped(part, rng),
        )
    deb = ar(parts)
    if 0.8 <= kind < 0.95:
        return flipped(deb, rng)
    return deb[: rng.randrange(len(deb))] if kind >= 0.95 else deb


def flipped(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + bytes((data[at] ^ (1 << rng.randrange(8)),)) + data[at + 1 :]


def mutated_text(text, rng):
    at = rng.randrange(len(text))
    lines = text.splitlines(keepends=True)
    match rng.randrange(6):
        case 0:
            return text[:at] + rng.choice(WORDS) + text[at:]
        case 1:
            return text[:at] + text[at + rng.randrange(1, 8) :]
        case 2:
            return text[:at] + bytes((rng.randrange(256),)) + text[at + 1 :]
        case 3:
            del lines[rng.randrange(len(lines))]
        case 4:
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
        case _:
            relations = [n for n, line in enumerate(lines) if re.match(rb"[A-Z-]+s:", line, re.I)]
            number = rng.choice(relations or [0])
            place = rng.randrange(len(lines[number]))
            lines[number] = lines[number][:place] + rng.choice(WORDS) + lines[number][place:]
    return b"".join(lines)


def mutated_tar(data, rng):
    """Change a byte of the first header, which then has the checksum that it needs."""
    block = bytearray(data[:512])
    at = rng.randrange(512)
    block[at] = rng.choice([0, 32, 47, 48, 49, 53, 55, 57, 120, rng.randrange(256)])
    if not 148 <= at < 156:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data[512:]


def ours(deb):
    try:
        content = archive.parse((deb,), len(deb))
        archive.describe(content, Digests(deb), ".deb")
    except InvalidPackage as error:
        return str(error)
    return ""


def test_what_dpkg_installs_is_taken_and_nothing_else(packages, judges, tmp_path):
    rng = random.Random(SEED)
    debs = [damaged(rng.choice(packages), rng) for _ in range(NUMBER)]

    def difference(number):
        said = ours(debs[number])
        for dpkg in judges:
            installed, reason = dpkg.install(debs[number])
            if not installed:
                known = said or NOT_INSTALLED.search(reason)
                return "" if known else f"taken, but dpkg {dpkg.version}: {reason[-300:]}"
        return "" if not said or REFUSED.search(said) else f"installed, but debrepo: {said}"

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(difference, range(NUMBER)))
    for number, text in enumerate(found):
        if text:
            (tmp_path / f"{number}.deb").write_bytes(debs[number])
    assert [(number, text) for number, text in enumerate(found) if text] == [], tmp_path
