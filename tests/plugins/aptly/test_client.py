"""A published client of aptly's API, against a server as it is started."""

import pytest
import requests
from aptly_api import Client
from aptly_api.base import AptlyAPIException

from debrepo.testing.packages import build_deb


@pytest.fixture
def url(serving):
    return serving().url


@pytest.fixture
def client(url):
    return Client(url)


def test_client_goes_from_upload_to_publication(client, url, tmp_path):
    first, second = build_deb(tmp_path), build_deb(tmp_path, version="2.0")
    assert client.files.upload("incoming", str(first)) == ["incoming/hello_1.0_amd64.deb"]
    client.repos.create("web", default_distribution="stable", default_component="main")
    report = client.repos.add_uploaded_file("web", "incoming")
    assert report.report["Added"] == ["hello_1.0_amd64 added"]

    (package,) = client.repos.search_packages("web", detailed=True)
    assert package.fields["Filename"] == "hello_1.0_amd64.deb"
    assert client.packages.show(package.key).key == package.key

    snapshot = client.snapshots.create_from_repo("web", "first", "one package")
    assert (snapshot.name, snapshot.description) == ("first", "one package")
    assert snapshot.created_at is not None
    published = client.publish.publish(
        source_kind="snapshot",
        sources=[{"Name": "first"}],
        architectures=["amd64"],
        prefix="apt/web_1",
        distribution="stable",
        sign_skip=True,
    )
    assert published.prefix == "apt/web_1"

    client.files.upload("incoming", str(second))
    client.repos.add_uploaded_file("web", "incoming")
    client.snapshots.create_from_repo("web", "second")
    assert len(client.snapshots.diff("first", "second")) == 1
    updated = client.publish.update(
        prefix="apt/web_1",
        distribution="stable",
        snapshots=[{"Name": "second", "Component": "main"}],
        sign_skip=True,
    )
    assert updated.sources == [{"Name": "second", "Component": "main"}]
    packages = f"{url}/repos/-/apt/web_1/dists/stable/main/binary-amd64/Packages.gz"
    assert requests.get(packages, timeout=60).status_code == 200
    assert [one.prefix for one in client.publish.list()] == ["apt/web_1"]
    client.publish.drop(prefix="apt/web_1", distribution="stable")
    assert client.publish.list() == []


def test_client_moves_packages_by_key(client, tmp_path):
    client.files.upload("incoming", str(build_deb(tmp_path)))
    client.repos.create("one")
    client.repos.create("two")
    client.repos.add_uploaded_file("one", "incoming", "hello_1.0_amd64.deb")
    (package,) = client.repos.search_packages("one", "hello")
    client.repos.add_packages_by_key("two", package.key)
    client.repos.delete_packages_by_key("one", package.key)
    assert client.repos.search_packages("one") == []
    assert [found.key for found in client.repos.search_packages("two")] == [package.key]
    client.snapshots.create_from_packages("picked", package_refs=[package.key])
    assert [found.key for found in client.snapshots.list_packages("picked")] == [package.key]


def test_client_looks_after_files_and_repositories(client, tmp_path):
    assert client.misc.version()
    client.files.upload("incoming", str(build_deb(tmp_path)), str(build_deb(tmp_path, "other")))
    assert client.files.list() == ["incoming"]
    assert client.files.list("incoming") == ["hello_1.0_amd64.deb", "other_1.0_amd64.deb"]
    client.repos.create("web", comment="pages")
    client.repos.add_uploaded_file("web", "incoming", remove_processed_files=False)
    report = client.repos.add_uploaded_file("web", "incoming", force_replace=True)
    assert (report.failed_files, client.files.list()) == ([], [])
    edited = client.repos.edit("web", default_distribution="stable", default_component="main")
    assert client.repos.list() == [edited]
    assert len(client.repos.search_packages("web", "hello", with_deps=True)) == 1
    published = client.publish.publish(
        source_kind="local", sources=[{"Name": "web"}], architectures=["amd64"], sign_skip=True
    )
    assert (published.prefix, published.distribution) == (".", "stable")
    with pytest.raises(AptlyAPIException, match="is used by publication") as raised:
        client.repos.delete("web", force=True)
    assert raised.value.status_code == 409
    client.publish.drop(prefix=".", distribution="stable", force_delete=True)
    client.repos.delete("web")
    client.files.delete("incoming")
    assert client.repos.list() == []


def test_client_looks_after_snapshots(client, tmp_path):
    client.snapshots.create_from_packages("empty")
    client.snapshots.create_from_packages("derived", source_snapshots=["empty"])
    assert [one.name for one in client.snapshots.list("name")] == ["derived", "empty"]
    assert [one.name for one in client.snapshots.list("time")] == ["empty", "derived"]
    renamed = client.snapshots.update("derived", newname="kept", newdescription="for later")
    assert client.snapshots.show("kept") == renamed
    with pytest.raises(AptlyAPIException, match="is used by snapshot kept") as raised:
        client.snapshots.delete("empty")
    assert raised.value.status_code == 409
    client.snapshots.delete("empty", force=True)
    assert client.snapshots.list() == [renamed]


def test_client_understands_what_went_wrong(client):
    with pytest.raises(AptlyAPIException, match="no repository called none") as raised:
        client.repos.show("none")
    assert raised.value.status_code == 404
