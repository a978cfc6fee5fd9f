"""FNV-1a: the published values, and many texts side by side."""

import random

import pytest

from debrepo.fnv import hash_many, hash_one
from debrepo.package import PackageFile, files_hash, files_hashes


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"", 0xCBF29CE484222325),
        (b"a", 0xAF63DC4C8601EC8C),
        (b"foobar", 0x85944171F73967E8),
    ],
)
def test_published_values_are_found(text, value):
    assert hash_one(text) == value
    assert hash_many([text] * 9) == [value] * 9


@pytest.mark.parametrize("number", [0, 1, 7, 8, 100, 1500])
def test_many_texts_have_the_hashes_that_each_has_alone(number):
    chance = random.Random(number)
    texts = [chance.randbytes(chance.randrange(200)) for _ in range(number)]
    assert hash_many(texts) == [hash_one(text) for text in texts]


def test_texts_may_begin_with_zeros():
    texts = [bytes(number) + b"x" for number in range(20)]
    assert hash_many(texts) == [hash_one(text) for text in texts]


def test_packages_have_the_hashes_together_that_each_has_alone():
    packages = [
        [PackageFile(f"b{n}.dsc", n, "d" * 32), PackageFile(f"a{n}.xz", 7, sha256="e" * 64)]
        for n in range(50)
    ]
    assert files_hashes(packages) == [files_hash(files) for files in packages]
