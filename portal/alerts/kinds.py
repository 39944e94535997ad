"""The kinds of alerts in the reader's language, how much each matters, and how long events of one kind join one alert."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from detectors.health.words import sentence
from detectors.rules import registry
from detectors.rules.numbers import in_language
from portal.core.severity import Severity

CAMERA_STALE = "camera_stale"  # a rule's kind too: an agent that still sees its camera fall silent says it itself


@dataclasses.dataclass(frozen=True, slots=True)
class HouseKind:
    """A kind of alert about the house itself: no event makes it, the portal finds its cause and sees it end (house.py)."""

    label: Any  # a lazy translation
    severity: Severity


HOUSE: dict[str, HouseKind] = {
    "agent_silent": HouseKind(lazy("Agent silent: nobody watches"), Severity.HIGH),
    "agent_restarting": HouseKind(lazy("Agent ends again and again"), Severity.MEDIUM),
    "agent_disk_low": HouseKind(lazy("The camera's computer is short of disk"), Severity.MEDIUM),
    "agent_disk_full": HouseKind(lazy("The camera's computer has no disk left"), Severity.HIGH),
    "certificate_overdue": HouseKind(lazy("Certificate overdue"), Severity.MEDIUM),
    "audit_changed": HouseKind(lazy("The audit log was changed"), Severity.HIGH),
    "worker_down": HouseKind(lazy("Background worker down"), Severity.HIGH),
    "disk_low": HouseKind(lazy("The portal is short of disk"), Severity.MEDIUM),
    "disk_full": HouseKind(lazy("The portal has hardly any disk left"), Severity.HIGH),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Joining:
    """When an event opens a new alert instead of joining one of its kind and zone: after `quiet`, `most_events` or `span` from the first to the last."""

    quiet: datetime.timedelta
    most_events: int
    span: datetime.timedelta


def _joining(quiet_s: int, most_events: int, minutes: int) -> Joining:
    return Joining(datetime.timedelta(seconds=quiet_s), most_events, datetime.timedelta(minutes=minutes))


USUAL = _joining(120, 50, 20)
JOINING = {
    "unknown_person": _joining(90, 20, 10),  # somebody at a door: the next one is another matter
    "tailgating": _joining(60, 10, 10),
    registry.NOT_LIVE_FACE: _joining(90, 20, 10),
    "person_in_zone": _joining(120, 40, 15),
    "loitering": _joining(120, 20, 30),
    "object_left": _joining(120, 10, 30),
    "anomaly": _joining(120, 60, 15),
    "camera_tampered": _joining(300, 50, 60),
    CAMERA_STALE: _joining(300, 50, 60),  # while the camera gives no picture, the house's own alert is joined however long it lasts
}


def joining(kind: str) -> Joining:
    """How long events of this kind join one alert."""
    return JOINING.get(kind, USUAL)


def label_of(kind: str) -> str:
    """A kind in the reader's language; one of an agent newer than this portal in plain words."""
    if kind == registry.RECOGNISED:
        return _("Recognised")
    if kind == registry.TWICE:
        return _("One name for two faces at once")
    if kind in HOUSE:
        return str(HOUSE[kind].label)
    found = registry.kinds().get(kind)
    return in_language(found.event, get_language() or "en") if found else kind.replace("_", " ")


THINGS = {
    "person": lazy("person"),
    "face": lazy("face"),
    "bicycle": lazy("bicycle"),
    "car": lazy("car"),
    "motorcycle": lazy("motorcycle"),
    "bus": lazy("bus"),
    "truck": lazy("lorry"),
    "dog": lazy("dog"),
    "backpack": lazy("backpack"),
    "umbrella": lazy("umbrella"),
    "handbag": lazy("handbag"),
    "suitcase": lazy("suitcase"),
    "anomaly": lazy("unusual movement"),
}


def boxes_of(detections: list[dict[str, Any]]) -> str:
    """What was found in a picture, for the page's drawing (JSON), with each thing named in the reader's language."""
    named = [{**each, "kind": str(THINGS.get(each.get("kind", ""), each.get("kind", ""))).replace("_", " ")} for each in detections if isinstance(each, dict)]
    return json.dumps(named)


def severity_of(kind: str) -> int:
    """How much an alert of this kind matters when no rule says otherwise."""
    return HOUSE[kind].severity if kind in HOUSE else registry.severity_of(kind)


def alerting() -> list[tuple[str, str]]:
    """The kinds that raise alerts, each with its words, in the order of lists: what cameras see, then the house itself."""
    return [(kind, label_of(kind)) for kind in [*(each for each in registry.kinds() if registry.raises_alert(each)), registry.TWICE, *HOUSE]]


def without_alert() -> list[str]:
    """The kinds that raise none: crossings are counted, recognitions go to the face log."""
    return [kind for kind in (registry.RECOGNISED, *registry.kinds()) if not registry.raises_alert(kind)]


def detail_of(kind: str, data: dict[str, Any]) -> str:
    """Why "tampered with": what the camera's own watch found, as a sentence in the reader's language."""
    reason = data.get("reason") if kind == "camera_tampered" else None
    return sentence(str(reason), get_language() or "en") if reason else ""
