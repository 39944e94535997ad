"""Made-up crossings and past alerts for the demo: each row is marked, every page says so, and `forget` takes all of them away again."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.alerts import kinds
from portal.alerts.models import Alert, AlertState, Event, HistoryEntry, ResolutionReason
from portal.core import audit, media
from portal.sites.models import Camera, Rule, Site

MADE, FORGOTTEN = "demo.history_made", "demo.history_forgotten"


@dataclasses.dataclass(frozen=True, slots=True)
class Crossing:
    """Somebody who crossed a line: "a_to_b" or "b_to_a"."""

    camera: Camera
    line: str
    direction: str
    t: datetime.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class PastAlert:
    """A resolved alert with one picture (JPEG) and what was found in it, as the pages draw it."""

    camera: Camera
    kind: str
    zone: str
    opened: datetime.datetime
    seconds: float
    score: float
    reason: ResolutionReason
    snapshot: bytes
    detections: Sequence[dict[str, Any]] = ()
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


@transaction.atomic
def add(*, site: Site, crossings: Sequence[Crossing], alerts: Sequence[PastAlert]) -> None:
    """Write them down, with one audit row. They ring nowhere, teach no camera, and count neither as open nor as today's."""
    now = timezone.now()
    counted = [_event(each.camera, "line_crossed", each.t, {"line": each.line, "direction": each.direction}, now, n) for n, each in enumerate(crossings)]
    Event.objects.bulk_create(counted, batch_size=500)
    for n, each in enumerate(alerts, len(counted)):
        _alert(each, now, n)
    audit.record(actor="system", verb=MADE, subject=f"site:{site.pk}", site=site.slug, data={"crossings": len(crossings), "alerts": len(alerts)})


def forget() -> dict[str, int]:
    """Take away everything that was made up, at every site: {"alerts", "crossings", "files"}; nothing that a camera saw is touched."""
    with transaction.atomic():
        alerts, events = Alert.objects.filter(demo=True), Event.objects.filter(demo=True)
        files = {name for name in (*alerts.values_list("picture", flat=True), *events.values_list("snapshot", flat=True)) if name}
        gone = {"alerts": alerts.count(), "crossings": events.filter(alert=None).count()}
        alerts.update(last=None)
        events.delete()
        alerts.delete()
        if any(gone.values()):
            audit.record(actor="system", verb=FORGOTTEN, subject="demo", data=gone)
    return {**gone, "files": media.release(files)}


def _event(camera: Camera, kind: str, t: datetime.datetime, data: dict[str, Any], now: datetime.datetime, n: int) -> Event:
    """`n` numbers what is made up; below zero, so that it stands before whatever the camera's agent numbers."""
    named = {"id": uuid.uuid4(), "seq": n - 1_000_000, "demo": True, "received": now, "legal_mode": camera.legal_mode}
    return Event(camera=camera, kind=kind, t=t, score=1.0, data=data, **named)


def _alert(made: PastAlert, now: datetime.datetime, n: int) -> Alert:
    event = _event(made.camera, made.kind, made.opened + datetime.timedelta(seconds=made.seconds), {**made.data, "zone": made.zone}, now, n)
    event.score, event.detections, event.snapshot = made.score, list(made.detections), media.put(made.snapshot)
    alert = Alert(camera=made.camera, kind=made.kind, zone=made.zone, opened=made.opened, last_t=event.t, count=1, score=made.score, demo=True)
    alert.state, alert.reason, alert.picture, alert.changed = AlertState.RESOLVED, made.reason, event.snapshot, now
    rules = Rule.objects.filter(camera=made.camera, kind=made.kind, zone__name=made.zone or None)
    alert.severity = rules.values_list("severity", flat=True).first() or kinds.severity_of(made.kind)
    alert.save()
    event.alert = alert
    event.save()
    Alert.objects.filter(pk=alert.pk).update(last=event)
    entry = HistoryEntry.objects.create(alert=alert, author=None, verb=HistoryEntry.Verb.RESOLVED, detail=made.reason)
    HistoryEntry.objects.filter(pk=entry.pk).update(t=event.t + datetime.timedelta(minutes=2))
    return alert
