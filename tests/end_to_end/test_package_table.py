"""The table of docs/reference/packages.md: what each program says of each package.

The rows are what the programs say when they are run, so the page cannot say anything else. To
write them anew after a change: DEBREPO_TEST_WRITE_TABLE=1 contrib/test THIS_FILE
"""

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from end_to_end.clients import SYSTEM
from end_to_end.differences import DIFFERENCES, PAGE, installed, judged, published
from end_to_end.judges import Dpkg, apt_reads, aptly_adds, reprepro_adds, todays_dpkg
from end_to_end.package_cases import CASES

HEAD = ["", "package", "dpkg 1.21", "dpkg 1.23", "apt 2.6", "aptly", "reprepro", "debrepo"]
WORDS = {True: "yes", False: "no", None: "–"}  # a dash: the program was not asked
DEBS = [case.deb for case in CASES]

pytestmark = pytest.mark.skipif(str(SYSTEM) != "/", reason="the table is of this system")


def table():
    """Return the rows of the page: group, title, and a word for each program."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in rows if len(row) == len(HEAD) and not row[2].startswith(("dpkg", "--"))]


def column(name):
    at = HEAD.index(name)
    return [row[at] for row in table()]


def differing(name, said):
    """Return the rows whose word the program does not say; write them if that was asked for."""
    words = [word if isinstance(word, str) else WORDS[word] for word in said]
    if os.environ.get("DEBREPO_TEST_WRITE_TABLE"):
        write(HEAD.index(name), words)
    found = zip(CASES, column(name), words, strict=True)
    return [f"{case.group}: {case.title}: {word}" for case, there, word in found if there != word]


def write(at, words):
    """Write one column of the page."""
    text = PAGE.read_text()
    rows = table()
    cells = [row[2:] for row in rows] if len(rows) == len(CASES) else [["–"] * 6 for _ in CASES]
    lines = ["| | Package | dpkg 1.21 | dpkg 1.23 | apt 2.6 | aptly | reprepro | debrepo |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for case, row, word in zip(CASES, cells, words, strict=True):
        row[at - 2] = word
        title = case.title.replace("|", "\\|")
        lines.append(f"| {' | '.join((case.group, title, *row))} |")
    start, end = text.index("<!-- table -->"), text.index("<!-- end of the table -->")
    PAGE.write_text(text[:start] + "<!-- table -->\n\n" + "\n".join(lines) + "\n\n" + text[end:])


def each(judge, debs):
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(judge, debs))


def test_rows_are_those_of_the_packages():
    if not os.environ.get("DEBREPO_TEST_WRITE_TABLE"):
        rows = [[row[0], row[1].replace("\\|", "|")] for row in table()]
        assert rows == [[case.group, case.title] for case in CASES]


def test_debrepo_says_what_the_table_says():
    assert differing("debrepo", [judged(deb).word for deb in DEBS]) == []


def test_dpkg_of_this_system_says_what_the_table_says():
    dpkg = Dpkg()
    if dpkg.version != "1.21":
        pytest.skip(f"dpkg is {dpkg.version} here, and the table tells of 1.21")
    assert differing("dpkg 1.21", each(dpkg.installs, DEBS)) == []


@pytest.fixture(scope="session")
def unstable(request):
    """dpkg as it is in Debian unstable."""
    found = todays_dpkg(request.config.cache.mkdir("unstable"))
    if found is None:
        pytest.skip("dpkg of Debian unstable cannot be fetched here")
    return found


def test_dpkg_of_debian_unstable_says_what_the_table_says(unstable):
    if unstable.version != "1.23":
        pytest.skip(f"dpkg is {unstable.version} by now, and the table tells of 1.23")
    assert differing("dpkg 1.23", each(unstable.installs, DEBS)) == []


@pytest.mark.skipif(not shutil.which("apt-get"), reason="there is no apt-get")
def test_apt_says_what_the_table_says(tmp_path):
    """Those that it reads are read together, the others one by one."""
    stanzas = list(map(published, DEBS))
    good = [word == "yes" for word in column("apt 2.6")] or [True] * len(DEBS)
    together = [stanza for stanza, one in zip(stanzas, good, strict=False) if one and stanza]
    all_good = bool(together) and apt_reads(together, tmp_path / "together")

    def reads(number):
        if stanzas[number] is None:
            return None
        if good[number] and all_good:
            return True
        return apt_reads([stanzas[number]], tmp_path / str(number))

    assert differing("apt 2.6", each(reads, range(len(DEBS)))) == []


@pytest.mark.skipif(not shutil.which("aptly"), reason="there is no aptly")
def test_aptly_says_what_the_table_says(tmp_path):
    assert differing("aptly", aptly_adds(DEBS, tmp_path / "aptly")) == []


@pytest.mark.skipif(not shutil.which("reprepro"), reason="there is no reprepro")
def test_reprepro_says_what_the_table_says(tmp_path):
    assert differing("reprepro", reprepro_adds(DEBS, tmp_path / "reprepro")) == []


def test_every_difference_from_dpkg_and_apt_has_its_row():
    """A package is let in if both install it and apt reads it: a table tells what is not so."""
    told = {case for difference in DIFFERENCES for case in difference.cases}
    differing = set()
    for group, title, *words in table():
        wanted = words[0] == words[1] == "yes" and words[2] != "no"
        if wanted is (words[5] == "no"):
            differing.add(f"{group}: {title}")
    assert told == differing


def test_debrepo_says_of_differences_what_the_page_says():
    debs = {f"{case.group}: {case.title}": case.deb for case in CASES}
    assert [
        (case, said)
        for difference in DIFFERENCES
        for case in difference.cases
        if not difference.is_ours(said := judged(debs[case]))
    ] == []


def test_dpkg_says_of_differences_what_the_page_says():
    dpkg = Dpkg()
    if dpkg.version != "1.21":
        pytest.skip(f"dpkg is {dpkg.version} here, and the page quotes 1.21")
    debs = {f"{case.group}: {case.title}": case.deb for case in CASES}
    assert [
        (case, said)
        for difference in DIFFERENCES
        for case in difference.cases
        if not difference.is_theirs(said := installed(debs[case], [dpkg]))
    ] == []
