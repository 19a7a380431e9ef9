"""`value` and `expression`: what they spare at the start may not be missed later."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import pkgutil
import re
from functools import cached_property
from importlib import import_module
from typing import Any

import pytest

import xbuild
from xbuild.text import _Compiled, expression, fresh, replace, value


@value()
class Shelf:
    """Some fields, one with a default."""

    name: str
    books: tuple[str, ...] = ()


@value(kw_only=True)
class Book:
    """One field."""

    title: str


@value()
class Nothing:
    """No field."""


@value(order=True)
class Size:
    """One that can be sorted."""

    width: int
    depth: int = 1


@value(slots=False)
class Cupboard:
    """One with a default of its own, and something that is found out once."""

    name: str
    drawers: list[str] = fresh(list)

    @cached_property
    def label(self) -> str:
        return self.name.upper()


class Labelled(Shelf):
    """A class of its own."""


def test_values_are_equal_by_content_within_one_class() -> None:
    assert Shelf("a", ("b",)) == Shelf("a", ("b",))
    assert Shelf("a", ("b",)) != Shelf("a")
    assert Book(title="a") == Book(title="a") != Book(title="b")
    assert Nothing() == Nothing()
    assert Shelf("a") != Labelled("a")


def test_a_derived_class_compares_as_its_own() -> None:
    assert Labelled("a") == Labelled("a") != Labelled("b")
    assert len({Labelled("a"), Labelled("a")}) == 1


def test_order() -> None:
    assert sorted([Size(2), Size(1, 3), Size(1)]) == [Size(1), Size(1, 3), Size(2)]
    assert Size(1) < Size(2) <= Size(2)
    assert Size(2) > Size(1) >= Size(1)
    with pytest.raises(TypeError):
        _ = Size(1) < Shelf("a")  # type: ignore[operator]


def test_defaults_and_what_is_found_out_once() -> None:
    first, second = Cupboard("a"), Cupboard("b", ["c"])
    first.drawers.append("d")
    assert (first.drawers, second.drawers, Cupboard("a").drawers) == (["d"], ["c"], [])
    assert first.label is first.label
    assert not hasattr(Shelf("a"), "__dict__")


def test_wrong_arguments() -> None:
    for arguments in ((), ("a", (), 3)):
        with pytest.raises(TypeError, match=r"Shelf\.__init__"):
            Shelf(*arguments)
    with pytest.raises(TypeError):
        Book("a")  # type: ignore[call-arg]


@pytest.mark.parametrize("change", [replace, dataclasses.replace])
def test_what_dataclasses_do(change: Any) -> None:
    assert change(Shelf("a"), books=("b",)) == Shelf("a", ("b",))
    assert change(Book(title="a"), title="b") == Book(title="b")
    assert change(Cupboard("a", ["x"]), name="b") == Cupboard("b", ["x"])
    assert [field.name for field in dataclasses.fields(Shelf)] == ["name", "books"]
    assert dataclasses.is_dataclass(Size)
    assert Cupboard.__dataclass_fields__["drawers"].default_factory is list


def test_equal_values_are_one_key() -> None:
    assert len({Shelf("a"), Shelf("a"), Shelf("b"), Nothing(), Nothing(), Book(title="a")}) == 4


def test_a_value_shows_its_fields() -> None:
    assert repr(Shelf("a", ("b",))) == "Shelf(name='a', books=('b',))"
    assert repr(Nothing()) == "Nothing()"


@pytest.mark.parametrize("given", [Shelf("a", ("b",)), Book(title="a"), Nothing()], ids=repr)
def test_a_value_can_be_copied_and_stored(given: object) -> None:
    assert copy.deepcopy(given) == given == copy.copy(given)
    assert pickle.loads(pickle.dumps(given)) == given


def test_an_expression_is_compiled_once_and_keeps_its_flags() -> None:
    word = expression("[a-z]+", re.IGNORECASE)
    assert [found[0] for found in word.finditer("one TWO")] == ["one", "TWO"]
    assert word.fullmatch("THREE") is not None
    assert word.match == word.match
    assert word.pattern == "[a-z]+"


def test_every_expression_can_be_compiled() -> None:
    count = 0
    for module in pkgutil.walk_packages(xbuild.__path__, "xbuild."):
        # What a twin ships into images is no module of ours (test_imports.modules).
        is_shipped = module.name.startswith("xbuild.plan.twins.") and module.name.count(".") > 3
        if module.name.endswith("__main__") or is_shipped:
            continue
        for held in vars(import_module(module.name)).values():
            if isinstance(held, _Compiled):
                assert getattr(held, "pattern")  # noqa: B009
                count += 1
    assert count > 100
