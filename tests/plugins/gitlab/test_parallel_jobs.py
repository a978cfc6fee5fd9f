"""Jobs that upload at the same time, with files in common."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from plugins.gitlab.builds import build

from debrepo_publish.engine import staging

APT = "/api/v4/projects/1/packages/debian"
JOBS = ("amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x", "amd64")
ROUNDS = int(os.environ.get("DEBREPO_TEST_ROUNDS", "2"))


@pytest.fixture(autouse=True)
def unsigned(monkeypatch):
    monkeypatch.setenv("DEBREPO_PUBLISH_SKIP_SIGNING", "true")


@pytest.fixture
def apt(guarded, uploader, session):
    """A developer of acme/web; there is the distribution sid, for all architectures."""
    session.call(
        "distribution.create", container="acme/web", codename="sid", architectures=sorted({*JOBS})
    )
    guarded.auth = uploader
    guarded.get("/api/version")
    return guarded


def send(client, paths):
    """Upload files one after another; return the answers that are no success."""
    answers = [client.put(f"{APT}/{p.name}", content=p.read_bytes()) for p in paths]
    return [answer.text for answer in answers if answer.status_code != 201]


def test_jobs_with_one_source_never_hurt_one_another(apt, session, tmp_path):
    for number in range(ROUNDS):
        version = f"1.{number}-1"
        jobs = [build(tmp_path / f"{number}-{n}", version, a) for n, a in enumerate(JOBS)]
        with ThreadPoolExecutor(len(jobs)) as pool:
            refused = list(pool.map(lambda paths: send(apt, paths), jobs))
        assert refused == [[]] * len(JOBS)
        shutil.rmtree(tmp_path / f"{number}-0")
        (found,) = [
            one
            for one in session.call("distribution.packages", container="acme/web")
            if one.version == version
        ]
        held = {one.package.key.architecture for one in found.members}
        assert held == {*JOBS, "source"}
    left = [path for path in (session.root / "gitlab").rglob("*") if path.is_file()]
    assert left == []


def test_each_changes_claims_the_content_that_it_lists(apt, tmp_path):
    *first, one = build(tmp_path / "first", "1.0-1", "amd64", log=b"of one build")
    *second, other = build(tmp_path / "other", "1.0-1", "arm64", log=b"of another build")
    assert send(apt, [*first, *second, other, one]) == []


def test_refused_changes_leaves_the_files_for_the_next_one(apt, tmp_path):
    *files, changes = build(tmp_path / "build", "1.0-1", "amd64")
    good = changes.read_bytes()
    assert send(apt, files) == []
    changes.write_bytes(good.replace(b"Distribution: sid", b"Distribution: trixie"))
    (said,) = send(apt, [changes])
    assert "404 Distribution Not Found" in said
    changes.write_bytes(good)
    assert send(apt, [changes]) == []


def test_projects_are_published_at_the_same_time(apt, session, monkeypatch):
    session.call("project.create", path="acme/other")
    session.call("distribution.create", container="acme/other", codename="sid")
    together = Barrier(2)
    render = staging.render

    def rendering(*given, **options):
        together.wait(timeout=30)
        yield from render(*given, **options)

    monkeypatch.setattr(staging, "render", rendering)
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(session.call, "distribution.publish", container=name, codename="sid")
            for name in ("acme/web", "acme/other")
        ]
        done = [job.result()[0] for job in jobs]
    assert [(one.container, one.generation) for one in done] == [
        ("project:acme/web", 1),
        ("project:acme/other", 1),
    ]
