"""The same requests to aptly and to us: the same statuses, and all that aptly's answers have."""

import json
import shutil
import socket
import subprocess

import pytest
import requests
from plugins.mirror.archives import SmallArchive
from requests.adapters import HTTPAdapter, Retry
from upstream import serving as archive_served

from debrepo.testing.packages import build_deb, build_source

#: Method, path and body. What versions of aptly answer differently is not among them, nor where
#: docs/reference/rest-aptly.md says that we do.
ASKED = """
GET /api/repos
GET /api/nothing
DELETE /api/repos
POST /api/repos {}
POST /api/repos {"Name": ""}
POST /api/repos {"Name": 7}
POST /api/repos [
POST /api/repos {"name": "r", "COMMENT": "<c> & ü", "Unknown": {"a": 1}}
POST /api/repos {"Name": "a b", "DefaultDistribution": "d", "DefaultComponent": "c"}
POST /api/repos?Name=asked
GET /api/repos/r
GET /api/repos/r/
GET /api/repos/a%20b
GET /api/repos/none
PUT /api/repos/r {"Comment": "", "DefaultComponent": "main"}
PUT /api/repos/none {"Comment": "c"}
DELETE /api/repos/asked
DELETE /api/repos/asked
GET /api/repos/r/packages
GET /api/repos/none/packages
GET /api/files
GET /api/files/none
DELETE /api/files/none
DELETE /api/files/none/none
FILES /api/files/in
FILES /api/files/a%2Fb
GET /api/files
GET /api/files/in
GET /api/files/a%2Fb
DELETE /api/files/a%2Fb/alpha_1.0_amd64.deb
DELETE /api/files/a
POST /api/files/in {}
POST /api/files/%2E%2E {}
POST /api/repos/none/file/in
POST /api/repos/r/file/%2E%2E
POST /api/repos/r/file/none
POST /api/repos/r/file/in?noRemove=1
GET /api/files/in
POST /api/repos/r/file/in/alpha_1.0_amd64.deb
POST /api/repos/r/file/in
GET /api/files
GET /api/repos/r/packages
GET /api/repos/r/packages?format=details
GET /api/repos/r/packages?q=alpha
GET /api/repos/r/packages?q=Name+(~+^a),$PackageType+(source)
GET /api/repos/r/packages?q=beta&withDeps=1
GET /api/repos/r/packages?withDeps=1
GET /api/repos/r/packages?q=nothing
GET /api/repos/r/packages?q=(
GET /api/packages/KEY
GET /api/packages/nonsense
POST /api/repos/a%20b/packages {"PackageRefs": ["KEY"]}
POST /api/repos/a%20b/packages {"packagerefs": ["KEY"]}
POST /api/repos/a%20b/packages {"PackageRefs": ["Pamd64 none 1.0 0123456789abcdef"]}
POST /api/repos/a%20b/packages {"PackageRefs": "KEY"}
POST /api/repos/none/packages {"PackageRefs": ["KEY"]}
DELETE /api/repos/r/packages {"PackageRefs": ["nonsense"]}
DELETE /api/repos/r/packages {"PackageRefs": ["KEY"]}
DELETE /api/repos/r/packages {"PackageRefs": ["KEY"]}
POST /api/repos/r/snapshots {"Name": "s1"}
POST /api/repos/r/snapshots {"Name": "s1"}
POST /api/repos/r/snapshots {}
POST /api/repos/none/snapshots {"Name": "s"}
POST /api/repos/a%20b/snapshots {"Name": "s2", "Description": "d"}
POST /api/snapshots {"Name": "s2"}
POST /api/snapshots {"Name": "s", "SourceSnapshots": ["none"]}
POST /api/snapshots {"Name": "s", "PackageRefs": ["nonsense"]}
GET /api/snapshots
GET /api/snapshots?sort=time
GET /api/snapshots/s1
GET /api/snapshots/none
GET /api/snapshots/s2/packages
PUT /api/snapshots/s2 {"Name": "s3", "Description": "e"}
PUT /api/snapshots/s3 {"Name": "s1"}
PUT /api/snapshots/none {"Name": "s"}
GET /api/snapshots/s1/diff/s3
GET /api/snapshots/s3/diff/s1
GET /api/snapshots/s1/diff/s3?onlyMatching=1
GET /api/snapshots/s1/diff/none
GET /api/mirrors
GET /api/mirrors/none
GET /api/mirrors/none/packages
POST /api/mirrors {}
POST /api/mirrors {"Name": "m"}
POST /api/mirrors {"Name": "m", "ArchiveURL": "ppa:nonsense"}
POST /api/mirrors {"Name": "m", "ArchiveURL": "UPSTREAM", "Distribution": "none", SKIPPED}
POST /api/mirrors {"Name": "m", "ArchiveURL": "UPSTREAM", "Distribution": "stable", \
"Components": ["none"], SKIPPED}
POST /api/mirrors {"Name": "m", "ArchiveURL": "UPSTREAM", "Distribution": "./", \
"Components": ["main"], SKIPPED}
POST /api/mirrors {"Name": "m", "ArchiveURL": "UPSTREAM", "Distribution": "stable", \
"Filter": "Name (~ a$)", "FilterWithDeps": true, "DownloadSources": true, SKIPPED}
GET /api/mirrors
GET /api/mirrors/m
POST /api/mirrors/m/snapshots {"Name": "of-m"}
PUT /api/mirrors/m {SKIPPED}
PUT /api/mirrors/none {}
GET /api/mirrors/m
GET /api/mirrors/m/packages
GET /api/mirrors/m/packages?format=details&q=beta
GET /api/mirrors/m/packages?q=beta
GET /api/mirrors/m/packages?q=beta&withDeps=1
POST /api/mirrors/m/snapshots {"Name": "of-m", "Description": "d"}
POST /api/mirrors/m/snapshots {"Name": "of-m"}
POST /api/mirrors/m/snapshots {}
POST /api/mirrors/none/snapshots {"Name": "s"}
GET /api/snapshots/of-m
GET /api/snapshots/of-m/packages
DELETE /api/mirrors/m?force=1
DELETE /api/mirrors/m
DELETE /api/snapshots/of-m
POST /api/publish/p {}
POST /api/publish/p {"SourceKind": "local", "Sources": [], "Distribution": "d", SKIP}
POST /api/publish/p {"SourceKind": "none", "Sources": [{"Name": "r"}], "Distribution": "d", SKIP}
POST /api/publish/p {"SourceKind": "local", "Sources": [{"Name": "none"}], SKIP}
POST /api/publish/my__p_q {"SourceKind": "local", "Sources": [{"Name": "r"}], \
"Distribution": "d", SKIP}
POST /api/publish/my__p_q {"SourceKind": "local", "Sources": [{"Name": "r"}], \
"Distribution": "d", SKIP}
POST /api/publish/:. {"sourcekind": "snapshot", "sources": [{"name": "s3"}], \
"architectures": ["amd64"], SKIP}
POST /api/publish {"SourceKind": "local", "Sources": [{"Name": "r", "Component": "c"}], \
"Distribution": "e", "Architectures": ["i386", "source"], "Label": "L", "Origin": "O", \
"NotAutomatic": "yes", "ButAutomaticUpgrades": "yes", "AcquireByHash": true, \
"SkipContents": true, "SkipBz2": true, "SkipCleanup": true, "ForceOverwrite": true, SKIP}
GET /api/publish
PUT /api/publish/my__p_q/d {"AcquireByHash": true, "SkipContents": true, SKIP}
PUT /api/publish/my__p_q/d {"Snapshots": [{"Component": "main", "Name": "s1"}], SKIP}
PUT /api/publish/my__p_q/none {SKIP}
PUT /api/publish/:./d {"Snapshots": [{"Component": "c", "Name": "s1"}], SKIP}
PUT /api/publish/:./d {"Snapshots": [{"Component": "c", "Name": "s3"}], SKIP}
PUT /api/publish/:./d {"Snapshots": [{"Component": "c", "Name": "none"}], SKIP}
DELETE /api/repos/r
DELETE /api/repos/r?force=1
DELETE /api/snapshots/s3
DELETE /api/snapshots/s3?force=1
DELETE /api/publish//e
DELETE /api/publish/my__p_q/d?force=1
DELETE /api/repos/r
DELETE /api/repos/r?force=1
DELETE /api/snapshots/s1
DELETE /api/publish/:./d
DELETE /api/snapshots/s3
GET /api/publish
POST /api/db/cleanup
GET /api/graph.dot
GET /api/tasks/99
GET /api/tasks/99/wait
GET /api/tasks/99/output
DELETE /api/tasks/99
GET /api/tasks-wait
POST /api/snapshots?_async=1 {"Name": "later"}
GET /api/tasks-wait
GET /api/tasks
POST /api/tasks-clear
"""


class Peer:
    """A server to ask."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        patient = Retry(30, connect=30, backoff_factor=0.1, backoff_max=1)
        self.session.mount(url, HTTPAdapter(max_retries=patient))

    def ask(self, method, path, body, files):
        """Return the status, and the document, or nothing where the answer is none."""
        more = {"data": body, "headers": {"Content-Type": "application/json"}} if body else {}
        if method == "FILES":
            method, more = "POST", {"files": [(file.name, file.open("rb")) for file in files]}
        answer = self.session.request(method, self.url + path, timeout=60, **more)
        for _, file in more.get("files", ()):
            file.close()
        said = answer.headers.get("Content-Type", "")
        known = answer.text.startswith(("{", "[")) or (bool(answer.text) and "json" in said)
        return answer.status_code, plain(answer.json()) if known else None


OF_THE_DAY = {"CreatedAt", "ID", "LastDownloadDate", "State", "UUID"}


def plain(value):
    """Return a document without what is of the day, or in words of one's own."""
    if isinstance(value, list):
        return sorted(map(plain, value), key=lambda one: json.dumps(one, sort_keys=True))
    if not isinstance(value, dict):
        return value
    if "error" in value:
        return {}
    known = {key: found for key, found in value.items() if key not in OF_THE_DAY}
    said = {key: len(known[key]) for key in ("Warnings", "FailedFiles") if key in known}
    return {key: plain(found) for key, found in known.items()} | said


def within(expected, found):
    """Whether all of a document is in another."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and within(one, found[key]) for key, one in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(within, expected, found))
    return expected == found


@pytest.fixture
def aptly(tmp_path):
    """Start aptly's server, with a root of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = "{}:{}".format(*probe.getsockname())
    config = tmp_path / "aptly.json"
    config.write_text(json.dumps({"rootDir": str(tmp_path / "aptly"), "gpgProvider": "gpg"}))
    command = ["aptly", f"-config={config}", "api", "serve", f"-listen={place}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield Peer(f"http://{place}")
        process.kill()


@pytest.fixture
def files(tmp_path):
    directory = tmp_path / "files"
    directory.mkdir()
    build_deb(directory, "alpha", fields={"Section": "misc", "Homepage": "http://a/?b=<c>&d"})
    build_deb(directory, "alpha", architecture="i386")
    build_deb(directory, "beta", "1:2.0~rc1+x", fields={"Depends": "alpha (>= 1.0) | gamma"})
    build_source(directory, "alpha")
    return sorted(directory.iterdir())


@pytest.fixture
def upstream(tmp_path):
    """Serve an archive to mirror."""
    archive = SmallArchive(tmp_path / "archive")
    archive.signed = ""
    archive.fields = {"Origin": "Example", "Suite": "stable"}
    archive.digests = ("md5", "sha1", "sha256", "sha512")
    archive.deb("alpha")
    archive.deb("beta", "2.0", Depends="gamma")
    archive.deb("gamma")
    archive.deb("other")
    archive.source("alpha")
    archive.write()
    with archive_served(archive.root) as server:
        yield server


@pytest.mark.skipif(shutil.which("aptly") is None, reason="there is no aptly")
def test_answers_have_the_status_and_the_fields_of_aptlys(aptly, serving, files, upstream):
    ours, key = Peer(serving().url), ""
    asked = ASKED.replace("SKIPPED", '"IgnoreSignatures": true')
    asked = asked.replace("SKIP", '"Signing": {"Skip": true}').replace("UPSTREAM", upstream.url)
    for line in asked.strip().splitlines():
        method, path, *body = line.replace("KEY", key).split(" ", 2)
        expected, found = (
            peer.ask(method, path, "".join(body).encode(), files) for peer in (aptly, ours)
        )
        assert expected[0] == found[0], (line, expected, found)
        assert expected[1] is None or within(expected[1], found[1]), (line, expected, found)
        if line == "GET /api/repos/r/packages?q=alpha":
            key = found[1][0]
