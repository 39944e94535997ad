"""Which cameras of a site may meet (docs/protocol.md): a door's signed list of neighbours with credentials to meet them, and the server's own answers."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import math
from typing import Any

import numpy as np
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

import detectors
from detectors.faces import identify
from federated.contract.documents import PeerConfig, PeersDocument
from federated.contract.heartbeat import NeighboursStatus
from federated.trust import pki
from federated.trust.signing import canonical, sign_document
from federated.trust.staff_list import seal
from portal.people import search
from portal.people.staff_list import entry_of, sign, staff_of
from portal.sites.config import effective_mode, portal_key
from portal.sites.models import Agent, Camera, LegalMode

NEAREST = 6  # cameras on the plan that a camera tells and asks; the protocol learns which of them matter
SEEN = datetime.timedelta(minutes=10)  # who was silent for longer is no neighbour until it speaks again
CERTIFICATE_S = 3 * 24 * 3600  # a certificate is good for seven days and given again after three
CANDIDATES = 40  # templates looked at for one face; a person has at most a few


def peers_news(agent: Agent, reported: NeighboursStatus | None) -> dict[str, Any] | None:
    """The signed neighbours of this agent, which reported where it listens; None when it shares nothing, may not, or has this edition already."""
    if reported is None or not reported.host or effective_mode(agent.camera) != LegalMode.M1:
        return None
    try:
        authority, certificate = _credentials(agent, reported.key)
    except pki.PkiError:
        return None
    peers = {str(each.pk): at for each in neighbours(agent.camera) if (at := _address(each))}
    document = PeersDocument(
        type="circle",
        site=agent.camera.site.slug,
        camera=agent.camera.slug,
        agent=str(agent.pk),
        peers=peers,
        authority=authority,
        certificate=certificate,
        edition="",
    )
    body = document.to_json()
    del body["edition"]  # it names the rest
    edition = hashlib.sha256(canonical(body)).hexdigest()[:16]
    return None if edition == reported.edition else sign_document(dataclasses.replace(document, edition=edition).to_json(), portal_key())


def neighbours(camera: Camera) -> list[Agent]:
    """The agents of the nearest cameras of the same site that share, in mode M1, and spoke lately."""
    others = Camera.objects.filter(site=camera.site, legal_mode=LegalMode.M1).exclude(pk=camera.pk)
    living = Agent.objects.filter(camera__in=others, revoked=None, last_seen__gt=timezone.now() - SEEN).select_related("camera")
    newest = {agent.camera_id: agent for agent in living.order_by("enrolled") if _address(agent)}
    return sorted(newest.values(), key=lambda agent: (_distance(camera, agent.camera), agent.camera.slug))[:NEAREST]


def whose(agent: Agent, probe: np.ndarray) -> dict[str, Any]:
    """Whose face the embedding (128,) is, for a door that keeps no whole list: `{verdict, score, version, sealed}`; nothing of it is kept.

    `sealed` holds the person's signed entry for this agent's own key. Only people whom the door's legal basis covers are found.
    """
    camera = agent.camera
    covered = {person.pk: person for person in staff_of(camera)}
    threshold = identify.threshold_for(max(1, len(covered)), detectors.card("face-embedding").thresholds["tail"])
    people = {template.person_id for template, _ in search.nearest(camera.site, probe, CANDIDATES) if template.person_id in covered}
    entries = [entry_of(covered[pk]) for pk in people]
    scores = [float(np.dot(entry.template, probe)) for entry in entries]
    at = int(np.argmax(scores)) if scores else -1
    recognised = at >= 0 and scores[at] >= threshold
    held = agent.heartbeat.gallery if agent.heartbeat else None
    return {
        "verdict": "person" if recognised else "unknown",
        "score": scores[at] if scores else -1.0,
        "version": camera.site.people_version,
        "sealed": seal([sign(camera.site, entries[at])], held.key if held else "") if recognised else "",
    }


def _credentials(agent: Agent, key: str) -> tuple[str, str]:
    """The site's own authority and a certificate for this key; cameras of different sites cannot meet. Raises PkiError."""
    name = f"peer:{agent.pk}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    issued = cache.get(name)
    if issued is None:
        certificate, authority = pki.sign_peer(settings.HOME / "pki" / "sites" / str(agent.camera.site_id), str(agent.pk), key)
        issued = authority, certificate
        cache.set(name, issued, CERTIFICATE_S)
    return issued


def _address(agent: Agent) -> PeerConfig | None:
    """Where it listens, by its last heartbeat; None when it listens nowhere."""
    reported = agent.heartbeat.neighbours if agent.heartbeat else None
    return PeerConfig(host=reported.host, port=reported.port, whole=reported.keep == "all") if reported and reported.host and reported.port else None


def _distance(a: Camera, b: Camera) -> float:
    return math.hypot(a.plan_x - b.plan_x, a.plan_y - b.plan_y)
