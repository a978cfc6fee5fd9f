"""What every kind of index must do, as tests to inherit."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import pickle
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from debrepo.config import CORE_SETTINGS
from debrepo.index_kind import (
    OF_PACKAGES,
    OF_PUBLICATIONS,
    AnyIndexKind,
    Context,
    IndexKind,
    Published,
    SortedIndexKind,
    WholeIndexKind,
)
from debrepo.options import PublicationOption
from debrepo.plugins import load_plugins
from debrepo.refs import Setting, answers, claimed, declared
from debrepo.testing.index_packages import every_package, hostile, reduced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pluggy import PluginManager

_PUBLICATION: Mapping[str, Any] = {
    "component": "main",
    "architectures": ("amd64", "arm64"),
    "digests": ("sha256",),
    "source": True,
    "distribution": "stable",
    "suite": "stable",
    "codename": "trixie",
    "origin": "Origin",
    "label": "Label",
    "version": "13.1",
}
_CUTS = ((1,), (2,), (7,), (1, 5, 2, 11), (1000,))


class IndexKindContract:
    """Subclass in a test module, override ``kind``, and pytest collects the rest.

    Give values in ``options`` and ``settings`` with which it `applies`. If its files are not lines
    of columns with blanks between them, say that they are ``stanzas``, or override `records`.
    """

    options: ClassVar[Mapping[str, Any]] = {}
    settings: ClassVar[Mapping[str, Any]] = {}
    form: ClassVar[str] = "lines"  #: or ``stanzas``: fields, and blank lines between packages

    @pytest.fixture
    def kind(self) -> AnyIndexKind:
        """Return the kind of index, made anew."""
        raise NotImplementedError("override the kind fixture")

    @pytest.fixture
    def other_plugins(self, request: pytest.FixtureRequest) -> PluginManager:
        """Return the plugins whose kinds of index have other paths: those of ``debrepo_plugins``.

        All that are installed, where a test does without `debrepo.testing.fixtures`.
        """
        try:
            chosen: PluginManager = request.getfixturevalue("debrepo_plugins")
        except pytest.FixtureLookupError:
            return load_plugins()
        return chosen

    @pytest.fixture
    def context(self, kind: AnyIndexKind) -> Context:
        """Return a context with what the kind reads, and nothing else."""
        return Context(*self._said(kind))

    @pytest.fixture
    def every_package(self, tmp_path_factory: pytest.TempPathFactory) -> list[Published]:
        """Return packages of all kinds, with all that there is to read of them, in their order."""
        return every_package(tmp_path_factory.getbasetemp())

    @pytest.fixture
    def packages(self, kind: AnyIndexKind, every_package: list[Published]) -> list[Published]:
        """Return packages as a publish gives them to the kind."""
        return _taken(kind, every_package)

    def records(self, kind: AnyIndexKind, path: str, text: bytes) -> list[object]:
        """Return the shape of each record of an index, less all that values decide."""
        if self.form == "stanzas":
            stanzas = re.split(rb"\n[ \t]*\n", text.strip(b"\n"))
            return [
                tuple(re.findall(rb"^([^\s:]+):", stanza, re.M)) for stanza in stanzas if stanza
            ]
        if isinstance(kind, SortedIndexKind):
            rows = (line.rpartition(b" ") for line in text.split(b"\n") if line)
            return [(bool(key), len(values.split(b","))) for key, _, values in rows]
        return [len(line.split()) for line in text.split(b"\n") if line]

    def test_it_says_what_it_is(self, kind: AnyIndexKind, context: Context) -> None:
        assert isinstance(kind, (IndexKind, SortedIndexKind))
        assert kind.version >= 1
        assert set(kind.reads) <= {*OF_PACKAGES, *OF_PUBLICATIONS}
        assert kind.takes
        assert set(kind.takes) <= {"deb", "udeb", "source", "installer"}
        assert set(kind.options) == set(self.options), "give a value for each of its options"
        assert set(kind.settings) == set(self.settings), "give a value for each of its settings"
        assert kind.applies(context), "give options with which it applies"

    def test_it_lists_packages(
        self, kind: AnyIndexKind, context: Context, packages: list[Published]
    ) -> None:
        found = made(kind, context, packages)
        headers = {path: kind.header(path, context) for path in found}
        assert any(len(text) > len(headers[path]) for path, text in found.items())

    def test_one_chunk_is_as_many_chunks(
        self, kind: AnyIndexKind, context: Context, packages: list[Published]
    ) -> None:
        expected = made(kind, context, packages)
        for cuts in _CUTS:
            assert made(kind, context, packages, cuts) == expected, cuts

    def test_it_says_the_same_each_time(
        self, kind: AnyIndexKind, context: Context, packages: list[Published]
    ) -> None:
        expected = made(kind, context, packages)
        made(kind, context, packages[len(packages) // 2 :])
        assert made(kind, context, packages) == expected
        assert made(type(kind)(), context, packages) == expected

    def test_it_says_the_same_in_another_process(
        self, kind: AnyIndexKind, packages: list[Published], tmp_path: Path
    ) -> None:
        if "<locals>" in type(kind).__qualname__:
            pytest.skip("a class within a function cannot be imported")
        task = tmp_path / "task"
        task.write_bytes(pickle.dumps((self._said(kind), packages)))
        where = type(kind).__module__, type(kind).__qualname__, inspect.getfile(type(kind))
        found = set()
        for seed in ("1", "2"):
            code = f"from {__name__} import elsewhere; elsewhere(*{(*where, str(task))!r})"
            environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
            done = subprocess.run(
                [sys.executable, "-c", code], env=environ, check=False, capture_output=True
            )
            assert done.returncode == 0, done.stderr.decode()
            found.add(done.stdout)
        assert len(found) == 1

    def test_header_stands_once_at_the_start(
        self, kind: AnyIndexKind, context: Context, packages: list[Published]
    ) -> None:
        for path, text in made(kind, context, packages, (2,)).items():
            header = kind.header(path, context)
            assert text.startswith(header)
            assert not header or text.count(header) == 1

    def test_no_package_is_an_empty_index(self, kind: AnyIndexKind, context: Context) -> None:
        if isinstance(kind, IndexKind):
            assert not any(kind.fragment([], context).values())
        if not isinstance(kind, WholeIndexKind):
            expected = {path: kind.header(path, context) for path in kind.expected(context)}
            assert made(kind, context, []) == expected

    def test_its_paths_are_files_below_a_component(
        self, kind: AnyIndexKind, context: Context, packages: list[Published]
    ) -> None:
        for path in made(kind, context, packages):
            parts = path.split("/")
            assert not {"", ".", "..", "by-hash", "Release"} & set(parts), path
            assert path.isprintable() and " " not in path, path  # noqa: PT018
            assert not re.search(r"\.(gz|xz|zst|bz2)$", path), f"{path} is compressed by debrepo"

    def test_its_paths_are_those_of_no_other_kind(
        self,
        kind: AnyIndexKind,
        context: Context,
        packages: list[Published],
        every_package: list[Published],
        other_plugins: PluginManager,
    ) -> None:
        own = set(made(kind, context, packages))
        for name, other in _others(kind, other_plugins):
            theirs = made(other, _everything(other, other_plugins), _taken(other, every_package))
            assert not own & set(theirs), f"the kind of index {name} writes this too"

    def test_nothing_of_a_package_adds_a_line_or_a_file(
        self, kind: AnyIndexKind, context: Context, packages: list[Published]
    ) -> None:
        harmless = made(kind, context, packages)
        shapes = {path: self.records(kind, path, text) for path, text in harmless.items()}
        for number, odd in enumerate(hostile(packages, kind)):
            for path, text in made(kind, context, odd).items():
                assert path in shapes, f"a package decides that there is {path}"
                records = self.records(kind, path, text)
                assert len(records) <= len(shapes[path]), f"a package adds to {path} ({number})"
                assert set(records) <= set(shapes[path]), f"a package has written {path}"

    def test_it_chooses_among_the_compressions_that_there_are(self, kind: AnyIndexKind) -> None:
        for chosen in (("gz", "xz"), ("zst",), ("plain",), ("xz", "bz2", "gz")):
            assert set(kind.compressions(chosen)) <= set(chosen)
            assert kind.compressions(chosen)

    def test_a_line_names_its_package(
        self, kind: AnyIndexKind, context: Context, packages: list[Published]
    ) -> None:
        if not isinstance(kind, SortedIndexKind):
            return
        lines: dict[tuple[str, bytes, bytes], str] = {}
        for one in packages:
            keys, value = kind.lines(one, context)
            package = one.package
            assert not re.search(rb"[\0\n,]|^$", value)
            assert b"\0" not in keys
            architecture = "" if kind.joint else package.key.architecture
            index = kind.index(package.kind, architecture, context)
            for key in keys.split(b"\n"):
                other = lines.setdefault((index, key, value), package.key.name)
                assert other == package.key.name, f"{other} adds a line of {package.key.name}"

    def _said(self, kind: AnyIndexKind) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        publication = {name: value for name, value in _PUBLICATION.items() if name in kind.reads}
        return publication, dict(self.options), dict(self.settings)


def made(
    kind: AnyIndexKind,
    context: Context,
    packages: Sequence[Published],
    cuts: Sequence[int] = (1000,),
) -> dict[str, bytes]:
    """Return the indexes that a publish makes, given in turn how many packages chunks have."""
    if isinstance(kind, SortedIndexKind):
        found = _sorted(kind, context, packages)
    else:
        assert isinstance(kind, IndexKind)
        texts: dict[str, list[bytes]] = {}
        for chunk in _chunks(packages, cuts):
            for path, text in kind.fragment(chunk, context).items():
                texts.setdefault(path, []).append(text)
        if isinstance(kind, WholeIndexKind):
            found = dict(kind.finish(texts, context))
        else:
            found = {path: b"".join(parts) for path, parts in texts.items()}
    found = {**dict.fromkeys(kind.expected(context), b""), **found}
    return {path: kind.header(path, context) + text for path, text in sorted(found.items())}


def _sorted(
    kind: SortedIndexKind, context: Context, packages: Iterable[Published]
) -> dict[str, bytes]:
    rows: dict[str, dict[bytes, set[bytes]]] = {}
    for one in packages:
        architecture = "" if kind.joint else one.package.key.architecture
        path = kind.index(one.package.kind, architecture, context)
        keys, value = kind.lines(one, context)
        for key in filter(None, keys.split(b"\n")) if path else ():
            rows.setdefault(path, {}).setdefault(key, set()).add(value)
    return {
        path: b"".join(
            kind.text(key + b" " + b",".join(sorted(values)) + b"\n")
            for key, values in sorted(lines.items())
        )
        for path, lines in rows.items()
    }


def _chunks(packages: Sequence[Published], cuts: Sequence[int]) -> Iterator[Sequence[Published]]:
    start, turn = 0, 0
    while start < len(packages):
        size = cuts[turn % len(cuts)]
        yield packages[start : start + size]
        start, turn = start + size, turn + 1


def elsewhere(module: str, name: str, file: str, task: str) -> None:
    """Print a hash of what a kind of index makes, in a process of its own."""
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        spec = importlib.util.spec_from_file_location(module, file)
        assert spec is not None
        assert spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        sys.modules[module] = found
        spec.loader.exec_module(found)
    for part in name.split("."):
        found = getattr(found, part)
    with open(task, "rb") as stored:  # noqa: PTH123
        said, packages = pickle.load(stored)  # noqa: S301  # written by the test
    files = sorted(made(found(), Context(*said), packages).items())
    sys.stdout.write(hashlib.sha256(repr(files).encode()).hexdigest())


def _others(kind: AnyIndexKind, plugins: PluginManager) -> Iterator[tuple[str, AnyIndexKind]]:
    """Yield the kinds of index that plugins bring, but for this one."""
    for name, ref in claimed(plugins.hook.debrepo_index_kinds, "kind of index").items():
        found = ref.load()
        same = found.__qualname__ == type(kind).__qualname__
        if not same:
            yield name, found()


def _everything(kind: AnyIndexKind, plugins: PluginManager) -> Context:
    """Return a context in which a kind finds all that it may ask for."""
    said = {name: value for name, value in _PUBLICATION.items() if name in kind.reads}
    options = {
        option.name: option.default
        for _, brought in answers(plugins.hook.debrepo_publication_options, PublicationOption)
        for option in brought
    }
    settings = {
        setting.name: setting.default
        for setting in declared(plugins.hook.debrepo_settings, "setting", Setting, CORE_SETTINGS)
    }
    return Context(said, options, settings)


def _taken(kind: AnyIndexKind, packages: Iterable[Published]) -> list[Published]:
    return [reduced(one, kind) for one in packages if one.package.kind in kind.takes]
