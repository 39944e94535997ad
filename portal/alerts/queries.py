"""Every read of events and alerts; each takes the reader and shows only what that reader's sites hold."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils import timezone

from portal.accounts.models import Membership, User
from portal.accounts.queries import sites_of
from portal.alerts import kinds
from portal.alerts.models import DOUBTFUL, Alert, AlertState, Event, HistoryEntry
from portal.sites.models import Camera, Site

ACTING_ROLES = ("operator", "manager")
OVERLAP = datetime.timedelta(seconds=10)  # a transaction may commit a little after the time it wrote down
CAUGHT_UP = 200  # alerts sent to a browser that comes back; when more have changed it loads the page again
SHOWN_EVENTS = 24


@dataclasses.dataclass(frozen=True, slots=True)
class AlertFilters:
    """What the reader asked the inbox for; an empty field asks for everything. `state` "open" means not resolved, `doubtful` likely false alarms only."""

    site: str = ""
    camera: str = ""
    kind: str = ""
    state: str = ""
    mine: str = ""
    doubtful: str = ""
    q: str = ""

    @classmethod
    def read(cls, parameters: QueryDict | dict[str, Any]) -> AlertFilters:
        """From a query string; unknown names are ignored, values are cut at 100 characters."""
        values = {field.name: parameters.get(field.name) for field in dataclasses.fields(cls)}
        return cls(**{name: value[:100].strip() for name, value in values.items() if isinstance(value, str) and "\x00" not in value})

    @property
    def active(self) -> bool:
        """Whether anything is filtered out."""
        return self != AlertFilters()


def held(names: set[str]) -> set[str]:
    """Those of these files (sha256) that an event or an alert names."""
    found = set(Alert.objects.filter(picture__in=names).values_list("picture", flat=True))
    for column in ("snapshot", "clip"):
        found |= set(Event.objects.filter(**{f"{column}__in": names}).values_list(column, flat=True))
    return found


def visible(user: User) -> QuerySet[Alert]:
    """The alerts at the reader's sites."""
    return Alert.objects.filter(camera__site__in=sites_of(user))


def inbox(user: User, filters: AlertFilters | None = None) -> QuerySet[Alert]:
    """Newest occurrence first, with everything a row shows."""
    rows = visible(user).select_related("camera__site", "last", "assignee")
    return _filtered(rows, user, filters or AlertFilters())


def get_alert(user: User, pk: int) -> Alert:
    """One alert the reader may see. Raises Alert.DoesNotExist."""
    return inbox(user).get(pk=pk)


def acting_sites(user: User) -> QuerySet[Site]:
    """The sites whose alerts the user may act on: those where the user is operator or manager."""
    return sites_of(user, "operator") | sites_of(user, "manager")


def may_act(user: User, alert: Alert) -> bool:
    """Whether the user may change this alert, read from the database now."""
    return acting_sites(user).filter(pk=alert.camera.site_id).exists()


def assignable(alert: Alert) -> QuerySet[User]:
    """Who may be given this alert."""
    holders = Membership.objects.filter(Q(site=None) | Q(site=alert.camera.site_id), role__in=ACTING_ROLES)
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


def counts(user: User) -> dict[str, int]:
    """The counters over the inbox."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = visible(user)
    open_rows = rows.exclude(state=AlertState.RESOLVED).aggregate(
        new=Count("pk", filter=Q(state=AlertState.NEW)),
        acknowledged=Count("pk", filter=Q(state=AlertState.ACKNOWLEDGED)),
        mine=Count("pk", filter=Q(assignee=user)),
    )
    return {**open_rows, "today": rows.filter(opened__gte=today).count()}


def open_by_site(user: User) -> dict[int, int]:
    """How many alerts are not resolved, by the site's number."""
    return dict(visible(user).exclude(state=AlertState.RESOLVED).order_by().values_list("camera__site").annotate(n=Count("pk")))


def choices(user: User) -> dict[str, Any]:
    """What the filter fields offer."""
    cameras = list(Camera.objects.filter(site__in=sites_of(user)).select_related("site").order_by("site__name", "name"))
    sites = list({camera.site_id: camera.site for camera in cameras}.values())
    return {"cameras": cameras, "sites": sites, "kinds": kinds.alerting()}


def events_of(alert: Alert) -> list[Event]:
    """The newest events of an alert, newest first."""
    return list(alert.events.order_by("-t", "-seq")[:SHOWN_EVENTS])


def entries_of(alert: Alert) -> QuerySet[HistoryEntry]:
    """What people did about it, in order."""
    return alert.entries.select_related("author")


def media_of(user: User, pk: int, kind: str, event: str | None = None) -> str | None:
    """The sha256 of an alert's picture ("snapshot") or clip, of its last event or of the one named; None when the reader may not see it or there is none."""
    rows = Event.objects.filter(alert__in=visible(user).filter(pk=pk)).exclude(**{kind: None})
    if event:
        rows = rows.annotate(name=Cast("pk", TextField())).filter(name=event)  # as text: what is no UUID is simply not found
    return rows.order_by("-t", "-seq").values_list(kind, flat=True).first()


def media_is_named(sha256: str) -> QuerySet[Alert]:
    """The alerts whose events name this picture or clip."""
    return Alert.objects.filter(pk__in=Event.objects.filter(Q(snapshot=sha256) | Q(clip=sha256)).values("alert_id")).select_related("camera")


def _filtered(rows: QuerySet[Alert], user: User, filters: AlertFilters) -> QuerySet[Alert]:
    if filters.site:
        rows = rows.filter(camera__site__slug=filters.site)
    if filters.camera:
        rows = rows.filter(camera_id=int(filters.camera)) if filters.camera.isascii() and filters.camera.isdigit() and len(filters.camera) < 18 else rows.none()
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.state:
        rows = rows.exclude(state=AlertState.RESOLVED) if filters.state == "open" else rows.filter(state=filters.state)
    if filters.mine:
        rows = rows.filter(assignee=user)
    if filters.doubtful:
        rows = rows.filter(false_alarm__gte=DOUBTFUL)
    return _searched(rows, filters.q) if filters.q else rows


def _searched(rows: QuerySet[Alert], text: str) -> QuerySet[Alert]:
    """Every word must be found somewhere: camera, site, kind in the reader's language, zone, notes, assignee, or the number."""
    for word in text.split()[:8]:
        named = [kind for kind, label in kinds.alerting() if word.lower() in label.lower()]
        found = Q(camera__name__icontains=word) | Q(camera__site__name__icontains=word) | Q(zone__icontains=word) | Q(kind__in=named)
        found |= Q(assignee__name__icontains=word) | Q(pk__in=HistoryEntry.objects.filter(text__icontains=word).values("alert_id"))
        number = word.lstrip("#")
        rows = rows.filter(found | Q(pk=int(number)) if number.isascii() and number.isdigit() and len(number) < 18 else found)
    return rows
