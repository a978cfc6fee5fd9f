"""After an import, ``debrepo aptly`` says of everything what aptly says of it."""

import re

import pytest

LINES = [
    ["repo", "list"],
    ["repo", "list", "-json"],
    ["repo", "list", "-raw"],
    ["repo", "show", "-with-packages", "tools"],
    ["repo", "show", "-json", "-with-packages", "other"],
    ["repo", "search", "-format={{.Key}} {{.Depends}} {{.Source}}", "tools"],
    ["snapshot", "list"],
    ["snapshot", "list", "-json", "-sort=time"],
    ["snapshot", "show", "monday"],
    ["snapshot", "show", "-json", "both"],
    ["snapshot", "diff", "monday", "few"],
    ["snapshot", "verify", "-architectures=amd64", "monday"],
    ["mirror", "list", "-raw"],
    ["publish", "list"],
    ["publish", "list", "-json"],
    ["publish", "list", "-raw"],
    ["publish", "show", "test", "deep/er"],
    ["package", "search", "Name (~ hello)"],
    ["package", "show", "hello {source}"],
    ["package", "show", "hello {amd64}"],
    ["package", "show", "-with-references", "libhello"],
    ["package", "show", "boot"],
]


def plain(text):
    """Return what is said, without fractions of seconds and passwords, which debrepo cuts."""
    text = re.sub(r'("CreatedAt": "[^".]+)\.\d+Z', r"\1Z", text)
    text = text.replace("http://user:secret@", "http://")
    text = re.sub(r"^Directory: .*\n", "", text, flags=re.MULTILINE)  # in the archive it mirrored
    if "References to" in text:  # in the order of UUIDs
        head, mark, rest = text.partition("References to package:\n")
        return head + mark + "".join(sorted(rest.splitlines(keepends=True)))
    return text


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_it_is_the_same_after_an_import(debrepo, aptly, words):
    debrepo("import", "aptly", aptly.root)
    assert plain(debrepo("aptly", *words).stdout) == plain(aptly(*words))
