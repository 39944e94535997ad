"""On which terms each site trains, as its agent last reported: which tasks, and how much privacy it demands."""

from __future__ import annotations

from typing import Any

from federated.contract.heartbeat import TrainingTerms
from federated.learning.terms import Terms
from portal.sites.models import Agent


def of(agent: Agent) -> Terms:
    """What the last heartbeat reported; no demands when it reported nothing that can be read."""
    reported = agent.heartbeat.terms if agent.heartbeat else TrainingTerms()
    return Terms(tuple(reported.tasks), reported.most_epsilon)


def as_json(agent: Agent) -> dict[str, Any]:
    """The same for a page and its script."""
    found = of(agent)
    return {"tasks": list(found.tasks), "most_epsilon": found.most_epsilon}
