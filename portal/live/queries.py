"""What the live wall shows of each camera."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.queries import sites_of
from portal.sites.models import Agent, Camera

SILENT_S = 12  # four heartbeats missed: whatever the last one said is no longer true
OLD_FRAME_S = 8.0  # heartbeats come every 3 s


def wall(user: User) -> list[dict[str, Any]]:
    """Every camera the user may see: names, state ("live", "stale", "tampered", "starting", "silent", "none") and the capture time of its last frame."""
    cameras = list(Camera.objects.filter(site__in=sites_of(user)).select_related("site").order_by("site__name", "name"))
    newest: dict[int, Agent] = {}
    for agent in Agent.objects.filter(camera__in=cameras, revoked=None).order_by(F("last_seen").asc(nulls_first=True)):
        newest[agent.camera_id] = agent
    return [_shown(camera, newest.get(camera.pk), timezone.now()) for camera in cameras]


def _shown(camera: Camera, agent: Agent | None, now: datetime.datetime) -> dict[str, Any]:
    said = agent.health.get("camera", {}) if agent and isinstance(agent.health, dict) else {}
    t = said.get("last_frame_t")
    t = t + agent.clock_skew if agent and isinstance(t, int | float) else None
    named = {"id": camera.pk, "camera": camera.name, "site": camera.site.name, "note": camera.note}
    return {**named, "state": _state(agent, said, t, now), "t": t, "fps": said.get("fps")}


def _state(agent: Agent | None, said: dict[str, Any], t: float | None, now: datetime.datetime) -> str:
    if agent is None:
        return "none"
    if agent.last_seen is None or (now - agent.last_seen).total_seconds() > SILENT_S:
        return "silent"
    if said.get("state") == "live" and t is not None and now.timestamp() - t > OLD_FRAME_S:
        return "stale"
    return str(said.get("state", "starting"))
