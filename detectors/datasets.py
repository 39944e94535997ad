"""Read the tables of a data set; what is wrong is said with file, line and expected columns."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detectors.errors import BadDataset

Row = dict[str, Any]
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def read_table(path: Path, columns: dict[str, Callable[[str], Any]]) -> list[Row]:
    """The rows of a CSV file with these columns (more may be there), each value converted. Raises BadDataset."""
    expected = f"expected columns {','.join(columns)}"
    if not path.is_file():
        raise BadDataset(f"{path.name}, line 1: the file is missing in {path.parent}; {expected}")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in columns if name not in (reader.fieldnames or [])]:
                raise BadDataset(f"{path.name}, line 1: column {missing[0]} is missing; {expected}")
            return [_convert(row, columns, f"{path.name}, line {reader.line_num}", expected) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{path.name}, line 1: this is no CSV text ({error}); {expected}") from error


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder in the order of their names. Raises BadDataset when there are none."""
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES) if folder.is_dir() else []
    if not found:
        raise BadDataset(f"{folder}: no pictures ({', '.join(PICTURES)}) are here")
    return found


def _convert(row: Row, columns: dict[str, Callable[[str], Any]], where: str, expected: str) -> Row:
    if empty := [name for name in columns if not (row[name] or "").strip()]:
        raise BadDataset(f"{where}: {empty[0]} is empty; {expected}")
    try:
        return {name: convert(row[name]) for name, convert in columns.items()}
    except (TypeError, ValueError) as error:
        bad = next(name for name, convert in columns.items() if not _converts(convert, row[name]))
        raise BadDataset(f"{where}: {bad} cannot be {row[bad]!r}; {expected}") from error


def _converts(convert: Callable[[str], Any], value: str) -> bool:
    try:
        convert(value)
    except (TypeError, ValueError):
        return False
    return True
