"""The routes of publications, as part 2.6 of aptly's interface has them."""

import pytest

from debrepo import PublicationOption, hookimpl
from debrepo_aptly.spelling import decode, place

SKIP = {"Signing": {"Skip": True}}
KEYS = [
    "AcquireByHash",
    "Architectures",
    "ButAutomaticUpgrades",
    "Codename",
    "Distribution",
    "Label",
    "MultiDist",
    "NotAutomatic",
    "Origin",
    "Path",
    "Prefix",
    "SignedBy",
    "SkipContents",
    "SourceKind",
    "Sources",
    "Storage",
    "Suite",
    "Version",
]


@pytest.mark.parametrize(
    ("segment", "decoded"),
    [
        ("my__pre_sub", "my_pre/sub"),
        ("filesystem:t1:deb_x", "filesystem:t1:deb/x"),
        ("foo_bar", "foo/bar"),
        ("foo__bar", "foo_bar"),
        ("_foo", "foo"),
        ("../$x`", "x"),
        ("..", "."),
        ("", "."),
    ],
)
def test_segments_are_decoded_as_aptly_does(segment, decoded):
    assert decode(segment) == decoded


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (":.", "."),
        (".", "."),
        (":", "."),
        ("s3:name:", "s3:name:."),
        ("s3:name:.", "s3:name:."),
        ("filesystem:t1:deb_x", "fs:t1:deb/x"),
        ("ppa", "ppa"),
    ],
)
def test_segments_name_places(segment, expected, session):
    assert place(session, segment) == expected


def test_get_publish(filled):
    assert filled.api.get("/api/publish").json() == []
    filled.publish()
    (found,) = filled.api.get("/api/publish").json()
    assert list(found) == KEYS


def test_post_publish(filled):
    more = {"Label": "L", "Origin": "O", "Version": "1", "NotAutomatic": "yes"}
    answer = filled.publish("my__pre_sub", Distribution="foo_bar", **more)
    assert answer.status_code == 201
    assert answer.json() == {
        "AcquireByHash": False,
        "Architectures": ["amd64"],
        "ButAutomaticUpgrades": "",
        "Codename": "",
        "Distribution": "foo_bar",
        "Label": "L",
        "MultiDist": False,
        "NotAutomatic": "yes",
        "Origin": "O",
        "Path": "my_pre/sub/foo_bar",
        "Prefix": "my_pre/sub",
        "SignedBy": "",
        "SkipContents": False,
        "SourceKind": "local",
        "Sources": [{"Component": "main", "Name": "r"}],
        "Storage": "",
        "Suite": "",
        "Version": "1",
    }
    assert filled.api.get("/api/publish/my__pre_sub/foo__bar").json() == answer.json()


def test_post_publish_says_what_was_asked_for(filled):
    asked = {"AcquireByHash": True, "MultiDist": True, "SkipContents": True}
    architectures = ["i386", "amd64", "i386"]
    made = filled.publish(**asked, Architectures=architectures, SignedBy="A", SkipBz2=True)
    assert {name: made.json()[name] for name in asked} == asked
    assert made.json()["Architectures"] == ["amd64", "i386"]
    assert made.json()["SignedBy"] == "A"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"SourceKind": ""}, 400),
        ({"SourceKind": "group"}, 400),
        ({"Sources": []}, 400),
        ({"Sources": [{"Component": "main"}]}, 400),
        ({"Sources": "r"}, 400),
        ({"Sources": [{"Name": "none"}]}, 404),
        ({"Distribution": ""}, 400),
        ({"Signing": {"Passphrase": "a", "PassphraseFile": "b"}}, 400),
    ],
)
def test_post_publish_of_what_cannot_be(filled, wrong, status):
    assert filled.publish(**wrong).status_code == status


def test_post_publish_twice(filled):
    filled.publish()
    assert filled.publish().status_code == 400


def test_post_publish_to_a_storage_that_is_not_configured(filled):
    answer = filled.publish("s3:none:")
    assert (answer.status_code, "s3:none" in answer.json()["error"]) == (404, True)


def test_post_publish_guesses_the_distribution(filled):
    filled.api.put("/api/repos/r", json={"DefaultDistribution": "d", "DefaultComponent": "c"})
    made = filled.publish(Distribution="").json()
    assert (made["Distribution"], made["Sources"]) == ("d", [{"Component": "c", "Name": "r"}])


def test_post_publish_several_components(filled):
    filled.snapshot("s")
    sources = [{"Component": "main", "Name": "s"}, {"Component": "contrib", "Name": "s"}]
    made = filled.publish(kind="snapshot", Sources=sources).json()
    assert made["Sources"] == sources[::-1]


def test_post_publish_as_the_first_examples_do(filled):
    body = {"Distribution": "wheezy", "Sources": [{"Name": "r"}], **SKIP}
    answer = filled.api.post("/api/publish//repos", json=body)
    assert (answer.status_code, answer.json()["Path"]) == (201, "./wheezy")
    assert filled.api.post("/api/publish/p/repos", json=body).json()["Path"] == "p/wheezy"
    filled.snapshot("s")
    body["Sources"] = [{"name": "s"}]
    assert filled.api.post("/api/publish/s/snapshots", json=body).status_code == 201


def test_empty_prefix_is_the_root(filled):
    filled.publish()
    assert filled.api.get("/api/publish//stable").json()["Path"] == "./stable"
    assert filled.api.put("/api/publish//stable", json=SKIP).status_code == 200
    assert filled.api.delete("/api/publish//stable").status_code == 200


def test_post_publish_without_a_prefix(filled):
    body = {"SourceKind": "local", "Sources": [{"Name": "r"}], "Distribution": "d", **SKIP}
    assert filled.api.post("/api/publish", json=body).json()["Path"] == "./d"


def test_get_publication(filled):
    filled.publish("p")
    assert filled.api.get("/api/publish/p/stable").json()["Path"] == "p/stable"
    assert filled.api.get("/api/publish/p/none").status_code == 404


def test_post_publication_update(filled):
    filled.publish("p")
    filled.add("r", filled.deb("gamma", architecture="i386"))
    answer = filled.api.post("/api/publish/p/stable/update", json={"Label": "L"})
    assert (answer.status_code, answer.json()["Label"]) == (200, "L")
    assert answer.json()["Architectures"] == ["amd64", "i386"]
    assert filled.api.post("/api/publish/p/none/update", json={}).status_code == 404


@pytest.fixture
def bz2(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_COMPRESSIONS", "gz,bz2")


@pytest.mark.usefixtures("bz2")
def test_bz2_is_left_out_and_comes_back(filled):
    for create, skip, expected in ((True, True, 404), (False, None, 404), (False, False, 200)):
        if create:
            filled.publish("p", SkipBz2=skip)
        else:
            filled.api.put("/api/publish/p/stable", json={"SkipBz2": skip, **SKIP})
        index = "/repos/-/p/dists/stable/main/binary-amd64/Packages.bz2"
        assert filled.api.get(index).status_code == expected


def test_put_publication_of_a_repository(filled):
    filled.publish("p")
    assert filled.api.put("/api/publish/p/stable", json=SKIP).status_code == 200
    filled.snapshot("s")
    for component in ({}, {"Component": "main"}, {"Component": "new"}):
        body = {"Snapshots": [{"Name": "s", **component}], **SKIP}
        assert filled.api.put("/api/publish/p/stable", json=body).status_code == 400
    assert filled.api.put("/api/publish/p/none", json=SKIP).status_code == 404


def test_put_publication_of_snapshots(filled):
    filled.snapshot("s1")
    filled.add("r", filled.deb("gamma"))
    filled.snapshot("s2")
    filled.publish("p", kind="snapshot", source="s1")
    for snapshots, expected in (
        ([{"Name": "s2"}], {"main": "s2"}),
        ([{"Component": "new", "Name": "s1"}], {"main": "s2", "new": "s1"}),
    ):
        answer = filled.api.put("/api/publish/p/stable", json={"Snapshots": snapshots, **SKIP})
        assert answer.status_code == 200
        found = {one["Component"]: one["Name"] for one in answer.json()["Sources"]}
        assert found == expected
    body = {"Snapshots": [{"Component": "main", "Name": "none"}], **SKIP}
    assert filled.api.put("/api/publish/p/stable", json=body).status_code == 404


def test_delete_publication(filled):
    filled.publish("p")
    for spelling in ("SkipCleanup", "skipCleanup", "force"):
        filled.publish("p")
        answer = filled.api.delete(f"/api/publish/p/stable?{spelling}=1")
        assert (answer.status_code, answer.json()) == (200, {})
    assert filled.api.delete("/api/publish/p/stable").status_code == 404


@pytest.fixture
def sources(filled):
    """Publish a snapshot; return the path of its sources."""
    filled.snapshot("s1")
    filled.snapshot("s2")
    filled.publish("p", kind="snapshot", source="s1")
    return "/api/publish/p/stable/sources"


def test_get_publication_sources(api, sources):
    assert api.get(sources).status_code == 404
    api.post(sources, json={"Component": "contrib", "Name": "s2"})
    assert api.get(sources).json() == [
        {"Component": "contrib", "Name": "s2"},
        {"Component": "main", "Name": "s1"},
    ]
    assert api.get("/api/publish/p/none/sources").status_code == 404


def test_post_publication_sources(api, sources):
    new = {"Component": "contrib", "Name": "s2"}
    answer = api.post(sources, json=new)
    assert (answer.status_code, answer.json()) == (201, {})
    assert api.post(sources, json=new).status_code == 400
    assert api.post(sources, json={"Component": "x"}).status_code == 400
    assert api.post("/api/publish/p/none/sources", json=new).status_code == 404
    updated = api.post("/api/publish/p/stable/update", json=SKIP).json()
    assert [one["Component"] for one in updated["Sources"]] == ["contrib", "main"]
    assert api.get(sources).status_code == 404


def test_put_publication_sources(api, sources):
    wanted = [{"Component": "a", "Name": "s1"}, {"Component": "b", "Name": "s2"}]
    answer = api.put(sources, json=wanted)
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert api.put(sources, json=[]).status_code == 400
    assert api.put(sources, json=[{"Component": "a"}]).status_code == 400
    assert api.put("/api/publish/p/none/sources", json=wanted).status_code == 404


def test_delete_publication_sources(api, sources):
    api.post(sources, json={"Component": "contrib", "Name": "s2"})
    answer = api.delete(sources)
    assert (answer.status_code, answer.json()) == (200, {})
    assert api.get(sources).status_code == 404
    assert api.delete("/api/publish/p/none/sources").status_code == 404


def test_put_publication_source(api, sources):
    answer = api.put(f"{sources}/main", json={"Name": "s2"})
    assert (answer.status_code, answer.json()) == (200, {})
    assert api.get(sources).json() == [{"Component": "main", "Name": "s2"}]
    assert api.put(f"{sources}/main", json={"Component": "x", "Name": "s2"}).status_code == 200
    assert api.get(sources).json() == [{"Component": "x", "Name": "s2"}]
    assert api.put(f"{sources}/none", json={"Name": "s2"}).status_code == 404
    assert api.put(f"{sources}/x", json={"Name": 7}).status_code == 400


def test_delete_publication_source(api, sources):
    api.post(sources, json={"Component": "contrib", "Name": "s2"})
    answer = api.delete(f"{sources}/main")
    assert (answer.status_code, answer.json()) == (200, {})
    assert api.get(sources).json() == [{"Component": "contrib", "Name": "s2"}]
    assert api.delete(f"{sources}/none").status_code == 404


def test_passphrase_is_used_and_not_written_down(session, api, archive, tmp_path):
    secret = tmp_path / "passphrase"
    secret.write_text("open sesame\n")
    session.config.override("publish.passphrase_files", (str(secret),), "test")
    session.call("key.create", name="Somebody", passphrase_file=secret)
    archive.add("r", archive.deb())
    assert archive.publish(Signing={"Passphrase": "wrong"}).status_code == 422
    answer = archive.publish(Signing={"Passphrase": "open sesame"})
    assert answer.status_code == 201, answer.text
    file = {"Signing": {"PassphraseFile": str(secret)}, "Label": "new"}
    assert api.post("/api/publish/:./stable/update", json=file).status_code == 200
    assert b"BEGIN PGP" in api.get("/repos/-/dists/stable/InRelease").content
    other = {"Signing": {"PassphraseFile": "/etc/passwd"}, "Label": "newer"}
    assert api.post("/api/publish/:./stable/update", json=other).status_code == 403


@pytest.fixture
def public(session):
    return session.root / "public"


def test_post_publish_verify(filled, public):
    filled.publish()
    answer = filled.api.post("/api/publish/:./stable/verify", json={"Files": True})
    assert answer.status_code == 200
    assert answer.json()["Problems"] == []
    assert answer.json()["Files"] > 0
    lost = public / "dists/stable/main/binary-amd64/Packages.gz"
    lost.unlink()
    problems = filled.api.post("/api/publish/:./stable/verify").json()["Problems"]
    path = str(lost.relative_to(public))
    assert {"Path": path, "Text": "is listed, but missing"} in problems


def test_post_publish_repair(filled, public):
    filled.publish()
    (lost,) = public.rglob("alpha_*.deb")
    lost.unlink()
    repair = "/api/publish/:./stable/repair"
    (repaired,) = filled.api.post(repair, json={"DryRun": True}).json()["Repaired"]
    assert repaired.endswith("is missing")
    assert not lost.exists()
    done = filled.api.post(repair, json={"Reconcile": True}).json()
    assert done["Repaired"] == [repaired]
    assert done["Reconciled"]["Foreign"] == []
    assert lost.exists()


def test_what_others_have_published_is_repaired_by_force_only(filled, public):
    filled.publish()
    (public / "dists/stable/Release").write_bytes(b"Suite: theirs\n")
    repair = "/api/publish/:./stable/repair"
    assert filled.api.post(repair).status_code == 409
    assert filled.api.post(repair, json={"Force": True}).json()["Generation"] == 2


def test_post_publish_rollback(filled, public):
    filled.publish()
    first = public / "dists/stable/main/binary-amd64/Packages.gz"
    before = first.read_bytes()
    filled.add("r", filled.deb("gamma"))
    filled.api.put("/api/publish/:./stable", json=SKIP)
    assert first.read_bytes() != before
    answer = filled.api.post("/api/publish/:./stable/rollback", json={"Generation": 1})
    assert answer.status_code == 200
    assert list(answer.json()) == KEYS
    assert first.read_bytes() == before
    assert filled.api.post("/api/publish/:./none/rollback").status_code == 404


class Roster:
    """A plugin that declares options of publications."""

    @hookimpl
    def debrepo_publication_options(self):
        return [
            PublicationOption("roster", False, "Publish names"),
            PublicationOption("colours", (), "Which colours"),
        ]


def test_options_of_plugins_travel_in_a_table_of_their_own(filled, session):
    session.plugins.register(Roster(), "roster")
    made = filled.publish(Options={"roster": True, "colours": ["red"]})
    assert made.status_code == 201, made.text
    assert made.json()["Options"] == {"roster": True, "colours": ["red"]}
    changed = filled.api.put("/api/publish/:./stable", json={"Options": {"roster": False}, **SKIP})
    assert changed.json()["Options"] == {"roster": False, "colours": ["red"]}
    for wrong in ({"weather": True}, {"roster": "yes"}, {"origin": "Us"}, ["roster"]):
        answer = filled.api.put("/api/publish/:./stable", json={"Options": wrong, **SKIP})
        assert answer.status_code == 400, answer.text
