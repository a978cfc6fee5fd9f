"""Stored code: the modules that commands import, together in one file.

A command imports two hundred modules, its own and those of Python's library: Python looks for each
in several directories, and opens its compiled file. This file has a copy of those compiled files,
so a start opens one. It holds as they do: as long as the source of a module has its size and time.
What the file lacks is imported as ever, and added when the command ends.

It is the compiled file of `debrepo.stored_modules`, behind whose code Python reads no further: pip
and Debian's tools remove the compiled file of each module that they have installed, and no other.
"""

import marshal
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

TYPE_CHECKING = False  # `typing` takes long to import
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import CodeType, ModuleType

    #: Source, whether it is a package, time and size of the source, place and length of the code.
    Stored = tuple[str, bool, int, int, int, int]

_PACKAGES = ("debrepo", "click", "pluggy")  # beside those of Python; others may be large
_CARRIERS = (
    "stored_modules",
    "stored_hooks",
    "stored_patterns",
)  # modules whose compiled files are for this
_MARK = b"stored 2"
_END = 16  # bytes at the end: the mark, where the index begins, and how long it is
_HEADER = 16  # bytes of a compiled file before the code: kind, and time and size of the source
_DAMAGED = (OSError, EOFError, ValueError, TypeError)


class _Loader(SourceFileLoader):
    """Takes the code of a module from the file."""

    def __init__(self, name: str, source: str, file: int, place: int, length: int) -> None:
        super().__init__(name, source)
        self._where = (file, length, place)

    def get_code(self, fullname: str) -> "CodeType | None":
        try:
            code: CodeType = marshal.loads(os.pread(*self._where))  # noqa: S302  # as `import` does
        except _DAMAGED:
            return super().get_code(fullname)
        return code


class StoredCode:
    """A finder for `sys.meta_path` of the modules that are in a file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._index: dict[str, Stored] = {}
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            begin, length = stored_at(self._file)
            made_for, index = marshal.loads(os.pread(self._file, length, begin))  # noqa: S302
        except _DAMAGED:
            return
        self._start = begin + length
        if made_for == here():
            self._index = index

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> ModuleSpec | None:
        """Return how to load a module, if its source is as it was."""
        stored = self._index.get(name)
        if stored is None:
            return None
        source, is_package, time, size, place, length = stored
        if state(source) != (time, size):
            del self._index[name]
            return None
        loader = _Loader(name, source, self._file, self._start + place, length)
        spec = ModuleSpec(name, loader, origin=source, is_package=is_package)
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(os.path.dirname(source))
        return spec

    def store(self) -> None:
        """Add what was imported from elsewhere."""
        specs = [] if sys.dont_write_bytecode else [*_lacking(self._index)]
        new = dict(_compiled(specs)) if specs else {}
        if new:
            self._write(new)

    def _write(self, new: "dict[str, tuple[Stored, bytes]]") -> None:
        index: dict[str, Stored] = {}
        codes: list[bytes] = []
        for name, stored in self._index.items():
            new[name] = stored, os.pread(self._file, stored[-1], self._start + stored[-2])
        place = 0
        for name, (stored, code) in new.items():
            index[name] = (*stored[:4], place, len(code))
            codes.append(code)
            place += len(code)
        head = marshal.dumps((here(), index))
        write_behind(self._path, head, codes)


def stored_at(file: int) -> tuple[int, int]:
    """Return where in a compiled file the index begins, and how long it is; raise `ValueError`."""
    size = os.fstat(file).st_size
    end = os.pread(file, _END, max(0, size - _END))
    begin, length = (int.from_bytes(end[place : place + 4], "little") for place in (8, 12))
    if end[:8] != _MARK or begin + length > size:
        raise ValueError("nothing is stored there")
    return begin, length


def write_behind(path: str, index: bytes, others: "Iterable[bytes]" = ()) -> None:
    """Put an index, and what it leads to, behind the code in a compiled file, if possible."""
    partial = f"{path}.{os.getpid()}"
    try:
        front = _front(path)
        end = [_MARK, *(number.to_bytes(4, "little") for number in (len(front), len(index)))]
        with open(partial, "xb") as file:
            file.writelines([front, index, *others, *end])
        os.replace(partial, path)
    except FileExistsError:
        return
    except OSError:  # no permission, or no space
        if os.path.exists(partial):
            os.unlink(partial)


def _front(path: str) -> bytes:
    """Return the compiled file of a module as Python makes it; nothing for any other file."""
    from importlib.util import MAGIC_NUMBER, source_from_cache

    if not path.endswith(".pyc"):
        return b""
    source = source_from_cache(path)
    with open(source, "rb") as file:
        code = compile(file.read(), source, "exec", dont_inherit=True)
    time, size = state(source) or (0, 0)
    header = (number.to_bytes(4, "little") for number in (0, time, size))
    return b"".join([MAGIC_NUMBER, *header, marshal.dumps(code)])


def here() -> list[str]:
    """Return what modules depend on besides their sources: this Python, and where it looks."""
    return [sys.version, *sys.path]


def state(source: str) -> tuple[int, int] | None:
    """Return the time and the size of a source as they stand in its compiled file."""
    try:
        found = os.stat(source)
    except OSError:
        return None
    return int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF


def _lacking(known: "dict[str, Stored]") -> "Iterator[ModuleSpec]":
    """Yield how modules were imported that could be in the file."""
    for name, module in list(sys.modules.items()):
        spec = None if name in known else getattr(module, "__spec__", None)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            if name.startswith("debrepo.") and name[8:] in _CARRIERS:
                continue
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top.startswith(_PACKAGES):
                yield spec


def _compiled(specs: "Iterable[ModuleSpec]") -> "Iterator[tuple[str, tuple[Stored, bytes]]]":
    """Yield the modules that have compiled files which hold, with their code."""
    from importlib.util import MAGIC_NUMBER  # once in the life of an installation

    for spec in specs:
        source, compiled = spec.origin, spec.cached
        if not source or not compiled:
            continue
        try:
            with open(compiled, "rb") as file:
                header, code = file.read(_HEADER), file.read()
        except OSError:
            continue
        time, size = int.from_bytes(header[8:12], "little"), int.from_bytes(header[12:], "little")
        if header[:8] == MAGIC_NUMBER + b"\0\0\0\0" and state(source) == (time, size):
            is_package = spec.submodule_search_locations is not None
            yield spec.name, ((source, is_package, time, size, 0, 0), code)


def use() -> StoredCode | None:
    """Import from the stored code from now on."""
    path = carrier(__spec__.cached, "stored_modules")
    if path is None:
        return None
    found = StoredCode(path)
    sys.meta_path.insert(0, found)
    return found


def carrier(compiled: str | None, name: str) -> str | None:
    """Return the compiled file of the module ``name``, which lies beside that of another one."""
    if compiled is None or "" in sys.path:  # which stands for the current directory
        return None
    directory, _, file = compiled.rpartition("/")
    return f"{directory}/{name}.{file.partition('.')[2]}"
