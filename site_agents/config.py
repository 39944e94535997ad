"""agent.toml: only what the box itself must know; everything else comes signed from the portal."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

from federated.contract.address import AddressError, parse, redact, redact_text
from federated.learning import task
from site_agents import sources
from site_agents.errors import ConfigError
from site_agents.signed_config import MODES
from site_agents.sources import SourceSettings

PACES = ("real-time", "fast")
LIMITS = (
    ("source", "fps", 0.1, 60),
    ("source", "stale_after", 0.5, 3600),
    ("training", "keep_mb", 1, 1e6),
    ("training", "most_epsilon", 0, 1000),
    ("outbox", "media_mb", 1, 1e6),
    ("neighbours", "port", 0, 65535),
)
KEEPS = ("all", "expected")
LEVELS = ("debug", "info", "warning", "error")


@dataclasses.dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Whether this camera takes part in training, and how much of its own footage it keeps for it (small grey frames)."""

    enabled: bool = False
    keep_mb: float = 60.0
    tasks: tuple[str, ...] = ()  # those it takes part in; without the key every one
    most_epsilon: float = 0.0  # only with local differential privacy at least as strong as this; 0: no demand


@dataclasses.dataclass(frozen=True, slots=True)
class OutboxSettings:
    """How much may wait here while the portal is away."""

    media_mb: float = 200.0


@dataclasses.dataclass(frozen=True, slots=True)
class NeighbourSettings:
    """Where cameras of the same site reach this one ("" : it shares nothing), and what it keeps of the staff list."""

    host: str = ""
    port: int = 0  # 0: any that is free
    keep: str = "all"  # "expected": names only, and faces of those who may come soon; others are asked for the rest


@dataclasses.dataclass(frozen=True, slots=True)
class Config:
    """The whole file. `folder` is where it lies: keys, outbox and models lie beside it."""

    name: str
    portal: str
    source: SourceSettings
    training: TrainingSettings = TrainingSettings()
    outbox: OutboxSettings = OutboxSettings()
    neighbours: NeighbourSettings = NeighbourSettings()
    log: str = "info"
    most_legal_mode: str = "M1"  # "M0": this camera recognises nobody, whatever the portal orders
    folder: Path = Path()


def load(path: Path | str) -> Config:
    """Read and check agent.toml. Raises ConfigError with file and line; relative paths are taken from the file's folder."""
    path = Path(path)
    try:
        text = path.read_text()
        fields = tomllib.loads(text)
    except FileNotFoundError as error:
        raise ConfigError(path, 0, "there is no such file") from error
    except OSError as error:
        raise ConfigError(path, 0, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, 0, f"is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, _line_in(str(error)), str(error)) from error
    config = _build(Config, fields, _Place(path, text, ()))
    return dataclasses.replace(_checked(config, _Place(path, text, ())), folder=path.parent.resolve())


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file we are, to say so when something is wrong."""

    path: Path
    text: str
    tables: tuple[str, ...]

    def error(self, key: str, message: str) -> ConfigError:
        return ConfigError(self.path, _line_of(self.text, self.tables, key), redact_text(message))

    def inside(self, table: str) -> _Place:
        return _Place(self.path, self.text, (*self.tables, table))


def _build(kind: type, fields: dict[str, Any], place: _Place) -> Any:
    hints = {name: hint for name, hint in typing.get_type_hints(kind).items() if name != "folder"}
    table = "".join(f"[{each}] " for each in place.tables)
    for key in fields:
        if key not in hints:
            raise place.error(key, f"{table}unknown key {key!r}; there are {', '.join(hints)}")
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in fields:
            values[field.name] = _value(hints[field.name], fields[field.name], field.name, place)
        elif field.default is dataclasses.MISSING and field.name in hints:
            raise place.error("", f"{table}the key {field.name!r} is missing")
    return kind(**values)


def _value(hint: type, value: Any, key: str, place: _Place) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise place.error(key, f"{key} is a table: write [{key}] and its keys below it")
        return _build(hint, value, place.inside(key))
    if hint == tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            raise place.error(key, f'{key} must be a list of texts with at least one, like ["anomaly"], not {value!r}')
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or isinstance(value, types.NoneType) or (hint is int and isinstance(value, bool)):
        words = {str: "a text in quotes", bool: "true or false", float: "a number", int: "a whole number"}
        raise place.error(key, f"{key} must be {words[hint]}, not {value!r}")
    return value


def _checked(config: Config, place: _Place) -> Config:
    source, inside = config.source, place.inside("source")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", config.name):
        raise place.error("name", f"name must be letters, digits, - and _, at most 60, not {config.name!r}")
    if not _is_web(config.portal):
        raise place.error("portal", f"portal must be an address like https://specola.example, not {redact(config.portal)!r}")
    if config.log not in LEVELS:
        raise place.error("log", f"log must be one of {', '.join(LEVELS)}, not {config.log!r}")
    if config.most_legal_mode not in MODES:
        raise place.error("most_legal_mode", f"most_legal_mode must be one of {', '.join(MODES)}, not {config.most_legal_mode!r}")
    if source.kind not in sources.kinds():
        raise inside.error("kind", f"kind must be one of {', '.join(sources.kinds())}, not {source.kind!r}")
    if source.pace not in PACES:
        raise inside.error("pace", f"pace must be one of {', '.join(PACES)}, not {source.pace!r}")
    if config.neighbours.keep not in KEEPS:
        raise place.inside("neighbours").error("keep", f"keep must be one of {', '.join(KEEPS)}, not {config.neighbours.keep!r}")
    if config.neighbours.keep == "expected" and not config.neighbours.host:
        raise place.inside("neighbours").error("keep", 'a camera that keeps only who is expected must be reached by others: set host = "..."')
    if not source.path:
        raise inside.error("path", "path must not be empty")
    if unknown := [name for name in config.training.tasks if name not in task.names()]:
        raise place.inside("training").error("tasks", f"there is no task {unknown[0]!r}; there are {', '.join(task.names())}")
    for table, key, low, high in LIMITS:
        value = getattr(getattr(config, table), key)
        if not low <= value <= high:
            raise place.inside(table).error(key, f"{key} must be from {low:g} to {high:g}, not {value:g}")
    return config


def _is_web(address: str) -> bool:
    try:
        return parse(address).scheme in ("http", "https")
    except AddressError:
        return False


def _line_of(text: str, tables: tuple[str, ...], key: str) -> int:
    """The line of `key` in its table; the table's own line when the key is not there; 0 when neither is."""
    inside, at = not tables, 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            inside = tuple(header[1].replace(" ", "").split(".")) == tables
            at = number if inside else at
            if not tables and header[1].split(".")[0] == key:
                return number
        elif inside and key and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""", line):
            return number
    return at


def _line_in(message: str) -> int:
    found = re.search(r"at line (\d+)", message)
    return int(found[1]) if found else 0
