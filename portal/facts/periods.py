"""Years and days as facts give them: "1173", "1944-06-06", "-44" (44 BC), "-0044-03-15"; "" when it is not stated."""

from __future__ import annotations

import datetime
import re

from django.utils.translation import gettext as _

from portal.core.templatetags import clock

_FORM = re.compile(r"(-?)(\d{1,4})(?:-(\d{2})-(\d{2}))?")
LEAP = 2000  # stands for years before Christ, whose leap years nobody here counts


def parsed(text: str) -> tuple[int, int, int] | None:
    """(year, month, day), month and day 0 when only the year is given; None for anything else, also the year 0 and a day that no calendar has."""
    found = _FORM.fullmatch(text) if text.isascii() else None
    if found is None or int(found[2]) == 0:
        return None
    year = int(found[1] + found[2])
    if found[3] is None:
        return year, 0, 0
    try:
        datetime.date(year if year > 0 else LEAP, int(found[3]), int(found[4]))
    except ValueError:
        return None
    return year, int(found[3]), int(found[4])


def in_order(begins: str, ends: str) -> bool:
    """Whether the end does not lie before the beginning; a year alone counts as the whole of it."""
    first, last = parsed(begins), parsed(ends)
    if first is None or last is None:
        return True
    return first[0] <= last[0] if 0 in (first[1], last[1]) else first <= last


def shown(begins: str, ends: str) -> str:
    """In the reader's language: "1173 – 1372", "15 Mar 44 BC"; "" when nothing is stated."""
    if begins == ends or not begins or not ends:
        only = begins or ends
        words = _shown(only)
        return words if begins == ends or not words else _("from %(when)s") % {"when": words} if begins else _("until %(when)s") % {"when": words}
    return f"{_shown(begins)} – {_shown(ends)}"


def _shown(text: str) -> str:
    found = parsed(text) if text else None
    if found is None:
        return text
    year, month, day = found
    number = str(year) if year > 0 else _("%(year)d BC") % {"year": -year}
    return f"{clock.date(datetime.date(LEAP, month, day), 'j M')} {number}" if month else number
