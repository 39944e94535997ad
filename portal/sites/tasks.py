"""The worker's part: make agents' training nodes known to the SuperLink, and take revoked ones away."""

from __future__ import annotations

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from federated import control, pki
from portal.core import audit
from portal.sites.models import Agent

# The SuperLink may be starting or restarting: keep trying, first quickly, for half a day.
PATIENCE = RetryStrategy(max_attempts=200, linear_wait=2, retry_exceptions={control.Unreachable})


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
    Agent.objects.filter(pk=agent_id).update(node_id=node_id)
    audit.record(actor="system", verb="agent.node_registered", subject=f"agent:{agent_id}", site=agent.camera.site.slug, data={"node": node_id})


@app.task(name="sites.unregister_node", queue="federation", retry=PATIENCE)
def unregister_node(agent_id: str) -> None:
    """Refuse a revoked agent's SuperNode from its next call on."""
    agent = Agent.objects.select_related("camera__site").filter(pk=agent_id).exclude(node_id="").first()
    if agent is None or agent.revoked is None:
        return
    control.unregister_node(agent.node_id)
    Agent.objects.filter(pk=agent_id).update(node_id="")
    audit.record(actor="system", verb="agent.node_unregistered", subject=f"agent:{agent_id}", site=agent.camera.site.slug, data={"node": agent.node_id})
