"""One account of a case about posts: what the report says of it, and its posts as they came in, for the people who may see the case."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Mapping

import numpy as np
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from detectors import posts, worded
from detectors.errors import BadInput
from detectors.posts import Posts
from portal.analysis.models import Case
from portal.analysis.reading import WordedTable, worded_report
from portal.core import media

MOST_POSTS = 200  # shown of one account, the earliest
_one_at_a_time = threading.Lock()  # ten pages opened at once read a file of 50,000 posts once


@dataclasses.dataclass(frozen=True, slots=True)
class AccountPost:
    """A post as it came in: when (UTC, "" where it is not given), its line in the file, its text, and how many other accounts posted the same words."""

    t: str
    line: int
    text: str
    others: int


@dataclasses.dataclass(frozen=True, slots=True)
class AccountPage:
    """`tables` are the report's rows about the account, by caption; `count` are all of its posts, of which `posts` are the earliest; without `count` the
    `problem` says why nothing can be shown of them.
    """

    name: str
    tables: list[tuple[str, WordedTable]]
    posts: list[AccountPost]
    count: int | None = None
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
        read = _read(given.sha256, case.options.get("columns"))
    except BadInput as error:
        return AccountPage(name, tables, [], problem=worded(error.message, get_language() or "en"))
    own = np.flatnonzero(read.posts.accounts == name)
    order = own[np.argsort(read.posts.times[own], kind="stable")]  # without a time last
    return AccountPage(name, tables, [_shown(read, n) for n in order[:MOST_POSTS].tolist()], len(order))


@dataclasses.dataclass(frozen=True, slots=True)
class _ReadFile:
    """The posts of a file and, for each wording, the accounts that posted it; shared between requests, so nobody changes it."""

    posts: Posts
    accounts_of: Mapping[str, frozenset[str]]


def _read(sha256: str, columns: Mapping[str, str] | None) -> _ReadFile:
    """The posts of a file in the media store. Raises BadInput."""
    with _one_at_a_time:
        return _last_read(sha256, None if columns is None else tuple(sorted(columns.items())))


@functools.lru_cache(maxsize=1)  # people look at one case's accounts one after the other; the content of a sha256 never changes
def _last_read(sha256: str, columns: tuple[tuple[str, str], ...] | None) -> _ReadFile:
    read, found = posts.read(media.path(sha256), chosen=None if columns is None else dict(columns)), {}
    for text, account in zip(read.texts, read.accounts.tolist(), strict=True):
        if account:
            found.setdefault(_words(text), set()).add(account)
    return _ReadFile(read, {words: frozenset(accounts) for words, accounts in found.items()})


def _shown(read: _ReadFile, n: int) -> AccountPost:
    given = read.posts
    others = len(read.accounts_of[_words(given.texts[n])]) - 1
    return AccountPost(posts.moment(given.times[n]) or "", given.lines[n], given.texts[n], others)


def _words(text: str) -> str:
    return " ".join(text.casefold().split())
