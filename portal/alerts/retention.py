"""How long pictures, clips and closed alerts are kept: each site's days, after which they are deleted every night."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from detectors.rules import registry
from portal.alerts.models import Alert, AlertState, Event
from portal.core import audit, media
from portal.core.periodic import for_each
from portal.sites.models import Camera, Site

BATCH = 500  # alerts deleted in one transaction


def forget_old(now: datetime.datetime | None = None) -> dict[str, int]:
    """Delete what is older than its site keeps things; {"alerts", "files"}: how many of each went.

    Open alerts stay with all they have, however old; so does an alert with a picture or clip that a case of the desk holds. Events that belong to no alert
    (counted crossings) lose their picture and stay as numbers. Recognitions have an end of their own (the face log's).
    """
    now = now or timezone.now()
    gone = for_each(Site.objects.order_by("pk"), lambda site: _forget(site, now - datetime.timedelta(days=site.kept_days)))
    days = Site.objects.aggregate(most=Max("kept_days"))["most"]
    if days:  # what concerned the whole portal is kept as long as anything
        Alert.objects.filter(camera=None, conditions=None, state=AlertState.RESOLVED, last_t__lt=now - datetime.timedelta(days=days)).delete()
    return {name: sum(each[name] for each in gone) for name in ("alerts", "files")}


def camera_records(camera: Camera) -> dict[str, int]:
    """What `delete_camera_records` would delete: {"alerts", "open", "events", "files"}."""
    alerts, events = Alert.objects.filter(camera=camera), _of_no_log(camera)
    named = _files_of(events) | set(alerts.exclude(picture="").values_list("picture", flat=True))
    return {"alerts": alerts.count(), "open": alerts.exclude(state=AlertState.RESOLVED).count(), "events": events.count(), "files": len(named)}


def delete_camera_records(camera: Camera) -> set[str]:
    """Delete every alert and event of a camera, in the caller's transaction; the files that they named. What a case or the face log holds stays as a file.

    Recognitions stay too: they are the face log's, and end with it.
    """
    alerts, events = Alert.objects.filter(camera=camera), _of_no_log(camera)
    named = _files_of(events) | set(alerts.exclude(picture="").values_list("picture", flat=True))
    events.delete()
    alerts.delete()
    return named


def _forget(site: Site, until: datetime.datetime) -> dict[str, int]:
    old = Alert.objects.filter(camera__site=site, conditions=None, state=AlertState.RESOLVED, last_t__lt=until)
    alerts, files = 0, set()
    with transaction.atomic():
        for part in _parts(old):
            events = Event.objects.filter(alert__in=part)
            files |= _files_of(events) | {alert.picture for alert in part if alert.picture}
            events.delete()
            Alert.objects.filter(pk__in=[alert.pk for alert in part]).delete()
            alerts += len(part)
        loose = Event.objects.filter(camera__site=site, alert=None, t__lt=until).exclude(kind=registry.RECOGNISED).exclude(snapshot=None, clip=None)
        files |= _files_of(loose)
        loose.update(snapshot=None, clip=None)
        if alerts or files:
            data = {"alerts": alerts, "pictures and clips": len(files), "days": site.kept_days}
            audit.record(actor="system", verb="alerts.forgotten", subject=f"site:{site.pk}", site=site.slug, data=data)
    return {"alerts": alerts, "files": media.release(files)}


def _parts(old: QuerySet[Alert]) -> Iterable[list[Alert]]:
    """The old alerts that no case holds, some at a time."""
    keys = list(old.order_by("pk").values_list("pk", flat=True))
    for at in range(0, len(keys), BATCH):
        part = list(old.filter(pk__in=keys[at : at + BATCH]).select_for_update(no_key=True, of=("self",)))
        held = media.held(_files_of(Event.objects.filter(alert__in=part)), by="cases")
        attached = set(Event.objects.filter(alert__in=part).filter(Q(snapshot__in=held) | Q(clip__in=held)).values_list("alert", flat=True)) if held else set()
        yield [alert for alert in part if alert.pk not in attached]


def _of_no_log(camera: Camera) -> QuerySet[Event]:
    return Event.objects.filter(camera=camera).exclude(kind=registry.RECOGNISED)


def _files_of(events: QuerySet[Event]) -> set[str]:
    return {name for pair in events.order_by().values_list("snapshot", "clip") for name in pair if name}
