"""Published archives become repositories, one for each component of a suite."""

import os
import shutil

import pytest
from end_to_end.writers import EXPECTED, WRITERS, build_packages

from debrepo.testing.packages import build_deb


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return build_packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def signing():
    from plugins.mirror.archives import Key

    key = Key()
    yield key
    key.close()


@pytest.fixture
def written(debrepo, packages, signing, tmp_path):
    def write(writer):
        if writer != "debrepo" and shutil.which(writer) is None:
            pytest.skip(f"needs {writer}")
        (tmp_path / "key.asc").write_text(signing.public)
        debrepo("key", "trust", tmp_path / "key.asc")
        return WRITERS[writer](tmp_path / "written", packages, signing)[0]

    return write


@pytest.fixture
def archive(tmp_path):
    """Another root of debrepo, whose archive is brought here."""
    from end_to_end.archive import Archive

    other = Archive(tmp_path / "other")
    other.root.mkdir()
    (other.root / "debrepo.toml").write_text("publish.skip_signing = true\n")
    return other


def published(archive, tmp_path, suite, component, *words):
    name = f"{suite}-{component}".replace("/", "-")
    archive("repo", "create", name, "--distribution", suite, "--component", component)
    archive("repo", "add", name, build_deb(tmp_path, f"{component}-tool", "1.0"))
    return name


@pytest.mark.parametrize("writer", ["apt-ftparchive", "reprepro", "aptly"])
def test_archives_of_other_tools_are_brought_whole(debrepo, written, writer):
    public = written(writer)
    words = ["--ignore-signatures"] if writer == "apt-ftparchive" else []  # it signs nothing
    said = debrepo("import", "tree", public, *words)
    assert "created  repo stable-main\n" in said.stdout
    assert set(debrepo("repo", "search", "stable-main").stdout.split()) == EXPECTED


def test_unsigned_archive_is_refused(debrepo, archive, tmp_path):
    name = published(archive, tmp_path, "stable", "main")
    archive("publish", "repo", name)
    said = debrepo("import", "tree", archive.public)
    assert "refused: suite stable: " in said.stderr
    assert "is not signed" in said.stderr
    assert debrepo("repo", "list").stdout == ""


def test_suites_and_components_become_repositories_of_their_own(debrepo, archive, tmp_path):
    names = [published(archive, tmp_path, "stable", name) for name in ("main", "contrib")]
    archive("publish", "repo", *names, "--component", "main,contrib", "--distribution", "stable")
    archive("publish", "repo", published(archive, tmp_path, "stable/updates", "main"))
    os.symlink("stable", archive.public / "dists/steady")
    debrepo("import", "tree", archive.public, "--ignore-signatures", "--snapshots")
    repos = debrepo("repo", "list").stdout
    assert [line.split("\t")[:2] for line in repos.splitlines()] == [
        ["stable-contrib", "1 package"],
        ["stable-main", "1 package"],
        ["stable-updates-main", "1 package"],
    ]
    assert "distribution: stable/updates\n" in debrepo("repo", "show", "stable-updates-main").stdout
    assert debrepo("snapshot", "list").stdout.count("1 package") == 3


def test_second_run_brings_what_has_changed(debrepo, archive, tmp_path):
    name = published(archive, tmp_path, "stable", "main")
    archive("publish", "repo", name)
    words = ("import", "tree", archive.public, "--ignore-signatures")
    debrepo(*words)
    assert debrepo(*words).stdout == "Brought 0 packages and 0 files (0 B); 1 list unchanged.\n"
    archive("repo", "add", name, build_deb(tmp_path, "more", "1.0"))
    archive("repo", "remove", name, "main-tool")
    archive("publish", "update", "stable")
    assert "changed  repo stable-main" in debrepo(*words).stdout
    assert debrepo("repo", "search", "stable-main").stdout == "more_1.0_amd64\n"


def test_archive_is_followed_until_it_is_stopped(debrepo, archive, tmp_path, monkeypatch):
    name = published(archive, tmp_path, "stable", "main")
    archive("publish", "repo", name)
    waited = []

    class Pause:
        """An event that is set the second time that somebody waits for it."""

        def wait(self, seconds):
            waited.append(seconds)
            archive("repo", "add", name, build_deb(tmp_path, f"more{len(waited)}", "1.0"))
            archive("publish", "update", "stable")
            return len(waited) == 2

    monkeypatch.setattr("debrepo_import.cli.trees.Event", Pause)
    said = debrepo("import", "tree", archive.public, "--ignore-signatures", "--follow", "7")
    assert waited == [7, 7]
    assert said.stdout.count("changed  repo stable-main") == 1
    assert "more1_1.0_amd64" in debrepo("repo", "search", "stable-main").stdout


def test_repository_that_was_changed_here_stays(debrepo, archive, tmp_path):
    name = published(archive, tmp_path, "stable", "main")
    archive("publish", "repo", name)
    words = ("import", "tree", archive.public, "--ignore-signatures")
    debrepo(*words)
    debrepo("repo", "add", "stable-main", build_deb(tmp_path, "ours", "1.0"))
    archive("repo", "add", name, build_deb(tmp_path, "more", "1.0"))
    archive("publish", "update", "stable")
    assert "taken: repo stable-main: it has been changed here since" in debrepo(*words).stderr
    assert "ours_1.0_amd64" in debrepo("repo", "search", "stable-main").stdout


def test_missing_files_are_named_and_come_later(debrepo, archive, tmp_path):
    name = published(archive, tmp_path, "stable", "main")
    archive("repo", "add", name, build_deb(tmp_path, "lost", "1.0"))
    archive("publish", "repo", name)
    (lost,) = archive.public.rglob("lost_*")
    os.rename(lost, tmp_path / "lost.deb")
    words = ("import", "tree", archive.public, "--ignore-signatures")
    said = debrepo(*words)
    assert "missing: stable main: " in said.stderr
    assert "lost_1.0_amd64" in said.stderr
    assert debrepo("repo", "search", "stable-main").stdout == "main-tool_1.0_amd64\n"
    os.rename(tmp_path / "lost.deb", lost)
    debrepo(*words)
    assert "lost_1.0_amd64" in debrepo("repo", "search", "stable-main").stdout


def test_flat_repository_is_one_component(debrepo, tmp_path):
    if shutil.which("apt-ftparchive") is None:
        pytest.skip("needs apt-ftparchive")
    from end_to_end.writers import run

    place = tmp_path / "flat"
    place.mkdir()
    build_deb(place, "hello", "1.0")
    (place / "Packages").write_text(run("apt-ftparchive", "packages", ".", cwd=place))
    option = "-oAPT::FTPArchive::Release::Architectures=amd64"
    release = run("apt-ftparchive", option, "release", ".", cwd=place)
    (place / "Release").write_text(release)
    debrepo("import", "tree", place, "--ignore-signatures")
    assert debrepo("repo", "search", "flat-main").stdout == "hello_1.0_amd64\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nowhere/at/all"], "is no directory"),
        (["http://127.0.0.1:9/"], "cannot tell which suites"),
        (["."], "cannot tell which suites"),
    ],
)
def test_what_is_no_archive_is_said(debrepo, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    codes = {"/nowhere/at/all": 3}
    result = debrepo("import", "tree", *words, exit_code=codes.get(words[0], 2))
    assert said in result.stderr


def test_server_that_does_not_answer_is_a_remark(debrepo):
    said = debrepo("import", "tree", "http://127.0.0.1:9/", "--suite", "stable")
    assert "refused: suite stable: " in said.stderr


def test_mirror_of_another_archive_is_not_touched(debrepo, archive, tmp_path):
    archive("publish", "repo", published(archive, tmp_path, "stable", "main"))
    other = tmp_path / "copy"
    shutil.copytree(archive.public, other)
    debrepo("import", "tree", archive.public, "--ignore-signatures")
    said = debrepo("import", "tree", other, "--ignore-signatures")
    assert "there is a mirror stable-main of another archive" in said.stderr
    debrepo("import", "tree", other, "--ignore-signatures", "--name", "copy-{suite}-{component}")
    assert "copy-stable-main" in debrepo("repo", "list").stdout
