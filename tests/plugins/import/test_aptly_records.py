"""Records of aptly's database: what is not as it should be is named, and blocks nothing."""

import json
import sys
import threading
from base64 import b64decode, b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType

import msgpack
import pytest

from debrepo.errors import PluginError, RemoteError
from debrepo_import.aptly import lists, publications, records
from debrepo_import.aptly.database import library
from debrepo_import.aptly.etcd import EtcdRecords
from debrepo_import.aptly.reading import entry_of, packages

KEY = "Pamd64 hello 1.0 966561016b44ed80"
MARK = b"\xc1\x01"
DIGEST = {"MD5": "0" * 32, "SHA1": "1" * 40, "SHA256": "2" * 64, "SHA512": "3" * 128}
FILE = {
    "Filename": "hello_1.0_amd64.deb",
    "Checksums": {"Size": 10, **DIGEST},
    "PoolPath": "22/22/2_hello_1.0_amd64.deb",
}
RECORD = {"Name": "hello", "Version": "1.0", "Architecture": "amd64", "Provides": ["a"]}
FIELDS = {"Maintainer": "A <a@example.org>", "Description": " x\n y\n", "Filename": "elsewhere"}


class Made(dict):
    def below(self, prefix):
        yield from sorted((key, value) for key, value in self.items() if key.startswith(prefix))


def made(record=RECORD, extra=FIELDS, depends=None, files=(FILE,), mark=MARK):
    name = KEY.encode()
    return Made(
        {
            name: mark + msgpack.packb(record),
            b"xE" + name: msgpack.packb(extra),
            b"xD" + name: msgpack.packb(depends or {"Depends": ["b", "c | d"]}),
            b"xF" + name: msgpack.packb(list(files)),
        }
    )


def read(found, key=KEY):
    (package,) = packages(found, "/pool", "dpkg", [entry_of(key)])
    return package


def test_a_package_has_the_fields_that_aptly_knows():
    found = read(made())
    assert str(found.package.key) == KEY
    assert found.package.stanza.decode().split("\n") == [
        "Package: hello",
        "Maintainer: A <a@example.org>",
        "Architecture: amd64",
        "Version: 1.0",
        "Provides: a",
        "Depends: b, c | d",
        "Description: x",
        " y",
    ]
    assert found.paths == ("/pool/22/22/2_hello_1.0_amd64.deb",)


def test_before_aptly_1_1_the_md5_says_where_a_file_is():
    found = read(made(files=[{**FILE, "PoolPath": ""}]))
    assert found.paths == ("/pool/00/00/hello_1.0_amd64.deb",)


def test_a_name_that_clients_would_not_ask_for_gives_way_to_the_usual_one():
    found = read(made(files=[{**FILE, "Filename": "hello_1%3a1.0_amd64.deb"}]))
    assert found.package.files[0].name == "hello_1.0_amd64.deb"


@pytest.mark.parametrize(
    ("changed", "why", "text"),
    [
        ({"mark": b""}, "damaged", "of an aptly before 0.9"),
        ({"mark": b"\xc1\x02"}, "damaged", "of a newer aptly"),
        ({"record": "x"}, "damaged", "is no record of aptly"),
        ({"extra": 7}, "damaged", "is no record of aptly"),
        ({"extra": {**FIELDS, "A\nB": "x"}}, "refused", ""),
        ({"extra": {**FIELDS, "X": "a\n\nPackage: other"}}, "refused", "not one stanza"),
        ({"files": ()}, "refused", "it has 0 files"),
        ({"files": (FILE, FILE)}, "refused", "it has 2 files"),
        ({"files": ({**FILE, "Checksums": None},)}, "damaged", "has no size"),
        ({"files": ({**FILE, "Checksums": {"Size": -1}},)}, "damaged", "has no size"),
        ({"files": ({**FILE, "Checksums": {"Size": 1}},)}, "damaged", "has no checksum"),
        (
            {"files": ({**FILE, "Checksums": {"Size": 1, "SHA256": "../../x"}},)},
            "damaged",
            "a checksum that is none",
        ),
        ({"files": ({**FILE, "Filename": "../x"},)}, "refused", "its file is called"),
        ({"files": ({**FILE, "PoolPath": "../x"},)}, "damaged", "outside of the pool"),
        ({"files": ({**FILE, "PoolPath": "/etc/passwd"},)}, "damaged", "outside of the pool"),
    ],
)
def test_a_record_that_is_odd_is_named(changed, why, text):
    remark = read(made(**changed))
    assert (remark.why, remark.subject) == (why, "package hello_1.0_amd64")
    assert text in remark.text


def test_a_record_that_is_not_there_is_named():
    found = made()
    del found[b"xD" + KEY.encode()]
    assert "is not in the database" in read(found).text
    found = made()
    found[b"xF" + KEY.encode()] = b"\xc1"
    assert "cannot be read" in read(found).text


@pytest.mark.parametrize(
    "key",
    [
        "Pamd64 hello 1.0",
        "Pamd64 installer  966561016b44ed80",
        "amd64 hello 1.0 966561016b44ed80",
        "Pamd64 hel\0lo 1.0 966561016b44ed80",
        "Pamd64 hel\udcfflo 1.0 966561016b44ed80",
    ],
)
def test_what_is_no_key_is_told_from_one(key):
    assert entry_of(key) is None


def test_keys_of_packages_that_policy_forbids_are_named():
    key = "Pamd64 ../x 1.0 966561016b44ed80"
    found = Made({k.replace(KEY.encode(), key.encode()): v for k, v in made().items()})
    remark = read(found, key)
    assert remark.why == "refused"
    assert "breaks Debian Policy" in remark.text


@pytest.mark.parametrize(
    ("data", "moment"),
    [
        (bytes.fromhex("230ae7306b0ae69f"), "2026-11-28T14:35:11.146979+00:00"),
        (bytes.fromhex("6b0ae69f"), "2026-11-28T14:35:11.000000+00:00"),
        (bytes.fromhex("08c2b9cc000000006b0ae69f"), "2026-11-28T14:35:11.146979+00:00"),
        (bytes.fromhex("00000000fffffff1886e0900"), ""),  # Go's zero
        (b"", ""),
        (b"abc", ""),
        (b"\xff" * 8, ""),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(data, moment):
    given = data.decode(errors="surrogateescape")
    found = records.moment({"At": given}, "At")
    assert found == moment or (data == b"\xff" * 8 and found.startswith("25"))


def test_lists_that_cannot_be_read_are_named_and_the_others_come():
    found = Made({b"L1": b"\xc1", b"R1": msgpack.packb("x"), b"S1": msgpack.packb(7)})
    found[b"L2"] = msgpack.packb({"UUID": "2", "Name": "tools", "Uploaders": {"rules": [{}]}})
    found[b"E2"] = msgpack.packb({"Refs": "x"})
    told = list(lists.all_lists(found))
    assert [str(one) for one in told if isinstance(one, lists.Remark)] == [
        "damaged: repo L1: the record L1 cannot be read: FormatError",
        "damaged: mirror R1: the record R1 is no record of aptly",
        "damaged: snapshot S1: the record S1 is no record of aptly",
    ]
    (repo,) = (one for one in told if isinstance(one, lists.AptlyList))
    assert "a rule has no condition" in repo.remarks[0].text
    assert repo.entries(found)[1][0].text == "the list of repo tools is no list of packages"


def test_snapshots_that_were_made_of_one_another_end():
    row = {"SourceKind": "snapshot", "Description": ""}
    found = Made(
        {
            b"S1": msgpack.packb({**row, "UUID": "1", "Name": "a", "SourceIDs": ["2"]}),
            b"S2": msgpack.packb({**row, "UUID": "2", "Name": "b", "SourceIDs": ["1"]}),
        }
    )
    assert {one.name for one in lists.all_lists(found)} == {"a", "b"}


def test_publications_that_have_no_counterpart_are_named():
    row = {"UUID": "1", "Prefix": ".", "Distribution": "stable", "SourceKind": "local"}
    found = Made(
        {
            b"Ua": msgpack.packb({**row, "Storage": "swift:x", "Sources": {"main": "r"}}),
            b"Ub": msgpack.packb({**row, "Sources": {"main": "gone"}}),
            b"Uc": b"\xc1",
            b"Ud": msgpack.packb({**row, "SnapshotUUID": "r", "Component": "contrib"}),
            b"Ue": msgpack.packb({**row, "Storage": "s3:b", "Sources": {"main": "r"}}),
        }
    )
    told = list(publications.publications(found, {"r": "repo:tools"}))
    assert [str(one) for one in told[:3]] == [
        "unsupported: publication a: no plugin publishes to swift",
        "unsupported: publication b: what it publishes as main does not exist any more",
        "damaged: publication c: the publication c cannot be read: FormatError",
    ]
    assert [(str(one), one.sources) for one in told[3:]] == [
        ("./stable", {"contrib": "repo:tools"}),
        ("s3:b:./stable", {"main": "repo:tools"}),
    ]


class _Gateway(BaseHTTPRequestHandler):
    """What an etcd answers over its JSON gateway."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        start, end = (b64decode(asked.get(name, "")) for name in ("key", "range_end"))
        self.server.asked.append((self.path, asked))
        found = sorted(
            (key, value)
            for key, value in self.server.records.items()
            if (start <= key < end if end else key == start)
        )[: min(asked["limit"], 2)]
        rows = [{"key": b64encode(k).decode(), "value": b64encode(v).decode()} for k, v in found]
        body = json.dumps({"header": {"revision": "7"}, **({"kvs": rows} if rows else {})})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.answer or body.encode())

    def log_message(self, *_):
        pass


@contextmanager
def gateway(known, answer=b""):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Gateway) as server:
        server.records, server.asked, server.answer = known, [], answer
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_an_etcd_is_read_page_by_page_at_one_revision():
    known = {b"L%d" % number: b"%d" % number for number in range(5)} | {b"M": b"x"}
    with gateway(known) as server:
        found = EtcdRecords(f"127.0.0.1:{server.server_port}")
        assert found.get(b"M") == b"x"
        assert found.get(b"none") is None
        assert dict(found.below(b"L")) == {k: v for k, v in known.items() if k != b"M"}
    assert {path for path, _ in server.asked} == {"/v3/kv/range"}
    assert [asked["revision"] for _, asked in server.asked] == [0, *[7] * 5]


@pytest.mark.parametrize("answer", [b"x", b"[]", b"{}", b'{"header": {"revision": "x"}}'])
def test_what_is_no_etcd_is_an_error(answer):
    with gateway({}, answer) as server:
        found = EtcdRecords(f"http://127.0.0.1:{server.server_port}/")
        with pytest.raises(RemoteError, match="does not answer as an etcd"):
            found.get(b"L")
    with pytest.raises(RemoteError, match="does not answer"):
        found.get(b"L")


def test_a_root_in_an_etcd_is_imported(debrepo, aptly):
    database = library().DB(str(aptly.root / "db"))
    known = dict(database)
    database.close()
    with gateway(known) as server:
        url = f"127.0.0.1:{server.server_port}"
        aptly.configure(databaseBackend={"type": "etcd", "url": url})
        said = debrepo("import", "aptly", "--config", aptly.config)
        assert "Brought 4 packages and 6 files" in said.stdout
        assert "The same" in debrepo("import", "check", "--config", aptly.config).stdout


@pytest.mark.parametrize(("there", "found"), [(["plyvel_next"], True), ([], False)])
def test_the_library_is_found_under_either_name(monkeypatch, there, found):
    for name in ("plyvel", "plyvel_next"):
        module = ModuleType(name) if name in there else None
        monkeypatch.setitem(sys.modules, name, module)
    if found:
        assert library().__name__ == "plyvel_next"
    else:
        with pytest.raises(PluginError, match="needs a library"):
            library()
