"""What operations are called with from afar: of their types, and no file of anybody else's."""

import json
import logging
import typing

import pytest
from starlette.testclient import TestClient

from debrepo import fitting
from debrepo.plugins import load_plugins
from debrepo.testing.packages import build_deb
from debrepo_server import operations
from debrepo_server.access import Access
from debrepo_server.app import build

OPERATIONS = {
    operation.name: operation
    for batch in load_plugins().hook.debrepo_operations()
    for operation in batch
    if not operation.local
}
CANARY = "canarypackage"

#: What operations need, by the names of their parameters; they get no further without.
GOOD = {
    "name": "web",
    "container": "project:acme",
    "path": "acme",
    "user": "ann",
    "owner": "ann",
    "kind": "repo",
    "place": "",
    "server": "hkp://127.0.0.1:9",
    "url": "http://127.0.0.1:9",
    "data": {"b": ""},
    "scopes": ["read"],
    "package": 1,
    "paths": [],
}
KINDS = {"project.create": "project", "project.token.create": "personal"}

#: Nothing takes all of these.
ODD = [
    5,
    -1,
    1.5,
    True,
    None,
    10**30,
    1e999,
    "",
    "text",
    "a\0b",
    "\ud800",
    "x" * 5000,
    [],
    [5],
    [None],
    [["text"]],
    {"d": []},
    {"d": [["text", 5]]},
    {"d": [[5, "text"]]},
    {"d": [[["list"], "text"]]},
    {"d": [["keys", {"t": [5]}]]},
    {"d": [["prefix", "elsewhere"]]},
    {"d": [["architectures", {"t": ["../../x"]}]]},
    {"d": [["sources", {"d": [["../../x", "repo:web"]]}]]},
    {"t": [5]},
    {"s": [5]},
    {"b": "00"},
    {"b": "no hex"},
    {"i": "2024-01-01T00:00:00"},
    {"n": ["debrepo.dependencies:Dependencies", 5, "text"]},
    {"n": ["debrepo.dependencies:Dependencies", {"t": [5]}, {"t": []}]},
    {"n": ["debrepo.package:PackageKey", "a", "b", "c", "d"]},
    {"n": ["os:system", "id"]},
    {"n": []},
    {"z": 1},
    {},
]
#: The roles that get past the scopes of operations.
FAR = {"admin", "all but uploads", "with an upload of its own"}
KEYRINGS = ["gpg.conf", "pubring.kbx", "pubring.gpg", "trustdb.gpg", "../gpg.conf", "random_seed"]


@pytest.fixture
def outside(tmp_path, session):
    """Files that are none of a caller's business, in the ways by which one may reach them."""
    place = tmp_path / "outside"
    place.mkdir()
    build_deb(place, CANARY, "1.0").rename(place / "a.deb")
    (place / "secret.txt").write_text("canarysecret\n")
    theirs = session.root / "upload" / "theirs"
    theirs.mkdir(parents=True)
    build_deb(theirs, CANARY, "2.0").rename(theirs / "a.deb")
    mine = session.root / "upload" / "mine"
    mine.mkdir()
    (mine / "link").symlink_to(place)
    (mine / "a.deb").symlink_to(place / "a.deb")
    home = session.root / "gnupg"
    home.mkdir(mode=0o700)
    for name in ("gpg.conf", "pubring.kbx", "pubring.gpg", "trustdb.gpg", "random_seed"):
        (home / name).write_bytes(b"")
    (session.root / "debrepo.toml").write_text('signing.gpg.home = "gnupg"\n')
    return place


def foreign(session, outside):
    """Yield names of files that the caller may not take."""
    yield from (str(outside), str(outside / "a.deb"), f"file://{outside}/a.deb")
    yield from ("../../outside", "mine/../../../outside/a.deb", "mine", "mine/link")
    yield from ("mine/link/a.deb", "mine/a.deb", "theirs", "~", "~theirs", "/etc/passwd")
    yield from (str(session.root / "upload" / "theirs"), str(session.root / "debrepo.toml"))


def spelled(name, hint):
    """Yield a name in the ways in which it could become a file, where a parameter has this type."""
    if "Path" in str(hint):
        yield from ([name], {"p": name}, [{"p": name}], {"t": [{"p": name}]}, {"s": [{"p": name}]})
    if "Mapping" in str(hint):
        yield from ({"d": [[key, {"p": name}]]} for key in ("keys", "suite"))
        yield from ({"d": [[key, name]]} for key in ("prefix", "storage", "suite"))
    if hint not in (bool, int):
        yield from (name, [name], {"p": name})


def tree(*roots):
    """Return every file below, and what is in it."""
    files = (path for root in roots for path in root.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}


def arguments(operation):
    """Return arguments that an operation takes, as they are sent."""
    parameters = list(fitting.hints(operation.ref.load()))[1:-1]
    given = {name: GOOD[name] for name in parameters if name in GOOD}
    for name, hint in fitting.hints(operation.ref.load()).items():
        if name not in {"session", "return"} and name not in given and hint in (str, bool):
            given[name] = "web" if hint is str else False
    if operation.name in KINDS:
        given["kind"] = KINDS[operation.name]
    return given


def roles(operation):
    """Return sets of scopes by name, from everything to nothing."""
    own = [part.replace("{", "").replace("}", "") for part in operation.scopes]
    wide = [":".join("*" if "{" in p else p for p in s.split(":")) for s in operation.scopes]
    return {
        "admin": ["admin"],
        "all but uploads": wide,
        "with an upload of its own": [*wide, "upload:mine", "upload:~*"],
        "others": [*own, "upload:other"],
        "reader": ["read"],
        "stranger": ["download:"],
    }


def is_plainly_wrong(hint, value):
    """Whether a value is wrong whatever is in it."""
    if hint is str:
        return not isinstance(value, str)
    if hint is bool:
        return not isinstance(value, bool)
    return "Path" in str(hint) and isinstance(value, str)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operation_takes_what_it_states_and_no_file_of_others(name, session, outside, caplog):
    caplog.set_level(logging.WARNING)
    operation = OPERATIONS[name]
    session.call("repo.create", name="web")
    hints = fitting.hints(operation.ref.load())
    good = arguments(operation)
    kept = tree(outside, session.root / "upload", session.root / "gnupg")
    app = build(session, Access(session, trusting=False))
    names = list(foreign(session, outside))
    with TestClient(app, raise_server_exceptions=False) as client:
        for role, scopes in roles(operation).items():
            secret = session.run(operations.create_token, role, scopes=scopes)
            client.headers["X-Debrepo-Token"] = secret
            client.headers["Content-Type"] = "application/json"
            cases = [("nonsense", 5), ("session", "x")]
            for parameter, hint in list(hints.items())[1:-1]:
                cases += [(parameter, value) for value in (ODD if role == "admin" else ODD[:3])]
                if role == "admin" or (role in FAR and "Path" in str(hint)):
                    more = [*names, *(KEYRINGS if parameter == "keyring" else ())]
                    if role == "admin":  # who may do everything may do that
                        more = [one for one in more if "theirs" not in one]
                    cases += [(parameter, v) for one in more for v in spelled(one, hint)]
            for parameter, value in cases:
                said = {"arguments": {**good, parameter: value}}
                answer = client.post(f"/api/operations/{name}", content=json.dumps(said))
                about = (role, parameter, str(value)[:200], answer.status_code, answer.text[:300])
                assert answer.status_code < 500 or _is_elsewhere(answer), about
                assert CANARY not in answer.text, about
                assert "canarysecret" not in answer.text, about
                if is_plainly_wrong(hints.get(parameter), value):
                    assert 400 <= answer.status_code < 500, about
                if parameter in {"nonsense", "session"}:
                    assert answer.status_code in {400, 403}, about
    after = tree(outside, session.root / "upload", session.root / "gnupg")
    assert {path: after.get(path) for path in kept} == kept
    assert CANARY.encode() not in (session.root / "db/data.mdb").read_bytes()
    assert [record.exc_text for record in caplog.records if record.exc_info] == []


def _is_elsewhere(answer):
    """Whether it is another server that was to be asked, which there is not."""
    return answer.status_code == 502 and answer.json()["kind"] == "RemoteError"


def test_every_type_that_an_operation_takes_is_understood():
    for operation in OPERATIONS.values():
        for name, hint in fitting.hints(operation.ref.load()).items():
            if name not in {"session", "return"}:
                assert not isinstance(hint, typing.TypeVar)
                fitting.fitter(hint)
