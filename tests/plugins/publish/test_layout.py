"""Package files have one place in the pool, and never give it up to other bytes."""

import pytest
from plugins.publish.client import Client
from plugins.publish.crashing import Killed

from debrepo.errors import InvalidInput
from debrepo.package import Package, PackageFile, PackageKey
from debrepo_publish.engine.layout import by_hash, elsewhere, pool_directory
from debrepo_publish.model.publication import check_distribution, check_prefix, split_place
from debrepo_publish.model.tables import DISPLACED, FILES


def package(name, source=""):
    stanza = f"Package: {name}\nSource: {source}".encode() if source else b"Package: x"
    file = PackageFile(f"{name}_1_all.deb", 1)
    return Package(PackageKey(name, "all", "1", "abcd"), "deb", stanza, (file,))


@pytest.mark.parametrize(
    ("name", "source", "directory"),
    [
        ("hello", "", "pool/main/h/hello"),
        ("libfoo1", "", "pool/main/libf/libfoo1"),
        ("lib", "", "pool/main/l/lib"),
        ("hello-doc", "hello", "pool/main/h/hello"),
        ("hello-doc", "hello (1.0)", "pool/main/h/hello"),
        ("hello", "../../etc", "pool/main/h/hello"),
    ],
)
def test_directory_is_that_of_the_source_package(name, source, directory):
    assert pool_directory("main", package(name, source)) == directory


def test_displaced_package_has_a_directory_of_its_own():
    assert elsewhere("pool/main/h/hello", package("hello")) == "pool/main/h/hello/abcd"


def test_by_hash_directory_is_beside_the_index():
    path = by_hash("dists/sid/main/binary-amd64/Packages.gz", "SHA256", "00ff")
    assert path == "dists/sid/main/binary-amd64/by-hash/SHA256/00ff"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", ("", ".")),
        ("debian", ("", "debian")),
        ("/debian/x/", ("", "debian/x")),
        ("s3:bucket:deb", ("s3:bucket", "deb")),
        ("s3:bucket:", ("s3:bucket", ".")),
        ("filesystem:web:deb", ("fs:web", "deb")),
        ("fs:deb", ("", "deb")),
        ("fs:default:deb", ("", "deb")),
        ("s3:default:deb", ("s3", "deb")),
    ],
)
def test_one_place_has_one_name(text, place):
    assert split_place(text) == place


@pytest.mark.parametrize("prefix", ["../x", "a/dists", "pool", "a b", "x" * 101])
def test_prefix_that_would_lead_astray_is_refused(prefix):
    with pytest.raises(Exception, match="cannot be a prefix"):
        check_prefix(prefix)


@pytest.mark.parametrize("name", ["", "..", "a//b", "-x", "a/../b", "a b"])
def test_distribution_that_would_lead_astray_is_refused(name):
    with pytest.raises(Exception, match="cannot be a distribution"):
        check_distribution(name)


@pytest.fixture
def two_builds(session, add, create):
    """Publish one version of a package in two builds, the second of which has to go elsewhere."""
    add("hello", repo="tools")
    create("tools", distribution="stable")
    add("hello", repo="others", paths={"usr/bin/hello": b"another build"})
    create("others", distribution="testing")
    return session


def displaced(session):
    with session.db.read() as txn:
        return len(list(txn[DISPLACED]))


def test_other_bytes_under_one_name_get_another_place(two_builds, public):
    stable, testing = Client(public, "stable"), Client(public, "testing")
    assert stable.packages() == testing.packages() == {("hello", "1.0", "amd64")}
    assert len(list(public.rglob("hello_1.0_amd64.deb"))) == 2


def test_what_went_elsewhere_changes_nothing_for_who_does_not_publish_it(two_builds, update):
    assert not update("stable").changed
    assert not update("testing").changed


def test_package_that_has_left_may_have_the_usual_place_when_it_comes_back(
    two_builds, create, public
):
    assert displaced(two_builds) == 1
    for distribution in ("testing", "stable"):
        two_builds.call("publish.drop", distribution=distribution)
    assert displaced(two_builds) == 0
    create("others", distribution="testing")
    (found,) = public.rglob("hello_1.0_amd64.deb")
    assert found.parent.name == "hello"


def test_package_that_stays_elsewhere_is_remembered_while_anybody_needs_it(
    two_builds, create, update, public
):
    create("others", distribution="unstable")
    two_builds.call("publish.drop", distribution="testing")
    assert displaced(two_builds) == 1
    assert not update("unstable").changed
    assert Client(public, "unstable").packages() == {("hello", "1.0", "amd64")}


def test_package_that_never_got_elsewhere_is_forgotten(session, add, create):
    add("hello", repo="tools")
    create("tools", distribution="stable")
    add("hello", repo="others", paths={"usr/bin/hello": b"another build"})
    session.fate.strike(1)
    with pytest.raises(Killed):
        create("others", distribution="testing")
    session.fate.live()
    assert displaced(session) == 1
    create("tools", distribution="testing")
    assert displaced(session) == 0


def test_versions_that_differ_in_the_epoch_only_do_not_collide(session, add, create, public):
    add("hello", "1:1.0")
    add("hello", "1.0")
    create()
    assert Client(public).packages() == {
        ("hello", "1:1.0", "amd64"),
        ("hello", "1.0", "amd64"),
    }


def test_place_of_a_dropped_build_is_not_given_to_another_at_once(
    session, add, create, update, public
):
    add("hello")
    create(architectures=("amd64",))
    before = Client(public).inrelease()
    session.call("repo.remove", name="tools", queries=["hello"])
    update()
    add("hello", paths={"usr/bin/hello": b"another build"})
    update()
    assert Client(public).packages(before) == Client(public).packages()


def test_distribution_with_a_pool_of_its_own_shares_nothing(session, add, create, public):
    add()
    create(distribution="stable", multi_dist=True)
    create(distribution="testing")
    found = {str(p.relative_to(public)) for p in public.rglob("*.deb")}
    assert found == {
        "pool/stable/main/h/hello/hello_1.0_amd64.deb",
        "pool/main/h/hello/hello_1.0_amd64.deb",
    }
    session.call("publish.drop", distribution="stable")
    assert not (public / "pool/stable").exists()
    assert Client(public, "testing").packages()


def test_pool_can_be_given_up_for_the_common_one(session, add, create, update, public, clock):
    add()
    create(multi_dist=True)
    update(multi_dist=False, grace=0, keep_generations=0)
    assert Client(public).packages()
    clock(1_900_000_000)
    add("extra")
    update()
    assert not (public / "pool/stable").exists()
    assert len(Client(public).packages()) == 2


def test_names_may_be_as_long_as_those_of_directories(session, add, create, public):
    long = "l" * 255
    add("hello")
    shared = {"distribution": long, "components": [long], "multi_dist": True}
    create(**shared)
    assert Client(public, long).packages()
    session.call("repo.remove", name="tools", queries=["hello"])
    session.call("publish.update", distribution=long, options={"grace": 10**6})
    add("hello", paths={"usr/bin/hello": b"another build"})
    session.call("publish.update", distribution=long)
    assert Client(public, long).packages()
    assert len({*public.rglob("*.deb")}) == 2
    problems = session.call("publish.verify", distribution=long, files=True).problems
    assert {one.kind.value for one in problems} == {"signature"}  # which is made of paper here
    session.call("publish.drop", distribution=long)
    assert [path for path in public.rglob("*") if path.is_file()] == []
    with session.db.read() as txn:
        assert [*txn[FILES], *txn[DISPLACED]] == []


@pytest.mark.parametrize("what", ["distribution", "components"])
def test_longer_names_are_refused(session, add, create, what):
    add()
    with pytest.raises(InvalidInput):
        create(**{what: "l" * 256 if what == "distribution" else ["l" * 256]})
