"""Named tuples that are made in less time are those of Python in all else."""

import copy
import pickle
from inspect import signature
from typing import NamedTuple as Usual
from typing import get_type_hints

import pytest

from debrepo.values import NamedTuple


class Stone(NamedTuple):
    """A stone of a mill."""

    width: int
    weight: int = 7
    name: str = ""

    @property
    def heavy(self) -> bool:
        """Whether it is."""
        return self.weight > 5


class UsualStone(Usual):
    """A stone of a mill."""

    width: int
    weight: int = 7
    name: str = ""

    @property
    def heavy(self) -> bool:
        """Whether it is."""
        return self.weight > 5


BOTH = pytest.mark.parametrize("kind", [Stone, UsualStone])


@BOTH
def test_fields_come_by_place_name_and_default(kind):
    assert kind(1) == (1, 7, "") == kind(width=1)
    assert kind(1, name="a", weight=3) == (1, 3, "a")
    assert (kind(1).weight, kind(1).heavy, kind(1, 2).heavy) == (7, True, False)
    assert kind._fields == kind.__match_args__ == ("width", "weight", "name")
    assert kind._field_defaults == {"weight": 7, "name": ""}
    assert [*kind.__annotations__] == [*kind._fields]
    assert kind.__doc__ == "A stone of a mill."
    assert [*get_type_hints(kind)] == [*kind._fields] == [*signature(kind).parameters]
    assert not hasattr(kind(1), "__dict__")


@BOTH
def test_methods_make_others(kind):
    assert kind._make([1, 2, "c"]) == (1, 2, "c")
    assert kind(1)._replace(name="d") == (1, 7, "d")
    assert type(kind(1)._replace(width=2)) is kind
    assert kind(1)._asdict() == {"width": 1, "weight": 7, "name": ""}
    assert repr(kind(1)) == f"{kind.__name__}(width=1, weight=7, name='')"


@BOTH
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_copies_are_of_the_same_class(kind, again):
    assert type(again(kind(1))) is kind
    assert again(kind(1)) == kind(1)


@BOTH
def test_wrong_fields_are_type_errors(kind):
    for wrong in (dict, {"width": 1, "depth": 2}.copy):
        with pytest.raises(TypeError):
            kind(**wrong())
    with pytest.raises(TypeError, match="Expected 3 arguments, got 1"):
        kind._make([1])
    with pytest.raises((TypeError, ValueError), match=r"unexpected field names: .'depth'."):
        kind(1)._replace(depth=3)
    with pytest.raises(AttributeError):
        kind(1).width = 3


@pytest.mark.parametrize("number", [1, 2, 5, 8, 9, 30])
def test_there_may_be_any_number_of_fields(number):
    names = [f"name{n}" for n in range(number)]
    body = {"__annotations__": dict.fromkeys(names, "int"), "__module__": __name__}
    made = type(NamedTuple)("Many", (NamedTuple,), body)
    assert made(*range(number)) == tuple(range(number))
    assert made(**{name: n for n, name in enumerate(names)}) == tuple(range(number))
    assert getattr(made(*range(number)), names[-1]) == number - 1
    assert made.__doc__ == f"Many({', '.join(names)})"
