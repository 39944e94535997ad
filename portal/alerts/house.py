"""Alerts about the house itself: what is not well raises one alert, whoever and however many look for it, and the alert closes when it is well again.

Each portal process looks every few seconds (portal/core/serving.py), because the worker may be what is missing. A HouseCondition row stands for what lasts:
its key can be written once, so one process raises. A person may resolve the alert before its cause has ended: it is not raised again until it came anew.
"""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from portal.alerts import kinds
from portal.alerts.events import AlertRaised, AlertsChanged
from portal.alerts.models import Alert, AlertState, HistoryEntry, HouseCondition, ResolutionReason
from portal.core import audit, audit_witness, health
from portal.core.events import publish
from portal.core.periodic import for_each
from portal.sites import conditions, listening
from portal.sites.conditions import Condition
from portal.sites.models import Camera

WORKER_AWAY = datetime.timedelta(minutes=2)  # that the portal has listened: a restart of everything must not call people
WELL = datetime.timedelta(seconds=15)  # without the cause, before the alert closes: a cable that is loose is one alert, not twenty
ROOM_AGAIN = 1.2  # times as much of the disk is free before it counts as enough again


def check(now: datetime.datetime | None = None) -> None:
    """Look once: raise what is new, close what has ended. May run in several processes at the same time."""
    now = now or timezone.now()
    _adopt(now)
    rows = {row.key: row for row in HouseCondition.objects.all()}
    found = {each.key: each for each in (*conditions.of_cameras(now, set(rows)), *_of_portal(now, set(rows)))}
    for_each((each for each in found.values() if each.sure and (each.key not in rows or rows[each.key].better)), lambda each: _raise(each, now))
    for_each((row for key, row in rows.items() if key not in found), lambda row: _end(row.key, now))


def _of_portal(now: datetime.datetime, before: set[str]) -> list[Condition]:
    found = []
    if not health.workers():
        found.append(Condition("worker_down", None, now, sure=listening.has_lasted(WORKER_AWAY)))
    if findings := audit_witness.open_findings():
        found.append(Condition("audit_changed", None, findings[-1].noticed, str(min(each.seq for each in findings))))
    try:
        free, share = health.room()
    except OSError:  # the Health page names it; nobody knows how much is free
        return [*found, *(Condition(kind, None, now, sure=False) for kind in ("disk_full", "disk_low"))]
    for kind, limit in (("disk_full", health.NO_ROOM), ("disk_low", health.LITTLE_ROOM)):
        if share < limit * (ROOM_AGAIN if kind in before else 1):
            return [*found, Condition(kind, None, now, f"{free / 2**30:.1f} GB · {100 * share:.1f} %")]
    return found


def _adopt(now: datetime.datetime) -> None:
    """An agent that still sees its camera fall silent says so itself: that alert, too, ends when pictures come again."""
    alone = Alert.objects.filter(kind=kinds.CAMERA_STALE, conditions=None).exclude(state=AlertState.RESOLVED).order_by("pk")
    rows = [HouseCondition(key=f"{kinds.CAMERA_STALE}:{alert.camera_id}", alert=alert, since=alert.opened) for alert in alone]
    HouseCondition.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def _raise(condition: Condition, now: datetime.datetime) -> None:
    if condition.camera:
        Camera.objects.select_for_update(no_key=True).get(pk=condition.camera.pk)  # no event of it raises or joins an alert meanwhile
    row, made = HouseCondition.objects.get_or_create(key=condition.key, defaults={"since": condition.since})
    if not made:
        HouseCondition.objects.filter(pk=row.pk).update(better=None)
        return
    site = condition.camera.site if condition.camera else None
    if quicker := Alert.objects.filter(kind=condition.kind, camera=condition.camera).exclude(state=AlertState.RESOLVED).first():
        HouseCondition.objects.filter(pk=row.pk).update(alert=quicker)  # the agent itself raised it
        return
    alert = Alert(camera=condition.camera, kind=condition.kind, opened=condition.since, last_t=now, changed=now, count=1, score=1.0)
    alert.severity, alert.detail = kinds.severity_of(condition.kind), condition.detail[:300]
    alert.save()
    HouseCondition.objects.filter(pk=row.pk).update(alert=alert)
    data = {"kind": alert.kind, "detail": alert.detail, "since": condition.since.isoformat()}
    audit.record(actor="system", verb="alert.raised", subject=f"alert:{alert.pk}", site=site.slug if site else "", data=data)
    slugs = {"site": site.slug if site else "", "camera": condition.camera.slug if condition.camera else ""}
    publish(AlertRaised(alert_id=alert.pk, kind=alert.kind, t=alert.opened, severity=alert.severity, **slugs))
    publish(AlertsChanged(site_id=site and site.pk, alert_ids=(alert.pk,)))


@transaction.atomic
def _end(key: str, now: datetime.datetime) -> None:
    """Close its alert when it has been well for long enough; what somebody resolved meanwhile stays as they left it."""
    row = HouseCondition.objects.select_for_update().filter(pk=key).first()
    if row is None:
        return
    if row.better is None or row.better > now:  # the clock was put back
        row.better = now
        row.save(update_fields=["better"])
        return
    if now - row.better < WELL:
        return
    rest = Alert.objects.filter(kind=row.alert.kind, camera=row.alert.camera_id).exclude(state=AlertState.RESOLVED)
    for each in rest.order_by("pk").select_for_update(no_key=True, of=("self",)).select_related("camera__site"):
        _close(each, now)  # one, or those that an agent raised of the same silence
    row.delete()


def _close(alert: Alert, now: datetime.datetime) -> None:
    alert.state, alert.reason, alert.changed, alert.last_t = AlertState.RESOLVED, ResolutionReason.ENDED, now, max(alert.last_t, now)
    alert.save()
    HistoryEntry.objects.create(alert=alert, author=None, verb=HistoryEntry.Verb.ENDED)
    site = alert.site
    audit.record(actor="system", verb="alert.ended", subject=f"alert:{alert.pk}", site=site.slug if site else "", data={"kind": alert.kind})
    publish(AlertsChanged(site_id=site and site.pk, alert_ids=(alert.pk,)))
