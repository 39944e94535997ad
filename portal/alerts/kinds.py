"""The kinds of events in the reader's language: those the rules make, and recognitions, which no rule makes."""

from __future__ import annotations

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from detectors.rules import registry
from detectors.rules.numbers import in_language


def label_of(kind: str) -> str:
    """A kind in the reader's language; one of an agent newer than this portal in plain words."""
    if kind == registry.RECOGNISED:
        return _("Recognised")
    found = registry.kinds().get(kind)
    return in_language(found.event, get_language() or "en") if found else kind.replace("_", " ")


def alerting() -> list[tuple[str, str]]:
    """The kinds that raise alerts, each with its words, in the order of lists."""
    return [(kind, label_of(kind)) for kind in registry.kinds() if registry.raises_alert(kind)]


def without_alert() -> list[str]:
    """The kinds that raise none: crossings are counted, recognitions go to the face log."""
    return [kind for kind in (registry.RECOGNISED, *registry.kinds()) if not registry.raises_alert(kind)]
