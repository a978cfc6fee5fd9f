"""What is listed, and how; the contract asks the rest."""

import pytest
from debrepo_index_commands.index import CommandsIndex, commands

from debrepo.testing import IndexKindContract

DIRECTORIES = ("bin", "sbin", "usr/bin", "usr/sbin")


class TestCommandsIndex(IndexKindContract):
    options = {"commands": True}  # noqa: RUF012  # never changed
    settings = {"commands.directories": DIRECTORIES}  # noqa: RUF012  # never changed
    form = "stanzas"

    @pytest.fixture
    def kind(self):
        return CommandsIndex()

    def test_packages_for_all_architectures_are_in_each(self, kind, context, packages):
        texts = kind.fragment(packages, context)
        for architecture in ("amd64", "arm64"):
            assert (
                b"name: p01\nversion: 1.0\ncommands: p01,p01d\n\n"
                in (texts[f"cnf/Commands-{architecture}"])
            )


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ("usr/bin/b\nusr/bin/a\nbin/a\nusr/bin/sub/c\nusr/share/bin/d\netc/bin", ["a", "b"]),
        ("usr/bin/a b\nusr/bin/c,d\nusr/bin/\t\nusr/bin/[", ["["]),
        ("usr/bin/name: x\nusr/bin/x:", ["x:"]),
        ("", []),
    ],
)
def test_commands_are_what_lies_in_the_directories(paths, found):
    assert commands(paths.encode(), {name.encode() for name in DIRECTORIES}) == found


def test_name_that_is_no_utf8_is_no_command():
    assert commands(b"usr/bin/\xff\nusr/bin/\xc3\xa9", {b"usr/bin"}) == ["é"]
