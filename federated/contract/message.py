"""The machinery of every message: parse it once, name the field that is wrong, write it as JSON, and the rule between versions.

The rule: a message names the version of the contract it is written in (`contract`; none: "1.0"). Of our own version or an older one an unknown field is
refused by name. Of a newer minor version it is dropped and counted: whoever sends it must do without an answer to it. An older agent is understood for two
minor versions. Another major version is not understood at all.

Exceptions::

    ContractError    the message is not what the contract says: `field` (as "camera.fps") and `problem`
    +-- TooLarge     it has more bytes than the contract allows
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from typing import Any, ClassVar, Self

import msgspec

VERSION = "1.2"
UNVERSIONED = "1.0"  # what a message is written in that names no version: those of before the contract
OLDER_MINORS = 2  # how many minor versions back are understood
MOST_DEPTH = 24  # lists and objects within each other: the deepest we send are model cards, at eight
MOST_WHOLE = 2**63  # whole numbers beyond it fit no database column and no other language's integer

Unread = typing.Annotated[Any, msgspec.Meta(description="parsed by itself")]  # what is in it is a message of its own
_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")
_WHERE = re.compile(r"(?P<problem>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.+)`")


class ContractError(Exception):
    """A message is not what the contract says. `field` names what is wrong ("camera.fps"; "": the whole message), `problem` says what."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field, self.problem = field, problem


class TooLarge(ContractError):
    """A message has more bytes than the contract allows."""


class ContractMessage:
    """What every message can do. A subclass is a frozen, slotted dataclass with keyword-only fields; one that travels by itself has a field `contract`."""

    __slots__ = ()
    limit: ClassVar[int] = 64 * 1024  # bytes of its JSON
    writes_null: ClassVar[bool] = False  # whether `to_json` writes what is absent as null; else it leaves it out

    @classmethod
    def parse(cls, data: Any, *, version: str = VERSION, dropped: list[str] | None = None) -> Self:
        """The message in plain JSON data, checked through and through. Raises ContractError.

        `version` is that of the message it came in, for one that names none itself; `dropped` receives the unknown fields of a newer version.
        """
        if not isinstance(data, dict):
            raise ContractError("", f"must be an object, not {_json_name(data)}")
        versioned = "contract" in _shape(cls).fields  # type: ignore[union-attr]
        version = data.get("contract", UNVERSIONED) if versioned else version
        newer = is_newer(version)
        dropped = [] if dropped is None else dropped
        data = _checked(data, _shape(cls), "", 1, dropped if newer else None)
        if versioned:
            data = {**data, "contract": version}
        try:
            return msgspec.convert(data, cls)
        except msgspec.ValidationError as error:
            raise _named(error) from error

    @classmethod
    def read(cls, body: bytes, *, dropped: list[str] | None = None) -> Self:
        """The message in a body of JSON bytes. Raises ContractError, also for what is too large or no JSON."""
        return cls.parse(decode(body, cls.limit), dropped=dropped)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, as `parse` reads it."""
        return _written(msgspec.to_builtins(self, enc_hook=_plain), _shape(type(self)), self.writes_null)


def decode(body: bytes, limit: int) -> Any:
    """Plain data of JSON bytes. Raises ContractError when there are more than `limit` bytes, or they are no JSON (NaN and Infinity are none)."""
    if len(body) > limit:
        raise TooLarge("", f"at most {limit} bytes")
    try:
        return msgspec.json.decode(body)
    except RecursionError as error:
        raise ContractError("", f"at most {MOST_DEPTH} lists and objects within each other") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise ContractError("", f"not JSON: {error}") from error


def is_newer(version: Any) -> bool:
    """Whether a message of this version comes from a newer minor version of the contract than ours. Raises ContractError when it is not understood."""
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if found is None:
        raise ContractError("contract", 'must be a version as "1.2"')
    (major, minor), (ours, latest) = map(int, found.groups()), map(int, VERSION.split("."))
    if major != ours or minor < latest - OLDER_MINORS:
        raise ContractError("contract", f"version {version} is not understood here: this side speaks {VERSION} and {OLDER_MINORS} minor versions before")
    return minor > latest


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    """What a type looks like to `_checked`: the fields of an object by name, or one shape for all values of a list or mapping. `unread`: not checked."""

    fields: dict[str, _Shape | None] | None = None
    each: _Shape | None = None
    optional: frozenset[str] = frozenset()
    unread: bool = False


@functools.cache
def _shape(kind: Any) -> _Shape | None:
    """The shape of a type; None where nothing within it is declared (numbers, texts, open JSON)."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        names = [field.name for field in dataclasses.fields(kind)]
        optional = frozenset(field.name for field in dataclasses.fields(kind) if field.default is None)
        return _Shape(fields={name: _shape(hints[name]) for name in names}, optional=optional)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Unread:
        return _Shape(unread=True)
    if origin is typing.Annotated:
        return _shape(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return next((found for each in arguments if (found := _shape(each)) is not None), None)
    if origin in (list, tuple):
        inner = _shape(arguments[0])
        return _Shape(each=inner) if inner else None
    if origin is dict:
        inner = _shape(arguments[1])
        return _Shape(each=inner) if inner else None
    return None


def _checked(value: Any, shape: _Shape | None, path: str, depth: int, dropped: list[str] | None) -> Any:
    """The value without what may be dropped (`dropped` is a list: of a newer version). Raises ContractError for what no message may hold."""
    kind = type(value)
    if shape is not None and shape.unread:
        return value
    if kind is str:
        _check_text(value, path)
    elif kind is float:
        if not math.isfinite(value):
            raise ContractError(path, "must be a finite number")
    elif kind is int:
        if not -MOST_WHOLE <= value < MOST_WHOLE:
            raise ContractError(path, "must be a whole number of at most 63 bits")
    elif kind is dict or kind is list or kind is tuple:
        if depth > MOST_DEPTH:
            raise ContractError(path, f"at most {MOST_DEPTH} lists and objects within each other")
        if kind is dict:
            return _checked_object(value, shape, path, depth, dropped)
        inner = shape.each if shape else None
        return [_checked(each, inner, f"{path}[{n}]", depth + 1, dropped) for n, each in enumerate(value)]
    elif value is not None and kind is not bool:
        raise ContractError(path, f"{kind.__name__} is no JSON")
    return value


def _checked_object(value: dict[Any, Any], shape: _Shape | None, path: str, depth: int, dropped: list[str] | None) -> dict[str, Any]:
    fields, found = (shape.fields if shape else None), {}
    for name, each in value.items():
        if type(name) is not str:
            raise ContractError(path, "an object's names are texts")
        where = f"{path}.{name}" if path else name
        _check_text(name, where if name.isprintable() else path)
        if fields is None:
            found[name] = _checked(each, shape.each if shape else None, where, depth + 1, dropped)
        elif name in fields:
            found[name] = _checked(each, fields[name], where, depth + 1, dropped)
        elif dropped is None:
            raise ContractError(where[:200], "unknown field")
        else:
            dropped.append(where[:200])
    return found


def _check_text(text: str, path: str) -> None:
    """PostgreSQL's jsonb takes no NUL and no half surrogate."""
    if "\x00" in text:
        raise ContractError(path, "must not contain a NUL")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ContractError(path, "must be Unicode text") from error


def _written(value: Any, shape: _Shape | None, nulls: bool) -> Any:
    """Plain data with lists for tuples, without the optional fields that are absent unless `nulls`."""
    if isinstance(value, list | tuple):
        return [_written(each, shape.each if shape else None, nulls) for each in value]
    if shape is None or not isinstance(value, dict):
        return value
    if shape.fields is None:
        return {name: _written(each, shape.each, nulls) for name, each in value.items()}
    return {name: _written(each, shape.fields[name], nulls) for name, each in value.items() if nulls or each is not None or name not in shape.optional}


def _plain(value: Any) -> Any:
    """What is no JSON of itself: arrays and numbers of numpy."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _named(error: msgspec.ValidationError) -> ContractError:
    """msgspec's words with the field as ours is named."""
    found = _WHERE.fullmatch(str(error))
    problem, path = (found["problem"], found["path"] or "") if found else (str(error), "")
    path = path.removeprefix(".")
    if lacking := _MISSING.fullmatch(problem):
        return ContractError(f"{path}.{lacking[1]}" if path else lacking[1], "missing")
    return ContractError(path, problem[:1].lower() + problem[1:])


def _json_name(value: Any) -> str:
    names: dict[type, str] = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)
