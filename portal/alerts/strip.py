"""The strip over the watch room: when alerts came, by severity, as bars that a page draws without a script and that lead to their stretch of time."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from portal.alerts import queries
from portal.alerts.filters import AlertFilters, moment

USUAL = datetime.timedelta(hours=24)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
HEIGHT = 30
LEVELS = ("high", "medium", "low")  # from the ground up: the severest stands on the line


def strip(request: HttpRequest, filters: AlertFilters) -> dict[str, Any]:
    """`{bars, width, height, begin, end, total}` of the stretch asked for, else of the last 24 hours; a bar has its address, its parts the drawing's units."""
    end = moment(filters.until, end=True) or timezone.now()
    begin = moment(filters.since) or end - USUAL
    if begin >= end:
        begin = end - USUAL
    step = queries.step_of(end - begin)
    if step < USUAL:
        begin -= (begin - EPOCH) % step  # bars begin at whole quarters and hours
    counted = queries.timeline(request.user, filters, begin=begin, end=end, step=step)
    most = max(4, *(sum(row[level] for level in LEVELS) for row in counted))
    bars = [_bar(request, filters, row, n, step, most) for n, row in enumerate(counted)]
    return {
        "bars": bars,
        "width": len(bars) * 10,
        "height": HEIGHT,
        "begin": timezone.localtime(begin),
        "end": timezone.localtime(end),
        "total": {level: sum(row[level] for row in counted) for level in LEVELS},
        "demo": sum(row["demo"] for row in counted),
    }


def _bar(request: HttpRequest, filters: AlertFilters, row: dict[str, Any], n: int, step: datetime.timedelta, most: int) -> dict[str, Any]:
    begin = timezone.localtime(datetime.datetime.fromtimestamp(row["t"], datetime.UTC))
    end = timezone.localtime(begin.astimezone(datetime.UTC) + step)
    parts, top = [], float(HEIGHT)
    for level in LEVELS:
        if row[level]:
            size = row[level] / most * HEIGHT
            top -= size
            parts.append({"level": level, "y": f"{top:.2f}", "height": f"{size:.2f}"})
    asked = {name: value for name, value in dataclasses.asdict(filters).items() if value}
    query = request.GET.copy()
    query.clear()
    query.update({**asked, "since": begin.isoformat(timespec="minutes"), "until": end.isoformat(timespec="minutes")})
    return {"x": n * 10, "parts": parts, "n": sum(row[level] for level in LEVELS), "begin": begin, "end": end, "query": query.urlencode()}
