"""The worker's part: make agents' training nodes known to the SuperLink, and take revoked and replaced ones away."""

from __future__ import annotations

import contextlib
import datetime

from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from federated.learning import control
from federated.trust import pki
from portal.core import audit
from portal.core.periodic import for_each
from portal.sites import key_actions, silence
from portal.sites.models import Agent, FormerKeys

# The SuperLink may be starting or restarting: keep trying, first quickly, for half a day.
PATIENCE = RetryStrategy(max_attempts=200, linear_wait=2, retry_exceptions={control.Unreachable})
NODE_OVERLAP = datetime.timedelta(hours=24)  # an old node goes then, whatever became of the new one


@app.task(name="sites.register_node", queue="federation", retry=PATIENCE)
def register_node(agent_id: str) -> None:
    """Let an agent's SuperNode join; what Flower calls it is kept on the agent. A key that cannot be used is written into the audit log, with the reason."""
    agent = Agent.objects.select_related("camera__site").filter(pk=agent_id, revoked=None).first()
    if agent is None or not agent.node_public_key:
        return
    try:
        node_id = control.register_node(agent.node_public_key)
    except (control.Refused, pki.PkiError) as error:
        audit.record(actor="system", verb="agent.node_refused", subject=f"agent:{agent_id}", site=agent.camera.site.slug, data={"reason": str(error)[:300]})
        return
    if not key_actions.keep_node(agent_id=agent_id, key=agent.node_public_key, node_id=node_id):
        control.unregister_node(node_id)


@app.task(name="sites.unregister_node", queue="federation", retry=PATIENCE)
def unregister_node(agent_id: str) -> None:
    """Refuse every SuperNode of a revoked agent from its next call on: the one at work, the one to come, and those it had."""
    agent = Agent.objects.filter(pk=agent_id).exclude(revoked=None).first()
    if agent is None:
        return
    old = FormerKeys.objects.filter(agent=agent, node_gone=None).values_list("node_id", flat=True)
    for node_id in dict.fromkeys(filter(None, (*old, agent.next_node_id, agent.node_id))):
        control.unregister_node(node_id)
        key_actions.forget_node(agent_id=agent_id, node_id=node_id)


@app.periodic(cron="* * * * *")
@app.task(name="sites.settle_keys", queue="default", queueing_lock="sites.settle_keys")
def settle_keys(timestamp: int) -> None:
    """Every minute: end overlaps that are over, and let old nodes go whose successor is there."""
    key_actions.end_overlaps()
    with contextlib.suppress(control.Unreachable):  # the next minute comes by itself
        settle_nodes()


@app.periodic(cron="* * * * *")
@app.task(name="sites.notice_silence", queue="default", queueing_lock="sites.notice_silence")
def notice_silence(timestamp: int) -> None:
    """Every minute: publish which agents have fallen silent."""
    silence.notice()


def settle_nodes() -> None:
    """Unregister the old nodes of agents that renewed their keys, as soon as nothing is lost by it."""
    waiting = list(FormerKeys.objects.filter(node_gone=None).exclude(node_id="").select_related("agent").order_by("pk"))
    states = {node.id: node.state for node in control.nodes()} if waiting else {}

    def let_go(old: FormerKeys) -> None:
        control.unregister_node(old.node_id)
        key_actions.forget_node(agent_id=str(old.agent_id), node_id=old.node_id)

    for_each((each for each in waiting if _over(each, states)), let_go, stop=(control.Unreachable,))


def _over(old: FormerKeys, states: dict[str, str]) -> bool:
    """Whether an old node may go: its agent works with the new keys, and the new node is online or the old one is not either."""
    agent = old.agent
    if agent.revoked or timezone.now() - old.replaced > NODE_OVERLAP:
        return True
    held = agent.former_keys.filter(node_gone=None, node_id=agent.node_id).exists()
    successor = agent.next_node_id if held else agent.node_id
    return bool(old.retired and successor) and (states.get(successor) == "online" or states.get(old.node_id) != "online")
