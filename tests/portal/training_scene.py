"""Three enrolled agents, an administrator, and a run that a SuperLink might tell of."""

from __future__ import annotations

import datetime
from typing import Any

from alert_scene import user
from django.utils import timezone

from federated.contract import run_events
from portal.accounts.models import User
from portal.sites.models import Agent, Camera, Site
from portal.training.models import Canary, ModelVersion, Run
from portal.training.rollout import actions as rollout_actions
from portal.training.rollout import canary
from portal.training.runs import actions, following

CARD = {
    "name": "anomaly",
    "version": "0.1.0+1",
    "data": "9 samples",
    "licence": "Apache-2.0",
    "source": "a test",
    "limits": "none known",
    "metrics": {"sites": 3},
}


def agents(slug: str = "square", count: int = 3) -> list[Agent]:
    """A site with cameras whose agents are known to the SuperLink as 100, 101, ..."""
    site = Site.objects.create(slug=slug, name=f"Site {slug}")
    cameras = [Camera.objects.create(site=site, slug=f"c{n}", name=f"Camera {n}") for n in range(count)]
    return [Agent.objects.create(camera=camera, public_key=f"{slug}-{n}", node_id=str(100 + n)) for n, camera in enumerate(cameras)]


def administrator(email: str = "admin@example.org") -> User:
    return user(email, "administrator")


def run(person: User, **plan: Any) -> Run:
    """A run that an administrator has started."""
    return actions.start_run(user=person, task="anomaly", **plan)


def round_event(number: int, seq: int, **sites: str) -> dict[str, Any]:
    """What the SuperLink reports of a round; `sites` maps n100 to a status."""
    rows = [{"node": node[1:], "status": status, "loss": 0.5, "n": 9, "bytes_down": 10, "bytes_up": 20, "update_norm": 1.0} for node, status in sites.items()]
    return {"kind": "round", "seq": seq, "round": number, "rounds": 2, "loss": 0.5, "seconds": 1.5, "sites": rows}


def model(content: bytes, version: str = "0.1.0+1") -> ModelVersion:
    """A candidate, as a run leaves it."""
    begun = Run.objects.create(task="anomaly", plan={"rounds": 1}, started_by=administrator(f"{version}@example.org"))
    return rollout_actions.keep_model(run=begun, content=content, card={**CARD, "version": version})


def store(of: Run, *events: dict[str, Any]) -> Run:
    """Store events as the worker does: parsed where they come in."""
    for event in events:
        following.store(of, run_events.parse(event))
    of.refresh_from_db()
    return of


def beat(agent: Agent, ago: datetime.timedelta = datetime.timedelta(), **health: Any) -> None:
    """What the agent's last heartbeat held, and how long ago."""
    agent.health, agent.last_seen = {**agent.health, **health}, timezone.now() - ago
    agent.save()


def canary_at(person: User, version: ModelVersion, *tried: Agent) -> Canary:
    """A canary at these agents' cameras."""
    return canary.start(user=person, model_id=version.pk, cameras=[agent.camera_id for agent in tried])
