"""The configuration document that the portal signed for this camera: verified, kept, and followed only while it is valid."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import zoneinfo
from pathlib import Path
from typing import Any

from detectors.files import PRIVATE, write_durably
from detectors.rules.scene import CameraRule, CountingLine, Point, WatchedZone
from federated.contract.config import ConfigDocument, RuleConfig
from federated.contract.message import ContractError
from federated.trust import signing
from site_agents.errors import DocumentRejected

FILE = "config.json"
M0, M1 = "M0", "M1"
MODES = (M0, M1)  # this agent knows no more: M2 and M3 are the portal's own affair or locked
log = logging.getLogger("site_agents.signed_config")


@dataclasses.dataclass(frozen=True, slots=True)
class SignedConfig:
    """A verified configuration. Without one (`version` 0) nothing is watched for and no picture leaves the camera."""

    version: int = 0
    legal_mode: str = M0
    valid_until: float = 0.0
    masks: tuple[tuple[Point, ...], ...] = ()
    rules: tuple[CameraRule, ...] = ()
    detectors: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    view: int = 0  # how often a person said that the camera's view of then is the one that masks, zones and lines belong to

    def mode(self, now: float) -> str:
        """The legal mode that holds now: M0 as soon as the configuration has expired."""
        return self.legal_mode if now < self.valid_until else M0

    @property
    def present(self) -> bool:
        """Whether there is a configuration at all."""
        return self.version > 0


NO_CONFIG = SignedConfig()


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Who we are and whose signature counts, as enrolment said (portal.json)."""

    site: str
    camera: str
    portal_public_key: str


def verify(document: Any, identity: Identity, newer_than: int = 0) -> SignedConfig:
    """Check the signature, whom it is for, that it is no older one, and every value. Raises DocumentRejected with the reason."""
    if not isinstance(document, dict):
        raise DocumentRejected("the configuration is no object")
    try:
        body = signing.verify_document(document, identity.portal_public_key)
    except (signing.SignatureRejected, ValueError, TypeError) as error:
        raise DocumentRejected(f"the configuration is not signed by our portal: {error}") from error
    if (body.get("site"), body.get("camera")) != (identity.site, identity.camera):
        raise DocumentRejected(f"the configuration is for {body.get('site')}/{body.get('camera')}, not for {identity.site}/{identity.camera}")
    try:
        signed_config = _from_document(ConfigDocument.parse(body))
    except (ContractError, ValueError) as error:
        raise DocumentRejected(f"the configuration makes no sense: {error}") from error
    if signed_config.version < newer_than:
        raise DocumentRejected(f"version {signed_config.version} is older than {newer_than}, which is here: an old configuration is not taken twice")
    return signed_config


def save(folder: Path, document: dict[str, Any]) -> None:
    """Keep the document as it was signed, whole or not at all."""
    write_durably(folder / FILE, json.dumps(document), mode=PRIVATE)


def load(folder: Path, identity: Identity) -> SignedConfig:
    """The last configuration that was accepted, checked again; NO_CONFIG when there is none or it is not accepted any more."""
    try:
        return verify(json.loads((folder / FILE).read_text()), identity)
    except FileNotFoundError:
        return NO_CONFIG
    except (OSError, ValueError, DocumentRejected) as error:
        log.error("the kept configuration is not used (%s): nothing is watched for until the portal sends one", error)
        return NO_CONFIG


def _from_document(document: ConfigDocument) -> SignedConfig:
    """What the camera follows of the document. Raises ContractError or ValueError."""
    zones = {each.name: WatchedZone(each.name, each.polygon) for each in document.zones}
    lines = {each.name: CountingLine(each.name, each.a, each.b) for each in document.lines}
    timezone = _timezone(document.timezone)
    return SignedConfig(
        version=document.version,
        legal_mode=document.legal_mode if document.legal_mode in MODES else M0,
        valid_until=_moment(document.valid_until),
        masks=document.masks,
        rules=tuple(dataclasses.replace(rule, timezone=timezone) for each in document.typed_rules() if (rule := _rule(each, zones, lines))),
        detectors=document.detectors or {},
        view=document.view,
    )


def _rule(config: RuleConfig, zones: dict[str, WatchedZone], lines: dict[str, CountingLine]) -> CameraRule | None:
    """A rule about a zone or line that is not there cannot be watched for: it is left out and logged, the others hold."""
    if (config.zone and config.zone not in zones) or (config.line and config.line not in lines):
        log.warning("the rule %s is left out: there is no %s", config.kind, config.zone or config.line)
        return None
    return CameraRule(config.kind, zones[config.zone] if config.zone else None, lines[config.line] if config.line else None, config.values)


def _timezone(name: str) -> str:
    """An IANA name, or "" when this machine does not know it: which hours are meant must not be guessed, doors then count as closed."""
    try:
        return zoneinfo.ZoneInfo(name).key if name else ""
    except zoneinfo.ZoneInfoNotFoundError:
        log.warning("there is no time zone %r on this machine: doors count as closed at every hour", name)
        return ""


def _moment(value: float | str) -> float:
    """Unix seconds, given as such or as ISO 8601 with a time zone."""
    if not isinstance(value, str):
        return value
    moment = datetime.datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"the time {value!r} has no time zone")
    return moment.timestamp()
