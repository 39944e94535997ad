"""Visitor flow: how many people crossed each line in each quarter of an hour, hour or day of a stretch of time."""

from __future__ import annotations

import bisect
import datetime
from typing import Any

from django.db.models import Count, DateTimeField, DurationField, F, Func, Max, QuerySet, Value
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.alerts.models import Event
from portal.core import naming
from portal.core.templatetags.clock import is_twice
from portal.core.templatetags.dates import written
from portal.sites.models import Site
from portal.sites.queries import midnight

STEP, HOUR, DAY = datetime.timedelta(minutes=15), datetime.timedelta(hours=1), datetime.timedelta(days=1)
STEPS = ((datetime.timedelta(hours=50), STEP), (15 * DAY, HOUR))  # the longest stretch that is shown in such steps; longer ones in days
MOST_DAYS = 366
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
DIRECTIONS = ("a_to_b", "b_to_a")


def visitor_flow(site: Site, first: datetime.date | None = None, last: datetime.date | None = None, *, hours: int = 0) -> dict[str, Any]:
    """Crossings from the day `first` to the day `last`, of the last so many hours, else of today; never later than now, and at most MOST_DAYS days.

    `{from, step, t, labels, ticks: [[index, rank, text]], lines: [{camera, line, a_to_b, b_to_a, totals, demo}], demo: {n, until} or None, note}`: `t` in Unix
    seconds, `labels` in the reader's language, a tick's rank 0 is the one to keep where there is little room, `totals` and `demo` both ways, `step` 0: days.
    Days of 23 or 25 hours have fewer or more steps, and an hour that the clocks show twice is told apart.
    """
    begin, end = _stretch(first, last, hours)
    step = next((step for longest, step in STEPS if end - begin <= longest), DAY)
    starts = _days(begin, end) if step == DAY else [begin + i * step for i in range(max(1, -(-(end - begin) // step)))]
    lines: dict[tuple[str, str], dict[str, list[int]]] = {}
    made, until = 0, None
    for camera, line, way, at, demo, n, newest in _counted(site, begin, end, min(step, HOUR)):
        if way in DIRECTIONS and line:
            counts = lines.setdefault((camera, line), {**{way: [0] * len(starts) for way in DIRECTIONS}, "demo": [0, 0]})
            counts[way][bisect.bisect_right(starts, at) - 1] += n
            if demo:
                counts["demo"][DIRECTIONS.index(way)] += n
                made, until = made + n, max(until or newest, newest)
    shown = [
        {"camera": camera, "line": naming.shown(line), **counts, "totals": [sum(counts[way]) for way in DIRECTIONS]}
        for (camera, line), counts in sorted(lines.items())
    ]
    return {
        "from": begin.timestamp(),
        "step": 0 if step == DAY else step.total_seconds(),
        "t": [each.timestamp() for each in starts],
        "labels": [written(each, "j M Y" if step == DAY else "j M, H:i") for each in starts],
        "ticks": [[i, rank, _tick(each)] for i, each in enumerate(starts) if (rank := _rank(timezone.localtime(each), step)) is not None],
        "lines": shown,
        "demo": {"n": made, "until": until.timestamp(), "label": written(until)} if until else None,
        "note": _note(starts),
    }


def _stretch(first: datetime.date | None, last: datetime.date | None, hours: int) -> tuple[datetime.datetime, datetime.datetime]:
    """From when until when, in UTC: between two times of one zone Python subtracts what the clocks show, an hour wrong twice a year."""
    now = timezone.now()
    soon = now + STEP
    if hours:
        begin = now - datetime.timedelta(hours=hours)
        return begin - (begin - EPOCH) % STEP, soon - (soon - EPOCH) % STEP
    last = last or first or timezone.localtime(now).date()
    first = max(first or last, last - datetime.timedelta(days=MOST_DAYS - 1))
    begin = midnight(first).astimezone(datetime.UTC)
    return begin, max(begin + STEP, min(midnight(last + DAY).astimezone(datetime.UTC), soon))


def _days(begin: datetime.datetime, end: datetime.datetime) -> list[datetime.datetime]:
    """Each midnight here from `begin` on, in UTC."""
    day = timezone.localtime(begin).date()
    found = []
    while (at := midnight(day).astimezone(datetime.UTC)) < end:
        found.append(at)
        day += DAY
    return found


def _counted(site: Site, begin: datetime.datetime, end: datetime.datetime, step: datetime.timedelta) -> QuerySet[Any]:
    bins = Func(Value(step, DurationField()), F("t"), Value(begin, DateTimeField()), function="date_bin", output_field=DateTimeField())
    crossed = Event.objects.filter(camera__site=site, kind="line_crossed", t__gte=begin, t__lt=end)
    named = crossed.annotate(bin=bins, line=KeyTextTransform("line", "data"), way=KeyTextTransform("direction", "data"))
    return named.values_list("camera__name", "line", "way", "bin", "demo").annotate(n=Count("pk"), newest=Max("t")).order_by()


def _rank(local: datetime.datetime, step: datetime.timedelta) -> int | None:
    """How much a step's beginning deserves a mark on the axis: 0 most, 2 least, None not at all."""
    if step == DAY:
        return 0 if local.weekday() == 0 else 1
    if local.minute:
        return None
    if step == HOUR:
        return {0: 0, 12: 2}.get(local.hour)
    return 0 if local.hour % 6 == 0 or is_twice(local) else 1 if local.hour % 3 == 0 else 2


def _tick(t: datetime.datetime) -> str:
    return written(t, "H:i" if timezone.localtime(t).hour else "j M")


def _note(starts: list[datetime.datetime]) -> str:
    """Which hour comes twice in it, if one does."""
    twice = [local for each in starts if is_twice(local := timezone.localtime(each))]
    if not twice:
        return ""
    words = {"day": written(twice[0], "j M"), "hour": f"{twice[0]:%H}:00", "first": twice[0].tzname(), "second": twice[-1].tzname()}
    return _("On %(day)s the clocks go back: the hour from %(hour)s comes twice, first as %(first)s, then as %(second)s.") % words
