"""Whose a SuperNode's number is: an agent that renews its keys gets another one, while plans and runs keep the number they began with."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from portal.sites.models import Agent, FormerKeys


def owners() -> dict[str, Agent]:
    """Every number that an agent's node has or had, with the agent."""
    found = {row.node_id: row.agent for row in FormerKeys.objects.exclude(node_id="").select_related("agent")}
    known = Agent.objects.filter(~Q(node_id="") | ~Q(next_node_id=""))
    return found | {number: agent for agent in known for number in (agent.node_id, agent.next_node_id) if number}


def present(numbers: Iterable[str]) -> list[str]:
    """The numbers that these nodes have now; what is nobody's stays as it is."""
    known = owners()
    return list(dict.fromkeys(known[each].node_id if each in known and known[each].node_id else each for each in map(str, numbers)))


def reachable(numbers: Iterable[str]) -> list[str]:
    """The same, and beside it the number that a node which renews its keys is about to have: one of the two is online."""
    known, now = owners(), present(numbers)
    coming = [known[each].next_node_id for each in now if each in known]
    return list(dict.fromkeys([*now, *filter(None, coming)]))
