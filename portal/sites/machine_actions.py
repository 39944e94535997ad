"""Every change an agent causes: enrolling, heartbeats, its last frame."""

from __future__ import annotations

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from federated.contract.heartbeat import Heartbeat, HeartbeatAnswer
from federated.trust.signing import fingerprint, public_text
from portal.core import audit, audit_witness
from portal.sites import actions, key_actions, ports, source_actions
from portal.sites.authentication import Refusal
from portal.sites.config import RENEW_S, config_for, portal_key
from portal.sites.key_actions import Keys
from portal.sites.models import Agent, EnrolmentCode, FormerKeys

FRAME_S = 30  # a frame older than that is shown by nobody


@transaction.atomic
def enrol(*, code: str, keys: Keys, versions: dict[str, str]) -> Agent:
    """Let an agent in by a one-time code; it replaces the camera's earlier agents. Raises Refusal 403 for a wrong, used or expired code."""
    row = EnrolmentCode.objects.select_for_update(of=("self",)).select_related("camera__site").filter(code_sha256=actions.hash_code(code)).first()
    if row is None or row.used or row.expires < timezone.now():
        raise Refusal(403, "this code is wrong, was used before, or has expired: ask for a new one")
    row.used = timezone.now()
    row.save(update_fields=["used"])
    agent = Agent.objects.select_for_update().filter(public_key=keys.own).first()
    if agent and agent.camera_id != row.camera_id:
        raise Refusal(400, "this key belongs to an agent of another camera: make a new one")
    if FormerKeys.objects.filter(public_key=keys.own).exists():
        raise Refusal(400, "this key was replaced by a newer one: make a new one")
    for earlier in row.camera.agents.filter(revoked=None).exclude(public_key=keys.own):
        actions.revoke(user="system", agent=earlier, reason="another agent enrolled for this camera")
    agent = agent or Agent(camera=row.camera, public_key=keys.own)
    agent.note_former_nodes(agent.node_id, agent.next_node_id)
    agent.node_public_key, agent.node_id, agent.revoked, agent.health = keys.node, "", None, {"versions": versions}
    agent.enrolled, agent.renew_asked, agent.next_node_id = timezone.now(), None, ""
    agent.contract_problem, agent.contract_refused, agent.fields_dropped = "", None, 0
    key_actions.certify(agent)
    agent.save()
    data = {"versions": versions, "key": fingerprint(keys.own), "serial": agent.certificate_serial}
    audit.record(actor=f"agent:{agent.pk}", verb="agent.enrolled", subject=f"camera:{row.camera_id}", site=row.camera.site.slug, data=data)
    if agent.overlap_until:
        key_actions.retire(agent=agent, reason="the agent enrolled again")
    if keys.node:
        key_actions.register_node.defer(agent_id=str(agent.pk))
    return agent


def beat(*, agent: Agent, heartbeat: Heartbeat, dropped: int = 0) -> HeartbeatAnswer:
    """Keep a heartbeat, of which `dropped` fields were not understood, and answer with what the agent must know now."""
    now = timezone.now()
    reported = {"last_seen": now, "clock_skew": round(now.timestamp() - heartbeat.t, 3), "health": heartbeat.to_json(), "silence_noticed": None}
    Agent.objects.filter(pk=agent.pk).update(**reported, contract_problem="", contract_refused=None, fields_dropped=dropped)
    if agent.overlap_until and agent.former is None:
        key_actions.retire(agent=agent, reason="the agent speaks with its new key")
    camera, held = agent.camera, heartbeat.gallery
    if heartbeat.audit is not None:
        own = agent.former.public_key if agent.former else agent.public_key
        keys = {"public_key": own, "portal_key": public_text(portal_key())}
        audit_witness.compare(agent=str(agent.pk), site=camera.site.slug, receipt=heartbeat.audit, **keys)
    return HeartbeatAnswer(
        now=now.timestamp(),
        config=config_for(camera) if _wants_config(agent, heartbeat.config_version) else None,
        gallery=ports.staff_list_news(camera, held.version, held.key, held.names) if held and held.key else None,
        neighbours=ports.peers_news(agent, heartbeat.neighbours),
        models=tuple(ports.desired_models(camera)),
        verdicts=ports.alert_labels_news(camera, heartbeat.verdicts),
        watch=cache.get(f"watch:{camera.pk}") is not None,
        stop_biometrics=camera.site.biometrics_stopped,
        renew_keys=agent.renew_asked is not None or not agent.certificate,
        audit=audit_witness.head(portal_key()),
        source=source_actions.news(agent, heartbeat),
    )


def note_refused_heartbeat(*, agent: Agent, problem: str) -> None:
    """Note why the agent's heartbeat is not understood; what it reported last stays as it is. The refusal itself is audited where it is answered."""
    Agent.objects.filter(pk=agent.pk).update(contract_problem=problem[:300], contract_refused=timezone.now())


def keep_frame(*, agent: Agent, jpeg: bytes) -> bool:
    """Hold the camera's last frame for those who look; False when nobody does."""
    if cache.get(f"watch:{agent.camera_id}") is None:
        return False
    cache.set(f"frame:{agent.camera_id}", jpeg, FRAME_S)
    return True


def _wants_config(agent: Agent, version: int | None) -> bool:
    """The agent has another version, or its copy will run out."""
    fresh = cache.add(f"config:{agent.pk}:{agent.camera.config_version}", 1, RENEW_S)
    return fresh or version != agent.camera.config_version
