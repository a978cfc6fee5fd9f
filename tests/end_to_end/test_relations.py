"""What satisfies a relation: debrepo, apt and dpkg agree, and where dose does not, it says so.

Seen with apt 2.6.2 and 3.3.5, dpkg 1.21.22 and 1.23.11, and dose 7.0.0.
"""

import os
import re
from typing import NamedTuple

import pytest
from end_to_end.archive import Archive
from end_to_end.clients import Apt, run, which

from debrepo.testing.packages import build_deb

BIG = 2**63  # aptly 1.6.2 takes all numbers from here on as equal


class Case(NamedTuple):
    """What a package depends on, what there is, and who says that it can be installed."""

    depends: str
    offered: str  #: ``name version [architecture] [Field: value]``, with ``;`` in between
    apt: bool  #: and dpkg, and debrepo
    dose: bool


CASES = [
    Case("tool", "tool 1", apt=True, dose=True),
    Case("tool", "other 1", apt=False, dose=False),
    Case("tool", "tool 1 all", apt=True, dose=True),
    Case("tool (= 1.0)", "tool 1.00-0", apt=True, dose=True),
    Case("tool (<< 2.0)", "tool 2.0", apt=False, dose=False),
    Case("tool (< 2.0)", "tool 2.0", apt=True, dose=False),  # obsolete: read as <=
    Case("tool (> 2.0)", "tool 2.0", apt=True, dose=False),
    Case("tool (>> 2~)", "tool 2~~", apt=False, dose=False),
    Case("tool:any", "tool 1 amd64 Multi-Arch: allowed", apt=True, dose=True),
    Case("tool:any", "tool 1 amd64 Multi-Arch: foreign", apt=False, dose=True),
    Case("tool:any", "tool 1", apt=False, dose=True),
    Case("virtual", "tool 1 amd64 Provides: virtual", apt=True, dose=True),
    Case("virtual (>= 2)", "tool 9 amd64 Provides: virtual", apt=False, dose=False),
    Case("virtual (>= 2)", "tool 1 amd64 Provides: virtual (= 2)", apt=True, dose=True),
    Case("virtual (>= 3)", "tool 9 amd64 Provides: virtual (= 2)", apt=False, dose=False),
    Case("other | tool", "tool 1", apt=True, dose=True),
    Case("tool (>= 2) | virtual", "tool 1 amd64 Provides: virtual", apt=True, dose=True),
    Case("tool (>= 2) | other", "tool 1", apt=False, dose=False),
    Case(f"tool (>> 1.{BIG})", f"tool 1.{BIG + 1}", apt=True, dose=True),
    Case(f"tool (>= 1.{BIG + 1})", f"tool 1.{BIG}", apt=False, dose=False),
    Case("tool", "tool 1 amd64 Depends: other", apt=False, dose=False),
    Case("other | tool", "tool 1; other 1 amd64 Depends: gone", apt=True, dose=True),
]
NUMBERED = pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{case.depends}, {case.offered}" for case in CASES]
)


def own(text, number):
    """Give the packages of a case names that no other case has."""
    return re.sub(r"\b(tool|other|virtual|gone)\b", rf"\g<0>{number}", text)


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    """The packages of every case in a directory of its own, the one that depends coming last."""
    found = []
    for number, case in enumerate(CASES):
        directory = tmp_path_factory.mktemp(f"case{number}")
        paths = []
        for line in own(case.offered, number).split("; "):
            name, version, architecture, *fields = [*line.split(" ", 3), "amd64"][:4]
            stated = dict([fields[0].split(": ", 1)]) if ": " in "".join(fields) else {}
            paths.append(build_deb(directory, name, version, architecture, fields=stated))
        depends = {"Depends": own(case.depends, number)}
        found.append([*paths, build_deb(directory, f"asks{number}", fields=depends)])
    return found


@pytest.fixture(scope="module")
def archive(debs, keys, tmp_path_factory):
    archive = Archive(tmp_path_factory.mktemp("root"))
    archive.environment["DEBREPO_SIGNING_GPG_HOME"] = str(keys)
    archive("repo", "create", "all", "--distribution", "stable")
    archive("repo", "add", "all", *(path for paths in debs for path in paths))
    archive("snapshot", "create", "all", "from", "repo", "all")
    archive("publish", "repo", "all")
    return archive


@pytest.fixture(scope="module")
def apt(archive, tmp_path_factory):
    apt = Apt(tmp_path_factory.mktemp("apt") / "home", archive.source(types="deb"))
    apt.update()
    return apt


def test_snapshot_verify_names_what_cannot_be_installed(archive):
    lacking = {one["key"].split()[1] for one in archive.json("snapshot", "verify", "all")}
    direct = {
        f"asks{number}"
        for number, case in enumerate(CASES)
        if not case.apt and "Depends: other" not in case.offered
    }
    assert {name for name in lacking if name.startswith("asks")} == direct


QUERIES = [  # which know neither qualifiers nor what else a package depends on
    number
    for number, case in enumerate(CASES)
    if ":" not in case.depends and "Depends" not in case.offered
]


@pytest.mark.parametrize("number", QUERIES)
def test_a_query_finds_what_satisfies_the_relation(archive, number):
    """aptly 1.6.2 takes a Provides without a version as the version of the package; so do we."""
    case = CASES[number]
    found = archive.json("repo", "search", "all", own(case.depends, number))
    as_aptly = case.depends.startswith("virtual (") and case.offered.endswith("virtual")
    assert bool(found) is (case.apt or as_aptly)


@NUMBERED
def test_debrepo_brings_what_is_needed(archive, number):
    archive("repo", "create", f"to{number}")
    process = archive.start("repo", "copy", "all", f"to{number}", f"asks{number}", "--with-deps")
    said = "".join(process.communicate())
    assert process.returncode == 0, said
    assert ("missing " not in said) is CASES[number].apt, said


@NUMBERED
def test_apt_installs_it(apt, number):
    said = apt(
        *("apt-get", "-s", "install", f"asks{number}"), exit_code=0 if CASES[number].apt else 100
    )
    assert (f"Inst asks{number} " in said) is CASES[number].apt


@NUMBERED
@pytest.mark.skipif(os.geteuid() != 0, reason="dpkg installs as root only")
def test_dpkg_installs_it(debs, tmp_path, number):
    (tmp_path / "var/lib/dpkg/updates").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/info").mkdir()
    (tmp_path / "var/lib/dpkg/status").touch()
    asks = CASES[number]
    usable = [
        path for path in debs[number] if "gone" not in asks.offered or "other" not in path.name
    ]
    run(
        *("dpkg", f"--root={tmp_path}", "--log=/dev/null", "--install", *usable),
        exit_code=0 if asks.apt else 1,
    )


@pytest.mark.skipif(which("dose-debcheck") is None, reason="there is no dose-debcheck")
def test_dose_agrees_but_for_what_is_known(archive, tmp_path):
    index = archive.public / "dists/stable/main/binary-amd64/Packages.xz"
    listed = tmp_path / "Packages"
    listed.write_text(run("xz", "-dc", index))
    said = run("dose-debcheck", "--failures", "--deb-native-arch=amd64", listed, exit_code=1)
    broken = set(re.findall(r"package: (asks\d+)", said))
    assert broken == {f"asks{n}" for n, case in enumerate(CASES) if not case.dose}


def test_of_alternatives_apt_and_debrepo_take_the_one_without_a_conflict(archive, keys, tmp_path):
    debs = tmp_path / "debs"
    debs.mkdir()
    build_deb(debs, "first", fields={"Breaks": "asks (<< 2)"})
    build_deb(debs, "second")
    asks = {"Depends": "first | second | virtual", "Conflicts": "virtual"}
    build_deb(debs, "third", fields={"Provides": "virtual"})
    build_deb(debs, "asks", fields=asks)
    archive("repo", "create", "chosen", "--distribution", "chosen")
    archive("repo", "create", "target")
    archive("repo", "add", "chosen", debs)
    archive("publish", "repo", "chosen")
    apt = Apt(tmp_path / "client", archive.source(suite="chosen", types="deb"))
    apt.update()
    said = apt("apt-get", "-s", "install", "asks")
    assert set(re.findall("^Inst (\\S+)", said, re.MULTILINE)) == {"asks", "second"}
    said = archive("repo", "copy", "chosen", "target", "asks", "--with-deps", "--dry-run")
    assert set(re.findall(r"(\S+)_1\.0_amd64", said)) == {"asks", "second"}
