"""<home>/channels.toml: a table for each channel that is used; read anew each time, so that a change needs no restart. Without the file nothing is sent."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import typing
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from portal.notify import channels
from portal.notify.channels import BadOption, Channel, ChannelError

NAME = "channels.toml"


class ChannelsFileError(ChannelError):
    """The file cannot be used; str() is one sentence with file and line."""

    def __init__(self, path: Path, line: int, problem: str):
        super().__init__(f"{path}{f':{line}' if line else ''}: {problem}")


def read() -> dict[str, Channel]:
    """The channels in use by name. Raises ChannelsFileError."""
    path = Path(settings.HOME) / NAME
    try:
        text = path.read_text()
        tables = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ChannelsFileError(path, 0, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ChannelsFileError(path, 0, f"is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise ChannelsFileError(path, int(found[1]) if found else 0, str(error)) from error
    return {name: _channel(path, text, name, table) for name, table in tables.items()}


def _channel(path: Path, text: str, name: str, table: Any) -> Channel:
    def error(key: str, problem: str) -> ChannelsFileError:
        return ChannelsFileError(path, _line_of(text, name, key), problem)

    kind = channels.registered.get(name)
    if kind is None:
        raise error("", f"there is no channel {name!r}; there are {', '.join(sorted(channels.registered))}")
    if not isinstance(table, dict):
        raise error("", f"{name} is a table: write [{name}] and its keys below it")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := [key for key in table if key not in fields]:
        raise error(unknown[0], f"[{name}] unknown key {unknown[0]!r}; there are {', '.join(fields) or 'none'}")
    if missing := [key for key, field in fields.items() if key not in table and field.default is field.default_factory is dataclasses.MISSING]:
        raise error("", f"[{name}] the key {missing[0]!r} is missing")
    hints = typing.get_type_hints(kind)
    for key, value in table.items():
        try:
            msgspec.convert(value, hints[key])
        except msgspec.ValidationError as problem:
            raise error(key, f"[{name}] {key}: {problem}") from problem
    try:
        return kind(**table)
    except BadOption as problem:
        raise error(problem.key, f"[{name}] {problem}") from problem


def _line_of(text: str, table: str, key: str) -> int:
    """The line of `key` in [table], or of the table itself; 0 when neither is found."""
    inside, at = False, 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"""\s*\[\s*["']?([^\]"']+?)["']?\s*\]""", line):
            inside = header[1] == table
            at = number if inside else at
        elif inside and key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""", line):
            return number
        elif not at and re.match(rf"""\s*["']?{re.escape(table)}["']?\s*[.=]""", line):
            at = number
    return at
