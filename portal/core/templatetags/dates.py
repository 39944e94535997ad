"""One style of dates on every page: Django's own `date` filter, with the names of months as the language writes them."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.template import defaultfilters
from django.utils import timezone, translation

DAY, MINUTE, SECOND = "j M Y", "j M Y, H:i", "j M Y, H:i:s"
_MONTH = re.compile(r"\b(?:Gen|Feb|Mar|Apr|Mag|Giu|Lug|Ago|Set|Ott|Nov|Dic)[a-z]*\b")
register = template.Library()


@register.filter(name="date", expects_localtime=True, is_safe=False)
def date(value: Any, style: str | None = None) -> str:
    """Django's `date`; in Italian a month is written small, also within a text."""
    text = defaultfilters.date(value, style)
    return _MONTH.sub(lambda found: found[0].lower(), text) if (translation.get_language() or "").startswith("it") else text


def written(value: Any, style: str = MINUTE) -> str:
    """The same for a sentence that Python makes, in the portal's time zone."""
    return date(timezone.localtime(value), style)
