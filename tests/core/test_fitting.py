"""Fitting: values held against type hints."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from debrepo import arguments, fitting
from debrepo.dependencies import Dependencies
from debrepo.errors import InvalidInput
from debrepo.ingest import ingest


class Point(NamedTuple):
    x: int
    names: tuple[str, ...] = ()


FITTING = [
    (str, "text"),
    (str | None, None),
    (int, -5),
    (float, 1),
    (bool, False),
    (bytes, b""),
    (Path, Path("x")),
    (Literal["a", "b"], "b"),
    (Sequence[str], ["a"]),
    (Sequence[str], ("a",)),
    (Iterable[str], {"a"}),
    (frozenset[int], frozenset({1})),
    (tuple[str, int], ("a", 1)),
    (dict[str, list[int]], {"a": [1]}),
    (Mapping[str, Any], {"a": {1: None}}),
    (Point, Point(1, ("a",))),
    (Dependencies | None, Dependencies()),
]
MISFITS = [
    (str, 5, "text, not a whole number (5)"),
    (str, "\ud800", "text in Unicode, not text ('\\ud800')"),
    (str | None, ["x"], "text or nothing, not a list"),
    (int, True, "a whole number, not true or false (True)"),
    (int, 1.0, "a whole number, not a number (1.0)"),
    (int, 1 << 63, "a whole number of 64 bits, not a whole number"),
    (float, float("nan"), "a number, not a number (nan)"),
    (bool, 1, "true or false, not a whole number (1)"),
    (bytes, "text", "bytes, not text ('text')"),
    (Path, "/etc/passwd", "a file, not text ('/etc/passwd')"),
    (Literal["a", "b"], "c", "one of 'a', 'b', not text ('c')"),
    (Sequence[str], "abc", "a list, not text ('abc')"),
    (Iterable[Path], b"abc", "a list, not bytes"),
    (Sequence[str], ["a", 5], "element 2 has to be text, not a whole number (5)"),
    (tuple[str, ...], ["a"], "a tuple, not a list"),
    (dict[str, list[int]], {"a": [1, "b"]}, "element 2 of 'a' has to be a whole number, not"),
    (Point, (1, ()), "a Point, not a tuple"),
    (Point, Point(1, ("a", 5)), "element 2 of names has to be text, not a whole number (5)"),
]


@pytest.mark.parametrize(("hint", "value"), FITTING, ids=str)
def test_what_fits_is_returned(hint, value):
    assert fitting.fitter(hint)(value) is value


@pytest.mark.parametrize(("hint", "value", "said"), MISFITS, ids=str)
def test_what_does_not_fit_is_named(hint, value, said):
    with pytest.raises(fitting.Misfit) as caught:
        fitting.fitter(hint)(value)
    assert said in str(caught.value)


def test_what_can_be_read_once_is_kept():
    assert fitting.fitter(Iterable[int])(iter([1, 2])) == (1, 2)
    assert fitting.fitter(Iterator[int] | None)(iter([1])) == (1,)
    with pytest.raises(fitting.Misfit):
        fitting.fitter(Iterable[int])(iter([1, "a"]))


def test_types_that_only_the_type_checker_imports_are_known():
    from debrepo_local import operations

    hints = fitting.hints(operations.add)
    assert hints["paths"] == Iterable[Path]
    assert {one.__name__ for one in fitting.records(hints["return"])} == {"Outcome", "Path"} | {
        "str"
    }


def take(session: object, name: str, *, count: int = 0) -> None:
    """Take arguments."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "x.take: missing a required argument: 'name'"),
        ({"name": "a", "other": 1}, "x.take takes no argument 'other'"),
        ({"name": "a", "session": 1}, "x.take takes no argument 'session'"),
        ({"name": "a", "count": "1"}, "x.take: count has to be a whole number, not text ('1')"),
    ],
)
def test_arguments_that_an_operation_does_not_take_are_named(given, said):
    with pytest.raises(InvalidInput) as caught:
        arguments.bind("x.take", take, object(), (), given)
    assert str(caught.value) == said


def test_argument_that_is_mistyped_names_the_one_that_is_meant():
    with pytest.raises(InvalidInput) as caught:
        arguments.bind("x.take", take, object(), (), {"nmae": "a"})
    assert caught.value.hint == "is name meant?"


def test_paths_are_found_at_any_depth():
    value = {"a": [(Path("b"), {Path("c")})], Path("d"): Point(1)}
    assert set(arguments.files(value)) == {Path("b"), Path("c"), Path("d")}


def test_one_thread_at_a_time_parses_the_source_of_a_module(monkeypatch):
    parse, alone = ast.parse, []

    def parse_noting(*args):
        alone.append(fitting._PARSING.locked())
        return parse(*args)

    monkeypatch.setattr(ast, "parse", parse_noting)
    fitting.hints.cache_clear()
    assert fitting.hints(ingest)  # its module imports some names for type checkers only
    assert alone == [True]
