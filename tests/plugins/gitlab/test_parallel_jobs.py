"""Jobs that upload at the same time, with files in common."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from plugins.gitlab.builds import build

from debrepo.testing.packages import build_deb
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


def upload_each(client, paths, pool, query="distribution=sid&component=main&wait=published"):
    def put(path):
        return client.put(f"{APT}/{path.name}?{query}", content=path.read_bytes())

    return [pool.submit(put, path) for path in paths]


def test_project_that_moves_loses_no_upload(apt, session, tmp_path):
    session.call("project.create", path="new", kind="group")
    paths = ["acme/web", "new/web"]
    debs = [build_deb(tmp_path, f"p{number}") for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        uploads = upload_each(apt, debs, pool)
        while not all(one.done() for one in uploads):
            session.call("project.edit", path=paths[0], new_path=paths[1])
            paths.reverse()
        answers = [one.result() for one in uploads]
    assert [one.text for one in answers if one.status_code != 201] == []
    index = apt.get(f"{APT}/dists/sid/main/binary-amd64/Packages").text
    assert index.count("Package: ") == 8


def test_distribution_dropped_under_uploads_leaves_nothing(apt, session, tmp_path):
    debs = [build_deb(tmp_path, f"p{number}") for number in range(8)]
    arrived = Event()

    def put(path):
        answer = apt.put(
            f"{APT}/{path.name}?distribution=sid&component=main", content=path.read_bytes()
        )
        arrived.set()
        return answer

    with ThreadPoolExecutor(4) as pool:
        uploads = [pool.submit(put, path) for path in debs]
        arrived.wait(60)
        session.call("distribution.drop", container="acme/web", codename="sid")
        assert {one.result().status_code for one in uploads} <= {201, 404, 409}
    assert session.call("distribution.list", container="acme/web") == []
    assert session.call("repo.list") == []
    assert session.call("distribution.packages", container="acme/web") == []
    for place in ("gitlab", "public"):
        assert [one for one in (session.root / place).rglob("*") if one.is_file()] == []


def test_component_removed_under_uploads_keeps_what_was_stored(apt, session, tmp_path):
    where = {"container": "acme/web", "codename": "sid"}
    both = ["main", "contrib"]
    session.call("distribution.edit", **where, components=both)
    debs = [build_deb(tmp_path, f"p{number}") for number in range(8)]
    query = "distribution=sid&component=contrib&wait=published"
    with ThreadPoolExecutor(4) as pool:
        uploads = upload_each(apt, debs, pool, query)
        turn = 0
        while not all(one.done() for one in uploads):
            turn += 1
            session.call("distribution.edit", **where, components=both[: 1 + turn % 2])
        answers = [one.result() for one in uploads]
    stored = [path.stem for path, one in zip(debs, answers, strict=True) if one.status_code == 201]
    said = "sid has no component contrib (there are: main)"
    assert all(said in one.text for one in answers if one.status_code != 201)
    session.call("distribution.edit", **where, components=both)
    session.call("distribution.publish", **where)
    index = apt.get(f"{APT}/dists/sid/contrib/binary-amd64/Packages").text
    listed = [line.partition(" ")[2] for line in index.splitlines() if line.startswith("Package: ")]
    assert listed == sorted(stem.partition("_")[0] for stem in stored)
    assert len(session.call("repo.list")) == 2


def test_changes_of_one_source_for_two_distributions_go_in_at_once(apt, session, tmp_path):
    session.call(
        "distribution.create",
        container="acme/web",
        codename="trixie",
        architectures=sorted({*JOBS}),
    )
    jobs = []
    for codename in ("sid", "trixie") * 3:
        paths = build(tmp_path / str(len(jobs)), f"1.0-{len(jobs) // 2 + 1}", "amd64")
        text = paths[-1].read_text().replace("Distribution: sid", f"Distribution: {codename}")
        paths[-1].write_text(text)
        jobs.append(paths)
    with ThreadPoolExecutor(len(jobs)) as pool:
        assert list(pool.map(lambda paths: send(apt, paths), jobs)) == [[]] * len(jobs)
    for name in ("acme.web-sid-main", "acme.web-trixie-main"):
        assert session.call("repo.show", name=name).size == 6
