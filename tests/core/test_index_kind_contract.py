"""The contract of kinds of index finds the faults that it is there for."""

import inspect
import itertools
import sys
from types import SimpleNamespace

import pytest
from _pytest.outcomes import Skipped

from debrepo import Ref, hookimpl
from debrepo.index_kind import Context, IndexKind, SortedIndexKind, WholeIndexKind
from debrepo.options import PublicationOption
from debrepo.plugins import load_plugins
from debrepo.testing import IndexKindContract
from debrepo.testing.index_packages import every_package, reduced


class Owners(IndexKind):
    """A kind that does everything right: a line for each package."""

    reads = ("component", "suite", "contents")
    takes = ("deb", "udeb")
    options = ("owners",)

    def applies(self, context):
        return context.options["owners"]

    def expected(self, context):
        return ["owners/amd64"]

    def header(self, path, context):
        return f"# {context.suite} {context.component}\n".encode()

    def line(self, one):
        section = "_".join(one.package.field("Section").split()) or "-"
        return f"{one.package.key.name} {section}\n"

    def fragment(self, packages, context):
        texts = {}
        for one in packages:
            path = f"owners/{one.package.key.architecture}"
            texts[path] = texts.get(path, b"") + self.line(one).encode()
        return texts


class Numbered(Owners):
    """Numbers the lines of each fragment."""

    def fragment(self, packages, context):
        lines = [f"{number} {self.line(one)}" for number, one in enumerate(packages)]
        return {"owners/amd64": "".join(lines).encode()} if lines else {}


class Remembering(Owners):
    """Numbers all lines that it has ever made."""

    counter = itertools.count()

    def line(self, one):
        return f"{one.package.key.name} {next(self.counter):09}\n"


class Unordered(Owners):
    """Has an order that the hashes of texts decide."""

    def line(self, one):
        return f"{one.package.key.name} {','.join({'a', 'b', 'c', 'd', 'e', 'f'})}\n"


class HeaderEverywhere(Owners):
    """Writes the header in each fragment."""

    def header(self, path, context):
        return b""

    def fragment(self, packages, context):
        return {p: b"# x\n" + text for p, text in super().fragment(packages, context).items()}


class HeaderTwice(Owners):
    def fragment(self, packages, context):
        found = super().fragment(packages, context)
        return {path: self.header(path, context) + text for path, text in found.items()}


class Raw(Owners):
    """Copies a field as it is."""

    def line(self, one):
        return f"{one.package.key.name} {one.package.field('Section')}\n"


class RawPath(Owners):
    """Copies paths, with separators in them."""

    def line(self, one):
        paths = one.contents.replace(b"\n", b";").decode(errors="replace")
        return f"{one.package.key.name} {paths}\n"


class Named(Owners):
    """Names a file after a field."""

    def fragment(self, packages, context):
        texts = {}
        for one in packages:
            path = f"owners/{one.package.field('Section').replace('/', '')}"
            texts[path] = texts.get(path, b"") + f"{one.package.key.name} x\n".encode()
        return texts


class Greedy(Owners):
    """Writes where Packages are."""

    def fragment(self, packages, context):
        return {"binary-amd64/Packages": b"a b\n" * len(packages)} if packages else {}


class Outside(Owners):
    def fragment(self, packages, context):
        return {"../owners": b"a b\n" * len(packages)} if packages else {}


class Compressing(Owners):
    def fragment(self, packages, context):
        return {"owners.gz": b"a b\n" * len(packages)} if packages else {}


class Eager(Owners):
    """Has something to say of no packages."""

    def fragment(self, packages, context):
        return {"owners/amd64": b"begin\n" + b"a b\n" * len(packages)}


class Failing(Owners):
    """Fails without packages."""

    def fragment(self, packages, context):
        return {"owners/amd64": f"{packages[0].package.key.name} x\n".encode() * len(packages)}


class Undeclared(Owners):
    """Uses the codename, which it does not name."""

    def header(self, path, context):
        return context.codename.encode() + b"\n"


class UndeclaredOption(Owners):
    options = ()

    def applies(self, context):
        return context.options["owners"]


class UndeclaredContents(Owners):
    """Uses paths, which it does not name."""

    reads = ("component", "suite")

    def fragment(self, packages, context):
        lines = b"".join(one.contents for one in packages)
        return {"owners/amd64": lines} if lines else {}


class Unknown(Owners):
    reads = ("component", "suite", "weather")


class UnknownPackages(Owners):
    takes = ("rpm",)


class OtherCompression(Owners):
    def compressions(self, chosen):
        return ("gz",)


class NoCompression(Owners):
    def compressions(self, chosen):
        return ()


class Counted(WholeIndexKind):
    """Does everything right, as a whole."""

    takes = ("deb",)

    def fragment(self, packages, context):
        return {"names": b"".join(b"%s\n" % one.package.key.name.encode() for one in packages)}

    def finish(self, fragments, context):
        return {"Count": b"%d\n" % sum(text.count(b"\n") for text in fragments.get("names", ()))}


class Fragments(Counted):
    """Counts fragments instead of packages."""

    def finish(self, fragments, context):
        return {"Count": b"%d\n" % len(fragments.get("names", ()))}


class Places(SortedIndexKind):
    """Does everything right, with sorted lines."""

    reads = ("contents",)
    takes = ("deb", "udeb")

    def index(self, kind, architecture, context):
        return f"places/{kind}-{architecture}"

    def lines(self, published, context):
        return published.contents, published.package.key.name.encode()


class Nameless(Places):
    """Has a value that does not name the package."""

    def lines(self, published, context):
        return published.contents, b"net"


class Commas(Places):
    def lines(self, published, context):
        section = published.package.field("Section").encode()
        return published.contents, section + b"/" + published.package.key.name.encode()


class Nul(Places):
    def lines(self, published, context):
        return b"a\0b", published.package.key.name.encode()


TESTS = sorted(name for name in vars(IndexKindContract) if name.startswith("test_"))


def failures(kind_class, packages, tmp_path, tests=TESTS):
    """Return the tests of the contract that a kind does not pass."""

    class Contract(IndexKindContract):
        options = {"owners": True} if issubclass(kind_class, Owners) and kind_class.options else {}

    contract, kind = Contract(), kind_class()
    known = {
        "kind": kind,
        "context": Context(*contract._said(kind)),
        "every_package": packages,
        "packages": [reduced(one, kind) for one in packages if one.package.kind in kind.takes],
        "tmp_path": tmp_path,
        "other_plugins": load_plugins(),
    }
    found = set()
    for name in tests:
        test = getattr(contract, name)
        try:
            test(**{argument: known[argument] for argument in inspect.signature(test).parameters})
        except Skipped:
            pass
        except Exception:  # an assertion, or what the kind raised
            found.add(name.removeprefix("test_"))
    return found


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return every_package(tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("kind", [Owners, Counted, Places])
def test_kind_that_does_everything_right_passes(kind, packages, tmp_path):
    assert failures(kind, packages, tmp_path) == set()


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Numbered, "one_chunk_is_as_many_chunks"),
        (Remembering, "it_says_the_same_each_time"),
        (Unordered, "it_says_the_same_in_another_process"),
        (HeaderEverywhere, "one_chunk_is_as_many_chunks"),
        (HeaderTwice, "header_stands_once_at_the_start"),
        (Raw, "nothing_of_a_package_adds_a_line_or_a_file"),
        (RawPath, "nothing_of_a_package_adds_a_line_or_a_file"),
        (Named, "nothing_of_a_package_adds_a_line_or_a_file"),
        (Greedy, "its_paths_are_those_of_no_other_kind"),
        (Outside, "its_paths_are_files_below_a_component"),
        (Compressing, "its_paths_are_files_below_a_component"),
        (Eager, "no_package_is_an_empty_index"),
        (Failing, "no_package_is_an_empty_index"),
        (Undeclared, "it_lists_packages"),
        (UndeclaredOption, "it_says_what_it_is"),
        (UndeclaredContents, "it_lists_packages"),
        (Unknown, "it_says_what_it_is"),
        (UnknownPackages, "it_says_what_it_is"),
        (OtherCompression, "it_chooses_among_the_compressions_that_there_are"),
        (NoCompression, "it_chooses_among_the_compressions_that_there_are"),
        (Fragments, "one_chunk_is_as_many_chunks"),
        (Nameless, "a_line_names_its_package"),
        (Commas, "nothing_of_a_package_adds_a_line_or_a_file"),
        (Nul, "a_line_names_its_package"),
    ],
)
def test_fault_is_found(kind, test, packages, tmp_path):
    assert failures(kind, packages, tmp_path, [f"test_{test}"]) == {test}


class Squatter(Owners):
    """A kind of index that writes what another one of the test writes, too."""


class Squatting:
    @hookimpl
    def debrepo_index_kinds(self):
        return {"squatter": Ref(f"{__name__}:Squatter")}

    @hookimpl
    def debrepo_publication_options(self):
        return [PublicationOption("owners", True, "Publish owners")]


class TestChosenPlugins(IndexKindContract):
    options = {"owners": True}  # noqa: RUF012  # never changed

    @pytest.fixture
    def kind(self):
        return Owners()

    @pytest.mark.debrepo_plugins(only=["local", "publish"], more=[Squatting()])
    def test_its_paths_are_those_of_no_other_kind(
        self, kind, context, packages, every_package, other_plugins, monkeypatch
    ):
        monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(Squatter=Squatter))
        assert {name for name, plugin in other_plugins.list_name_plugin() if plugin} == {
            "local",
            "publish",
            "Squatting",
        }
        with pytest.raises(AssertionError, match="the kind of index squatter writes this too"):
            super().test_its_paths_are_those_of_no_other_kind(
                kind, context, packages, every_package, other_plugins
            )
