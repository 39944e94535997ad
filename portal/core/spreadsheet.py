"""Tables for a spreadsheet: the one place of the portal that writes CSV. No text in a cell becomes a formula there."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

CONTENT_TYPE = "text/csv; charset=utf-8"
# What a spreadsheet computes: these at the start of a text, also after blanks, quotation marks or characters that nobody sees; the last four are wide forms.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")
SKIPPED = " \"'\u00a0\u200b\u200c\u200d\u2060\ufeff"
NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?")


def defused(cell: Any) -> Any:
    """The cell, or, of a text that a spreadsheet would compute, the text behind an apostrophe; a number stays one, also a negative one and one as text."""
    if not isinstance(cell, str) or NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}" if cell.startswith(FORMULAS) or cell.lstrip(SKIPPED).startswith(FORMULAS) else cell


def lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A table line by line, so that a long one can be sent as it is read; its head first."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield writer.writerow([defused(each) for each in columns])
    for row in rows:
        yield writer.writerow([defused(each) for each in row])


class _Echo:
    """Gives back what is written to it."""

    def write(self, line: str) -> str:
        return line
