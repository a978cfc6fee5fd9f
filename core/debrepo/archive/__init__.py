"""Archives: what a .deb, .dsc, .changes or .buildinfo says, checked before it is used."""

from debrepo.archive.binary import (
    EXTENSIONS,
    Archive,
    Content,
    describe,
    examine,
    file_name,
    identify,
    parse,
    read,
    read_control,
    read_files,
)
from debrepo.archive.control import left_out, stored_findings
from debrepo.archive.findings import Finding, Findings, Policy
from debrepo.archive.limits import LIMITS, Budget, Limits
from debrepo.archive.source import (
    FileList,
    describe_source,
    digests_of,
    parse_list,
    read_list,
    read_source,
    source_of,
    verified,
)
from debrepo.archive.stream import BLOCK, Digests, described
from debrepo.archive.tree import SourceTree

__all__ = [
    "BLOCK",
    "EXTENSIONS",
    "LIMITS",
    "Archive",
    "Budget",
    "Content",
    "Digests",
    "FileList",
    "Finding",
    "Findings",
    "Limits",
    "Policy",
    "SourceTree",
    "describe",
    "describe_source",
    "described",
    "digests_of",
    "examine",
    "file_name",
    "identify",
    "left_out",
    "parse",
    "parse_list",
    "read",
    "read_control",
    "read_files",
    "read_list",
    "read_source",
    "source_of",
    "stored_findings",
    "verified",
]
