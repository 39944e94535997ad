"""Django's own filters `date` and `time`, in every template by themselves: an hour that the clocks show twice is told apart by the name of its time."""

from __future__ import annotations

import datetime
import re
from typing import Any

from django import template
from django.template import defaultfilters
from django.utils import translation

_MONTH = re.compile(r"\b(?:Gen|Feb|Mar|Apr|Mag|Giu|Lug|Ago|Set|Ott|Nov|Dic)[a-z]*\b")
register = template.Library()
HOURS, SETTLED = set("HGghfPi"), set("cUr")  # letters that show an hour or a minute; forms for machines. Django leaves "T" empty in such an hour


@register.filter(name="date", expects_localtime=True, is_safe=False)
def date(value: Any, form: str | None = None) -> str:
    """As Django's, and "02:30 CEST" or "02:30 CET" in the night when clocks go back; in Italian a month is written small, also within a text."""
    shown = _distinct(value, str(defaultfilters.date(value, form)), form or "")
    return _MONTH.sub(lambda month: month[0].lower(), shown) if (translation.get_language() or "").startswith("it") else shown


@register.filter(name="time", expects_localtime=True, is_safe=False)
def time(value: Any, form: str | None = None) -> str:
    """As Django's, and "02:30 CEST" or "02:30 CET" in the night when clocks go back."""
    return _distinct(value, str(defaultfilters.time(value, form)), form or "P")


def is_twice(t: Any) -> bool:
    """Whether the clocks of its time zone show this moment's hour and minute twice."""
    if not isinstance(t, datetime.datetime) or t.tzinfo is None:
        return False
    return t.replace(fold=0).utcoffset() != t.replace(fold=1).utcoffset()


def _distinct(value: Any, shown: str, form: str) -> str:
    letters = ({"H"} if "TIME" in form else set()) if form.endswith("_FORMAT") else set(re.sub(r"\\.", "", form))
    if not shown or not letters & HOURS or letters & SETTLED or not is_twice(value):
        return shown
    return f"{shown.rstrip()} {value.tzname()}"
