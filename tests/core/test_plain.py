"""The codec: complete, strict, and generic."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, NewType

import pytest

from hadelect.core.plain import NotPlain, decode, encode

Number = NewType("Number", int)


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Leaf:
    number: Number = Number(0)
    colour: Colour = Colour.RED
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Other:
    yes: bool


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    pair: tuple[str, int]
    one: Leaf | Other
    maybe: Leaf | None = None


TREE = Tree((Leaf(Number(1)), Leaf(name="x")), ("a", 2), Other(yes=True), Leaf())
PLAIN: dict[str, Any] = {
    "leaves": [
        {"number": 1, "colour": "red", "name": None},
        {"number": 0, "colour": "red", "name": "x"},
    ],
    "pair": ["a", 2],
    "one": {"is": "Other", "yes": True},
    "maybe": {"is": "Leaf", "number": 0, "colour": "red", "name": None},
}


def test_every_field_is_written_and_read() -> None:
    """Defaults, too: what a later version makes a default changes no old record."""
    assert encode(Tree, TREE) == PLAIN
    assert decode(Tree, PLAIN) == TREE
    bare = Tree((), ("", 0), Leaf())
    assert decode(Tree, encode(Tree, bare)) == bare


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"leaves": None}, ".leaves is None, no list of 1"),
        ({"leaves": [{"number": True, "colour": "red", "name": None}]}, ".number is True, not int"),
        ({"leaves": [{"number": 1, "colour": "blue", "name": None}]}, "'blue', no Colour"),
        ({"leaves": [{"number": 1, "colour": 7, "name": None}]}, "is 7, no Colour"),
        ({"leaves": [{"number": 1, "colour": "red"}]}, "missing or unknown here: name"),
        ({"leaves": [3]}, ".leaves[0] is 3, no Leaf"),
        ({"pair": ["a"]}, ".pair is ['a'], no list of 2"),
        ({"one": {"is": "Tree"}}, ".one is 'Tree', none of Leaf, Other"),
        ({"one": 5}, ".one is None, none of Leaf, Other"),
        ({"more": 1}, "missing or unknown here: more"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(changes: dict[str, Any], says: str) -> None:
    """Strict: nothing is guessed."""
    with pytest.raises(NotPlain) as refused:
        decode(Tree, {**PLAIN, **changes})
    assert says in str(refused.value)


def test_the_place_of_the_whole_is_named_too() -> None:
    """Not a value at all."""
    with pytest.raises(NotPlain, match="it is 5, not str"):
        decode(str, 5)


@pytest.mark.parametrize("kind", [float, dict[str, int], int | str, Leaf | int])
def test_a_type_without_a_codec_is_our_mistake(kind: Any) -> None:
    """Found when the codec is made, not when a value comes by."""
    with pytest.raises(TypeError, match="no codec for"):
        encode(kind, None)
