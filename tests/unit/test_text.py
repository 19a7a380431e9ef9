"""`value` and `expression`: what they spare at the start may not be missed later."""

from __future__ import annotations

import copy
import pickle
import pkgutil
import re
from importlib import import_module

import pytest

import xbuild
from xbuild.text import _Compiled, expression, value


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


class Labelled(Shelf):
    """A class of its own."""


def test_values_are_equal_by_content_within_one_class() -> None:
    assert Shelf("a", ("b",)) == Shelf("a", ("b",))
    assert Shelf("a", ("b",)) != Shelf("a")
    assert Book(title="a") == Book(title="a") != Book(title="b")
    assert Nothing() == Nothing()
    assert Shelf("a") != Labelled("a")


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
