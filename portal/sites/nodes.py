"""Whose a SuperNode's number is: an agent that renews its keys or enrols again gets another, while plans, runs and model cards keep the one they began with.

Numbers come from plans, run events and cards, as text or whole numbers. Whoever shows one to a person asks `camera_of` or `cameras_of`.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from portal.sites.models import Agent, Camera, FormerKeys


def owners(numbers: Iterable[str | int] | None = None) -> dict[str, Agent]:
    """Each of these numbers (None: every number there is) that an agent's node has, had or is about to have, with the agent, its camera and site."""
    keys = FormerKeys.objects.exclude(node_id="").select_related("agent__camera__site")
    agents = Agent.objects.filter(~Q(node_id="") | ~Q(next_node_id="") | ~Q(former_node_ids=[])).select_related("camera__site")
    asked = None if numbers is None else {str(each) for each in numbers}
    if asked is not None:
        keys = keys.filter(node_id__in=asked)
        agents = agents.filter(Q(node_id__in=asked) | Q(next_node_id__in=asked) | Q(former_node_ids__overlap=list(asked)))
    rows = list(agents)
    found = {number: agent for agent in rows for number in agent.former_node_ids}  # whoever has a number now comes last, and wins
    found |= {row.node_id: row.agent for row in keys}
    found |= {number: agent for agent in rows for number in (agent.node_id, agent.next_node_id) if number}
    return found if asked is None else {number: agent for number, agent in found.items() if number in asked}


def cameras_of(numbers: Iterable[str | int] | None = None) -> dict[str, Camera]:
    """The cameras (with their site) behind these numbers (None: every number there is), by number; what is nobody's is left out. Two queries at the most."""
    return {number: agent.camera for number, agent in owners(numbers).items()}


def camera_of(number: str | int) -> Camera | None:
    """The camera behind one number; None when it is nobody's."""
    return cameras_of([number]).get(str(number))


def present(numbers: Iterable[str | int]) -> list[str]:
    """The numbers that these nodes have now; what is nobody's stays as it is."""
    asked = list(map(str, numbers))
    agents = owners(asked)
    return list(dict.fromkeys(agents[each].node_id if each in agents and agents[each].node_id else each for each in asked))


def reachable(numbers: Iterable[str | int]) -> list[str]:
    """The same, and besides the number that a node which renews its keys is about to have: one of the two is online."""
    now = present(numbers)
    agents = owners(now)
    coming = [agents[each].next_node_id for each in now if each in agents]
    return list(dict.fromkeys([*now, *filter(None, coming)]))
