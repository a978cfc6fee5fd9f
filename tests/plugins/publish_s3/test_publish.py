"""A repository in a bucket: published whole, by one node at a time, in few requests."""

import contextlib
import itertools
import json
import re
import shutil

import pytest
from end_to_end.clients import Apt
from object_stores.follow import follow
from object_stores.node import Node

from debrepo.testing.packages import build_deb

PLACE = "s3:test:."


def configure(root, port, settings):
    told = settings | {"endpoint": f"http://127.0.0.1:{port}", "timeout": 30}
    lines = [f"{key} = {value!r}" for key, value in told.items()]
    (root / "debrepo.toml").write_text("[storage.s3.test]\n" + "\n".join(lines) + "\n")


def copy(root, to):
    shutil.copytree(root, to, ignore=shutil.ignore_patterns("S.*"))  # sockets of gpg-agent


@pytest.fixture(scope="session")
def with_key(tmp_path_factory):
    root = tmp_path_factory.mktemp("key")
    Node(root)("key", "create", "--name", "Test archive")
    return root


@pytest.fixture
def new_node(tmp_path, with_key, proxy, settings):
    """Return a function that makes a root which has the key and may write to the bucket."""

    def make(name="root"):
        copy(with_key / "gnupg", tmp_path / name / "gnupg")
        configure(tmp_path / name, proxy.port, settings)
        return Node(tmp_path / name)

    return make


@pytest.fixture
def url(service, bucket, proxy):
    """Where clients find the repository: past the proxy where the service says so."""
    place = service.public.format(bucket=bucket)
    return (place if "://" in place else f"http://127.0.0.1:{proxy.port}{place}") + "/deb"


@pytest.fixture(scope="session")
def published(tmp_path_factory, with_key, service, new_bucket, common):
    """Return a node that has published two packages as ``stable``, and the bucket."""
    root, bucket = tmp_path_factory.mktemp("published"), new_bucket()
    copy(with_key / "gnupg", root / "gnupg")
    configure(root, service.port, common | {"bucket": bucket})
    node = Node(root)
    (root / "debs").mkdir()
    build_deb(root / "debs", "hello", "1:2.10-3+b1~bpo12")
    build_deb(root / "debs", "greeter", "1.0", "all")
    node("repo", "create", "tools", "--distribution", "stable")
    node("repo", "add", "tools", root / "debs")
    node("publish", "repo", "tools", PLACE)
    return root, bucket


@pytest.fixture
def node(tmp_path, published, direct, service, bucket, proxy, settings):
    """Return a node like that, with a bucket of its own."""
    root, origin = published
    copy(root, tmp_path / "root")
    configure(tmp_path / "root", proxy.port, settings)
    acl = {"ACL": service.acl} if service.acl else {}
    for found in direct.list_objects_v2(Bucket=origin, MaxKeys=1000)["Contents"]:
        source = {"Bucket": origin, "Key": found["Key"]}
        direct.copy_object(Bucket=bucket, Key=found["Key"], CopySource=source, **acl)
    return Node(tmp_path / "root")


def add(node, directory, name, version="1.0"):
    directory.mkdir(exist_ok=True)
    node("repo", "add", "tools", build_deb(directory, name, version))


def keys(direct, bucket):
    return [found["Key"] for found in direct.list_objects_v2(Bucket=bucket).get("Contents", ())]


def kinds(requests):
    return {kind: count for kind, count in requests.items() if not kind.startswith("bytes")}


def test_apt_installs_from_a_bucket_what_was_added(node, url, tmp_path):
    apt = Apt(tmp_path / "client", node.source(url, types="deb"))
    apt.update()
    assert apt.candidate("hello") == "1:2.10-3+b1~bpo12"
    apt("apt-get", "download", "hello", "greeter")
    add(node, tmp_path / "new", "g++-12", "12.2.0-14")
    node("publish", "update", "stable", PLACE)
    apt.update()
    apt("apt-get", "download", "g++-12")
    assert (apt.home / "downloads/g++-12_12.2.0-14_amd64.deb").exists()


def test_dated_archives_are_copied_inside_the_bucket_and_go_in_their_turn(
    node, url, direct, bucket, tmp_path
):
    words = ("--snapshots", "1", "--keep-generations", "0", "--grace", "0")
    first = node.json("publish", "update", "stable", PLACE, *words)
    assert first["requests"]["copy object"] > 0
    (name,) = {row["dated"] for row in node.json("publish", "history", "stable", PLACE)} - {""}
    assert (
        "Snapshots:"
        not in direct.get_object(Bucket=bucket, Key="deb/dists/stable/Release")["Body"]
        .read()
        .decode()
    )  # a bucket has no second path to its pool
    node("repo", "remove", "tools", "hello")
    node("publish", "update", "stable", PLACE, "--snapshots", "2")
    apt = Apt(tmp_path / "client", node.source(url, f"stable/{name}", types="deb"))
    apt.update()
    apt("apt-get", "download", "hello")
    add(node, tmp_path / "new", "new")
    node("publish", "update", "stable", PLACE, "--snapshots", "1")
    assert not [key for key in keys(direct, bucket) if name in key or "hello" in key]


def test_alias_in_a_bucket_follows_each_publish(node, url, direct, bucket, tmp_path):
    node("publish", "update", "stable", PLACE, "--codename", "bookworm", "--alias", "bookworm")
    apt = Apt(tmp_path / "client", node.source(url, "bookworm", types="deb"))
    apt.update()
    add(node, tmp_path / "new", "new")
    node("publish", "update", "stable", PLACE)
    apt.update()
    apt("apt-get", "download", "new")
    inline = [
        direct.get_object(Bucket=bucket, Key=f"deb/dists/{name}/InRelease")["Body"].read()
        for name in ("stable", "bookworm")
    ]
    assert inline[0] == inline[1]
    node("publish", "drop", "stable", PLACE)
    assert not [key for key in keys(direct, bucket) if "/dists/" in key]


def test_one_new_package_takes_eleven_requests_that_write(node, proxy, tmp_path, needs):
    needs("conditions", "quoted tags")
    add(node, tmp_path / "new", "new")
    result = node.json("publish", "update", "stable", PLACE)
    assert kinds(result["requests"]) == {"put object": 11}
    last = [request.target.rpartition("/")[2] for request in proxy.seen[-7:]]
    assert last == [
        "~debrepo-turn", "Packages.gz", "Packages.xz", "Contents-amd64.gz",
        "Release", "Release.gpg", "InRelease",
    ]  # fmt: skip


def test_taking_a_bucket_over_uploads_no_package(node, new_node, proxy, url, tmp_path):
    apt = Apt(tmp_path / "client", node.source(url, types="deb"))
    apt.update()
    other = new_node("other")
    other("repo", "create", "theirs", "--distribution", "stable")
    debs = tmp_path / "debs"
    debs.mkdir()
    build_deb(debs, "hello", "1:2.10-3+b1~bpo12")
    build_deb(debs, "greeter", "1.0", "all")
    other("repo", "add", "theirs", debs)
    shutil.rmtree(other.root / "gnupg")
    copy(node.root / "gnupg", other.root / "gnupg")
    proxy.seen.clear()
    other("publish", "repo", "theirs", PLACE, "--take-over")
    assert [
        one for one in proxy.seen if one.method != "GET" and "/pool/" in one.target and one.body
    ] == []
    apt("apt-get", "download", "hello")
    apt.update()
    assert apt.candidate("greeter") == "1.0"


def test_what_one_package_takes_does_not_depend_on_how_many_there_are(node, tmp_path, needs):
    needs("conditions", "quoted tags")
    some = tmp_path / "some"
    some.mkdir()
    for number in range(300):
        build_deb(some, f"lib{number}", compression="gzip")
    node("repo", "add", "tools", some)
    many = node.json("publish", "update", "stable", PLACE)
    assert kinds(many["requests"]) == {"put object": 310}
    add(node, tmp_path / "new", "new")
    one = node.json("publish", "update", "stable", PLACE)
    assert kinds(one["requests"]) == {"put object": 11}


def test_nothing_new_takes_one_request_that_looks(node):
    result = node.json("publish", "update", "stable", PLACE)
    assert kinds(result["requests"]) == {"head object": 1}


def test_bucket_that_was_emptied_is_filled_again_although_nothing_is_new(
    node, direct, bucket, url, tmp_path
):
    before = follow(url)
    for key in keys(direct, bucket):
        direct.delete_object(Bucket=bucket, Key=key)
    result = node.json("publish", "update", "stable", PLACE)
    assert result["changed"]
    assert follow(url) == before
    add(node, tmp_path / "new", "new")
    for key in keys(direct, bucket):
        direct.delete_object(Bucket=bucket, Key=key)
    node("publish", "update", "stable", PLACE)
    assert follow(url) == before | {"new": "1.0"}
    node("publish", "verify", "stable", PLACE)


def test_backup_in_a_bucket_is_restored_onto_another_root_which_takes_over(
    node, settings, proxy, direct, bucket, url, tmp_path
):
    add(node, tmp_path / "new", "new")
    node("backup", "s3:test:backup", "--json")
    again = json.loads(node("backup", "s3:test:backup", "--keep", "2", "--json"))
    assert again["new_files"] == 0
    node("publish", "update", "stable", PLACE)
    before = follow(url)
    other = tmp_path / "other"
    other.mkdir()
    configure(other, proxy.port, settings)
    restored = Node(other)
    restored("restore", "s3:test:backup")
    restored("backup", "check", "s3:test:backup", "--files")
    process = restored.start("publish", "update", "stable", PLACE)
    assert "storages are frozen" in process.communicate()[1]
    restored("storage", "thaw")
    copy(node.root / "gnupg", other / "gnupg")
    process = restored.start("publish", "update", "stable", PLACE)
    _, said = process.communicate()
    assert (process.returncode, "newer than what this debrepo knows" in said) == (11, True)
    restored("publish", "update", "stable", PLACE, "--force")
    assert follow(url) == before
    restored("publish", "verify", "stable", PLACE)


def test_clients_that_ask_by_date_see_each_of_two_updates_in_a_row(node, direct, bucket, tmp_path):
    dates = []
    for name in ("one", "two"):
        add(node, tmp_path / name, name)
        node("publish", "update", "stable", PLACE)
        found = direct.head_object(Bucket=bucket, Key="deb/dists/stable/InRelease")
        dates.append(found["LastModified"])
    assert dates[0] < dates[1]


def test_the_last_line_says_what_was_asked(node, tmp_path):
    add(node, tmp_path / "new", "new")
    process = node.start("publish", "update", "stable", PLACE)
    _, said = process.communicate()
    assert re.search(r"; \d+ requests \(.*put object \d+\), .* sent, .* received\.$", said)


def test_verifying_mending_and_taking_down_say_what_was_asked(node):
    for words, asked in (
        (("verify", "stable", PLACE, "--json"), "head object"),
        (("repair", "stable", PLACE, "--reconcile", "--json"), "list objects v2"),
        (("drop", "stable", PLACE, "--json"), "delete objects"),
    ):
        output, said = node.start("publish", *words).communicate()
        assert json.loads(output)["requests"][asked] > 0
        assert re.search(rf"in .* s; \d+ requests? \(.*{asked} \d+.*received\.$", said)


def test_a_package_replaced_by_as_many_bytes_is_found_by_its_version_and_repaired(
    node, direct, bucket, proxy
):
    key = next(k for k in keys(direct, bucket) if "/hello_" in k)
    there = direct.get_object(Bucket=bucket, Key=key)["Body"].read()
    direct.put_object(Bucket=bucket, Key=key, Body=bytes(len(there)))
    output, _ = node.start("publish", "verify", "stable", PLACE).communicate()
    assert "is not what debrepo put there, although the size is the same" in output
    assert not [r for r in proxy.seen if r.method == "GET" and "/hello_" in r.target]
    node("publish", "repair", "stable", PLACE)
    assert direct.get_object(Bucket=bucket, Key=key)["Body"].read() == there
    node("publish", "verify", "stable", PLACE)


def test_what_is_dropped_is_gone(node, direct, bucket):
    node("publish", "drop", "stable", PLACE)
    assert [key for key in keys(direct, bucket) if key != "deb/~debrepo-probe"] == []


def test_of_two_nodes_with_databases_of_their_own_the_second_is_told(node, new_node, url, tmp_path):
    before = follow(url)
    other = new_node("other")
    other("repo", "create", "tools", "--distribution", "stable")
    add(other, tmp_path / "other-debs", "stranger")
    process = other.start("publish", "repo", "tools", PLACE)
    _, said = process.communicate()
    assert process.returncode == 11, said
    assert "another publisher has published in s3:test:." in said
    assert follow(url) == before


def test_of_two_nodes_at_once_one_is_told_and_nothing_is_mixed(
    new_node, url, tmp_path, direct, bucket
):
    nodes = {name: new_node(name) for name in ("left", "right")}
    for name, node in nodes.items():
        node("repo", "create", "tools", "--distribution", "stable")
        add(node, tmp_path / f"{name}-debs", name)
    racing = {name: n.start("publish", "repo", "tools", PLACE) for name, n in nodes.items()}
    said = {name: process.communicate()[1] for name, process in racing.items()}
    codes = {name: process.returncode for name, process in racing.items()}
    assert sorted(codes.values()) == [0, 11], said
    (winner,) = (name for name, code in codes.items() if code == 0)
    assert follow(url) == {winner: "1.0"}
    signed = direct.get_object(Bucket=bucket, Key="deb/dists/stable/InRelease")["Body"].read()
    plain = direct.get_object(Bucket=bucket, Key="deb/dists/stable/Release")["Body"].read()
    assert plain.decode() in signed.decode()


def test_a_crash_at_any_request_leaves_clients_working_and_the_next_run_completes(
    node, proxy, url, tmp_path, monkeypatch
):
    # These clients ask for no dates, so they need not differ.
    monkeypatch.setattr("debrepo_publish.engine.commits._wait_for_another_second", lambda _: None)
    text = (node.root / "debrepo.toml").read_text()
    (node.root / "debrepo.toml").write_text(text.replace("attempts = 3", "attempts = 1"))
    before = follow(url)
    for number in itertools.count():
        add(node, tmp_path / "new", f"new{number}")
        proxy.alive = number
        with contextlib.suppress(AssertionError):  # at any other exit code than 0
            node("publish", "update", "stable", PLACE)
        unharmed = proxy.alive >= 0
        proxy.alive = None
        now = follow(url)
        assert now in (before, before | {f"new{number}": "1.0"})
        node("publish", "update", "stable", PLACE)
        before |= {f"new{number}": "1.0"}
        assert follow(url) == before
        if unharmed:
            break
    node("db", "check")


@pytest.mark.parametrize("number", [1, 4, 8])
def test_a_node_that_is_killed_is_no_obstacle_to_itself(node, proxy, url, tmp_path, number):
    add(node, tmp_path / "new", "new")
    proxy.faults["*"] = [*[""] * (number - 1), "hang"]
    node.is_killed("publish", "update", "stable", PLACE, when=lambda: not proxy.faults["*"])
    assert follow(url).keys() >= {"hello", "greeter"}
    node("publish", "update", "stable", PLACE)
    assert follow(url)["new"] == "1.0"


def test_what_is_secret_is_not_shown(new_node, settings):
    shown = new_node()("config", "show")
    assert "storage.s3.test.bucket" in shown
    assert settings["secret_access_key"] not in shown


def test_of_two_nodes_the_one_whose_past_is_not_the_latest_is_told(node, url, tmp_path):
    copy(node.root, tmp_path / "twin")
    twin = Node(tmp_path / "twin")
    add(node, tmp_path / "new", "new")
    node("publish", "update", "stable", PLACE)
    before = follow(url)
    add(twin, tmp_path / "late", "late")
    for words in (("publish", "update"), ("publish", "drop")):
        process = twin.start(*words, "stable", PLACE)
        _, said = process.communicate()
        assert (process.returncode, "another debrepo publishes to this place" in said) == (
            11,
            True,
        ), said
    assert follow(url) == before


def use_bucket(node):
    text = (node.root / "debrepo.toml").read_text()
    (node.root / "debrepo.toml").write_text(f"[pool]\nstorage = 's3:test:files'\ncache = 0\n{text}")


def test_publishing_copies_inside_the_bucket_and_moves_no_bytes(new_node, proxy, url, tmp_path):
    node = new_node()
    use_bucket(node)
    node("repo", "create", "tools", "--distribution", "stable")
    for name in ("hello", "greeter"):
        add(node, tmp_path / "debs", name)
    done = node.json("pool", "move")
    assert (done["files"], done["removed"]) == (2, 2)
    proxy.seen.clear()
    node("publish", "repo", "tools", PLACE, "--skip-contents")
    copies = [r for r in proxy.seen if "x-amz-copy-source" in r.headers]
    assert len(copies) == 2
    assert not [r for r in proxy.seen if r.method == "GET" and "/files/" in r.target]
    assert list((node.root / "pool").glob("??/*")) == []
    assert follow(url) == {"hello": "1.0", "greeter": "1.0"}
    node("publish", "verify", "stable", PLACE)


def test_moving_survives_the_loss_of_any_answer_and_the_end_of_the_service(
    new_node, proxy, tmp_path
):
    node = new_node()
    use_bucket(node)
    node("repo", "create", "tools", "--distribution", "stable")
    for fault, number in itertools.product(("lost", "503", "reset"), range(3)):
        add(node, tmp_path / "debs", f"{fault.lower()}{number}")
        proxy.faults["*"] = [*[""] * number, fault]
        assert node.json("pool", "move")["files"] == 1
        proxy.faults.clear()
    for number in range(3):
        add(node, tmp_path / "debs", f"dead{number}")
        proxy.alive = number
        with contextlib.suppress(AssertionError):  # at another exit code than 0
            node("pool", "move")
        proxy.alive = None
        node("db", "check")
        node("pool", "move")
    assert list((node.root / "pool").glob("??/*")) == []
    node("db", "check")
