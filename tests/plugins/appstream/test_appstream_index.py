"""The files that the metadata of software is published in; the contract asks the rest."""

import io
import tarfile

import pytest
from plugins.appstream import software

from debrepo.index_kind import Published
from debrepo.testing import IndexKindContract
from debrepo_appstream import extracts
from debrepo_appstream.generator import Composed
from debrepo_appstream.index import AppStreamIndex

ICON = software.icon(64)


def extract(name, icons=("64x64", "128x128")):
    components = f"---\nType: desktop-application\nID: org.example.{name}\nPackage: {name}\n"
    found = {f"{size}/{name}_org.example.{name}.png": ICON for size in icons}
    return extracts.packed(Composed(components.encode(), found))


class TestAppStreamIndex(IndexKindContract):
    options = {"appstream": True}  # noqa: RUF012  # never changed

    @pytest.fixture
    def kind(self):
        return AppStreamIndex()

    @pytest.fixture
    def packages(self, kind, every_package):
        """Return packages of which every second one has software."""
        debs = [one._replace(paths=(), fields={}) for one in every_package if one.files]
        debs = [one for one in debs if one.package.kind == "deb"]
        return [
            one._replace(extract=extract(one.package.key.name)) if number % 2 else one
            for number, one in enumerate(debs)
        ]

    def records(self, kind, path, text):
        return [b"Package:" in document for document in text.split(b"---\n")]

    def test_software_for_all_architectures_is_in_each(self, kind, context, packages):
        texts = kind.fragment(packages, context)
        for one in packages:
            key = one.package.key
            wanted = {"amd64", "arm64"} if key.architecture == "all" else {key.architecture}
            for name in ("amd64", "arm64"):
                said = f"Package: {key.name}\n".encode() in texts[f"dep11/Components-{name}.yml"]
                assert said <= (name in wanted or key.name in ("p00", "p05", "p10"))
                assert said or not one.extract or name not in wanted

    def test_icons_of_all_fragments_are_in_one_archive(self, kind, context, packages):
        path = "dep11/icons-64x64.tar"
        more = [packages[1]._replace(extract=extract("zz"))]
        parts = [kind.fragment(some, context)[path] for some in (packages, more)]
        made = kind.finish({path: parts}, context)[path]
        with tarfile.open(fileobj=io.BytesIO(made)) as members:
            names = members.getnames()
            assert members.extractfile("zz_org.example.zz.png").read() == ICON
        assert len(names) == len(set(names))
        assert made.endswith(bytes(1024))

    @pytest.mark.parametrize(
        ("origin", "said"),
        [('Our "own"/x\n', "our-own-x-stable-updates-main"), (". ", "stable-updates-main")],
    )
    def test_head_has_a_name_that_can_be_that_of_a_directory(self, kind, context, origin, said):
        context.origin, context.codename = origin, "stable/updates"
        text = kind.finish({"dep11/Components-amd64.yml": [b"---\n"]}, context)
        head = text["dep11/Components-amd64.yml"].decode().splitlines()
        assert head == ["---", "File: DEP-11", "Version: '0.16'", f'Origin: "{said}"', "---"]


def test_package_without_metainfo_is_not_opened():
    """A package that is not there would be an error."""
    paths = b"usr/share/applications/a.desktop\nusr/share/metainfo/sub/a.xml\nusr/share/metainfo"
    assert AppStreamIndex().extract(Published(None, contents=paths)) == b""
