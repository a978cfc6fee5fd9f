"""The glossary: one idea has one name, in what users see and in the code."""

import ast
import re
from pathlib import Path

import click
import pytest

from debrepo.cli import LazyCommand, build_cli
from debrepo.plugins import load_plugins

ROOT = Path(__file__).parents[1]
PAGES = sorted({ROOT / "README.md", *ROOT.glob("docs/**/*.md")} - {ROOT / "docs/changes.md"})
MODULES = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("plugins/**/*.py")])

#: The words that the glossary avoids, and what finds them with their endings.
AVOIDED = {
    "abandon": "abandon(s|ed|ing)?",
    "as good as": "as good as",
    "believe": "believ(es?|ed|ing)",
    "for the sake of": r"for (the|its|whose|[a-z]+'s) sake( of)?",
    "forget": "forg(ets?|etting|ot|otten)",
    "he": "he",
    "him": "him",
    "his": "his",
    "indices": "indices",
    "let go of": "lets? go",
    "measures": "measures",
    "mend": "mend(s|ed|ing)?",
    "shall": "shall",
    "stranger": "strangers?",
    "sum": r"sums?(?!\()",
    "take down": "tak(e|es|en|ing) down",
    "whoever": "who(m?)ever",
}
ANY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(AVOIDED.values())})(?![A-Za-z])", re.IGNORECASE)
#: Names of others, and a function that is passed on.
HARMLESS = re.compile(
    r"\(sum,|_sum\b|--sums\b|\bpublish\.sums\b|\bpublication\.sums\b|\"sums\"|\bsums: tuple\b"
    r"|\bSigning him\b|\bExporting indices\b"
    r"|Don't forget to add your GPG key"  # what aptly says
)
#: What a page shows as code: a field, an option, an example.
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def found(text):
    """Return the avoided words in a text, in lower case."""
    return sorted({match[0].lower() for match in ANY.finditer(HARMLESS.sub("", text))})


def text_of(path):
    text = path.read_text()
    if path.suffix == ".py":
        return text
    if path.name == "glossary.md":  # the last column is there to name them
        text = re.sub(r"\|[^|\n]*\|$", "|", text.partition("## How sentences")[0], flags=re.M)
    return CODE.sub("", text)


def named(path):
    return str(path.relative_to(ROOT))


def test_glossary_and_this_test_avoid_the_same_words():
    text = (ROOT / "docs/glossary.md").read_text()
    head, _, style = text.partition("## How sentences are written")
    lines = [line.strip("|").split("|") for line in head.splitlines() if line.startswith("|")]
    avoided = {word.strip() for cells in lines for word in cells[2].split(",")} - {"", "Not", "---"}
    rows = [line.strip("|").split("|") for line in style.splitlines() if line.startswith("|")]
    avoided |= {word.strip() for cells in rows for word in cells[0].split(",")} - {"Word", "---"}
    assert avoided == AVOIDED.keys()


def test_glossary_defines_each_word_once():
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    words = [line.split("|")[1].strip() for line in lines if line.count("|") == 4]
    defined = [word for word in words if word not in ("Word", "---")]
    assert len(defined) > 40
    assert len(set(defined)) == len(defined)


@pytest.mark.parametrize("path", [*MODULES, *PAGES], ids=named)
def test_words_are_those_of_the_glossary(path):
    assert found(text_of(path)) == []


def helps(command, path="debrepo"):
    """Yield every command with all that its help says."""
    real = command.load() if isinstance(command, LazyCommand) else command
    yield path, real.get_help(click.Context(real, info_name=path))
    for name, child in getattr(real, "commands", {}).items():
        yield from helps(child, f"{path} {name}")


HELPS = dict(helps(build_cli(load_plugins())))


@pytest.mark.parametrize("path", HELPS)
def test_help_is_written_in_the_words_of_the_glossary(path):
    assert found(HELPS[path]) == []


@pytest.mark.parametrize(
    "text",
    ["Mended it.", "whoever_asks = 1", "the SHA256 sum", "he", "_ABANDONED", "for aptly's sake"],
)
def test_avoided_word_would_be_noticed(text):
    assert found(text)


@pytest.mark.parametrize("text", ["sum(sizes)", "md5sums", "the", "map(sum, rows)", "recommend"])
def test_other_words_are_let_be(text):
    assert not found(text)


def test_class_has_a_name_of_its_own():
    where = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(named(path))
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}
