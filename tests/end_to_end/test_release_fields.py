"""Fields of Release that apt takes literally, held against the real apt."""

import re
import shutil
import subprocess

import pytest
from end_to_end.archive import release_fields
from end_to_end.clients import Apt, WebServer, run

DATE = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture
def signed_with(published):
    """Put fields into the Release of an archive and sign it, as another publisher would."""

    def put(root=None, **fields):
        dists = (root or published.public) / "dists/stable"
        lines = (dists / "Release").read_text().splitlines(keepends=True)
        names = {name.replace("_", "-") for name in fields}
        head = [f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items() if value]
        kept = [line for line in lines if line.partition(":")[0] not in names]
        release = "".join(head + kept)
        home = published.root / "gnupg"
        words = ["gpg", "--homedir", home, "--batch", "--yes", "--clearsign"]
        done = subprocess.run(words, input=release.encode(), capture_output=True, check=True)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
        (dists / "InRelease").write_bytes(done.stdout)
        (dists / "Release").write_text(release)
        (dists / "Release.gpg").unlink(missing_ok=True)

    return put


def test_dates_are_spelled_utc(published):
    """apt 2.6.2, 3.0.4 and 3.3.5: another offset is fatal in Valid-Until, a warning in Date."""
    published("publish", "update", "stable", "--valid-for", "14d")
    fields = release_fields((published.public / "dists/stable/Release").read_text())
    assert re.fullmatch(DATE, fields["Date"])
    assert re.fullmatch(DATE, fields["Valid-Until"])


@pytest.mark.parametrize("field", ["Date", "Valid-Until"])
def test_apt_minds_another_offset(published, signed_with, tmp_path, field):
    published("publish", "update", "stable", "--valid-for", "14d")
    fields = release_fields((published.public / "dists/stable/Release").read_text())
    Apt(tmp_path / "before", published.source()).update()
    signed_with(**{field.replace("-", "_"): fields[field].replace("UTC", "+0200")})
    apt = Apt(tmp_path / "client", published.source())
    said = apt("apt-get", "update", exit_code=100 if field == "Valid-Until" else 0)
    found = re.findall(r"^([EW]): (.*)", said, re.MULTILINE)
    assert found
    assert {kind for kind, _ in found} == {"E" if field == "Valid-Until" else "W"}


SNAPSHOT = "20260101T000000Z"
needs_apt_3 = pytest.mark.skipif(
    not re.match(r"apt ([3-9]|[1-9]\d)", run("apt-get", "--version")), reason="needs apt 3"
)


@pytest.fixture
def snapshots(published, signed_with, tmp_path):
    """Serve the archive as it is now, and a snapshot of it that its Release names."""
    place = tmp_path / "web"
    for name in ("now", SNAPSHOT):
        shutil.copytree(published.public, place / name)
    with WebServer(place) as web:

        def serve(**fields):
            signed_with(place / "now", Snapshots=f"{web.url}/@SNAPSHOTID@/", **fields)
            return web

        yield serve


def enabled(published, web):
    """Return the stanza of a client that wants snapshots, where it asks for one."""
    return f"Snapshot: enable\n{published.source(f'{web.url}/now/')}"


def from_snapshot(apt, exit_code=0):
    return apt("apt-get", "update", "--snapshot", SNAPSHOT, exit_code=exit_code)


@needs_apt_3
def test_snapshots_count_once_a_client_has_updated_without(published, snapshots, tmp_path):
    """apt 3.0.4 and 3.3.5: it learns of the server from the Release that it has already."""
    web = snapshots()
    apt = Apt(tmp_path / "client", enabled(published, web))
    assert "Snapshots not supported" in from_snapshot(apt, exit_code=100)
    apt.update()
    from_snapshot(apt)
    assert any(path.startswith(f"/{SNAPSHOT}/dists/stable/") for path in web.asked)


@needs_apt_3
@pytest.mark.parametrize("field", ["Origin", "Label"])
def test_snapshots_count_beside_origin_or_label_alone(published, snapshots, tmp_path, field):
    """apt 3.0.4 and 3.3.5; every Release of ours has both fields."""
    fields = release_fields((published.public / "dists/stable/Release").read_text())
    assert fields["Origin"]
    assert fields["Label"]
    web = snapshots(**{field: ""})
    apt = Apt(tmp_path / "client", enabled(published, web))
    apt.update()
    from_snapshot(apt)
    assert any(path.startswith(f"/{SNAPSHOT}/dists/stable/") for path in web.asked)


@needs_apt_3
def test_snapshots_do_not_count_without_origin_and_label(published, snapshots, tmp_path):
    """apt 3.0.4 and 3.3.5."""
    web = snapshots(Origin="", Label="")
    apt = Apt(tmp_path / "client", enabled(published, web))
    apt.update()
    assert "Snapshots not supported" in from_snapshot(apt, exit_code=100)
