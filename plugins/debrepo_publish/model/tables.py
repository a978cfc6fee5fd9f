"""What publishing keeps in the database."""

from __future__ import annotations

from typing import Any

from debrepo.database import bytes_table, json_table
from debrepo.package import PackageFile, SetId
from debrepo.verbatim import VerbatimArchive
from debrepo_publish.model.publication import (
    Generation,
    HistoryRow,
    Index,
    Part,
    Publication,
    Switch,
)


def load_publication(fields: dict[str, Any]) -> Publication:
    """Return the publication with the fields of a document."""
    lists = ("architectures", "keys", "compressions", "sums")
    options = {name: _unlisted(value) for name, value in fields.get("options", {}).items()}
    changed = {name: tuple(fields[name]) for name in lists}
    changed |= {name: tuple(fields.get(name, ())) for name in ("omitted", "aliases")}
    fields = {"old_defaults": True, **fields}
    return Publication(**{**fields, **changed, "options": options})


def _state(publication: Publication) -> str:
    """Return what the audit log has of a publication: what clients see, and what was decided."""
    found = [f"generation {publication.live}"]
    found += ["protected"] if publication.options.get("protected") else []
    found += ["changes pending"] if publication.pending is not None else []
    return ", ".join(found)


def _unlisted(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _load_generation(fields: dict[str, Any]) -> Generation:
    parts = {
        name: Part(part["source"], SetId(bytes.fromhex(part["set_id"])), part["architectures"])
        for name, part in fields["parts"].items()
    }
    indexes = {path: Index(*row) for path, row in fields["indexes"].items()}
    changed = {
        "publication": load_publication(fields.pop("document")),
        "parts": parts,
        "indexes": indexes,
        "architectures": tuple(fields["architectures"]),
        "served": tuple(fields.get("served", ())),
        "verbatim": _load_archive(fields.get("verbatim")),
    }
    return Generation(**{**fields, **changed})


def _load_archive(fields: dict[str, Any] | None) -> VerbatimArchive | None:
    if fields is None:
        return None
    indexes = tuple(PackageFile(*row) for row in fields["indexes"])
    tree = SetId(bytes.fromhex(fields["tree"]))
    return VerbatimArchive(fields["distribution"], fields["releases"], indexes, tree)


def _dump_archive(archive: VerbatimArchive) -> dict[str, Any]:
    rows = [list(file) for file in archive.indexes]
    return {**archive._asdict(), "indexes": rows, "tree": archive.tree.hex()}


def _load_history(fields: dict[str, Any]) -> HistoryRow:
    return HistoryRow(**{**fields, "keys": tuple(fields["keys"])})


def _dump_generation(generation: Generation) -> dict[str, Any]:
    parts = {
        name: {**part._asdict(), "set_id": part.set_id.hex()}
        for name, part in generation.parts.items()
    }
    fields = {**generation._asdict(), "parts": parts}
    publication = fields.pop("publication")
    found = generation.verbatim
    archive = {"verbatim": _dump_archive(found)} if found else {}
    return {**fields, "document": publication._asdict(), "verbatim": None, **archive}


#: `Publication.key` to the document.
PUBLICATIONS = json_table(
    "publish.publications",
    load=load_publication,
    dump=Publication._asdict,
    record=Publication,
    noted=lambda publication: (f"publication:{publication}", _state(publication)),
)
#: `generation_key` to a `Generation`.
GENERATIONS = json_table(
    "publish.generations", load=_load_generation, dump=_dump_generation, record=Generation
)
#: `generation_key` to a `HistoryRow`, which outlives the generation.
HISTORY = json_table(
    "publish.history", load=_load_history, dump=HistoryRow._asdict, record=HistoryRow
)
#: `generation_key` to the bytes of the file that commits it: ``InRelease``.
COMMITS = bytes_table("publish.commits")
#: `Publication.key` to the ``Date`` that clients saw last, in seconds; it outlives a drop.
DATES = bytes_table("publish.dates")
#: `Publication.key` to the package sets that are live, joined: only where the database is far away,
#: to be fetched at the same time as what says so.
TOPS = bytes_table("publish.tops")
#: `generation_key` to a `Switch`, while names are being replaced.
SWITCHES = json_table(
    "publish.switches", load=lambda row: Switch(**row), dump=Switch._asdict, record=Switch
)
#: `Publication.key`, a NUL and the name of a dated archive to the number of its generation.
DATED = bytes_table("publish.dated")
#: Place and path to the ledger's row of a file that debrepo wrote.
FILES = bytes_table("publish.files")
#: Place, component and package, of packages whose usual path holds other bytes.
DISPLACED = bytes_table("publish.displaced")
#: ``generation_key NUL batch`` to the paths that have had no reference since it was retired.
RETIRED = json_table("publish.retired", load=dict, dump=dict, record=dict[str, list[str]])
#: ``generation_key NUL batch`` to the paths of the files of a generation that was adopted.
ADOPTED = json_table("publish.adopted", load=dict, dump=dict, record=dict[str, list[str]])
#: A hash of a source version to the SHA256, size and path of its changelog, and how often it was
#: used; and one of a package to the same, which is empty where there is none, and the package.
CHANGELOGS = bytes_table("publish.changelogs")
#: `Publication.key` to the SHA-256 of each file for its clients, by name; see `client_files`.
CLIENT_FILES = json_table("publish.client_files", load=dict, dump=dict, record=dict[str, str])
