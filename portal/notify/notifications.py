"""Each domain event that is sent, as the notification a channel gets: one function an event, found by its type. docs/operations.md lists the kinds."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.alerts.events import AlertRaised
from portal.core.audit_witness import AuditLogChanged
from portal.core.events import DomainEvent
from portal.core.severity import Severity
from portal.notify.channels import Notification
from portal.people.events import PeopleExpiring
from portal.sites.events import AgentSilent
from portal.training.events import CanaryTakenBack, RunEnded

E = TypeVar("E", bound=DomainEvent)
table: dict[type[DomainEvent], Callable[[Any], Notification]] = {}


def of(event: DomainEvent) -> Notification:
    """The message about this event, with a new id."""
    return table[type(event)](event)


def _about(kind: type[E]) -> Callable[[Callable[[E], Notification]], Callable[[E], Notification]]:
    def register(make: Callable[[E], Notification]) -> Callable[[E], Notification]:
        table[kind] = make
        return make

    return register


@_about(AlertRaised)
def _alert_raised(event: AlertRaised) -> Notification:
    data = {"alert": event.alert_id, "alert_kind": event.kind, "severity": Severity(event.severity).name.lower()}
    return _notification("alert.raised", event.t, reverse("alerts:alert", args=[event.alert_id]), data, site=event.site, camera=event.camera)


@_about(RunEnded)
def _run_ended(event: RunEnded) -> Notification:
    data = {"run": event.run_id, "task": event.task, "state": event.state}
    return _notification("run.ended", timezone.now(), reverse("training:run", args=[event.run_id]), data)


@_about(CanaryTakenBack)
def _canary_taken_back(event: CanaryTakenBack) -> Notification:
    data = {"canary": event.canary_id, "model": event.model_id, "detector": event.detector, "automatic": event.automatic}
    return _notification("canary.taken_back", timezone.now(), reverse("training:canary", args=[event.canary_id]), data)


@_about(AgentSilent)
def _agent_silent(event: AgentSilent) -> Notification:
    path = reverse("sites:camera", args=[event.site, event.camera])
    return _notification("agent.silent", event.since, path, {"agent": event.agent_id}, site=event.site, camera=event.camera)


@_about(PeopleExpiring)
def _people_expiring(event: PeopleExpiring) -> Notification:
    """How many and whose, by number: the names stand on the page, for those who may see it."""
    data = {"people": len(event.uids), "owner": event.owner_id}
    return _notification("people.expiring", timezone.now(), reverse("people:expiring"), data, site=event.site)


@_about(AuditLogChanged)
def _audit_changed(event: AuditLogChanged) -> Notification:
    data = {"row": event.seq, "witness": event.agent, "finding": event.finding_id}
    return _notification("audit.changed", timezone.now(), reverse("house:audit"), data, site=event.site)


def _notification(kind: str, t: datetime.datetime, path: str, data: dict[str, str | int], *, site: str = "", camera: str = "") -> Notification:
    """`path` becomes an address when SPECOLA_ORIGINS names the portal's own; the worker, unlike a request, has no other way to find it."""
    origin = next(iter(settings.CSRF_TRUSTED_ORIGINS), "")
    return Notification(str(uuid.uuid4()), kind, t.astimezone(datetime.UTC).isoformat(), site, camera, origin + path, data)
