"""What a reader asks a list of alerts for: which ones, and in which order."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from portal.accounts.models import User
from portal.alerts import kinds
from portal.alerts.models import DOUBTFUL, Alert, AlertState, HistoryEntry
from portal.core.numbers import whole
from portal.core.severity import Severity

YEARS = range(1900, 9000)  # beyond them a day more or less is no time any more
SORTS = {
    "": ("-last_t", "-id"),  # what was seen last stands on top
    "severity": ("-severity", "-last_t", "-id"),
    "opened": ("-opened", "-id"),
    "oldest": ("last_t", "id"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class AlertFilters:
    """What the reader asked the inbox for; an empty field asks for everything.

    `state` "open" means not resolved, `doubtful` likely false alarms only, `severity` this level ("3") or it and those above ("2+"). `since` and `until` are
    days or moments of the portal's time zone ("2026-10-25", "2026-10-25T02:30") or of the offset that they name: alerts with anything seen between them,
    `until` a day included. `sort`: one of SORTS. What cannot be read as a number or a time finds nothing.
    """

    site: str = ""
    camera: str = ""
    kind: str = ""
    state: str = ""
    severity: str = ""
    since: str = ""
    until: str = ""
    mine: str = ""
    doubtful: str = ""
    q: str = ""
    sort: str = ""

    @classmethod
    def read(cls, parameters: QueryDict | dict[str, Any]) -> AlertFilters:
        """From a query string; unknown names are ignored, values are cut at 100 characters."""
        values = {field.name: parameters.get(field.name) for field in dataclasses.fields(cls)}
        return cls(**{name: value[:100].strip() for name, value in values.items() if isinstance(value, str) and "\x00" not in value})

    @property
    def active(self) -> bool:
        """Whether anything is filtered out."""
        return dataclasses.replace(self, sort="") != AlertFilters()

    @property
    def order(self) -> tuple[str, ...]:
        """The order asked for, for `order_by`."""
        return SORTS.get(self.sort, SORTS[""])


def filtered(rows: QuerySet[Alert], user: User, filters: AlertFilters) -> QuerySet[Alert]:
    """Those of the rows that the reader asked for, in the order asked for."""
    if filters.site:
        rows = rows.filter(camera__site__slug=filters.site)
    if filters.camera:
        camera = whole(filters.camera)
        rows = rows.none() if camera is None else rows.filter(camera_id=camera)  # without one are the alerts about the portal itself
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.state:
        rows = rows.exclude(state=AlertState.RESOLVED) if filters.state == "open" else rows.filter(state=filters.state)
    if filters.severity:
        rows = _of_severity(rows, filters.severity)
    for text, end in ((filters.since, False), (filters.until, True)):
        if text:
            t = moment(text, end=end)
            rows = rows.none() if t is None else rows.filter(opened__lt=t) if end else rows.filter(last_t__gte=t)
    if filters.mine:
        rows = rows.filter(assignee=user)
    if filters.doubtful:
        rows = rows.filter(false_alarm__gte=DOUBTFUL)
    return (_searched(rows, filters.q) if filters.q else rows).order_by(*filters.order)


def moment(text: str, *, end: bool = False) -> datetime.datetime | None:
    """A day or moment as a person or program writes it; `end`: the end of that day. None when it is none.

    Of the two 02:30 of the night when clocks go back the first begins a range and the second ends it, so that no range leaves out the hour that it names.
    """
    try:
        day, t = parse_date(text), parse_datetime(text)
        if day is not None:
            t = datetime.datetime.combine(day + datetime.timedelta(days=int(end)), datetime.time())
        if t is None:
            return None
        if t.tzinfo is None:
            t = t.replace(tzinfo=timezone.get_current_timezone(), fold=int(end and day is None))
        t = t.astimezone(datetime.UTC)
    except (ValueError, OverflowError):  # the 31st of February, the year 9999
        return None
    return t if t.year in YEARS else None


def _of_severity(rows: QuerySet[Alert], text: str) -> QuerySet[Alert]:
    level = whole(text.removesuffix("+"))
    if level not in Severity.values:
        return rows.none()
    return rows.filter(severity__gte=level) if text.endswith("+") else rows.filter(severity=level)


def _searched(rows: QuerySet[Alert], text: str) -> QuerySet[Alert]:
    """Every word must be found somewhere: camera, site, kind in the reader's language, zone, notes, assignee, or the number."""
    for word in text.split()[:8]:
        named = [kind for kind, label in kinds.alerting() if word.lower() in label.lower()]
        found = Q(camera__name__icontains=word) | Q(camera__site__name__icontains=word) | Q(zone__icontains=word) | Q(kind__in=named)
        found |= Q(assignee__name__icontains=word) | Q(pk__in=HistoryEntry.objects.filter(text__icontains=word).values("alert_id"))
        rows = rows.filter(found | Q(pk=whole(word.lstrip("#"))))
    return rows
