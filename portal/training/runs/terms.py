"""On which terms each site trains, as its agent last reported: which tasks, and how much privacy it demands."""

from __future__ import annotations

from typing import Any

from federated.learning.terms import Terms
from portal.sites.models import Agent


def of(agent: Agent) -> Terms:
    """What the last heartbeat reported; no demands when it reported nothing that can be read."""
    reported: Any = agent.health.get("terms") if isinstance(agent.health, dict) else None
    if not isinstance(reported, dict):
        return Terms()
    tasks, most = reported.get("tasks"), reported.get("most_epsilon")
    names = tuple(str(each)[:40] for each in tasks) if isinstance(tasks, list) else ()
    return Terms(names, float(most) if isinstance(most, int | float) and most > 0 else 0.0)


def as_json(agent: Agent) -> dict[str, Any]:
    """The same for a page and its script."""
    found = of(agent)
    return {"tasks": list(found.tasks), "most_epsilon": found.most_epsilon}
