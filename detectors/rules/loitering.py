"""Somebody has been in a zone for long."""

from __future__ import annotations

from detectors.rules.numbers import after
from detectors.rules.registry import rule_kind
from detectors.rules.stay import StayRule


@rule_kind(
    "loitering",
    label={"en": "Somebody stays", "it": "Qualcuno si trattiene"},
    event={"en": "Loitering", "it": "Sosta prolungata"},
    about="zone",
    numbers=(after(30, 1, 7200, 1),),
    order=20,
    severity=1,
)
class LoiteringRule(StayRule):
    """Somebody has been in the zone for long."""

    kind, gap_s = "loitering", 5.0
