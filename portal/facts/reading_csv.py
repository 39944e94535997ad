"""Facts out of a CSV file, as releases ship them and people hand them in: every fault by line and column, all rows or none.

The columns (in any order): key,kind,name_en,name_it,aliases,statement_en,statement_it,from,to,source_author,source_title,source_year,source_where,tags;
aliases and tags separated by "|", an alias with "=" before it counts in exact case only. UTF-8 or UTF-16, with a BOM or without; comma, semicolon or tab.
"""

from __future__ import annotations

import csv
import dataclasses
import io

from django.utils.translation import gettext as _

from portal.facts import content
from portal.facts.content import Citation, FactText

COLUMNS = (
    *("key", "kind", "name_en", "name_it", "aliases", "statement_en", "statement_it"),
    *("from", "to", "source_author", "source_title", "source_year", "source_where", "tags"),
)
OPTIONAL = {"aliases", "from", "to", "tags", "source_year", "source_where"}
SEPARATORS = (",", ";", "\t")
MOST_ROWS = 5000
# A field of FactText -> the column it comes from, where the names differ.
COLUMN_OF = {"begins": "from", "ends": "to", "sources": "source_title"}


@dataclasses.dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong where: `line` counts from 1 as a text editor does, `column` is its name, "" when it is the whole line."""

    line: int
    column: str
    sentence: str

    def shown(self, file: str) -> str:
        """On one line, with the file's name."""
        place = _("%(file)s, line %(line)d, %(column)s") if self.column else _("%(file)s, line %(line)d")
        return f"{place % {'file': file, 'line': self.line, 'column': self.column}}: {self.sentence}"


@dataclasses.dataclass(frozen=True, slots=True)
class FactRow:
    """A fact of a file, and the key under which it is known again."""

    key: str
    text: FactText


class BadTable(Exception):
    """The file holds no table of facts, or rows that are wrong: `problems` in the order of the lines."""

    def __init__(self, problems: list[RowProblem]):
        super().__init__("; ".join(f"line {each.line} {each.column}: {each.sentence}" for each in problems))
        self.problems = problems


def read(data: bytes) -> list[FactRow]:
    """Every row of the file. Raises BadTable."""
    text = _decoded(data)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[FactRow] = []
    wrong: list[RowProblem] = []
    seen: dict[str, int] = {}
    try:
        header = [name.strip().lower() for name in next(reader)]
        line = reader.line_num + 1
        for values in reader:
            if any(value.strip() for value in values):
                row, problems = _row(dict(zip(header, values, strict=False)), len(values) - len(header), line)
                if row.key in seen:
                    problems.append(RowProblem(line, "key", _("The key %(key)s stands in line %(line)d already.") % {"key": row.key, "line": seen[row.key]}))
                seen.setdefault(row.key, line)
                rows.append(row)
                wrong += problems
            if len(rows) > MOST_ROWS:
                raise BadTable([RowProblem(line, "", _("At most %(n)d rows in one file.") % {"n": MOST_ROWS})])
            line = reader.line_num + 1
    except csv.Error as error:
        wrong.append(RowProblem(reader.line_num, "", _("This line is no CSV: %(why)s.") % {"why": error}))
    if wrong or not rows:
        raise BadTable(wrong or [RowProblem(1, "", _("There are no rows."))])
    return rows


def _row(values: dict[str, str], surplus: int, line: int) -> tuple[FactRow, list[RowProblem]]:
    found = {name: values.get(name, "").strip() for name in COLUMNS}
    text = content.cleaned(
        FactText(
            kind=found["kind"].lower(),
            **{name: found[name] for name in ("name_en", "name_it", "statement_en", "statement_it")},
            sources=(Citation(*(found[f"source_{name}"] for name in content.SOURCE)),),
            aliases=tuple(found["aliases"].split("|")),
            begins=found["from"],
            ends=found["to"],
            tags=tuple(found["tags"].split("|")),
        )
    )
    problems = [] if content.is_key(found["key"]) else [RowProblem(line, "key", _("A key is made of small letters, digits and single dashes."))]
    if surplus:
        sentence = _("This line has %(n)d values too many.") if surplus > 0 else _("This line has %(n)d values too few.")
        problems.append(RowProblem(line, "", sentence % {"n": abs(surplus)}))
    problems += [RowProblem(line, COLUMN_OF.get(name, name), sentence) for name, sentence in content.problems(text)]
    return FactRow(found["key"], text), problems


def _decoded(data: bytes) -> str:
    """The text, without its BOM. UTF-16 is noticed by its BOM or by the zeros between its letters."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in data[:200]:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadTable([RowProblem(line, "", _("This is neither UTF-8 nor UTF-16: save the file as UTF-8."))]) from error
    if "\0" in text:
        raise BadTable([RowProblem(text[: text.index("\0")].count("\n") + 1, "", _("This line holds a zero byte: the file is no text."))])
    return text


def _separator(text: str) -> str:
    """What separates the columns: of the header's own. Raises BadTable that names what the header lacks."""
    first = text.lstrip("\n\r").split("\n", 1)[0]
    headers = {each: {name.strip().strip('"').lower() for name in first.split(each)} for each in SEPARATORS}
    best = max(SEPARATORS, key=lambda each: len(headers[each] & set(COLUMNS)))
    missing = [name for name in COLUMNS if name not in headers[best] and name not in OPTIONAL]
    if missing:
        raise BadTable([RowProblem(1, "", _("The header lacks the columns %(names)s.") % {"names": ", ".join(missing)})])
    if unclear := sorted(headers[best] - set(COLUMNS)):
        raise BadTable([RowProblem(1, "", _("The header has columns that facts do not have: %(names)s.") % {"names": ", ".join(unclear)[:200]})])
    return best
