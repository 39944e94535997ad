"""Agents that fall silent: noticed once for each silence, for those who do not look at the page."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from portal.core import events
from portal.core.periodic import for_each
from portal.sites import listening, state
from portal.sites.events import AgentSilent
from portal.sites.models import Agent

NOTICED = datetime.timedelta(seconds=60)  # a page says so after four missed heartbeats; a restart of the portal or a box must not call people


def notice(now: datetime.datetime | None = None) -> list[AgentSilent]:
    """Publish AgentSilent for agents that have been silent for a minute and were not noticed since their last heartbeat; returns what was published.

    Nobody is silent before the portal itself has listened for that minute.
    """
    if not listening.has_lasted(NOTICED):
        return []
    now = now or timezone.now()
    ahead = Q(since__gt=now + NOTICED)  # by a clock that was put back since then
    rows = Agent.objects.annotate(since=Coalesce("last_seen", "enrolled")).filter(Q(since__lt=now - NOTICED) | ahead, revoked=None, camera__switched_off=None)
    unnoticed = rows.filter(Q(silence_noticed=None) | Q(silence_noticed__lt=F("since"))).select_related("camera__site")

    def publish(agent: Agent) -> AgentSilent | None:
        with transaction.atomic():
            fresh = unnoticed.select_for_update(of=("self",)).filter(pk=agent.pk).first()
            if fresh is None or state.of(fresh, now).name != "silent":
                return None
            Agent.objects.filter(pk=fresh.pk).update(silence_noticed=max(now, fresh.since))
            event = AgentSilent(str(fresh.pk), fresh.camera.site.slug, fresh.camera_id, fresh.camera.slug, fresh.since)
            events.publish(event)
        return event

    return [event for event in for_each(unnoticed, publish) if event is not None]
