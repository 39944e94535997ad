"""Posts out of files as people have them: CSV with any usual separator, JSON, JSON Lines, lines, paragraphs; columns and dates are recognised."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import email.utils
import io
import json
import math
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import inputs
from detectors.errors import BadInput
from detectors.messages import Message, declare

MOST_POSTS = 100_000
LONGEST = 10_000  # characters of a post of a table that are read
LINE = 320  # characters up to which the lines of a text are posts of their own
ESCAPED = re.compile(r"<U\+([0-9A-F]{4,8})>")
ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
SEPARATORS = (",", ";", "\t", "|")
# What a column may be called, in small letters, the surest name first.
ROLES: dict[str, tuple[str, ...]] = {
    "text": ("text", "testo", "full_text", "content", "contenuto", "message", "messaggio", "tweet", "post", "body", "caption"),
    "account": ("account", "screen_name", "username", "user", "author", "utente", "autore", "profilo", "handle", "user_name", "account_name", "from"),
    "time": ("time", "created_at", "timestamp", "datetime", "date", "data", "ora", "data e ora", "published", "posted_at", "quando"),
    "link": ("link", "url", "links", "urls", "expanded_url", "collegamento", "indirizzo"),
}
MOST_COLUMNS = 50  # whose names are kept
NESTED = ("posts", "data", "items", "tweets")  # where a JSON object keeps its list

declare(
    {
        "posts-no-text-column": {
            "en": "no column holds the text of the posts; there are: {columns}. Call one of them “text”.",
            "it": "nessuna colonna contiene il testo dei post; ci sono: {columns}. Chiamarne una «testo».",
        },
        "posts-no-such-column": {
            "en": "there is no column “{column}”; there are: {columns}",
            "it": "non c'è una colonna «{column}»; ci sono: {columns}",
        },
        "posts-not-json": {
            "en": "line {line}: this begins like JSON and is none ({why})",
            "it": "riga {line}: inizia come JSON e non lo è ({why})",
        },
        "posts-not-csv": {"en": "line {line}: the table cannot be read ({why})", "it": "riga {line}: la tabella non si legge ({why})"},
        "posts-column-text": {"en": "Column taken as text", "it": "Colonna presa come testo"},
        "posts-column-account": {"en": "Column taken as account", "it": "Colonna presa come account"},
        "posts-column-time": {"en": "Column taken as time", "it": "Colonna presa come tempo"},
        "posts-column-link": {"en": "Column taken as link", "it": "Colonna presa come link"},
        "posts-columns": {"en": "All columns", "it": "Tutte le colonne"},
        "posts-none": {"en": "there is no text in it", "it": "non contiene testo"},
        "posts-dropped": {
            "en": "Rows left out: no text, or not as wide as the head",
            "it": "Righe tralasciate: senza testo o di larghezza diversa dalla testata",
        },
        "posts-too-many": {
            "en": "{given:,} posts: at most {most:,} are examined at once",
            "it": "{given:,} post: se ne esaminano al massimo {most:,} alla volta",
        },
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class PostedText:
    """One post: its text, who posted it ("" when that is not given), the line or entry where it begins, from 1, and when (seconds since 1970 UTC, else nan)."""

    text: str
    account: str
    row: int
    time: float = math.nan


@dataclasses.dataclass(frozen=True, slots=True)
class Posts:
    """N posts in the order of the file: `texts`, `accounts` (N,) of names ("" for none), `times` (N,) in seconds since 1970 UTC (nan for none).

    `lines` (N,) are the lines or entries where they begin, from 1; `form` is how they were told apart: "table", "json", "lines", "paragraphs" or "whole".
    `columns` gives by role ("text", "account", "time", "link") what its column is called, `head` the names of all columns; `dropped` counts rows without text
    or of a wrong width. `links` are what the column of links holds, "" for none; empty where there is no such column.
    """

    texts: tuple[str, ...]
    accounts: np.ndarray
    times: np.ndarray
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    dropped: int = 0
    lines: tuple[int, ...] = ()
    form: str = "table"
    head: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def each(self) -> list[PostedText]:
        """One by one."""
        return [PostedText(*found) for found in zip(self.texts, self.accounts.tolist(), self.lines, self.times.tolist(), strict=True)]


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """Rows by column, the line where each begins, and how they were told apart."""

    rows: list[dict[str, Any]]
    lines: list[int]
    form: str
    dropped: int = 0


def read(path: Path | str, most: int = MOST_POSTS, chosen: Mapping[str, str] | None = None) -> Posts:
    """The posts of a file. Raises BadInput with the line and what to do, also for more than `most` posts.

    `chosen` names columns by role ("": none), for a person who sets them otherwise; the roles that it leaves out are found by the columns' names.
    """
    return parse(inputs.read_text(path), most, chosen)


def parse(text: str, most: int = MOST_POSTS, chosen: Mapping[str, str] | None = None) -> Posts:
    """The posts of a text. Raises BadInput likewise."""
    found = _of_json(text) if _is_json(text) else _of_table(text, chosen or {}) or _of_text(text)
    return _posts(found, most, chosen or {})


def unescape(text: str) -> str:
    """Emoji and marks that an export wrote as <U+0001F600> or &amp;, as the characters that were posted."""
    for entity, mark in ENTITIES.items():
        text = text.replace(entity, mark)
    return ESCAPED.sub(lambda found: chr(code) if (code := int(found.group(1), 16)) < 0x110000 and not 0xD800 <= code < 0xE000 else found.group(), text)


def _is_json(text: str) -> bool:
    """Whether it begins as a list or an object does; a text may begin with a bracket too."""
    return re.match(r"\s*(?:\[\s*[\[{\"]|\{\s*\")", text) is not None


def _of_json(text: str) -> _Rows:
    lines: list[int] = []
    try:
        found = json.loads(text)
    except ValueError as whole:
        if "\n" not in text.strip():
            raise BadInput(Message("posts-not-json", {"line": 1, "why": str(whole)})) from whole
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                found += [json.loads(line)] if line.strip() else []
            except ValueError as error:
                raise BadInput(Message("posts-not-json", {"line": number, "why": str(error)})) from error
            lines += [number] if line.strip() else []
    if isinstance(found, dict):
        found = next((found[name] for name in NESTED if isinstance(found.get(name), list)), [found])
    rows = [{str(name): value for name, value in each.items()} if isinstance(each, dict) else {"text": each} for each in found]
    return _Rows(rows, lines or list(range(1, len(rows) + 1)), "json")


def _of_table(text: str, chosen: Mapping[str, str]) -> _Rows | None:
    """Rows of a table with a head that names a column of texts, or that a person has chosen one of; None when it is no such table."""
    first = text.split("\n", 1)[0].rstrip("\r")
    if len(first) > LONGEST:
        return None  # no head
    separator = max(SEPARATORS, key=lambda each: (_roles(_cells(first, each), chosen) != {}, first.count(each)))
    head = _cells(first, separator)
    if "text" not in _roles(head, chosen):
        if len(_roles(head, chosen)) > 1:
            raise BadInput(Message("posts-no-text-column", {"columns": ", ".join(head)}))
        return None
    if len(head) == 1 and "\n" not in text.strip():
        return None  # a post of one word, such as "post"
    rows, lines, dropped, begins = [], [], 0, 2
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)
    try:
        next(reader)
        for row in reader:
            if len(row) == len(head):
                rows.append(dict(zip(head, row, strict=True)))
                lines.append(begins)
            elif any(each.strip() for each in row):
                dropped += 1
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(Message("posts-not-csv", {"line": reader.line_num, "why": str(error)})) from error
    return _Rows(rows, lines, "table", dropped)


def _of_text(text: str) -> _Rows:
    """Paragraphs where blank lines part them; lines where there are several, each as short as a post; else the whole."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    filled = [number for number, line in enumerate(lines, 1) if line.strip()]
    if filled and any(not line.strip() for line in lines[filled[0] - 1 : filled[-1]]):
        starts = [number for number in filled if number == 1 or not lines[number - 2].strip()]
        ends = [number for number in filled if number == len(lines) or not lines[number].strip()]
        return _Rows([{"text": "\n".join(lines[start - 1 : end])} for start, end in zip(starts, ends, strict=True)], starts, "paragraphs")
    if len(filled) > 1 and all(len(lines[number - 1]) <= LINE for number in filled):
        return _Rows([{"text": lines[number - 1]} for number in filled], filled, "lines")
    return _Rows([{"text": "\n".join(lines).strip("\n")}], [filled[0] if filled else 1], "whole")


def _cells(line: str, separator: str) -> list[str]:
    return [each.strip() for each in next(csv.reader([line], delimiter=separator), [])]


def _roles(columns: Iterable[str], chosen: Mapping[str, str] = types.MappingProxyType({})) -> dict[str, str]:
    """Which column is which: as `chosen`, else by its name."""
    columns = list(columns)
    named = {each.strip().lower().replace(" ", "_"): each for each in columns} | {each.strip().lower(): each for each in columns}
    found = {role: named[next(name for name in names if name in named)] for role, names in ROLES.items() if any(name in named for name in names)}
    return {role: column for role, column in (found | dict(chosen)).items() if column in columns}


def _posts(found: _Rows, most: int, chosen: Mapping[str, str]) -> Posts:
    rows = found.rows
    head = list(dict.fromkeys(str(name) for row in rows[:1000] for name in row))
    roles = _roles(head, chosen)
    if missing := next((column for column in chosen.values() if column and column not in head), None):
        raise BadInput(Message("posts-no-such-column", {"column": missing, "columns": ", ".join(head[:MOST_COLUMNS])}))
    if rows and "text" not in roles:
        raise BadInput(Message("posts-no-text-column", {"columns": ", ".join(dict.fromkeys(str(name) for row in rows[:10] for name in row)) or "–"}))
    kept = [n for n, row in enumerate(rows) if isinstance(row.get(roles["text"]), str) and row[roles["text"]].strip()]
    if not kept:
        raise BadInput(Message("posts-none"))
    if len(kept) > most:
        raise BadInput(Message("posts-too-many", {"given": len(kept), "most": most}))
    longest = LONGEST if found.form in ("table", "json") else inputs.MAX_TEXT_BYTES
    texts = tuple(unescape(rows[n][roles["text"]][:longest]) for n in kept)
    accounts = np.array([_name(rows[n].get(roles.get("account", ""))) for n in kept])
    times = moments([rows[n].get(roles.get("time", "")) for n in kept])
    columns, head = (roles, head[:MOST_COLUMNS]) if found.form in ("table", "json") else ({}, [])
    links = tuple(_link(rows[n].get(roles["link"])) for n in kept) if "link" in columns else ()
    return Posts(texts, accounts, times, columns, found.dropped + len(rows) - len(kept), tuple(found.lines[n] for n in kept), found.form, tuple(head), links)


def _link(value: Any) -> str:
    while isinstance(value, list) and value:
        value = value[0]
    return str(value).strip()[:2000] if isinstance(value, str) else ""


def _name(value: Any) -> str:
    if isinstance(value, dict):  # as the services' own exports write an author
        value = next((value[name] for name in ROLES["account"] if isinstance(value.get(name), str)), "")
    return str(value if value is not None else "").strip().lstrip("@")[:200]


def moments(values: Sequence[Any]) -> np.ndarray:
    """Seconds since 1970 UTC (N,) of dates as written, nan where there is none; all read in the one form that fits most. Without a zone UTC is taken."""
    found = [np.array([_tried(form, value) for value in values], float) for form in FORMS]
    return max(found, key=lambda each: int(np.isfinite(each).sum())) if found and len(values) else np.zeros(0)


def moment(seconds: float) -> str | None:
    """A post's time (seconds since 1970 UTC) as it is shown, in UTC; None for none."""
    return datetime.datetime.fromtimestamp(float(seconds), datetime.UTC).strftime("%Y-%m-%d %H:%M:%S") if math.isfinite(seconds) else None


def _tried(form: Callable[[Any], float], value: Any) -> float:
    try:
        seconds = form(value)
    except (ValueError, TypeError, OverflowError, OSError):
        return math.nan
    return seconds if 0 < seconds < 2**33 else math.nan


def _iso(value: Any) -> float:
    return _utc(datetime.datetime.fromisoformat(str(value).strip()))


def _number(value: Any) -> float:
    seconds = float(str(value).strip())
    return seconds / 1000 if seconds > 1e11 else seconds


def _mail(value: Any) -> float:
    return _utc(email.utils.parsedate_to_datetime(str(value)))


def _written(form: str) -> Callable[[Any], float]:
    return lambda value: _utc(datetime.datetime.strptime(" ".join(str(value).replace(",", " ").split()), form))


def _utc(moment: datetime.datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


FORMS: tuple[Callable[[Any], float], ...] = (
    _iso,
    _number,
    _written("%a %b %d %H:%M:%S %z %Y"),
    _mail,
    *(_written(form) for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y") for form in (f"{day} %H:%M:%S", f"{day} %H:%M", day)),
)
