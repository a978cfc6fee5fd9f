"""Commands of reprepro say and do here what they say and do there."""

import shutil
import subprocess

import pytest
from end_to_end.writers import build_packages

from debrepo.testing.packages import build_deb, build_source

pytestmark = pytest.mark.skipif(not shutil.which("reprepro"), reason="needs reprepro")

CONF = """\
Origin: Acme
Label: Acme
Codename: bookworm
Suite: stable
Architectures: amd64 arm64 source
Components: main contrib
UDebComponents: main

Codename: trixie
Architectures: amd64 source
Components: main contrib
"""
FIELDS = {"Section": "misc", "Priority": "optional"}

#: Lines of one script; each says and does the same on both sides, and ends the same way.
SCRIPT = """\
list bookworm
list bookworm hello
list stable libgreet
-A amd64 list bookworm
-T dsc list bookworm
-T udeb list bookworm
-C contrib list bookworm
ls hello
ls libgreet
ls nothing
lsbycomponent hello
listfilter bookworm Package (== hello)
includedeb bookworm {debs}/hello_2.10-3+b1_amd64.deb
includedeb bookworm {debs}/hello_3.0_amd64.deb
includedeb bookworm {debs}/hello_2.10-3+b1_amd64.deb
ls hello
-C contrib includedeb bookworm {debs}/tool_1.0_amd64.deb
includedeb trixie {debs}/extra_1.0_amd64.deb
list trixie
includedsc trixie {debs}/other_1.0-1.dsc
list trixie
copy bookworm trixie extra
list bookworm extra
remove bookworm extra nosuch
remove bookworm nosuch
-A arm64 remove bookworm hello
ls hello
removesrc trixie other
list trixie
removefilter trixie Package (== extra)
list trixie
--export=never includedeb trixie {debs}/extra_1.0_amd64.deb
--silent includedeb trixie {debs}/tool_1.0_amd64.deb
export
export bookworm
checkpool
deleteunreferenced
list nosuch
includedeb nosuch {debs}/hello_3.0_amd64.deb
includedeb bookworm {debs}/none.deb
-C nosuch list bookworm
includedeb
nonsense
"""


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    place = build_packages(tmp_path_factory.mktemp("debs"))
    build_deb(place, "hello", "1:3.0", fields=FIELDS)
    build_deb(place, "tool", "1.0", fields=FIELDS)
    build_deb(place, "extra", "1.0", fields=FIELDS | {"Section": "contrib/misc"})
    build_source(place, "other", "1.0-1", fields=FIELDS)
    return place


def reprepro(base, *words):
    command = ["reprepro", "-b", base, *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def original(tmp_path_factory, debs):
    base = tmp_path_factory.mktemp("reprepro")
    (base / "conf").mkdir()
    (base / "conf/distributions").write_text(CONF)
    for name in ("hello_2.10-3+b1_amd64", "hello_2.10-3+b1_arm64", "libgreet_0.9~rc1-1_all"):
        reprepro(base, "includedeb", "bookworm", debs / f"{name}.deb")
    reprepro(base, "includeudeb", "bookworm", debs / "part_2.10-3_amd64.udeb")
    reprepro(base, "includedsc", "bookworm", debs / "hello_2.10-3.dsc")
    return base


def published(base):
    """Return what clients find: packages by distribution, component and architecture."""
    found = set()
    for index in base.glob("dists/*/*/binary-*/Packages.gz"):
        text = subprocess.run(
            ["gzip", "-dc", index], check=True, capture_output=True, text=True
        ).stdout
        for stanza in text.strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
            if fields:
                where = index.relative_to(base / "dists").parts[:2]
                found.add((*where, *(fields[n] for n in ("Package", "Version", "SHA256"))))
    return found


def test_script_says_and_does_the_same(debrepo, original, debs, tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    shutil.copytree(original, theirs)
    shutil.copytree(original, ours)
    debrepo("import", "reprepro", ours)
    different = []
    for line in SCRIPT.splitlines():
        head, parenthesis, formula = line.format(debs=debs).partition("Package (")
        words = [*head.split(), *(["Package (" + formula] if parenthesis else [])]
        expected = reprepro(theirs, *words)
        found = debrepo("reprepro", "-b", ours, *words, exit_code=expected.returncode)
        quiet = ("Deleting ", "(to avoid use --keepunusednewfiles")
        said = [text for text in expected.stdout.splitlines() if not text.startswith(quiet)]
        if found.stdout.splitlines() != said:
            different.append((line, said, found.stdout.splitlines()))
        errors = expected.stderr.replace(str(theirs), str(ours)).splitlines()
        if found.stderr.splitlines()[:1] != errors[:1] and not line.startswith("--export"):
            different.append((line, errors, found.stderr.splitlines()))
    assert different == []
    assert published(ours) == published(theirs)


def test_first_export_takes_over(debrepo, original, debs, tmp_path):
    ours = tmp_path / "ours"
    shutil.copytree(original, ours)
    debrepo("import", "reprepro", ours)
    before = set(ours.rglob("*.deb"))
    debrepo("reprepro", "-b", ours, "includedeb", "bookworm", debs / "hello_3.0_amd64.deb")
    assert before < set(ours.rglob("*.deb"))
    assert "Origin: Acme\n" in (ours / "dists/bookworm/Release").read_text()


def test_upload_is_included_and_replaces_what_is_older(debrepo, original, debs, tmp_path):
    from plugins.local.test_include import changes

    ours = tmp_path / "ours"
    shutil.copytree(original, ours)
    debrepo("import", "reprepro", ours)
    place = tmp_path / "upload"
    place.mkdir()
    deb = build_deb(place, "hello", "1:4.0", fields=FIELDS)
    upload = changes(place, deb)
    debrepo("reprepro", "-b", ours, "include", "bookworm", upload)
    said = debrepo("reprepro", "-b", ours, "-A", "amd64", "list", "bookworm", "hello").stdout
    assert said == "bookworm|main|amd64: hello 1:4.0\n"


def test_base_that_was_not_imported_is_said(debrepo, original):
    said = debrepo("reprepro", "-b", original, "list", "bookworm", exit_code=254).stderr
    assert "is not here" in said
    assert f'run "debrepo import reprepro {original}"' in said


@pytest.mark.parametrize("command", ["update", "pull", "processincoming", "gensnapshot"])
def test_command_without_counterpart_names_what_does_it(debrepo, original, command):
    said = debrepo("reprepro", "-b", original, command, exit_code=255).stderr
    assert f"'{command}' has no counterpart; see: debrepo " in said


def test_unknown_option_is_refused(debrepo, original):
    assert debrepo("reprepro", "--nonsense", "list", "x", exit_code=1).stderr


def test_damaged_pool_is_named(debrepo, original, tmp_path):
    ours = tmp_path / "ours"
    shutil.copytree(original, ours)
    debrepo("import", "reprepro", ours)
    debrepo("reprepro", "-b", ours, "export")
    (path,) = ours.rglob("libgreet_*.deb")
    path.unlink()
    said = debrepo("reprepro", "-b", ours, "checkpool", exit_code=254).stderr
    assert "libgreet_0.9~rc1-1_all.deb: is missing" in said
