"""One style of dates in the sentences that Python makes: the same filter as the pages'."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from portal.core.templatetags import clock

DAY, MINUTE, SECOND = "j M Y", "j M Y, H:i", "j M Y, H:i:s"


def written(value: Any, style: str = MINUTE) -> str:
    """A moment as the pages write it, in the portal's time zone."""
    return clock.date(timezone.localtime(value), style)
