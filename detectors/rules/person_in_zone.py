"""Somebody is in a zone."""

from __future__ import annotations

from detectors.rules.numbers import COOLDOWN, after
from detectors.rules.registry import rule_kind
from detectors.rules.stay import StayRule


@rule_kind(
    "person_in_zone",
    label={"en": "Person in the zone", "it": "Persona nella zona"},
    event={"en": "Person in zone", "it": "Persona nella zona"},
    about="zone",
    numbers=(after(1, 0, 3600, 0.5), COOLDOWN),
    order=10,
)
class PersonInZoneRule(StayRule):
    """Somebody is in the zone."""

    kind = "person_in_zone"
