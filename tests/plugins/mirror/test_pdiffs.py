"""PDiffs: ed scripts of the kind that archives have, applied while the index goes by."""

import random
import shutil
import subprocess

import pytest

from debrepo.errors import RemoteError
from debrepo.package import PackageFile
from debrepo_mirror.upstream import pdiffs

TEXT = b"one\ntwo\nthree\nfour\nfive\n"


def applied(script, text=TEXT, size=1 << 20):
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return b"".join(pdiffs.apply(pieces, pdiffs.hunks(script, "patch"), "index"))


@pytest.mark.parametrize("size", [1, 3, 4, 7, 1 << 20])
@pytest.mark.parametrize(
    ("script", "result"),
    [
        (b"", TEXT),
        (b"5a\nsix\n.\n", TEXT + b"six\n"),
        (b"0a\nzero\n.\n", b"zero\n" + TEXT),
        (b"2,3d\n", b"one\nfour\nfive\n"),
        (b"5d\n1d\n", b"two\nthree\nfour\n"),
        (b"4,5c\nrest\nof it\n.\n2c\n2\n.\n", b"one\n2\nthree\nrest\nof it\n"),
        (b"1,5d\n", b""),
        (b"3a\n..\n.\ns/.//\na\nmore\n.\n", b"one\ntwo\nthree\n.\nmore\nfour\nfive\n"),
        (b"3a\n..\n.\ns/.//\n1d\n", b"two\nthree\n.\nfour\nfive\n"),
    ],
)
def test_script_is_applied(script, result, size):
    assert applied(script, size=size) == result


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (b"w\n", "not a command"),
        (b"!rm -rf /\n", "not a command"),
        (b"1d\n5d\n", "not in order"),
        (b"5,3d\n", "not in order"),
        (b"0d\n", "not in order"),
        (b"2a\nmore\n", "cut short"),
        (b"9d\n", "for a longer index"),
        (b"9a\nmore\n.\n", "for a longer index"),
    ],
)
def test_other_scripts_are_refused(script, said):
    with pytest.raises(RemoteError, match=said):
        applied(script)


@pytest.mark.skipif(shutil.which("diff") is None, reason="needs diffutils")
def test_scripts_of_diff_lead_from_one_text_to_the_other(tmp_path):
    chance = random.Random(7)
    for number in range(30):
        old = [f"{chance.randrange(9)}\n" for _ in range(chance.randrange(40))]
        new = [line for line in old if chance.random() > 0.3]
        for _ in range(chance.randrange(9)):
            new.insert(chance.randrange(len(new) + 1), chance.choice(["x\n", "y\n"]))
        for name, lines in (("old", old), ("new", new)):
            (tmp_path / name).write_text("".join(lines))
        command = ["diff", "--ed", "old", "new"]
        script = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout
        result = applied(script, "".join(old).encode(), size=1 + number)
        assert result == "".join(new).encode()


def digest(number):
    return f"{number:064x}"


INDEX = f"""SHA256-Current: {digest(3)} 30
SHA256-History:
 {digest(1)} 10 one
 {digest(2)} 20 two
SHA256-Patches:
 {digest(11)} 1 one
 {digest(12)} 2 two
SHA256-Download:
 {digest(21)} 1 one.gz
 {digest(22)} 2 two.gz
"""


def have(number):
    return PackageFile("", -1, sha256=digest(number))


def names(patches):
    return None if patches is None else [patch.name for patch in patches]


def test_patches_follow_one_another_or_lead_to_the_end_at_once():
    daily = pdiffs.read(INDEX.encode(), "URL")
    assert names(pdiffs.wanted(daily, have(1), have(3))) == ["one", "two"]
    assert names(pdiffs.wanted(daily, have(2), have(3))) == ["two"]
    merged = pdiffs.read(f"{INDEX}X-Patch-Precedence: merged\n".encode(), "URL")
    assert names(pdiffs.wanted(merged, have(1), have(3))) == ["one"]


def test_patches_to_another_index_and_from_one_that_is_too_old_are_of_no_use():
    daily = pdiffs.read(INDEX.encode(), "URL")
    assert pdiffs.wanted(daily, have(1), have(4)) is None
    assert pdiffs.wanted(daily, have(9), have(3)) is None
    weak = pdiffs.read(INDEX.replace("SHA256", "SHA1").encode(), "URL")
    assert pdiffs.wanted(weak, have(1), have(3)) is None


@pytest.mark.parametrize("text", [b"<html>", INDEX.replace("one.gz", "../one.gz").encode()])
def test_index_of_patches_that_is_none_is_refused(text):
    with pytest.raises(RemoteError):
        pdiffs.read(text, "URL")
