"""The sites that can train: what they are, how they are, what each did last. Numbers only, never content."""

from __future__ import annotations

import dataclasses
import uuid

from django.core.cache import cache
from django.utils import timezone

from federated.contract.heartbeat import Heartbeat
from federated.learning import control
from federated.learning.terms import Terms
from portal.accounts.models import User
from portal.sites import certificates, nodes, state
from portal.sites.models import Agent
from portal.training.models import RunNode
from portal.training.node_names import worded
from portal.training.permissions import readable_sites
from portal.training.runs import terms

ASKED_S = 5  # the SuperLink is asked at most so often
SHOWN = ("specola", "flwr", "torch")  # versions that decide whether sites can train together


@dataclasses.dataclass(frozen=True, slots=True)
class NodeRow:
    """One agent as the inventory shows it. `link` is how the SuperLink sees its node: "online", "offline", "registered", "" (no node) or "unknown"."""

    agent: Agent
    state: state.State
    link: str
    data: dict[str, int]
    versions: dict[str, str]
    last: RunNode | None
    disk_free: float | None
    mains: bool | None
    training: str
    terms: Terms
    certificate: certificates.Standing


def inventory(user: User) -> tuple[list[NodeRow], str]:
    """Every agent in use of the reader's sites, and why the SuperLink cannot be asked (empty when it answers)."""
    agents = list(
        Agent.objects.filter(revoked=None, camera__site__in=readable_sites(user)).select_related("camera__site").order_by("camera__site__name", "camera__name")
    )
    links, trouble = ask_superlink()
    newest = _newest(nodes.owners())
    return [_row(agent, links, newest, trouble) for agent in agents], trouble


def ask_superlink() -> tuple[dict[str, str], str]:
    """Each node's state by its id, and the reason when the SuperLink does not answer."""
    answer = cache.get("superlink:nodes")
    if answer is None:
        try:
            answer = ({node.id: node.state for node in control.nodes()}, "")
        except control.FederationError as error:
            answer = ({}, str(error)[:200])
        cache.set("superlink:nodes", answer, ASKED_S)
    return answer


def _row(agent: Agent, links: dict[str, str], newest: dict[uuid.UUID, RunNode], trouble: str) -> NodeRow:
    heartbeat = agent.heartbeat or Heartbeat(t=0.0)
    now = timezone.now()
    return NodeRow(
        agent=agent,
        state=state.of(agent, now),
        link="" if not agent.node_id else "unknown" if trouble else _link(agent, links),
        data=dict(heartbeat.data),
        versions={name: heartbeat.versions[name] for name in SHOWN if name in heartbeat.versions},
        last=newest.get(agent.pk),
        disk_free=heartbeat.disk_free,
        mains=heartbeat.mains,
        training=heartbeat.training,
        terms=terms.of(agent),
        certificate=certificates.of(agent, now),
    )


def _link(agent: Agent, links: dict[str, str]) -> str:
    """The state of the agent's node; while it changes its keys, of the one of the two that is online."""
    return "online" if links.get(agent.next_node_id) == "online" else links.get(agent.node_id, "unknown")


def _newest(owners: dict[str, Agent]) -> dict[uuid.UUID, RunNode]:
    """What each agent did last, under whichever number its node had then."""
    found = RunNode.objects.filter(node__in=owners).select_related("round__run").order_by("node", "-pk").distinct("node")
    last, cameras = {}, {number: agent.camera for number, agent in owners.items()}
    for each in sorted(found, key=lambda each: each.pk):
        each.reason = worded(each.reason, cameras)
        last[owners[each.node].pk] = each
    return last
