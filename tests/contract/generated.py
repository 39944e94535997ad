"""Messages made from the contract's own types: valid ones, and the same with one thing wrong, with the name of what is wrong."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st

from federated.contract.message import MOST_DEPTH, ContractMessage

PATTERNS = {
    "^[0-9a-f]{64}$": st.integers(0, 2**256 - 1).map(lambda n: f"{n:064x}"),
    "^[0-9]{1,4}$": st.integers(0, 199).map(str),
    "^[a-z][a-z0-9_]{0,39}$": st.sampled_from(["anomaly", "person_in_zone", "line_crossed", "x"]),
    "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$": st.uuids().map(str),
}
LETTERS = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f")


@dataclasses.dataclass(frozen=True, slots=True)
class Wrong:
    """Plain data of a message with one thing wrong. `field` is the path of it as a refusal names it; "" for the whole."""

    data: Any
    field: str
    how: str


@functools.cache
def valid(kind: Any, limits: msgspec.Meta | None = None) -> st.SearchStrategy[Any]:
    """Plain JSON data of a type of the contract."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        needed = {each.name: valid(hints[each.name]) for each in dataclasses.fields(kind) if _is_required(each)}
        more = {each.name: valid(hints[each.name]) for each in dataclasses.fields(kind) if not _is_required(each) and each.name != "contract"}
        return st.fixed_dictionaries(needed, optional=more)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return valid(arguments[0], next((each for each in arguments[1:] if isinstance(each, msgspec.Meta)), None))
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(valid, arguments))
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is dict:
        return st.dictionaries(valid(arguments[0]), valid(arguments[1]), max_size=2)
    if origin is tuple:
        return st.lists(valid(arguments[0]), max_size=2) if arguments[-1] is Ellipsis else st.tuples(*map(valid, arguments)).map(list)
    return _scalar(kind, limits or msgspec.Meta())


def wrong(kind: type[ContractMessage]) -> st.SearchStrategy[Wrong]:
    """A valid message, then one thing made wrong in it, wherever it stands."""
    return st.builds(lambda data, mutation: mutation(data), valid(kind), st.sampled_from(_mutations(kind)))


@functools.cache
def _mutations(kind: type[ContractMessage]) -> list[Callable[[dict[str, Any]], Wrong]]:
    """Everything that can be made wrong in this message: each of its fields in each way."""
    found: list[Callable[[dict[str, Any]], Wrong]] = [lambda data, each=each: Wrong(each, "", "no object") for each in ([], None, 5, "x")]
    found.append(lambda data: Wrong({**data, "wheels": 4}, "wheels", "unknown"))
    found.append(lambda data: Wrong({**data, "contract": "9.0"}, "contract", "another major version"))
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        name = field.name
        if _is_required(field):
            found.append(lambda data, name=name: Wrong({key: each for key, each in data.items() if key != name}, name, "missing"))
        for value, how in _wrong_values(hints[name]):
            found.append(lambda data, name=name, value=value, how=how: Wrong({**data, name: value}, name, how))
        if _message_in(hints[name]) is not None:
            found.append(lambda data, name=name: Wrong({**data, name: {**(data.get(name) or {}), "wheels": 4}}, f"{name}.wheels", "unknown within"))
    return found


@functools.cache
def _wrong_values(kind: Any) -> list[tuple[Any, str]]:
    deep: Any = 1
    for _ in range(MOST_DEPTH + 3):
        deep = [deep]
    values = [(deep, "deep"), (_Marker, "wrong type"), (float("nan"), "not a number"), (float("inf"), "infinite"), (10**30, "huge"), ("\x00", "NUL")]
    found = []
    for value, how in values:
        each = {"x": {"y": [1]}} if value is _Marker else value
        if not _accepts(kind, each):
            found.append((each, how))
    for each in (5, "text", True, [1], None, -1, -1e300, "x" * 40_000, {"x" * 5000: 1}):
        if not _accepts(kind, each):
            found.append((each, "wrong value"))
    return found


class _Marker:
    """A value of another type."""


def _accepts(kind: Any, value: Any) -> bool:
    """Whether the type alone takes the value; what no message may hold (NUL, NaN, depth) is wrong all the same."""
    if value != value or value in (float("inf"), "\x00", 10**30) or _depth(value) > MOST_DEPTH:
        return False
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _depth(value: Any) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _scalar(kind: Any, limits: msgspec.Meta) -> st.SearchStrategy[Any]:
    if kind is bool:
        return st.booleans()
    if kind is type(None):
        return st.none()
    if kind is int:
        most = limits.le if limits.le is not None else limits.lt - 1 if limits.lt is not None else 1000
        return st.integers(limits.ge if limits.ge is not None else 0, min(most, 10**6))
    if kind is float:
        return st.floats(limits.ge if limits.ge is not None else 0, min(limits.le if limits.le is not None else 1e6, 2e9), allow_nan=False)
    if kind is str:
        if limits.pattern:
            return PATTERNS[limits.pattern]
        return st.text(LETTERS, min_size=limits.min_length or 0, max_size=min(limits.max_length or 20, 20))
    return st.one_of(st.integers(0, 9), st.booleans(), st.text(LETTERS, max_size=5))


def _message_in(kind: Any) -> type | None:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return kind
    return None if typing.get_origin(kind) in (dict, tuple) else next((found for each in typing.get_args(kind) if (found := _message_in(each))), None)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
