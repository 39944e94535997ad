"""Refusals at the SuperLink's door, one audit row each."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from federated.learning import refusals
from federated.trust import pki
from portal.core import audit
from portal.core.models import AuditRow
from portal.core.periodic import for_each
from portal.sites.models import Agent, FormerKeys

VERB = "federation.refused"


def write_down() -> int:
    """Write what was refused since the last time into the audit log; returns how many rows. A killed worker writes none of them twice."""
    folder = settings.HOME / "superlink"
    found = [each for each in refusals.take(folder) if isinstance(each["id"], str)]
    written = set(AuditRow.objects.filter(verb=VERB, data__id__in=[each["id"] for each in found]).values_list("data__id", flat=True))
    fresh = [each for each in found if each["id"] not in written]
    agents = _agents() if any(each.get("key") for each in fresh) else {}
    rows = for_each(fresh, lambda refusal: _write(refusal, agents.get(str(refusal.get("key")))))
    refusals.settle(folder)
    return len(rows)


def _write(refusal: dict[str, Any], agent: Agent | None) -> None:
    """A key only names whom the caller claims to be: the actor stays unknown."""
    data = {name: refusal.get(name) for name in ("id", "listener", "address", "status", "key")}
    if agent:
        data |= {"agent": str(agent.pk), "revoked": agent.revoked is not None}
    place = agent.camera.site.slug if agent else ""
    path = str(refusal["path"])[:200].replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL keeps no NUL, and a caller may send one
    audit.record(actor="unknown", verb=VERB, subject=path, site=place, data=data)


def _agents() -> dict[str, Agent]:
    """Agents by the digest of their node's key, and of those it had."""
    now = [(agent.node_public_key, agent) for agent in Agent.objects.exclude(node_public_key="").select_related("camera__site")]
    before = [(keys.node_public_key, keys.agent) for keys in FormerKeys.objects.exclude(node_public_key="").select_related("agent__camera__site")]
    named = {}
    for key, agent in (*before, *now):
        try:
            named[refusals.digest_of(pki.check_node_public_key(key))] = agent
        except pki.PkiError:
            continue
    return named
