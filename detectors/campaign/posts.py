"""Posts out of a table or a list as people have them: CSV with any usual separator, JSON, JSON Lines, or one post a line; columns and dates are recognised."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import email.utils
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import inputs
from detectors.errors import BadInput
from detectors.messages import Message, declare

MOST_POSTS = 100_000
LONGEST = 10_000  # characters of a post that are read
SEPARATORS = (",", ";", "\t", "|")
# What a column may be called, in small letters, the surest name first.
ROLES: dict[str, tuple[str, ...]] = {
    "text": ("text", "testo", "full_text", "content", "contenuto", "message", "messaggio", "tweet", "post", "body", "caption"),
    "account": ("account", "screen_name", "username", "user", "author", "utente", "autore", "profilo", "handle", "user_name", "account_name", "from"),
    "time": ("time", "created_at", "timestamp", "datetime", "date", "data", "ora", "data e ora", "published", "posted_at", "quando"),
}
NESTED = ("posts", "data", "items", "tweets")  # where a JSON object keeps its list

declare(
    {
        "posts-no-text-column": {
            "en": "no column holds the text of the posts; there are: {columns}. Call one of them “text”.",
            "it": "nessuna colonna contiene il testo dei post; ci sono: {columns}. Chiamarne una «testo».",
        },
        "posts-not-json": {
            "en": "line {line}: this begins like JSON and is none ({why})",
            "it": "riga {line}: inizia come JSON e non lo è ({why})",
        },
        "posts-not-csv": {"en": "line {line}: the table cannot be read ({why})", "it": "riga {line}: la tabella non si legge ({why})"},
        "posts-none": {"en": "there is no post in it", "it": "non contiene alcun post"},
        "posts-too-many": {
            "en": "there are more than {most} posts: divide them by time",
            "it": "ci sono più di {most} post: dividerli per periodo",
        },
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Posts:
    """N posts in the order of the file: `texts`, `accounts` (N,) of names ("" for none), `times` (N,) in seconds since 1970 UTC (nan for none).

    `columns` gives by role ("text", "account", "time") what its column is called; `dropped` counts rows without text or of a wrong width.
    """

    texts: tuple[str, ...]
    accounts: np.ndarray
    times: np.ndarray
    columns: Mapping[str, str]
    dropped: int = 0

    def __len__(self) -> int:
        return len(self.texts)


def read(path: Path | str) -> Posts:
    """The posts of a file. Raises BadInput with the line and what to do."""
    text = inputs.read_text(path)
    head = text.lstrip()[:1]
    if head in ("[", "{"):
        rows, dropped = _of_json(text)
    else:
        rows, dropped = _of_lines(text)
    return _posts(rows, dropped)


def _of_json(text: str) -> tuple[list[dict[str, Any]], int]:
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
    if isinstance(found, dict):
        found = next((found[name] for name in NESTED if isinstance(found.get(name), list)), [found])
    rows = [{str(name): value for name, value in each.items()} if isinstance(each, dict) else {"text": each} for each in found]
    return rows, 0


def _of_lines(text: str) -> tuple[list[dict[str, Any]], int]:
    """Rows of a table; where the first line names no column, each line is a post of nobody."""
    lines = text.lstrip("\n\r")
    first = lines.splitlines()[0] if lines.strip() else ""
    separator = max(SEPARATORS, key=lambda each: (_roles(_cells(first, each)) != {}, first.count(each)))
    head = _cells(first, separator)
    if "text" not in _roles(head):
        if len(head) > 1 and _roles(head):
            raise BadInput(Message("posts-no-text-column", {"columns": ", ".join(head)}))
        return [{"text": line} for line in text.splitlines() if line.strip()], 0
    rows, dropped = [], 0
    reader = csv.reader(io.StringIO(lines, newline=""), delimiter=separator, strict=False)
    try:
        next(reader)
        for row in reader:
            if len(row) == len(head):
                rows.append(dict(zip(head, row, strict=True)))
            elif any(each.strip() for each in row):
                dropped += 1
    except csv.Error as error:
        raise BadInput(Message("posts-not-csv", {"line": reader.line_num, "why": str(error)})) from error
    return rows, dropped


def _cells(line: str, separator: str) -> list[str]:
    return [each.strip() for each in next(csv.reader([line], delimiter=separator), [])]


def _roles(columns: Iterable[str]) -> dict[str, str]:
    """Which column is which, by its name."""
    named = {each.strip().lower().replace(" ", "_"): each for each in columns} | {each.strip().lower(): each for each in columns}
    return {role: named[next(name for name in names if name in named)] for role, names in ROLES.items() if any(name in named for name in names)}


def _posts(rows: Sequence[Mapping[str, Any]], dropped: int) -> Posts:
    roles = _roles({name: None for row in rows[:1000] for name in row})
    if rows and "text" not in roles:
        raise BadInput(Message("posts-no-text-column", {"columns": ", ".join(dict.fromkeys(str(name) for row in rows[:10] for name in row)) or "–"}))
    kept = [row for row in rows if isinstance(row.get(roles["text"]), str) and row[roles["text"]].strip()] if rows else []
    if not kept:
        raise BadInput(Message("posts-none"))
    if len(kept) > MOST_POSTS:
        raise BadInput(Message("posts-too-many", {"most": MOST_POSTS}))
    texts = tuple(row[roles["text"]][:LONGEST] for row in kept)
    accounts = np.array([_name(row.get(roles.get("account", ""))) for row in kept])
    times = moments([row.get(roles.get("time", "")) for row in kept])
    return Posts(texts, accounts, times, roles, dropped + len(rows) - len(kept))


def _name(value: Any) -> str:
    if isinstance(value, dict):  # as the services' own exports write an author
        value = next((value[name] for name in ROLES["account"] if isinstance(value.get(name), str)), "")
    return str(value if value is not None else "").strip().lstrip("@")[:200]


def moments(values: Sequence[Any]) -> np.ndarray:
    """Seconds since 1970 UTC (N,) of dates as written, nan where there is none; all read in the one form that fits most. Without a zone UTC is taken."""
    found = [np.array([_tried(form, value) for value in values], float) for form in FORMS]
    return max(found, key=lambda each: int(np.isfinite(each).sum())) if found and len(values) else np.zeros(0)


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
