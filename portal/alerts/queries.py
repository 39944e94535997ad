"""Every read of events and alerts; each takes the reader and shows only what that reader's sites hold."""

from __future__ import annotations

import dataclasses
import datetime
import math
from typing import Any

from django.db.models import Count, DateTimeField, DurationField, Exists, F, Func, Max, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone

from portal.accounts.models import Membership, User
from portal.accounts.queries import sites_of
from portal.alerts import kinds
from portal.alerts.filters import AlertFilters, filtered
from portal.alerts.models import Alert, AlertState, Event, HistoryEntry
from portal.core import media
from portal.core.severity import Severity
from portal.sites.models import Camera, Site

ACTING_ROLES = ("operator", "manager")
OVERLAP = datetime.timedelta(seconds=10)  # a transaction may commit a little after the time it wrote down
CAUGHT_UP = 200  # alerts sent to a browser that comes back; when more have changed it loads the page again
SHOWN_EVENTS = 100  # more than one alert holds by kinds.JOINING
STEPS = [datetime.timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 6 * 60, 24 * 60)]
READABLE_STEPS = 120
RINGS = datetime.timedelta(hours=12)  # an alert of the shift before does not ring any more
MOST_STEPS = 400  # of a timeline
LEVELS = {1: "low", 2: "medium", 3: "high"}


def held(names: set[str]) -> set[str]:
    """Those of these files (sha256) that an event or an alert names."""
    found = set(Alert.objects.filter(picture__in=names).values_list("picture", flat=True))
    for column in ("snapshot", "clip"):
        found |= set(Event.objects.filter(**{f"{column}__in": names}).values_list(column, flat=True))
    return found


def visible(user: User) -> QuerySet[Alert]:
    """The alerts at the reader's sites, and those that concern the whole portal for everybody who has a role in it."""
    if not user.is_authenticated or not user.is_active:
        return Alert.objects.none()
    return Alert.objects.filter(Q(camera__site__in=sites_of(user)) | Q(camera=None) & Exists(Membership.objects.filter(user=user)))


def inbox(user: User, filters: AlertFilters | None = None) -> QuerySet[Alert]:
    """What was seen last first, or as the filters ask, with everything a row shows."""
    rows = visible(user).select_related("camera__site", "last", "assignee")
    return filtered(rows, user, filters or AlertFilters())


def get_alert(user: User, pk: int) -> Alert:
    """One alert the reader may see. Raises Alert.DoesNotExist."""
    return inbox(user).get(pk=pk)


def acting_sites(user: User) -> QuerySet[Site]:
    """The sites whose alerts the user may act on: those where the user is operator or manager."""
    return sites_of(user, "operator") | sites_of(user, "manager")


def may_act(user: User, alert: Alert) -> bool:
    """Whether the user may change this alert, read from the database now; one about the whole portal: whoever may act on alerts anywhere."""
    if alert.camera is None:
        return user.is_active and user.memberships.filter(role__in=ACTING_ROLES).exists()
    return acting_sites(user).filter(pk=alert.camera.site_id).exists()


def assignable(alert: Alert) -> QuerySet[User]:
    """Who may be given this alert."""
    there = Q(site=None) | Q(site=alert.camera.site_id) if alert.camera else Q()
    holders = Membership.objects.filter(there, role__in=ACTING_ROLES)
    return User.objects.filter(is_active=True, pk__in=holders.values("user_id")).order_by("name", "email")


def changed_since(user: User, filters: AlertFilters, since: datetime.datetime) -> tuple[list[Alert], list[int]] | None:
    """What a browser that was away until `since` must put in and take out; None when that is too much for one message."""
    changed = visible(user).filter(changed__gte=since - OVERLAP)
    ids = list(changed.order_by("-changed").values_list("pk", flat=True)[: CAUGHT_UP + 1])
    return None if len(ids) > CAUGHT_UP else rows_and_gone(user, filters, ids)


def rows_and_gone(user: User, filters: AlertFilters, ids: list[int]) -> tuple[list[Alert], list[int]]:
    """Of these alerts, the ones the reader sees under the filters, and the ids of the others."""
    rows = list(inbox(user, filters).filter(pk__in=ids))
    seen = {row.pk for row in rows}
    return rows, [pk for pk in ids if pk not in seen]


def counts(user: User) -> dict[str, int | None]:
    """The counters over the inbox; `ring` is the highest severity that nobody has acknowledged, None when there is nothing to ring for."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = visible(user)
    open_rows = rows.exclude(state=AlertState.RESOLVED).aggregate(
        new=Count("pk", filter=Q(state=AlertState.NEW)),
        acknowledged=Count("pk", filter=Q(state=AlertState.ACKNOWLEDGED)),
        mine=Count("pk", filter=Q(assignee=user)),
        ring=Max("severity", filter=Q(state=AlertState.NEW, last_t__gte=timezone.now() - RINGS)),
    )
    return {**open_rows, "today": rows.filter(opened__gte=today, demo=False).count()}


def open_by_site(user: User) -> dict[int, int]:
    """How many alerts are not resolved, by the site's number."""
    rows = visible(user).exclude(camera=None).exclude(state=AlertState.RESOLVED)
    return dict(rows.order_by().values_list("camera__site").annotate(n=Count("pk")))


def timeline(user: User, filters: AlertFilters, *, begin: datetime.datetime, end: datetime.datetime, step: datetime.timedelta) -> list[dict[str, Any]]:
    """`[{t, low, medium, high, demo}]`: how many alerts opened in each step from `begin` to `end`, by severity; `t` is the step's beginning in Unix seconds.

    `demo`: how many of them are made up. Steps are of real time: an hour that the clocks show twice is two hours. At most MOST_STEPS.
    """
    begin, end = begin.astimezone(datetime.UTC), end.astimezone(datetime.UTC)
    steps = max(1, min(MOST_STEPS, math.ceil((end - begin) / step)))
    rows = filtered(visible(user), user, dataclasses.replace(filters, since="", until="", sort="")).filter(opened__gte=begin, opened__lt=begin + steps * step)
    bins = Func(Value(step, DurationField()), F("opened"), Value(begin, DateTimeField()), function="date_bin", output_field=DateTimeField())
    shown = [{"t": (begin + i * step).timestamp(), **dict.fromkeys((*LEVELS.values(), "demo"), 0)} for i in range(steps)]
    for at, severity, demo, n in rows.order_by().annotate(bin=bins).values_list("bin", "severity", "demo").annotate(n=Count("pk")):
        row = shown[round((at - begin) / step)]
        row[LEVELS[severity]] += n
        row["demo"] += n if demo else 0
    return shown


@dataclasses.dataclass(frozen=True, slots=True)
class OpenAlerts:
    """The alerts of one camera that are not resolved: how many, how many of them nobody has acknowledged, and the one to look at first."""

    n: int
    new: int
    first: Alert

    def shown(self) -> dict[str, Any]:
        """For a page's script, in the reader's language."""
        return {"n": self.n, "new": self.new, "id": self.first.pk, "word": self.first.kind_label, "severity": self.first.severity}


def open_by_camera(user: User) -> dict[int, OpenAlerts]:
    """What is not resolved at each camera, by the camera's number; first comes what nobody has acknowledged, the severest of it, then the newest."""
    found: dict[int, list[Alert]] = {}
    for alert in visible(user).exclude(camera=None).exclude(state=AlertState.RESOLVED).order_by("-last_t", "-pk"):
        found.setdefault(alert.camera_id, []).append(alert)
    return {pk: OpenAlerts(len(rows), sum(row.state == AlertState.NEW for row in rows), min(rows, key=_rank)) for pk, rows in found.items()}


def _rank(alert: Alert) -> tuple[Any, ...]:
    return alert.state != AlertState.NEW, -alert.severity, -alert.last_t.timestamp()


def step_of(length: datetime.timedelta) -> datetime.timedelta:
    """How wide a timeline's steps are over such a length: a day in quarters of an hour, a year in days."""
    return next((step for step in STEPS if length / step <= READABLE_STEPS), STEPS[-1])


def choices(user: User) -> dict[str, Any]:
    """What the filter fields offer."""
    cameras = list(Camera.objects.filter(site__in=sites_of(user)).select_related("site").order_by("site__name", "name"))
    sites = list({camera.site_id: camera.site for camera in cameras}.values())
    return {"cameras": cameras, "sites": sites, "kinds": kinds.alerting(), "severities": Severity.choices}


def events_of(alert: Alert) -> list[Event]:
    """The events of an alert, newest first, each with its own picture; of an alert of before joining had an end the newest."""
    return list(alert.events.order_by("-t", "-seq")[:SHOWN_EVENTS])


def picture_of(alert: Alert) -> Event | None:
    """The event whose picture stands for the alert: the newest that has come, and once somebody acknowledged it the one that they saw."""
    events = alert.events.exclude(snapshot=None).order_by("-t", "-seq")
    kept = events.filter(snapshot=alert.picture).first() if alert.picture else None
    return kept if kept and media.exists(kept.snapshot) else next((event for event in events[:SHOWN_EVENTS] if media.exists(event.snapshot)), None)


def entries_of(alert: Alert) -> QuerySet[HistoryEntry]:
    """What people did about it, in order."""
    return alert.entries.select_related("author")


def media_of(user: User, pk: int, kind: str, event: str | None = None) -> str | None:
    """The sha256 of an alert's picture ("snapshot") or clip; None when the reader may not see it or there is none.

    Of the event that is named; without one the picture that stands for the alert, or its newest clip.
    """
    rows = Event.objects.filter(alert__in=visible(user).filter(pk=pk)).exclude(**{kind: None})
    if event:
        rows = rows.annotate(name=Cast("pk", TextField())).filter(name=event)  # as text: what is no UUID is simply not found
    elif kind == "snapshot" and (kept := visible(user).filter(pk=pk).exclude(picture="").values_list("picture", flat=True).first()):
        return kept
    return rows.order_by("-t", "-seq").values_list(kind, flat=True).first()


def media_is_named(sha256: str) -> QuerySet[Alert]:
    """The alerts whose events name this picture or clip."""
    return Alert.objects.filter(pk__in=Event.objects.filter(Q(snapshot=sha256) | Q(clip=sha256)).values("alert_id")).select_related("camera")
