"""The configuration document that the portal signed for this camera: verified, kept, and followed only while it is valid."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import math
import zoneinfo
from pathlib import Path
from typing import Any

from detectors.files import PRIVATE, write_durably
from detectors.rules.scene import CameraRule, CountingLine, Point, WatchedZone
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
        signed_config = _parse(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentRejected(f"the configuration makes no sense: {error!r}") from error
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


def _parse(body: dict[str, Any]) -> SignedConfig:
    zones = {each["name"]: WatchedZone(str(each["name"]), _polygon(each["polygon"])) for each in body.get("zones", [])}
    lines = {each["name"]: CountingLine(str(each["name"]), _point(each["a"]), _point(each["b"])) for each in body.get("lines", [])}
    mode = body["legal_mode"]
    if mode not in ("M0", "M1", "M2", "M3"):
        raise ValueError(f"legal_mode {mode!r}")
    timezone = _timezone(body.get("timezone", ""))
    return SignedConfig(
        version=_whole(body["version"]),
        legal_mode=mode if mode in MODES else M0,
        valid_until=_moment(body["valid_until"]),
        masks=tuple(_polygon(each) for each in body.get("masks", [])),
        rules=tuple(dataclasses.replace(rule, timezone=timezone) for each in body.get("rules", []) if (rule := _rule(each, zones, lines))),
        detectors={str(name): dict(options) for name, options in (body.get("detectors") or {}).items()},
    )


def _rule(fields: dict[str, Any], zones: dict[str, WatchedZone], lines: dict[str, CountingLine]) -> CameraRule | None:
    """A rule about a zone or line that is not there cannot be watched for: it is left out and said, the others hold."""
    values = {name: value for name, value in fields.items() if name not in ("kind", "zone", "line")}
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{fields['kind']}: {name} is not finite")
    zone, line = fields.get("zone"), fields.get("line")
    if (zone and zone not in zones) or (line and line not in lines):
        log.warning("the rule %s is left out: there is no %s", fields["kind"], zone or line)
        return None
    return CameraRule(str(fields["kind"]), zones[zone] if zone else None, lines[line] if line else None, values)


def _timezone(value: Any) -> str:
    """An IANA name, or "" when this machine does not know it: which hours are meant must not be guessed, doors then count as closed."""
    if not isinstance(value, str):
        raise ValueError(f"timezone {value!r}")
    try:
        return zoneinfo.ZoneInfo(value).key if value else ""
    except zoneinfo.ZoneInfoNotFoundError:
        log.warning("there is no time zone %r on this machine: doors count as closed at every hour", value)
        return ""


def _polygon(value: Any) -> tuple[Point, ...]:
    points = tuple(_point(each) for each in value)
    if len(points) < 3:
        raise ValueError("a polygon has at least three points")
    return points


def _point(value: Any) -> Point:
    x, y = (float(each) for each in value)
    if not (-0.01 <= x <= 1.01 and -0.01 <= y <= 1.01):
        raise ValueError(f"the point {value!r} is outside the picture: coordinates are fractions, 0 to 1")
    return x, y


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"version {value!r} is no whole number from 1")
    return value


def _moment(value: Any) -> float:
    """Unix seconds, given as such or as ISO 8601 with a time zone."""
    if isinstance(value, str):
        moment = datetime.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(f"the time {value!r} has no time zone")
        return moment.timestamp()
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no time")
    return float(value)
