"""On which terms each site trains, as its agent last said: which tasks, and how much privacy it demands."""

from __future__ import annotations

from typing import Any

from federated.learning.terms import Terms
from portal.sites.models import Agent


def of(agent: Agent) -> Terms:
    """What the last heartbeat said; no demands when it said nothing that can be read."""
    said: Any = agent.health.get("terms") if isinstance(agent.health, dict) else None
    if not isinstance(said, dict):
        return Terms()
    tasks, most = said.get("tasks"), said.get("most_epsilon")
    known = tuple(str(each)[:40] for each in tasks) if isinstance(tasks, list) else ()
    return Terms(known, float(most) if isinstance(most, int | float) and most > 0 else 0.0)


def told(agent: Agent) -> dict[str, Any]:
    """The same for a page and its script."""
    found = of(agent)
    return {"tasks": list(found.tasks), "most_epsilon": found.most_epsilon}
