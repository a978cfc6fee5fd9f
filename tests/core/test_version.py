"""Versions sort as dpkg sorts them."""

import json
import random
import shutil
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.version import compare, sort_key, split, without_epoch

upstreams = st.builds(
    str.__add__, st.sampled_from("0123"), st.text(st.sampled_from("00125ab~+.Z"), max_size=8)
)
versions = st.builds(
    str.__add__,
    st.builds(str.__add__, st.sampled_from(["", "", "0:", "1:", "01:"]), upstreams),
    st.sampled_from(["", "", "-0", "-00", "-1", "-1~", "-a", "-~", "-1-2", "-1+b1"]),
)
any_text = st.text(st.sampled_from("01a~+.-:é \n"), max_size=8) | st.text(max_size=8)


def order(character):
    if character == "~":
        return -1
    if not character or character in "0123456789":
        return 0
    return ord(character) if character.isalpha() else ord(character) + 256


def by_the_book(a, b):
    """Compare two parts as deb-version(7) words it, character by character."""
    while a or b:
        while (a and a[0] not in "0123456789") or (b and b[0] not in "0123456789"):
            if order(a[:1]) != order(b[:1]):
                return order(a[:1]) - order(b[:1])
            a, b = a[1:], b[1:]
        digits_a, digits_b = (text[: len(text) - len(text.lstrip("0123456789"))] for text in (a, b))
        if int(digits_a or 0) != int(digits_b or 0):
            return int(digits_a or 0) - int(digits_b or 0)
        a, b = a[len(digits_a) :], b[len(digits_b) :]
    return 0


def sign(number):
    return (number > 0) - (number < 0)


def generated_pairs(count):
    choose = random.Random(20).choice

    def version():
        upstream = "".join(choose("0012569ab~+.Z") for _ in range(choose(range(7))))
        epoch = choose(["", "", "", "0:", "1:", "01:"])
        return epoch + choose("0123") + upstream + choose(["", "", "-0", "-1", "-1~", "-a", "-1-2"])

    pairs = []
    while len(pairs) < count:
        a = version()
        cut = choose(range(a.find(":") + 2, len(a) + 1))
        near = a[:cut] + choose(["", "0", "~", "a", "00", "."]) + a[cut:]
        pairs.append((a, choose([version(), near])))
    return [(a, b) for a, b in pairs if not b.endswith("-")]


def test_order_is_that_of_dpkg():
    if not shutil.which("dpkg"):
        pytest.skip("dpkg is not installed")
    pairs = generated_pairs(300)
    script = "".join(
        f"dpkg --compare-versions '{a}' lt '{b}' && echo -1 || "
        f"{{ dpkg --compare-versions '{a}' eq '{b}' && echo 0 || echo 1; }}\n"
        for a, b in pairs
    )
    shell = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert [compare(a, b) for a, b in pairs] == [int(line) for line in shell.stdout.split()]


def test_order_is_that_of_dpkg_in_bulk():
    program = (
        "use Dpkg::Version; while (<>) { chomp; my ($a, $b) = split /,/;"
        " print version_compare($a, $b), qq(\\n); }"
    )
    if subprocess.run(["perl", "-MDpkg::Version", "-e", "1"], capture_output=True).returncode:
        pytest.skip("libdpkg-perl is not installed")
    pairs = generated_pairs(20_000)
    lines = "".join(f"{a},{b}\n" for a, b in pairs)
    perl = subprocess.run(
        ["perl", "-e", program], input=lines, capture_output=True, text=True, check=True
    )
    assert [compare(a, b) for a, b in pairs] == [int(line) for line in perl.stdout.split()]


def test_order_is_that_of_apt():
    program = (
        "import apt_pkg, json, sys; apt_pkg.init_system();"
        "print(json.dumps([apt_pkg.version_compare(a, b) for a, b in json.load(sys.stdin)]))"
    )
    if subprocess.run(["/usr/bin/python3", "-c", "import apt_pkg"], capture_output=True).returncode:
        pytest.skip("python3-apt is not installed")
    pairs = generated_pairs(20_000)
    apt = subprocess.run(
        ["/usr/bin/python3", "-c", program],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [compare(a, b) for a, b in pairs] == [sign(number) for number in json.loads(apt.stdout)]


@given(versions, versions)
def test_order_is_that_of_the_book(a, b):
    by_parts = (sign(by_the_book(x, y)) for x, y in zip(split(a), split(b), strict=True))
    assert compare(a, b) == next(filter(None, by_parts), 0)


@given(versions, versions, versions)
def test_order_is_transitive(a, b, c):
    first, second, third = sorted((a, b, c), key=sort_key)
    assert compare(first, second) <= 0
    assert compare(second, third) <= 0
    assert compare(first, third) <= 0


@given(any_text, any_text)
@settings(max_examples=200)
def test_any_two_texts_have_an_order(a, b):
    assert compare(a, b) == -compare(b, a)
    assert compare(a, a) == 0


@pytest.mark.parametrize(
    "ascending",
    [
        "~~ ~~a ~ 0 a +",
        "1.0~rc1 1.0 1.0+b1 1.0.1 1.00.2",
        "1~~ 1~~a 1~ 1 1a 1+ 1.",
        "6a 6b 6b1 6c",
        "1.9 1.10 1.100",
        "2 1:1 2:0 10:0",
        "1.0-1~bpo12+1 1.0-1 1.0-1+deb12u1 1.0-1.1 1.0-2",
        "1-0.1 1-1-0 1.1",
        "1Z 1a 1z 1é",
        "1.99999999999999999999998 1.99999999999999999999999 1.100000000000000000000000",
    ],
)
def test_versions_ascend(ascending):
    for lower, higher in pairwise(ascending.split()):
        assert compare(lower, higher) == -1, (lower, higher)


@pytest.mark.parametrize(
    "equal",
    [
        "1.0 1.00 1.0-0 0:1.0 00:01.0-00",
        "6b 6b0 6b00 6b-0",
        "1: 1:0 1:-0",
        "1.0~ 1.0~0 1.00~-0",
        "1.007 1.7",
    ],
)
def test_versions_are_equal_and_so_are_their_keys(equal):
    first, *others = equal.split()
    assert {sort_key(other) for other in others} == {sort_key(first)}


@pytest.mark.parametrize("length", [254, 255, 256, 510, 511, 4000])
def test_a_longer_number_is_larger(length):
    assert compare("1." + "9" * length, "1.1" + "0" * length) == -1
    assert compare("1." + "9" * length, "1." + "0" * 9 + "9" * length) == 0


@pytest.mark.parametrize("number", [2**31, 2**32, 2**63, 2**64, 2**128])
def test_numbers_have_no_end(number):
    """aptly 1.6.2 holds all numbers beyond 2^63 equal; dpkg 1.23.11 and apt do not."""
    for before, after in ((number - 1, number), (number, number + 1)):
        assert compare(f"1.{before}-1", f"1.{after}-1") == -1
        assert compare(f"{before}:1", f"{after}:1") == -1


def test_split_takes_the_first_colon_and_the_last_hyphen():
    assert split("1:2-3:4-5") == ("1", "2-3:4", "5")
    assert split("2.10") == ("", "2.10", "")


def test_file_names_have_no_epoch():
    assert without_epoch("1:2.0-1") == "2.0-1"
    assert without_epoch("2.0-1") == "2.0-1"
