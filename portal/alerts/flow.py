"""Visitor flow: how many people crossed each line in each quarter of an hour of a day."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import Count, DateTimeField, DurationField, F, Func, Value
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from portal.alerts.models import Event
from portal.core import naming
from portal.sites.models import Site
from portal.sites.queries import midnight

STEP = datetime.timedelta(minutes=15)
DIRECTIONS = ("a_to_b", "b_to_a")


def visitor_flow(site: Site, day: datetime.date | None = None) -> dict[str, Any]:
    """`{from, step, t: [...], lines: [{camera, line, a_to_b: [...], b_to_a: [...], totals: [a_to_b, b_to_a]}]}` for a day, up to now; times in Unix seconds.

    A day of 23 or 25 hours has fewer or more steps.
    """
    begin, end = midnight(day), midnight(day) + datetime.timedelta(days=1, hours=2)
    end = min(end.replace(hour=0), timezone.now() + STEP).astimezone(datetime.UTC)
    begin = begin.astimezone(datetime.UTC)  # between two times of one zone Python subtracts what the clocks show: an hour wrong twice a year
    bins = Func(Value(STEP, DurationField()), F("t"), Value(begin, DateTimeField()), function="date_bin", output_field=DateTimeField())
    crossed = Event.objects.filter(camera__site=site, kind="line_crossed", t__gte=begin, t__lt=end)
    named = crossed.annotate(bin=bins, line=KeyTextTransform("line", "data"), way=KeyTextTransform("direction", "data"))
    rows = named.values_list("camera__name", "line", "way", "bin").annotate(n=Count("pk")).order_by()
    steps = max(1, -(-int((end - begin).total_seconds()) // int(STEP.total_seconds())))
    lines: dict[tuple[str, str], dict[str, list[int]]] = {}
    for camera, line, way, at, n in rows:
        if way in DIRECTIONS and line:
            counts = lines.setdefault((camera, line), {way: [0] * steps for way in DIRECTIONS})
            counts[way][min(steps - 1, int((at - begin) / STEP))] += n
    shown = [
        {"camera": camera, "line": naming.shown(line), **counts, "totals": [sum(counts[way]) for way in DIRECTIONS]}
        for (camera, line), counts in sorted(lines.items())
    ]
    return {"from": begin.timestamp(), "step": STEP.total_seconds(), "t": [begin.timestamp() + i * STEP.total_seconds() for i in range(steps)], "lines": shown}
