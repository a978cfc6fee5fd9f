"""Clients that read single files of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box import Failed, NotMeant

if TYPE_CHECKING:
    from archives import Served
    from box import Box

#: Columns that make no difference to what reads a file that another program has fetched.
_ELSEWHERE = ("keys", "components", "slash", "s3", "proxy")
_UNPACK = {"gz": "gzip", "xz": "xz", "bz2": "bzip2", "zst": "zstd"}


def dget(box: Box, served: Served) -> None:
    """Download a source package by the address of its .dsc."""
    if served.column not in ("defaults", "sources", "s3", "proxy"):
        raise NotMeant
    box.run("dget", "--allow-unauthenticated", f"{served.url}/pool/main/h/hello/hello_2.10-3.dsc")


def grep_dctrl(box: Box, served: Served) -> None:
    """Find a package in an index that another program has unpacked."""
    if served.column in _ELSEWHERE:
        raise NotMeant
    kind = "Sources" if served.column == "sources" else "Packages"
    directory = {"sources": "source", "udebs": "debian-installer/binary-amd64"}
    _index(box, served, f"main/{directory.get(served.column, 'binary-amd64')}/{kind}")
    wanted = {"sources": "hello", "udebs": "hello-udeb"}.get(served.column, "greeter")
    said = box.run("grep-dctrl", "-X", "-P", wanted, "-s", "Version", "-n", "/root/index")
    _need(said.strip(), f"it finds no {wanted}")


def python_debian(box: Box, served: Served) -> None:
    """Read an index and what Release says of it."""
    if served.column in _ELSEWHERE:
        raise NotMeant
    kind = "Sources" if served.column == "sources" else "Packages"
    directory = {"sources": "source", "udebs": "debian-installer/binary-amd64"}
    path = f"main/{directory.get(served.column, 'binary-amd64')}/{kind}"
    _index(box, served, path)
    box.write("/root/read.py", _READ)
    box.run("curl", "-sfo", "/root/InRelease", f"{served.url}/dists/{served.suite}/InRelease")
    box.run("python3", "/root/read.py", path)


def libsolv(box: Box, served: Served) -> None:
    """Solve an installation with the Perl binding of libsolv."""
    if served.column in ("sources", "udebs", *_ELSEWHERE):
        raise NotMeant
    name = _fetch(box, served, "main/binary-amd64/Packages")
    box.write("/root/solve.pl", _SOLVE)
    said = box.run("perl", "/root/solve.pl", f"/root/{name}", "greeter")
    _need("libgreet-" in said, "it does not find what greeter depends on")


def dose(box: Box, served: Served) -> None:
    """Check that everything in an index can be installed."""
    if served.column in ("sources", "udebs", *_ELSEWHERE):
        raise NotMeant
    name = _fetch(box, served, "main/binary-amd64/Packages")
    said = box.run("dose-debcheck", "--deb-native-arch=amd64", f"/root/{name}")
    _need("total-packages: 6" in said, "it does not read all packages")


def _fetch(box: Box, served: Served, path: str) -> str:
    """Fetch an index in the first compression that there is, and return its name."""
    base = f"{served.url}/dists/{served.suite}/{path}"
    for suffix in ("", *(f".{name}" for name in _UNPACK)):
        name = path.rpartition("/")[2] + suffix
        box.run("curl", "-sfo", f"/root/{name}", base + suffix, can_fail=True)
        if (box.root / "root" / name).exists():
            return name
    raise Failed("there is no index")


def _index(box: Box, served: Served, path: str) -> None:
    name = _fetch(box, served, path)
    program = _UNPACK.get(name.rpartition(".")[2])
    command = f"{program} -dc /root/{name}" if program else f"cat /root/{name}"
    box.run("sh", "-c", f"{command} > /root/index")


def _need(held: object, otherwise: str) -> None:
    if not held:
        raise Failed(otherwise)


_READ = """
import hashlib, sys
from debian import deb822

path = sys.argv[1]
release = deb822.Release(open("/root/InRelease"))
rows = {}
for field in ("SHA256", "SHA512"):
    for row in release.get(field, ()):
        rows[row["name"], field.lower()] = row
data = open("/root/index", "rb").read()
known = [row for (name, _), row in rows.items() if name == path]
assert known, "error: Release does not list " + path
for algorithm in ("sha256", "sha512"):
    row = rows.get((path, algorithm))
    if row:
        assert row[algorithm] == hashlib.new(algorithm, data).hexdigest(), "mismatch"
kind = deb822.Sources if path.endswith("Sources") else deb822.Packages
names = [one["Package"] for one in kind.iter_paragraphs(data)]
assert names, "error: no packages"
"""

_SOLVE = r"""
use solv;
my $pool = solv::Pool->new();
$pool->setarch("amd64");
my $repo = $pool->add_repo("it");
my $file = solv::xfopen($ARGV[0]) or die "error: cannot open $ARGV[0]\n";
$repo->add_debpackages($file) or die "error: it does not read $ARGV[0]\n";
$pool->createwhatprovides();
my @jobs = $pool->select($ARGV[1], $solv::Selection::SELECTION_NAME)->jobs(
    $solv::Job::SOLVER_INSTALL);
die "error: no $ARGV[1]\n" unless @jobs;
my $solver = $pool->Solver();
my @problems = $solver->solve(\@jobs);
die "error: $problems[0]\n" if @problems;
print join("\n", map { $_->str() } $solver->transaction()->newsolvables()), "\n";
"""
