"""The signed document that tells an agent what to watch for; an agent believes nothing else, and falls back to M0 when it has run out."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import translation

from detectors.rules import registry
from federated.contract.config import ConfigDocument, LineConfig, ZoneConfig
from federated.contract.enrolment import FleetAddress
from federated.trust.signing import load_or_make_key, sign_document
from portal.sites.models import Camera, LegalMode

VALID_S = 24 * 3600
ALL_BLACK = (((-0.01, -0.01), (1.01, -0.01), (1.01, 1.01), (-0.01, 1.01)),)  # a camera that is switched off: agents of every version understand a mask
RENEW_S = 6 * 3600  # an agent with the current version gets it afresh that often, so that it does not run out


@functools.cache
def portal_key() -> Ed25519PrivateKey:
    """The portal's own key; agents learn its public half when they enrol."""
    return load_or_make_key(settings.HOME / "secrets" / "portal.key")


def config_for(camera: Camera, *, now: float | None = None) -> dict[str, Any]:
    """The camera's configuration document, signed (docs/architecture.md, section 4); its names are the kept ones, whoever's request this is."""
    with translation.override(None):
        camera = Camera.objects.select_related("site").get(pk=camera.pk)
        return _signed(camera, now)


def _signed(camera: Camera, now: float | None) -> dict[str, Any]:
    mode, off = effective_mode(camera), camera.switched_off is not None
    document = ConfigDocument(
        version=camera.config_version,
        site=camera.site.slug,
        camera=camera.slug,
        legal_mode=mode,
        valid_until=(time.time() if now is None else now) + VALID_S,
        masks=ALL_BLACK if off else camera.masks,
        zones=() if off else tuple(ZoneConfig(name=zone.name, polygon=zone.polygon) for zone in camera.zones.order_by("name")),
        lines=() if off else tuple(LineConfig(name=line.name, a=line.a, b=line.b) for line in camera.lines.order_by("name")),
        rules=() if off else tuple(rules_of(camera, mode)),
        detectors={},
        timezone=settings.TIME_ZONE,
        view=camera.view,
    )
    return sign_document(document.to_json(), portal_key())


def effective_mode(camera: Camera) -> str:
    """The mode the camera may work in now: the stop button of its site sends every camera back to M0, and what is switched off recognises nobody."""
    return LegalMode.M0 if camera.site.biometrics_stopped or camera.switched_off else camera.legal_mode


def rules_of(camera: Camera, mode: str) -> list[dict[str, Any]]:
    """The enabled rules that this mode allows, in the agent's form."""
    rules, kinds = camera.rules.filter(enabled=True).select_related("zone", "line").order_by("pk"), registry.kinds()
    allowed = [rule for rule in rules if mode == LegalMode.M1 or rule.kind not in kinds or kinds[rule.kind].mode == LegalMode.M0]
    return [{"kind": rule.kind, **_place(rule), **rule.parameters} for rule in allowed]


def fleet() -> FleetAddress | None:
    """Where an agent's SuperNode finds the SuperLink, and whose certificates it believes; None when this portal runs no federation."""
    address, authority = os.environ.get("SPECOLA_FLEET", ""), settings.HOME / "pki" / "ca.crt"
    return FleetAddress(address=address, ca_pem=authority.read_text()) if address and authority.exists() else None


def _place(rule: Any) -> dict[str, str]:
    return {"zone": rule.zone.name} if rule.zone else {"line": rule.line.name} if rule.line else {}
