"""``debrepo import aptly``: what the real aptly keeps is here after one command."""

import fcntl
import json
import shutil

import pytest

from debrepo.testing.packages import build_deb
from debrepo_import import lists, packages
from debrepo_import.aptly import watching


@pytest.fixture
def imported(debrepo, aptly):
    def run(*words, exit_code=0):
        return debrepo("import", "aptly", aptly.root, *words, exit_code=exit_code)

    return run


@pytest.fixture
def told(debrepo):
    def run(*words):
        return json.loads(debrepo(*words, "--json").stdout)

    return run


def files(root):
    return {
        path.relative_to(root): (path.stat().st_mtime_ns, path.stat().st_size, path.stat().st_nlink)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_everything_is_here_under_the_same_keys_and_nothing_changes_there(
    imported, told, debrepo, aptly
):
    before = files(aptly.root)
    said = imported()
    assert "created  repo tools" in said.stdout
    assert "Brought 4 packages and 6 files" in said.stdout
    assert files(aptly.root) == before
    keys = aptly("repo", "search", "-format={{.Key}}", "tools").split("\n")[:-1]
    tools = told("repo", "show", "tools", "--with-packages")
    assert sorted(tools["packages"]) == sorted(keys)
    assert tools["component"] == "contrib"
    assert tools["distribution"] == "stable"
    assert tools["comment"] == "for us"
    assert json.loads(tools["uploaders"])["groups"] == {"us": ["ABCD"]}
    same = debrepo("import", "check", aptly.root, "--files").stdout
    assert same == "The same: 7 lists with 4 packages.\n"
    assert "in order" in debrepo("db", "check").stderr


def test_snapshots_keep_when_and_what_they_were_made_from(imported, told, aptly):
    imported()
    shown = {one["name"]: one for one in told("snapshot", "list")}
    assert shown.keys() == {"monday", "empty", "few", "both"}
    assert shown["monday"]["sources"] == ["repo:tools"]
    assert shown["monday"]["distribution"] == "stable"
    assert shown["both"]["sources"] == ["snapshot:few", "snapshot:empty"]
    assert shown["few"]["description"] == "Filtered 'monday', query was: 'Name (= hello)'"
    (line,) = [
        line for line in aptly("snapshot", "show", "monday").split("\n") if "Created At" in line
    ]
    assert line.split()[2] == shown["monday"]["created"][:10]
    assert line.split()[3] == shown["monday"]["created"][11:19]


def test_mirrors_keep_what_they_follow_and_no_password(imported, told):
    said = imported()
    mirror = told("mirror", "show", "upstream")
    assert mirror["url"].startswith("http://127.0.0.1:")
    assert "secret" not in said.output
    assert "its user name and password are left out" in said.stderr
    assert (mirror["distribution"], mirror["components"]) == ("stable", ["contrib"])
    assert (mirror["filter"], mirror["sources"]) == ("Name (~ hello)", True)
    assert mirror["release"]["Origin"] == "Ours"
    assert mirror["size"] == 3


def test_publications_wait_for_an_update(imported, told, debrepo, debrepo_root):
    imported()
    debrepo("publish", "update", "test", "deep/er", "--skip-signing")
    release = (debrepo_root / "public/deep/er/dists/test/Release").read_text()
    assert "Label: L\n" in release
    assert "Architectures: all amd64\n" in release
    stable = told("publish", "show", "stable")
    assert stable["sources"] == {"contrib": "snapshot:monday"}
    assert stable["origin"] == "Ours"
    imported()
    assert told("publish", "show", "test", "deep/er")["live"] == 1


def test_a_second_run_brings_what_has_changed(imported, told, aptly, tmp_path):
    imported()
    assert "Brought 0 packages and 0 files (0 B); 7 lists unchanged." in imported().stdout
    aptly("repo", "add", "tools", build_deb(tmp_path, "new", "1.0"))
    aptly("repo", "rename", "other", "others")
    aptly("repo", "edit", "-comment=changed", "tools")
    said = imported()
    assert "changed  repo tools" in said.stdout
    assert "created  repo others" in said.stdout
    assert "Brought 1 package and 1 file" in said.stdout
    assert "gone: repo other: it is no longer there" in said.stderr
    assert told("repo", "show", "tools")["comment"] == "changed"
    imported("--prune")
    assert [one["name"] for one in told("repo", "list")] == ["others", "tools"]


def test_what_is_missing_or_damaged_is_named_and_comes_when_it_is_repaired(
    imported, told, aptly, debrepo
):
    pool = aptly.pool()
    hello = next(
        path
        for path in pool
        if path.name.endswith("hello_1:2.10-3_amd64.deb")
        or ("hello_" in path.name and path.name.endswith("amd64.deb"))
    )
    boot = next(path for path in pool if path.name.endswith(".udeb"))
    saved = hello.rename(hello.with_suffix(".saved"))
    data = boot.read_bytes()
    boot.write_bytes(data[:-1] + b"\xff")
    said = imported()
    assert (
        "missing: package hello_1:2.10-3_amd64: hello_2.10-3_amd64.deb is not there" in said.stderr
    )
    assert "damaged: package boot_1.0_amd64: boot_1.0_amd64.udeb has the SHA512" in said.stderr
    assert told("repo", "show", "tools")["size"] == 2
    differs = debrepo("import", "check", aptly.root, exit_code=6)
    assert (
        "repo tools: 2 packages are not here: boot_1.0_amd64, hello_1:2.10-3_amd64"
        in differs.stdout
    )
    saved.rename(hello)
    boot.write_bytes(data)
    assert "Brought 2 packages" in imported().stdout
    assert told("repo", "show", "tools")["size"] == 4


def test_half_of_the_pool_is_gone(imported, told, aptly):
    for path in aptly.pool()[::2]:
        path.unlink()
    said = imported()
    assert "missing: package" in said.stderr
    assert told("repo", "show", "tools")["size"] < 4


def test_a_root_in_use_is_read_while_aptly_holds_its_lock(imported, aptly):
    with (aptly.root / "db/LOCK").open("r+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Brought 4 packages" in imported().stdout


def test_names_that_no_list_can_have_are_named_and_can_be_given_others(imported, told, aptly):
    aptly("repo", "create", "a/b")
    aptly("snapshot", "create", "of-it", "from", "repo", "a/b")
    said = imported()
    assert "refused: repo a/b: 'a/b' cannot be a name" in said.stderr
    assert "cannot be a name" not in imported("--rename", "repo:a/b=a-b").stderr
    assert "a-b" in [one["name"] for one in told("repo", "list")]
    assert told("snapshot", "show", "of-it")["sources"] == ["repo:a-b"]
    said = imported("--rename", "repo:none=some", exit_code=2)
    assert "aptly has no repo none to rename" in said.stderr


def test_a_repository_of_that_name_that_was_here_before_stays(imported, told, debrepo):
    debrepo("repo", "create", "tools")
    said = imported()
    assert "taken: repo tools: there is another one of this name" in said.stderr
    assert told("repo", "show", "tools")["size"] == 0
    imported("--force")
    assert told("repo", "show", "tools")["size"] == 4


def test_a_damaged_database_is_an_error_with_a_way_on(imported, aptly):
    for table in (aptly.root / "db").glob("*.ldb"):
        data = table.read_bytes()
        table.write_bytes(bytes(len(data) // 2) + data[len(data) // 2 :])
    said = imported(exit_code=8)
    assert "the database of aptly is damaged" in said.stderr
    assert "--recover" in said.stderr
    imported("--recover")


def test_a_database_without_its_manifest_is_an_error_with_a_way_on(imported, aptly):
    (aptly.root / "db/CURRENT").write_text("MANIFEST-999999\n")
    assert "has no manifest" in imported(exit_code=8).stderr


def test_links_share_the_files_of_both_pools(imported, aptly, debrepo_root):
    imported("--link")
    theirs = {path.stat().st_ino for path in aptly.pool()}
    ours = {path.stat().st_ino for path in (debrepo_root / "pool").glob("??/*") if path.is_file()}
    assert ours == theirs
    said = imported("--link", "--reflink", exit_code=2)
    assert "exclude each other" in said.stderr


def test_the_configuration_comes_along(imported, aptly, debrepo_root, tmp_path, debrepo, told):
    endpoint = {"rootDir": str(tmp_path / "web"), "linkMethod": "copy", "verifyMethod": "md5"}
    bucket = {"region": "eu", "bucket": "b", "awsAccessKeyID": "i", "awsSecretAccessKey": "hidden"}
    aptly.configure(
        architectures=["amd64"],
        dependencyFollowSource=True,
        downloadSpeedLimit=100,
        gpgDisableSign=True,
        FileSystemPublishEndpoints={"web": endpoint},
        S3PublishEndpoints={"cloud": bucket | {"disableMultiDel": True, "strange": 1}},
        SwiftPublishEndpoints={"swift": {"container": "c"}},
        somethingNew=True,
    )
    said = imported("--config", aptly.config)
    assert "unsupported: configuration somethingnew: it has no counterpart" in said.stderr
    assert "unsupported: endpoint swift (swift): no plugin publishes there" in said.stderr
    assert "unsupported: endpoint cloud: strange has no counterpart" in said.stderr
    path = debrepo_root / "debrepo.toml"
    assert path.stat().st_mode & 0o077 == 0
    shown = {row["name"]: row["value"] for row in told("config", "show")}
    assert shown["architectures"] == ["amd64"]
    assert shown["dependencies.follow"] == ["source"]
    assert shown["mirror.download_limit"] == 100
    assert shown["publish.skip_signing"] is True
    assert shown["storage.fs.web.root"] == str(tmp_path / "web")
    assert shown["storage.fs.web.link"] == "copy"
    assert shown["storage.s3.cloud.multi_delete"] is False
    assert "hidden" not in said.output
    path.write_text('architectures = ["arm64"]\n')
    said = imported("--config", aptly.config)
    assert "note: setting architectures: " in said.stderr
    assert "hidden" not in said.output
    assert path.read_text() == 'architectures = ["arm64"]\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "neither JSON nor YAML"),
        ("[]", "is no configuration of aptly"),
        ('{"databaseBackend": {"type": "mysql"}}', "no database of the type 'mysql'"),
        ('{"packagePoolStorage": {"type": "azure"}}', "the pool is in azure"),
        ("\0", "neither JSON nor YAML"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_an_error(imported, aptly, text, problem):
    aptly.config.write_text(text)
    assert problem in imported("--config", aptly.config, exit_code=2).stderr


def test_the_configuration_says_where_the_root_is(debrepo, aptly):
    aptly.config.write_text(f"root_dir: {aptly.root}\n# in YAML\n")
    assert "Brought 4 packages" in debrepo("import", "aptly", "--config", aptly.config).stdout
    aptly.config.write_text(f'{{\n// with comments\n"rootDir": "{aptly.root}",\n}}')
    assert "7 lists unchanged" in debrepo("import", "aptly", "--config", aptly.config).stdout


def test_a_run_that_was_killed_leaves_nothing_in_the_way(imported, debrepo_root):
    imported()
    for place in (debrepo_root / "cache/import").glob("*"):
        shutil.rmtree(place)
    stale = debrepo_root / "cache/import/stale"
    imported()
    assert not list((debrepo_root / "cache/import").glob("*/db")), stale


def test_a_living_aptly_is_followed_until_that_is_stopped(imported, aptly, told, monkeypatch):
    changes = [("repo", "edit", "-comment=new", "tools"), ("repo", "create", "more")]

    def wait(database, before, every):
        assert (database, every) == (aptly.root / "db", 5)
        if not changes:
            raise KeyboardInterrupt
        assert before == watching.state(database)
        aptly(*changes.pop())
        assert before != watching.state(database)

    monkeypatch.setattr(watching, "wait", wait)
    said = imported("--watch", "--every", "5", exit_code=1)
    assert "created  repo tools" in said.stdout
    assert "created  repo more" in said.stdout
    assert "changed  repo tools" in said.stdout
    assert said.stderr.count("its user name and password are left out") == 1
    assert told("repo", "show", "tools")["comment"] == "new"


def test_a_change_ends_the_wait(aptly):
    before = watching.state(aptly.root / "db")
    aptly("repo", "list")
    if watching.state(aptly.root / "db") == before:
        aptly("repo", "create", "more")
    watching.wait(aptly.root / "db", before, 0)
    watching.wait(aptly.root / "none", frozenset(), 0)


def test_the_place_of_aptly_is_taken_over_after_the_import(
    imported, aptly, debrepo, debrepo_root, told
):
    """The publication that was imported gives way to the one that takes over."""
    imported()
    (debrepo_root / "debrepo.toml").write_text(
        f'[storage.fs.default]\nroot = "{aptly.root}/public"\n'
    )
    words = ("publish", "snapshot", "monday", "--distribution", "stable", "--component", "contrib")
    said = debrepo(*words, "--skip-signing", "--take-over", "--dry-run")
    assert "notice nothing" in said.output
    debrepo(*words, "--skip-signing", "--take-over")
    shown = told("publish", "show", "stable")
    assert shown["live"]
    release = (aptly.root / "public/dists/stable/Release").read_text()
    assert "Origin: Ours\n" in release
    assert "Label: . stable\n" in release


def test_a_publication_that_was_imported_can_be_published_in_another_way(imported, debrepo):
    imported()
    debrepo("publish", "repo", "other", "--distribution", "stable", "--skip-signing")
    debrepo("publish", "repo", "tools", "--distribution", "stable", "--skip-signing", exit_code=4)


def test_packages_of_an_import_that_ended_early_wait_for_the_next(
    imported, told, debrepo, monkeypatch
):
    def crash(*args, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lists, "put", crash)
        imported(exit_code=1)
    assert told("db", "cleanup", "--no-trash")["packages"] == 0
    assert told("repo", "list") == []
    assert "Brought 0 packages" in imported().stdout
    assert told("repo", "show", "tools")["size"] == 4
    assert told("db", "cleanup", "--no-trash")["packages"] == 0


def test_packages_that_a_list_has_already_are_not_looked_at_again(
    imported, aptly, tmp_path, monkeypatch
):
    imported()
    aptly("repo", "add", "tools", build_deb(tmp_path, "new", "1.0"))
    looked = []

    def there(session, pool, entries):
        looked.extend(entries)
        return set()

    monkeypatch.setattr(packages, "_there", there)
    imported()
    assert [entry.partition(b"\0")[0] for entry in looked] == [b"new"]


def test_origin_and_label_are_those_that_aptly_publishes(imported, aptly, debrepo, debrepo_root):
    imported()
    debrepo("publish", "update", "stable", "--skip-signing")
    debrepo("publish", "update", "test", "deep/er", "--skip-signing")
    for path in ("dists/stable/Release", "deep/er/dists/test/Release"):
        ours = (debrepo_root / "public" / path).read_text().splitlines()
        theirs = (aptly.root / "public" / path).read_text().splitlines()
        for field in ("Origin", "Label", "Suite", "Codename"):
            said = [line for line in theirs if line.startswith(f"{field}:")]
            assert said == [line for line in ours if line.startswith(f"{field}:")]


def test_keys_are_those_of_aptly_unless_there_are_some_here(
    imported, debrepo_root, tmp_path, monkeypatch
):
    home = tmp_path / "keys"
    home.mkdir()
    monkeypatch.setenv("GNUPGHOME", str(home))
    (debrepo_root / "gnupg").mkdir(parents=True)
    imported()
    assert not (debrepo_root / "debrepo.toml").exists()
    (debrepo_root / "gnupg").rmdir()
    imported()
    assert f'home = "{home}"' in (debrepo_root / "debrepo.toml").read_text()


def test_skeleton_files_come_along_and_are_published(imported, aptly, debrepo_root, told):
    notes = aptly.root / "skel/dists/stable/main/notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("release notes")
    (notes.parent / "link").symlink_to("/etc/passwd")
    said = imported().output
    assert "refused: skeleton file dists/stable/main/link: it is no plain file" in said
    here = debrepo_root / "skel/dists/stable/main/notes.txt"
    assert here.read_text() == "release notes"
    assert not here.with_name("link").exists()
    notes.write_text("other notes")
    assert "notes" not in imported().output
    assert here.read_text() == "other notes"
    here.write_text("my own")
    assert "taken: skeleton file dists/stable/main/notes.txt" in imported().output
    assert here.read_text() == "my own"
    imported("--force")
    assert here.read_text() == "other notes"
    notes.unlink()
    imported("--prune")
    assert here.read_text() == "other notes"


def test_skeleton_files_that_cannot_be_published_are_named(imported, aptly, debrepo_root):
    top = aptly.root / "skel/dists/stable/main"
    top.mkdir(parents=True)
    (top / "large").write_bytes(bytes(200))
    (debrepo_root / "debrepo.toml").parent.mkdir(exist_ok=True)
    (debrepo_root / "debrepo.toml").write_text("[publish]\nskeleton_size = 100\n")
    assert "it has 200 bytes, publish.skeleton_size allows 100" in imported().output
    (debrepo_root / "debrepo.toml").write_text('[publish]\nskeleton = ""\n')
    assert "publish.skeleton is empty" in imported().output
