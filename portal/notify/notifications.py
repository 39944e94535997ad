"""Each domain event that is sent, as the notification a channel gets: one function an event, found by its type. docs/operations.md lists the kinds."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.urls import reverse

from portal.alerts.events import AlertRaised
from portal.core.events import DomainEvent
from portal.notify.channels import Notification

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
    data = {"alert": event.alert_id, "alert_kind": event.kind}
    return _notification("alert.raised", event.t, reverse("alerts:alert", args=[event.alert_id]), data, site=event.site, camera=event.camera)


def _notification(kind: str, t: datetime.datetime, path: str, data: dict[str, str | int], *, site: str = "", camera: str = "") -> Notification:
    """`path` becomes an address when SPECOLA_ORIGINS names the portal's own; the worker, unlike a request, has no other way to find it."""
    origin = next(iter(settings.CSRF_TRUSTED_ORIGINS), "")
    return Notification(str(uuid.uuid4()), kind, t.astimezone(datetime.UTC).isoformat(), site, camera, origin + path, data)
