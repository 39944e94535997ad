"""The face log: what a door's camera recognised, and when it is forgotten."""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.accounts.models import Role, User
from portal.accounts.queries import sites_of
from portal.alerts.models import Event
from portal.core import audit, media
from portal.people.models import LivenessAnswer, Person, Recognition
from portal.sites.models import Site

KEPT = datetime.timedelta(days=30)
READERS = (Role.MANAGER, Role.OPERATOR)


def record(events: Iterable[Event]) -> int:
    """Write fresh events of kind "recognised" into the log; call it inside their transaction. Returns how many made sense.

    A visit is sent twice, when the name is given and when it is over, in any order; what makes no sense is no reason to lose the rest. Each person is locked:
    whoever erases them meanwhile comes before or after. Sorted by person, so that two batches wait for each other in one order.
    """
    return sum(_record(event) for event in sorted(events, key=_person_named))


def sites_of_reader(user: User) -> QuerySet[Site]:
    """Where the user may read the log and verify."""
    return sites_of(user, Role.MANAGER) | sites_of(user, Role.OPERATOR)


def forget_old(now: datetime.datetime | None = None) -> int:
    """Delete recognitions that began more than 30 days ago, their events and their pictures; returns how many."""
    until = (now or timezone.now()) - KEPT
    with transaction.atomic():
        old = Recognition.objects.filter(started__lt=until)
        pictures = set(old.exclude(snapshot="").values_list("snapshot", flat=True))
        events = Event.objects.filter(kind="recognised", t__lt=until)
        pictures |= set(events.exclude(snapshot=None).values_list("snapshot", flat=True))
        count = old.count()
        events.delete()
        old.delete()
        if count:
            audit.record(actor="system", verb="recognition.forgotten", subject="recognitions", data={"count": count, "days": KEPT.days})
    media.release(pictures)
    return count


def _person_named(event: Event) -> str:
    return str(event.data.get("person")) if isinstance(event.data, dict) else ""


def _record(event: Event) -> bool:
    data = event.data if isinstance(event.data, dict) else {}
    try:
        values = _values(data, event)
        person = Person.objects.select_for_update(no_key=True).get(uid=uuid.UUID(str(data["person"])), site_id=event.camera.site_id)
    except (KeyError, TypeError, ValueError, OverflowError, Person.DoesNotExist):
        return False
    ended = values.pop("ended")
    row, made = Recognition.objects.get_or_create(camera_id=event.camera_id, visit=values.pop("visit"), person=person, defaults={**values, "ended": ended})
    if not made:
        row.ended = row.ended or ended
        row.snapshot, row.event_id = row.snapshot or values["snapshot"], row.event_id or values["event_id"]
        row.doubtful = row.doubtful or values["doubtful"]
        if _weight(values["liveness"]) > _weight(row.liveness):
            row.liveness, row.liveness_reason = values["liveness"], values["liveness_reason"]
        row.save(update_fields=["ended", "snapshot", "event", "doubtful", "liveness", "liveness_reason"])
    return True


def _values(data: dict[str, Any], event: Event) -> dict[str, Any]:
    """The columns, checked. Raises KeyError, TypeError, ValueError or OverflowError."""
    visit, net, zone = (str(data.get(name) or "") for name in ("visit", "net", "zone"))
    if not visit or len(visit) > 32 or not visit.isalnum():
        raise ValueError("visit")
    first = "ended" not in data
    return {
        "visit": visit,
        "net": net[:40],
        "model_sha256": str((event.models or {}).get(net, ""))[:64],
        "zone": zone[:60],
        "started": _moment(data["started"]),
        "ended": None if first else _moment(data["ended"]),
        **{name: _count(data[name]) for name in ("gallery_version", "people", "frames")},
        **{name: _cosine(data[name]) for name in ("score", "threshold")},
        "snapshot": event.snapshot or "",
        "event_id": event.pk if first else None,
        "doubtful": data.get("doubtful") is True,
        "liveness": data["liveness"] if data.get("liveness") in LivenessAnswer.values else "",
        "liveness_reason": str(data.get("liveness_reason") or "")[:20],
    }


def _weight(liveness: str) -> int:
    """The two messages of a visit come in any order: what was found weighs more than that nothing can be said, and that it is a picture most."""
    return LivenessAnswer.values.index(liveness) + 1 if liveness else 0


def _moment(value: Any) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(float(value), datetime.UTC)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(f"{value!r} is no count")
    return value


def _cosine(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value) or not -1.001 <= value <= 1.001:
        raise ValueError(f"{value!r} is no cosine")
    return float(value)
