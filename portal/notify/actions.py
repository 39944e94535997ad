"""Each message goes to every channel in use, as a job of its own; what became of it is kept for the Health page."""

from __future__ import annotations

import dataclasses

from django.utils import timezone

from portal.alerts.events import AlertRaised
from portal.core import jobs
from portal.core.events import DomainEvent
from portal.notify import config, notifications
from portal.notify.models import ChannelState

deliver = jobs.named("notify.deliver")


def notify(event: DomainEvent) -> None:
    """The subscriber, in the event's transaction: defer one delivery for each channel in use. Raises config.ChannelsFileError."""
    if isinstance(event, AlertRaised) and event.kind == "agent_silent":
        return  # AgentSilent is sent of it: one message, not two
    if not (names := list(config.read())):
        return
    notification = dataclasses.asdict(notifications.of(event))
    for name in names:
        deliver.defer(channel=name, notification=notification)


def note_delivered(*, channel: str) -> None:
    """Its last message has arrived."""
    ChannelState.objects.update_or_create(name=channel, defaults={"delivered": timezone.now()})


def note_failed(*, channel: str, failure: str) -> None:
    """Its last attempt failed."""
    ChannelState.objects.update_or_create(name=channel, defaults={"failed": timezone.now(), "failure": failure[:300]})
