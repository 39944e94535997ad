"""How far agents are with a version that was published: which are still to take it, which refused it."""

from __future__ import annotations

import dataclasses

from portal.accounts.models import User
from portal.sites.models import Agent
from portal.training.models import ModelOutcome, ModelState, ModelVersion
from portal.training.permissions import readable_sites


@dataclasses.dataclass(frozen=True, slots=True)
class AgentUpdate:
    """An agent that should run a version and does not yet: `outcome` is what it last reported of it ("" when nothing so far), with the reason."""

    agent: Agent
    outcome: str = ""
    reason: str = ""


def waiting(models: list[ModelVersion], running: dict[str, list[Agent]], user: User) -> dict[int, list[AgentUpdate]]:
    """For each published version (by its key) the agents of the reader's sites that are asked to run it and do not report it yet."""
    published = [model for model in models if model.state == ModelState.PUBLISHED]
    if not published:
        return {}
    agents = [
        agent
        for agent in Agent.objects.filter(revoked=None, camera__site__in=readable_sites(user)).select_related("camera__site").order_by("camera__name")
        if agent.heartbeat
    ]
    outcomes = list(ModelOutcome.objects.filter(sha256__in=[model.sha256 for model in published]).order_by("id"))
    found = {}
    for model in published:
        at_work = {agent.pk for agent in running.get(model.sha256, [])}
        since = model.published or model.created
        last = {each.agent_id: each for each in outcomes if each.sha256 == model.sha256 and each.t >= since}
        missing = [agent for agent in agents if agent.pk not in at_work]
        found[model.pk] = [AgentUpdate(agent, last[agent.pk].outcome, last[agent.pk].reason) if agent.pk in last else AgentUpdate(agent) for agent in missing]
    return found
