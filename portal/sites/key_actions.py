"""Every change of an agent's keys: its certificate, new keys beside the old ones, the end of the old ones.

An agent renews its keys in three steps, each of which may be repeated after a lost answer: it comes with new keys, signed with the old (`rotate`); both are
believed for an hour; its first heartbeat signed with the new key ends the old one (`retire`). Its old training node is let go when the new one is there.
"""

from __future__ import annotations

import dataclasses
import datetime
import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from federated.trust import csr, pki, signing
from portal.accounts.models import User
from portal.accounts.permissions import require_role
from portal.core import audit, jobs
from portal.core.periodic import for_each
from portal.sites.authentication import Refusal
from portal.sites.models import Agent, FormerKeys

OVERLAP = datetime.timedelta(hours=1)  # for an agent that was killed or cut off between the portal's yes and its own files
register_node = jobs.named("sites.register_node")
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Keys:
    """The public halves of an agent's keys, and the name it asks for; `node` is empty when it does not train."""

    own: str
    node: str = ""
    name: str = ""


def read_keys(request: str, node: str) -> Keys:
    """The keys of a certificate request and a node's public key. Raises Refusal 400 with the reason."""
    try:
        parsed = csr.read(request)
        if node:
            pki.check_node_public_key(node)
    except pki.PkiError as error:
        raise Refusal(400, str(error)) from error
    return Keys(parsed.public, node, parsed.name)


def certify(agent: Agent) -> None:
    """Put a new certificate for the agent's present key on the agent, unsaved. Raises Refusal 503 when the authority cannot sign."""
    try:
        key = signing.public_from_text(agent.public_key)
        issued = pki.sign_agent(settings.HOME / "pki", str(agent.pk), key, settings.CERTIFICATE_DAYS)
    except (pki.PkiError, OSError) as error:
        log.exception("no certificate can be signed")
        raise Refusal(503, "the portal's authority cannot sign now; why stands in the portal's log") from error
    agent.certificate, agent.certificate_serial = issued.pem, issued.serial
    agent.certificate_issued, agent.certificate_not_after = timezone.now(), issued.not_after


def authority_pem() -> str:
    """The authority whose signature the agents' certificates bear, as enrolment and renewal answer it."""
    return (settings.HOME / "pki" / "ca.crt").read_text()


def refuse_used(keys: Keys) -> None:
    """Raise a 400 for keys that were used before, by whomever: a key that was replaced or revoked never comes back."""
    node = Q(node_public_key=keys.node) if keys.node else Q(pk=None)
    if any(rows.filter(Q(public_key=keys.own) | node).exists() for rows in (Agent.objects, FormerKeys.objects)):
        raise Refusal(400, "these keys were used before: make new ones, both of them")


@transaction.atomic
def rotate(*, agent: Agent, keys: Keys) -> Agent:
    """Take an agent's new keys and certify them; the same keys again get the same answer. `agent` is as it signed the call. Raises Refusal."""
    signer = agent.former.public_key if agent.former else agent.public_key
    agent = Agent.objects.select_for_update(of=("self",)).select_related("camera__site").get(pk=agent.pk)
    if agent.revoked:
        raise Refusal(403, "this agent was revoked; it must enrol again with a new code")
    if signer != agent.public_key and not agent.former_keys.filter(public_key=signer, retired=None).exists():
        raise Refusal(401, "this key was replaced meanwhile")
    if keys.name != str(agent.pk):
        raise Refusal(400, f"the certificate request must name this agent, {agent.pk}, not {keys.name[:60]!r}")
    if (keys.own, keys.node) == (agent.public_key, agent.node_public_key) and agent.certificate:
        return agent  # the answer was lost
    refuse_used(keys)
    before = _put_aside(agent, signer)
    agent.public_key, agent.node_public_key, agent.next_node_id = keys.own, keys.node, ""
    agent.rotated, agent.renew_asked, agent.overlap_until = timezone.now(), None, timezone.now() + OVERLAP
    certify(agent)
    agent.save()
    data = {"key": signing.fingerprint(keys.own), "replaces": signing.fingerprint(before.public_key), "serial": agent.certificate_serial}
    _audit(f"agent:{agent.pk}", "agent.rotated", agent, {**data, "not_after": agent.certificate_not_after.isoformat()})
    if agent.node_public_key:
        register_node.defer(agent_id=str(agent.pk))
    return agent


@transaction.atomic
def retire(*, agent: Agent, reason: str) -> None:
    """Believe only the present key from now on. Retiring twice changes nothing."""
    Agent.objects.filter(pk=agent.pk).update(overlap_until=None)
    agent.overlap_until = None
    old = list(agent.former_keys.select_for_update().filter(retired=None))
    agent.former_keys.filter(pk__in=[each.pk for each in old]).update(retired=timezone.now())
    for each in old:
        _audit(f"agent:{agent.pk}", "agent.key_retired", agent, {"key": signing.fingerprint(each.public_key), "reason": reason})


def end_overlaps() -> None:
    """Retire the old keys of agents whose hour is over, also when they never spoke with the new ones."""
    over = Agent.objects.filter(overlap_until__lt=timezone.now()).select_related("camera__site")
    for_each(over, lambda agent: retire(agent=agent, reason="the overlap is over"))


@transaction.atomic
def ask_renewal(*, user: User, agent: Agent) -> None:
    """Have an agent make new keys: its next heartbeat's answer asks for them. Asking twice changes nothing."""
    require_role(user, agent.camera.site, "administrator")
    agent = Agent.objects.select_for_update(of=("self",)).select_related("camera__site").get(pk=agent.pk)
    if agent.renew_asked or agent.revoked:
        return
    agent.renew_asked = timezone.now()
    agent.save(update_fields=["renew_asked"])
    _audit(user, "agent.renewal_asked", agent, {"camera": agent.camera.slug})


@transaction.atomic
def keep_node(*, agent_id: str, key: str, node_id: str) -> bool:
    """Note the number of a node that was just registered; False when the agent was revoked or has other keys meanwhile.

    While the agent's old node is still known, the new one waits as `next_node_id`.
    """
    agent = Agent.objects.select_for_update(of=("self",)).select_related("camera__site").get(pk=agent_id)
    if agent.revoked or agent.node_public_key != key:
        return False
    if agent.node_id in ("", node_id):
        agent.node_id = node_id
    else:
        agent.next_node_id = node_id
    agent.save(update_fields=["node_id", "next_node_id"])
    _audit("system", "agent.node_registered", agent, {"node": node_id})
    return True


@transaction.atomic
def forget_node(*, agent_id: str, node_id: str) -> None:
    """Note that the SuperLink has let a node go; the agent's next one takes its place."""
    agent = Agent.objects.select_for_update(of=("self",)).select_related("camera__site").get(pk=agent_id)
    if agent.next_node_id == node_id:
        agent.next_node_id = ""
    if agent.node_id == node_id:
        agent.node_id, agent.next_node_id = agent.next_node_id, ""
    former = agent.former_keys.filter(node_id=node_id)
    former.filter(node_gone=None).update(node_gone=timezone.now())
    if not former.exists():
        agent.note_former_nodes(node_id)
    agent.save(update_fields=["node_id", "next_node_id", "former_node_ids"])
    _audit("system", "agent.node_unregistered", agent, {"node": node_id})


def _put_aside(agent: Agent, signer: str) -> FormerKeys:
    """Keep the present keys as former ones: believed for the overlap, unless the agent does not have them any more and speaks with older ones."""
    if signer == agent.public_key:
        retire(agent=agent, reason="newer keys came")
    held = agent.former_keys.filter(node_gone=None, node_id=agent.node_id).exists()  # the node at work is that of keys before these
    return FormerKeys.objects.create(
        agent=agent,
        public_key=agent.public_key,
        certificate_serial=agent.certificate_serial,
        certificate_not_after=agent.certificate_not_after,
        node_public_key=agent.node_public_key,
        node_id=agent.next_node_id if held else agent.node_id,
        retired=None if signer == agent.public_key else timezone.now(),
    )


def _audit(actor: User | str, verb: str, agent: Agent, data: dict[str, Any]) -> None:
    audit.record(actor=actor, verb=verb, subject=f"agent:{agent.pk}", site=agent.camera.site.slug, data=data)
