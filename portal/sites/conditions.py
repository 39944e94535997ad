"""What is not well with cameras and their agents now, from what the agents reported: the causes of the alerts about the house (portal/alerts/house.py)."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator

from portal.sites import certificates, listening, state
from portal.sites.models import Agent, Camera
from portal.sites.silence import NOTICED

STALE_S = 30  # without a new picture, while the agent speaks
RESTARTS = 3  # ends within 24 hours that nobody asked for: no accident any more
CALM = datetime.timedelta(hours=1)  # after the last of them
LITTLE_DISK, NO_DISK = 500 * 2**20, 50 * 2**20  # bytes
DISK_AGAIN = 1.2  # times as much is free before it counts as enough again


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not well: its kind (portal.alerts.kinds), the camera, since when, and the figure or reason behind it.

    `sure` False: it cannot be judged now, because the agent is silent or the portal was away; what was so before is taken to be so still.
    """

    kind: str
    camera: Camera | None
    since: datetime.datetime
    detail: str = ""
    sure: bool = True

    @property
    def key(self) -> str:
        """What it is and what it is about, for people and database alike."""
        return f"{self.kind}:{self.camera.pk}" if self.camera else self.kind


def of_cameras(now: datetime.datetime, before: set[str]) -> list[Condition]:
    """Of the present agent of every camera that is not switched off; `before`: the keys of what was so already."""
    agents = state.newest(list(Agent.objects.filter(revoked=None, camera__switched_off=None).select_related("camera__site")))
    listened = listening.has_lasted(NOTICED)
    return [condition for agent in agents.values() for condition in _of(agent, now, before, listened)]


def _of(agent: Agent, now: datetime.datetime, before: set[str], listened: bool) -> Iterator[Condition]:
    camera, found = agent.camera, state.of(agent, now)
    if found.name == "silent":
        since = agent.last_seen or agent.enrolled
        long = now - since > NOTICED or since > now
        yield Condition("agent_silent", camera, min(since, now), sure=listened and long)
        for kind in ("camera_stale", "agent_disk_low", "agent_disk_full"):
            yield Condition(kind, camera, now, sure=False)
    elif agent.heartbeat:
        if found.name == "stale":
            yield _stale(agent, found, now, listened)
        yield from _disk(agent, now, before)
    ended = state.restarts(agent, now)
    if ended and ended.times >= RESTARTS and now - ended.last < CALM:
        yield Condition("agent_restarting", camera, ended.last, f"{ended.times} × {ended.cause}")
    if certificates.of(agent, now).name in ("overdue", "expired"):
        yield Condition("certificate_overdue", camera, now, f"{agent.certificate_not_after:%Y-%m-%d}")


def _stale(agent: Agent, found: state.State, now: datetime.datetime, listened: bool) -> Condition:
    began = agent.heartbeat.started if agent.heartbeat else None
    since = found.last_frame or (state.moment(began, agent.clock_skew) if began else None) or agent.enrolled
    problem = agent.heartbeat.camera.problem if agent.heartbeat else ""
    return Condition("camera_stale", agent.camera, min(since, now), problem, sure=listened and (now - since).total_seconds() > STALE_S)


def _disk(agent: Agent, now: datetime.datetime, before: set[str]) -> Iterator[Condition]:
    free = agent.heartbeat.disk_free if agent.heartbeat else None
    if free is None:
        return
    detail = f"{free / 2**20:.0f} MB"
    for kind, limit in (("agent_disk_full", NO_DISK), ("agent_disk_low", LITTLE_DISK)):
        condition = Condition(kind, agent.camera, now, detail)
        if free < limit * (DISK_AGAIN if condition.key in before else 1):
            yield condition
            return  # the worse of the two says it all
