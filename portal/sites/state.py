"""What a camera's agent said last, judged by this portal's clock: what is old is never called live."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.sites.models import Agent
from portal.sites.worded import Worded

SILENT_S = 12  # four heartbeats missed: whatever the last one said is no longer true
STARTING_S = 60  # from enrolment to the first heartbeat: weights are loaded meanwhile
OLD_FRAME_S = 8.0  # heartbeats come every 3 s
SKEWED_S = 5.0  # times of capture are then off by more than people notice
BACKLOG = 200  # events waiting at the camera
WORDS = {
    "live": (_("Live"), "is-ok"),
    "starting": (_("Starting"), ""),
    "stale": (_("No new picture"), "is-warning"),
    "silent": (_("Agent silent"), "is-alarm"),
    "tampered": (_("Tampered with"), "is-alarm"),
    "none": (_("No agent"), ""),
    "revoked": (_("Revoked"), ""),
}


@dataclasses.dataclass(frozen=True, slots=True)
class State(Worded):
    """The state of a camera ("live", "stale", "tampered", "starting", "silent", "none", "revoked") and the numbers beside it."""

    words = WORDS
    last_frame: datetime.datetime | None = None
    fps: float | None = None
    dropped: int | None = None
    people: int | None = None
    width: int = 4
    height: int = 3


def of(agent: Agent | None, now: datetime.datetime) -> State:
    """The state of a camera with this agent."""
    if agent is None:
        return State("none")
    said = _camera(agent)
    t, name = _capture(agent, said), _name(agent, said, now)
    width, height = said.get("width"), said.get("height")
    known = all(isinstance(side, int) and 0 < side < 20000 for side in (width, height))
    people = _number(said.get("people")) if name in ("live", "tampered") else None
    return State(name, t, _number(said.get("fps")), _number(said.get("dropped")), people, *((width, height) if known else (4, 3)))


def newest(agents: list[Agent]) -> dict[int, Agent]:
    """For each camera the agent that counts: not revoked, enrolled last."""
    return {agent.camera_id: agent for agent in sorted(agents, key=lambda agent: agent.enrolled) if agent.revoked is None}


def _name(agent: Agent, said: dict[str, Any], now: datetime.datetime) -> str:
    if agent.revoked:
        return "revoked"
    if agent.last_seen is None:
        return "starting" if (now - agent.enrolled).total_seconds() < STARTING_S else "silent"
    if (now - agent.last_seen).total_seconds() > SILENT_S:
        return "silent"
    name, t = said.get("state"), _capture(agent, said)
    if name == "live" and (t is None or (now - t).total_seconds() > OLD_FRAME_S):
        return "stale"
    return name if name in ("live", "stale", "tampered") else "starting"


def _camera(agent: Agent) -> dict[str, Any]:
    said = agent.health.get("camera") if isinstance(agent.health, dict) else None
    return said if isinstance(said, dict) else {}


def _capture(agent: Agent, said: dict[str, Any]) -> datetime.datetime | None:
    t = _number(said.get("last_frame_t"))
    if t is None:
        return None
    try:
        return datetime.datetime.fromtimestamp(t + agent.clock_skew, datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
