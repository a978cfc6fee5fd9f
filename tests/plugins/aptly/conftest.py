"""What the tests of aptly's routes work with."""

import pytest

from debrepo.testing.packages import build_deb, build_source

SKIP = {"Signing": {"Skip": True}}


class Archive:
    """A server with a repository ``r``, that holds what was uploaded to it."""

    def __init__(self, api, directory):
        self.api = api
        self.directory = directory

    def upload(self, place, *files):
        for file in files:
            answer = self.api.put(f"/api/files/{place}/{file.name}", content=file.read_bytes())
            assert answer.status_code == 200, answer.text

    def add(self, repo, *files):
        """Upload files and add them; return the report."""
        self.upload("incoming", *files)
        answer = self.api.post(f"/api/repos/{repo}/file/incoming")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deb(self, name="alpha", version="1.0", architecture="amd64", **more):
        return build_deb(self.directory, name, version, architecture, **more)

    def source(self, name="alpha", version="1.0-1"):
        """Build a source package; return its files."""
        directory = self.directory / f"{name}-source"
        directory.mkdir()
        build_source(directory, name, version)
        return sorted(directory.iterdir())

    def packages(self, place="repos/r", **query):
        return self.api.get(f"/api/{place}/packages", params=query).json()

    def snapshot(self, name, repo="r"):
        answer = self.api.post(f"/api/repos/{repo}/snapshots", json={"Name": name})
        assert answer.status_code == 201, answer.text

    def publish(self, prefix=":.", kind="local", source="r", **more):
        body = {
            "SourceKind": kind,
            "Sources": [{"Name": source}],
            "Distribution": "stable",
            **SKIP,
            **more,
        }
        return self.api.post(f"/api/publish/{prefix}", json=body)

    def finished(self, answer):
        """Wait for the task that an answer is about; return how it ended."""
        assert answer.status_code == 202, answer.text
        return self.api.get(f"/api/tasks/{answer.json()['ID']}/wait").json()


@pytest.fixture
def archive(api, tmp_path):
    directory = tmp_path / "packages"
    directory.mkdir()
    found = Archive(api, directory)
    assert api.post("/api/repos", json={"Name": "r"}).status_code == 201
    return found


@pytest.fixture
def filled(archive):
    """Put alpha 1.0 and beta 2.0 into ``r``."""
    archive.add("r", archive.deb(), archive.deb("beta", "2.0"))
    return archive
