"""An administrator's first week, by the guides' own commands, from nothing to a restored root."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from end_to_end.clients import WebServer
from end_to_end.guide import DOCS, Reader, blocks
from object_stores import services

from debrepo.testing.packages import build_deb

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="dpkg installs as root only"),
    pytest.mark.skipif(not shutil.which("curl"), reason="needs curl"),
    pytest.mark.skipif("DEBREPO_TEST_CHROOT" in os.environ, reason="the week is on this machine"),
]

#: The pages that the week follows from their first command to their last.
WEEK = (
    "tutorial.md", "guide/storages.md", "guide/s3.md", "guide/server.md", "guide/ci.md",
    "guide/signing.md", "guide/upkeep.md", "guide/backup.md",
)  # fmt: skip
#: How many blocks of each page no script can run; each says why.
LEFT_OUT = {
    "guide/backup.md": 1,
    "guide/cluster.md": 8,
    "guide/pages.md": 3,
    "guide/s3.md": 2,
    "guide/server.md": 6,
    "guide/signing.md": 2,
    "guide/storages.md": 1,
    "guide/upkeep.md": 1,
}


UPDATE = "apt-get -o APT::Update::Error-Mode=any update"
SOURCES = "client/etc/apt/sources.list.d/tools.sources"


@pytest.fixture
def reader(tmp_path):
    """Somebody whose apt is that of the tutorial."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="w") as short:  # sockets have short names
        reader = Reader(tmp_path, {"PATH": path, "GNUPGHOME": short})
        for name in ("backup", "srv", "run"):
            (tmp_path / name).mkdir()
        reader.names = {"/srv/": f"{tmp_path}/srv/", "/backup/": f"{tmp_path}/backup/"}
        yield reader
        subprocess.run(
            ["gpgconf", "--homedir", short, "--kill", "all"], check=False, capture_output=True
        )


@contextmanager
def serving(reader, *words):
    """Run a server until the end of what it is for; yield its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "debrepo", *words],
        env=reader.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("Listening on "):
            break
    else:
        raise AssertionError(said)
    draining = threading.Thread(target=process.stderr.read)
    draining.start()
    try:
        yield line.removeprefix("Listening on ").rstrip(".\n")
    finally:
        process.terminate()
        assert process.wait(60) == 0
        draining.join()
        process.stderr.close()


def configure(reader, *parts):
    (reader.home / ".debrepo/debrepo.toml").write_text("\n".join(parts))


def keys(reader):
    return [row["fingerprint"] for row in json.loads(reader("debrepo key list --json"))]


def test_week_by_the_guides(reader, tmp_path):
    work = reader.directory
    root = reader.home / ".debrepo"

    # Monday: the tutorial.
    said = reader.follow("tutorial.md")
    assert said.count("Good morning") == 1
    assert "Good evening" in said
    apt = {"APT_CONFIG": str(work / "client/apt.conf")}
    tutorial = keys(reader)

    # Tuesday: other places, a directory and a bucket.
    web = reader.configured("guide/storages.md", "How to publish to other places")
    configure(reader, web)
    reader.follow("guide/storages.md")
    with services.service(tmp_path / "moto.log") as service:
        bucket = reader.configured("guide/s3.md", "How to publish to S3").partition("\n\n")[0]
        # Where the guide's bucket is here, and who may write to it.
        bucket = "\n".join(line for line in bucket.splitlines() if "public_url" not in line) + (
            f'\nendpoint = "http://127.0.0.1:{service.port}"\nacl = "public-read"\n'
            f'access_key_id = "{service.access_key}"\nsecret_access_key = "{service.secret_key}"\n'
        )
        make_bucket(service)
        configure(reader, web, bucket)
        assert "request" in reader.follow("guide/s3.md")
        reader("debrepo publish verify bookworm s3:site:.")
        reader("debrepo publish drop bookworm s3:site:.")
    configure(reader, web)

    # Wednesday: a server with tokens.
    reader("debrepo repo create web")
    build_deb(work, "hello")
    (work / "build").mkdir()
    shutil.copy(build_deb(work / "build", "hello", "1.1"), work)
    admin = reader("debrepo token create root --role admin").strip()
    private = reader.configured("guide/server.md", "Tokens")
    configure(reader, private, web)
    with serving(reader, "serve", "--require-token", "--listen", "127.0.0.1:0") as url:
        here = dict.fromkeys(("https://repo.example.org", "http://localhost:8080"), url)
        reader.names |= here | {"debrepo-…": admin}
        public = reader.configured("guide/server.md", "Where clients find the trees")
        configure(reader, private, web, public)
        reader.follow("guide/server.md", TOKEN=admin)
        assert "hello_1.1" in reader("debrepo repo show web --with-packages")
        read_with_a_token(reader, url, apt)
    configure(reader, web)

    # Thursday: a team's CI jobs, with a root and a server of their own.
    team = "--root /srv/debrepo"
    said = reader(f"debrepo {team} token create ci --role ci --repo nightly")
    token = said.split()[-1]  # after a warning, since the repository is not there yet
    with serving(
        reader, *reader.here(team).split(), "serve", "--require-token", "--listen", "127.0.0.1:0"
    ) as url:
        shutil.copy(build_deb(work / "build", "hello"), work)
        reader.follow("guide/ci.md", SERVER=url, TOKEN=token)
        (work / "build/hello_1.0_amd64.deb").write_bytes(b"nothing")
        refused = reader("""
            curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" \\
                -F file=@build/hello_1.0_amd64.deb "$SERVER/api/files/ci-42"
            curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" -X POST \\
                "$SERVER/api/repos/nightly/file/ci-42?strict=1"
        """, exit_code=22, SERVER=url, TOKEN=token)  # fmt: skip
        assert '"error":"not added: hello_1.0_amd64.deb: ' in refused

    # Friday: the key expires later, and then there is another one.
    reader.names["KEY"] = tutorial[0]
    reader("""
        debrepo repo create contrib
        debrepo publish repo tools contrib --distribution bookworm --component main,contrib
    """)
    reader.follow("guide/signing.md", *before_replacing())
    reader(UPDATE, **apt)
    replace_the_key(reader, tutorial[0], apt, web)

    # Saturday: testing, production, and files that get lost.
    for_upkeep(reader)
    with WebServer(root / "public") as server:
        reader.names["https://deb.example.org/"] = f"{server.url}/"
        lose_a_file(reader, root)
        reader.follow("guide/upkeep.md")
    reader("debrepo publish switch stable monday", exit_code=5)
    assert "protected" in reader("debrepo publish switch stable monday", exit_code=5)

    # Sunday: a backup, a restored root, and all is well.
    lines = reader("debrepo doctor").splitlines()
    assert [line for line in lines if line.startswith("error: ")] == []
    again = ("stable", "testing", "stable frozen", "testing testing", "bookworm fs:web:.")
    lines = restore(reader, tmp_path, again).splitlines()
    assert [line for line in lines if line.startswith("error: ")] == []
    everything = [one for page in WEEK for one in blocks(page) if one.kind == "sh"]
    assert [one for one in everything if not one.left_out and one not in reader.followed] == []


def make_bucket(service):
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{service.port}",
        aws_access_key_id=service.access_key,
        aws_secret_access_key=service.secret_key,
        region_name="eu-central-1",
    )
    place = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket="example-debian", CreateBucketConfiguration=place)
    client.close()


def read_with_a_token(reader, url, apt):
    """Read a private tree without TLS: apt sends a token there only if the scheme is spelt out."""
    secret = reader("debrepo token create web2 --scope 'download:-/*'").strip()
    client = reader.directory / "client/etc/apt"
    source = reader.directory / SOURCES
    before = source.read_text()
    source.write_text(reader("debrepo publish sources stable"))
    assert f"URIs: {url}/repos/-\n" in source.read_text()
    (client / "auth.conf.d").mkdir()
    login = client / "auth.conf.d/debrepo.conf"
    with_tls, without = (
        one.text for one in blocks("guide/server.md") if one.text.startswith("machine ")
    )
    login.write_text(with_tls.replace("repo.example.org", "127.0.0.1").replace("TOKEN", secret))
    assert "401" in reader(UPDATE, exit_code=100, **apt)
    login.write_text(
        without.replace("repo.example.org:8080", url.removeprefix("http://")).replace(
            "TOKEN", secret
        )
    )
    reader(UPDATE, **apt)
    login.unlink()
    source.write_text(before)


def before_replacing():
    """Return the sections that do not need a second key."""
    headings = dict.fromkeys(one.heading for one in blocks("guide/signing.md") if one.kind == "sh")
    return list(headings)[: list(headings).index("Replace a key")]


def replace_the_key(reader, old, apt, web):
    """Follow the stages of a rotation; the client is content with the keys that it has at each."""
    page, known = "guide/signing.md", set(keys(reader))
    below = [one for one in blocks(page) if (one.heading, one.kind) == ("Replace a key", "sh")]
    (block,) = (one for one in below if not one.left_out)
    reader.followed.add(block)
    make, start, show, next_stage = block.text.splitlines()
    reader(make)
    (new,) = set(keys(reader)) - known
    start = start.replace("OLD", old).replace("NEW", new)
    assert "announced" in reader(f"{start}\n{show}")
    reader(UPDATE, **apt)
    assert "cannot be co-signing before" in reader(next_stage, exit_code=5)
    assert "co-signing" in reader(f"{next_stage} --yes-really")
    reader(UPDATE, **apt)
    (reader.directory / SOURCES).write_text(reader("debrepo publish sources stable"))
    reader(UPDATE, **apt)
    for stage in ("primary", "retired"):
        assert stage in reader(f"{next_stage} --yes-really")
        reader(UPDATE, **apt)
    signing = f'signing.gpg.keys = ["{new}"]\n'
    package = reader.configured(page, "A package with the keyring")
    configure(reader, signing, web, package)
    assert "example-archive-keyring" in reader.follow(page, "A package with the keyring")


def for_upkeep(reader):
    """Make what the page takes for granted: bookworm, testing, a repository for backports."""
    build_deb(reader.directory, "hello", "2.0")
    build_deb(reader.directory, "other")
    reader("""
        debrepo repo add tools hello_1.0_amd64.deb
        debrepo publish update bookworm --force
        debrepo repo create web-backports
        debrepo publish repo tools testing --distribution testing
        debrepo publish repo tools --distribution testing
        debrepo snapshot create monday from repo tools
        debrepo publish source update stable snapshot:monday --component main
        debrepo publish update stable
        debrepo repo create rescued
        debrepo repo add rescued hello_2.0_amd64.deb other_1.0_amd64.deb
        debrepo repo remove rescued 'hello | other'
    """)


def lose_a_file(reader, root):
    """Lose a package file in the pool and where it is published; the guide brings it back."""
    reader.follow("guide/backup.md", "Back up")
    reader("debrepo --root /srv/other-root repo create spare")
    lost = (reader.directory / "hello_1.0_amd64.deb").read_bytes()
    for directory in (root / "pool", root / "public/pool"):
        for path in directory.rglob("*"):
            if path.is_file() and path.read_bytes() == lost:
                path.unlink()
    said = reader("debrepo doctor", exit_code=6)
    assert (
        "error: publication ./bookworm: pool/main/h/hello/hello_1.0_amd64.deb: is missing" in said
    )
    assert "Repaired 1 file." in reader.follow("guide/backup.md", "Repair damaged package files")
    reader("debrepo publish repair bookworm")


def restore(reader, tmp_path, again):
    """Back up, restore to another root, and take over; both are well."""
    reader("gpg --batch --passphrase '' --quick-gen-key admin@example.org")
    page = "guide/backup.md"
    reader.follow(page, "Secret keys", "Back up the database alone")
    reader.follow(page, "Convert a database of LMDB 1.0")
    tree = reader.home / ".debrepo/public"
    shutil.rmtree(tree)  # with the machine that is lost
    reader.follow(page, "Restore")
    refused = reader("debrepo --root /srv/restored publish update stable", exit_code=5)
    assert "frozen" in refused
    reader.follow(page, "Take over")
    for words in again:
        reader(f"debrepo --root /srv/restored publish update {words}")
    restored = tmp_path / "srv/restored/public"
    assert (restored / "dists/bookworm/InRelease").is_file()
    return reader("debrepo --root /srv/restored doctor")


def test_blocks_that_are_left_out_are_counted():
    pages = [
        str(page.relative_to(DOCS)) for page in (DOCS / "tutorial.md", *DOCS.glob("guide/*.md"))
    ]
    found = {page: sum(bool(one.left_out) for one in blocks(page)) for page in pages}
    assert {page: count for page, count in found.items() if count} == LEFT_OUT
