"""The core's values as plain JSON values and back: one strict codec for every frozen dataclass.

Law 1: complete: every field is written, whatever its value; what is read back is equal.
Law 2: strict: a missing, an unknown or an ill-typed field is an error that names its place.
Law 3: generic: the types say all; a new message or event needs nothing here.

Where a type may be one of several dataclasses, {"is": NAME, ...} says which.
"""

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

Plain = None | bool | int | str | list["Plain"] | dict[str, "Plain"]
IS = "is"


class NotPlain(ValueError):
    """What was read is no value of the type that was asked for."""


@dataclass(frozen=True, slots=True)
class Codec:
    encode: Callable[[Any], Any]
    decode: Callable[[Any, str], Any]  # (plain, where it stands)


def encode(kind: Any, value: Any) -> Any:
    """`kind` is a type or a union of types. Raises TypeError for a type that has no codec."""
    return codec_of(kind).encode(value)


def decode(kind: Any, plain: Any) -> Any:
    """Raises NotPlain."""
    return codec_of(kind).decode(plain, "")


@cache
def codec_of(kind: Any) -> Codec:
    kind = getattr(kind, "__supertype__", kind)  # NewType
    if kind in (bool, int, str, type(None)):
        return scalar(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return enumerated(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return structured(kind)
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return sequence(arguments)
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return union(arguments)
    raise TypeError(f"no codec for {kind}")


def scalar(kind: type) -> Codec:
    def read(plain: Any, where: str) -> Any:
        if type(plain) is not kind:
            raise NotPlain(f"{where or 'it'} is {plain!r}, not {kind.__name__}")
        return plain

    return Codec(lambda value: value, read)


def enumerated(kind: type[Enum]) -> Codec:
    members = {member.value: member for member in kind}

    def read(plain: Any, where: str) -> Any:
        if not isinstance(plain, str) or plain not in members:
            raise NotPlain(f"{where or 'it'} is {plain!r}, no {kind.__name__}")
        return members[plain]

    return Codec(lambda value: value.value, read)


def sequence(arguments: tuple[Any, ...]) -> Codec:
    many = len(arguments) == 2 and arguments[1] is Ellipsis
    each = [codec_of(argument) for argument in arguments if argument is not Ellipsis]

    def write(value: Any) -> Any:
        if many:
            item = each[0].encode
            return [item(one) for one in value]
        return [codec.encode(one) for codec, one in zip(each, value, strict=True)]

    def read(plain: Any, where: str) -> Any:
        if not isinstance(plain, list) or not (many or len(plain) == len(each)):
            raise NotPlain(f"{where or 'it'} is {plain!r}, no list of {len(each)}")
        codecs = each * len(plain) if many else each
        return tuple(
            codec.decode(one, f"{where}[{place}]")
            for place, (codec, one) in enumerate(zip(codecs, plain, strict=True))
        )

    return Codec(write, read)


def structured(kind: type) -> Codec:
    hints = typing.get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    codecs = [(name, codec_of(hints[name])) for name in names]
    writers = [(name, codec.encode) for name, codec in codecs]

    def write(value: Any) -> Any:
        return {name: writer(getattr(value, name)) for name, writer in writers}

    def read(plain: Any, where: str) -> Any:
        if not isinstance(plain, Mapping):
            raise NotPlain(f"{where or 'it'} is {plain!r}, no {kind.__name__}")
        if odd := set(plain) ^ set(names):
            what = ", ".join(sorted(map(str, odd)))
            raise NotPlain(f"{where or kind.__name__}: missing or unknown here: {what}")
        return kind(**{name: one.decode(plain[name], f"{where}.{name}") for name, one in codecs})

    return Codec(write, read)


def union(arguments: tuple[Any, ...]) -> Codec:
    """One of several dataclasses, or a value or None."""
    structures: dict[str, Any] = {k.__name__: k for k in arguments if is_dataclass(k)}  # type: ignore[union-attr]  # Types, no values.
    others = [kind for kind in arguments if not is_dataclass(kind)]
    optional = type(None) in others
    others = [kind for kind in others if kind is not type(None)]
    if structures and not others:
        named = tagged(structures)
    elif len(others) == 1 and not structures:
        named = codec_of(others[0])
    else:
        raise TypeError(f"no codec for one of {arguments}")
    if not optional:
        return named

    def read(plain: Any, where: str) -> Any:
        return None if plain is None else named.decode(plain, where)

    return Codec(lambda value: None if value is None else named.encode(value), read)


def tagged(structures: dict[str, Any]) -> Codec:
    codecs = {name: codec_of(kind) for name, kind in structures.items()}

    def write(value: Any) -> Any:
        name = type(value).__name__
        return {IS: name, **codecs[name].encode(value)}

    def read(plain: Any, where: str) -> Any:
        name = plain.get(IS) if isinstance(plain, Mapping) else None
        if not isinstance(name, str) or name not in codecs:
            raise NotPlain(f"{where or 'it'} is {name!r}, none of {', '.join(codecs)}")
        rest = {key: value for key, value in plain.items() if key != IS}
        return codecs[name].decode(rest, where)

    return Codec(write, read)
