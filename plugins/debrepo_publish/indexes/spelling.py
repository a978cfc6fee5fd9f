"""Spelling: control stanzas as every client looks for their fields; values are not touched."""

from __future__ import annotations

import re

#: Fields of binary packages as archives spell them.
_STANDARD = (
    "Architecture Auto-Built-Package Breaks Bugs Build-Essential Build-Ids Built-Using Conffiles"
    " Conflicts Depends Description Description-md5 Enhances Essential Homepage Important"
    " Installed-Size Kernel-Version Maintainer Multi-Arch Origin Original-Maintainer Package"
    " Package-Type Phased-Update-Percentage Pre-Depends Priority Protected Provides Recommends"
    " Replaces Section Source Static-Built-Using Subarchitecture Suggests Tag Task Uploaders"
    " Version"
)
#: The same, of source packages.
_STANDARD_IN_SOURCES = (
    "Architecture Autobuild Binary Bugs Build-Conflicts Build-Conflicts-Arch Build-Conflicts-Indep"
    " Build-Depends Build-Depends-Arch Build-Depends-Indep Description Format Homepage Maintainer"
    " Origin Original-Maintainer Package Package-List Priority Rules-Requires-Root Section"
    " Standards-Version Testsuite Testsuite-Triggers Uploaders Vcs-Browser Vcs-Git Version"
)
_SPELT, _SPELT_IN_SOURCES = (
    {name.lower().encode(): name.encode() for name in names.split()}
    for names in (_STANDARD, _STANDARD_IN_SOURCES)
)
_NAME = re.compile(rb"^([!-9;-~]+):", re.M)
_PACKAGE = re.compile(rb"^Package:[^\n]*\n?", re.M)


def standard(stanza: bytes, *, source: bool = False) -> bytes:
    """Return a stanza with its known fields in their usual spelling, and ``Package`` first.

    debootstrap, for one, looks for ``Package:`` to the letter, and takes it for a new package.
    """
    if b"\r" in stanza:
        stanza = stanza.replace(b"\r\n", b"\n").rstrip(b"\r")
    spelt = _SPELT_IN_SOURCES if source else _SPELT
    stanza = _NAME.sub(lambda found: spelt.get(found[1].lower(), found[1]) + b":", stanza)
    if stanza.startswith(b"Package:"):
        return stanza
    first = _PACKAGE.search(stanza)
    if first is None:
        return stanza
    rest = (stanza[: first.start()] + stanza[first.end() :]).rstrip(b"\n")
    return first[0].rstrip(b"\n") + b"\n" + rest
