"""JSON from people's programs: what is nested too deep, or holds what no column takes, is refused with a sentence before anything looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from portal.core.middleware import storable

MOST_DEPTH = 24  # lists and objects within each other, as in the contract
MOST_WHOLE = 2**63  # beyond it no column takes a whole number


class StorableJson(JSONParser):
    """JSON within these limits; NaN and Infinity are none."""

    def parse(self, stream: BinaryIO, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The data, or ParseError (400) that says what is wrong."""
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(f"at most {MOST_DEPTH} lists and objects within each other") from error
        _check(data)
        return data


def _check(data: Any) -> None:
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise ParseError(f"at most {MOST_DEPTH} lists and objects within each other")
        level = [inner for each in level for inner in _inner(each)]


def _inner(value: Any) -> list[Any]:
    """What is within a value. Raises ParseError for one that cannot be stored."""
    if isinstance(value, str) and not storable(value):
        raise ParseError("a text holds a character that no text may hold (NUL, or half of a character)")
    if isinstance(value, int) and not -MOST_WHOLE <= value < MOST_WHOLE:
        raise ParseError("a number is too large")
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []
