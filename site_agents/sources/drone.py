"""A drone: a clip or a stream, and beside it a table of where the drone was (CSV with the columns t,lat,lon,alt,heading)."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from site_agents import sources
from site_agents.clock import steady
from site_agents.errors import CameraSourceError
from site_agents.sources import Shot, SourceSettings, source

COLUMNS = ("t", "lat", "lon", "alt", "heading")
UNIX = 1e8  # larger times are Unix seconds, smaller ones seconds into the clip


@source("drone")
def read(config: SourceSettings, folder: Path) -> Iterator[Shot]:
    """Frames of the clip or stream with the telemetry of their moment. Raises CameraSourceError, for a bad table with its line."""
    table = read_telemetry(folder / config.telemetry) if config.telemetry else None
    kind = "stream" if "://" in config.path and not (folder / config.path).exists() else "file"
    for shot in sources.open_source(dataclasses.replace(config, kind=kind), folder):
        yield dataclasses.replace(shot, telemetry=at(table, shot)) if table is not None else shot


def read_telemetry(path: Path) -> np.ndarray:
    """The table (N, 5), sorted by time. Raises CameraSourceError that names the line."""
    try:
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
                raise CameraSourceError(f"{path.name}:1: the column {missing[0]!r} is missing; the first line must name {','.join(COLUMNS)}")
            table = [_row(path, rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CameraSourceError(f"{path} cannot be read: {error}") from error
    if not table:
        raise CameraSourceError(f"{path.name} has no row of telemetry")
    return np.array(sorted(table))


def at(table: np.ndarray, shot: Shot) -> dict[str, float]:
    """Where the drone was at a shot's moment, between two rows in a straight line; before the first and after the last row it stands still."""
    moment = steady.to_wall(shot.t) if table[0, 0] > UNIX else shot.at
    found = {name: float(np.interp(moment, table[:, 0], table[:, column])) for column, name in enumerate(COLUMNS[1:4], 1)}
    turned = np.unwrap(np.radians(table[:, 4]))
    return {**found, "heading": math.degrees(float(np.interp(moment, table[:, 0], turned))) % 360}


def _row(path: Path, line: int, row: dict[str, str]) -> list[float]:
    try:
        numbers = [float(row[name]) for name in COLUMNS]
    except (TypeError, ValueError) as error:
        raise CameraSourceError(f"{path.name}:{line}: {', '.join(COLUMNS)} must be numbers") from error
    if not all(map(math.isfinite, numbers)) or abs(numbers[1]) > 90 or abs(numbers[2]) > 180:
        raise CameraSourceError(f"{path.name}:{line}: latitude is from -90 to 90, longitude from -180 to 180, all numbers finite")
    return numbers
