"""One account of a case about posts: what the report says of it, and its posts as they came in, for the people who may see the case."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from detectors import posts, worded
from detectors.errors import BadInput
from portal.analysis.models import Case
from portal.analysis.reading import WordedTable, worded_report
from portal.core import media

MOST_POSTS = 200  # shown of one account, the earliest


@dataclasses.dataclass(frozen=True, slots=True)
class AccountPost:
    """A post as it came in: when (UTC, "" where it is not given), its line in the file, its text, and how many other accounts posted the same words."""

    t: str
    line: int
    text: str
    others: int


@dataclasses.dataclass(frozen=True, slots=True)
class AccountPage:
    """`tables` are the report's rows about the account, by caption; `count` are all of its posts, of which `posts` are the earliest; `problem` is why none
    can be shown.
    """

    name: str
    tables: list[tuple[str, WordedTable]]
    posts: list[AccountPost]
    count: int = 0
    problem: str = ""


def names_in(case: Case) -> frozenset[str]:
    """The accounts that the case's report names."""
    return frozenset((case.report or {}).get("names") or ())


def of(case: Case, name: str) -> AccountPage | None:
    """What there is about the account; None of one that the report does not name."""
    if name not in names_in(case):
        return None
    shown = [each for each in worded_report(case).evidence if each.kind == "table" and each.table]
    found = [(each.caption, dataclasses.replace(each.table, rows=[row for row in each.table.rows if name in row])) for each in shown]
    tables, given = [(caption, table) for caption, table in found if table.rows], case.files.filter(for_tool=True).first()
    if given is None or not media.exists(given.sha256):
        return AccountPage(name, tables, [], problem=_("The file is no longer here."))
    try:
        read = posts.read(media.path(given.sha256), chosen=case.options.get("columns"))
    except BadInput as error:
        return AccountPage(name, tables, [], problem=worded(error.message, get_language() or "en"))
    theirs = np.flatnonzero(read.accounts == name)
    order = theirs[np.argsort(read.times[theirs], kind="stable")]  # without a time last
    wanted = {_words(read.texts[n]) for n in order[:MOST_POSTS]}
    posted: dict[str, set[str]] = {}
    for text, account in zip(read.texts, read.accounts.tolist(), strict=True):
        if account and account != name and (words := _words(text)) in wanted:
            posted.setdefault(words, set()).add(account)
    lines = [AccountPost(_moment(read.times[n]), read.lines[n], read.texts[n], len(posted.get(_words(read.texts[n]), ()))) for n in order[:MOST_POSTS].tolist()]
    return AccountPage(name, tables, lines, len(order))


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(float(seconds), datetime.UTC).strftime("%Y-%m-%d %H:%M:%S") if np.isfinite(seconds) else ""
