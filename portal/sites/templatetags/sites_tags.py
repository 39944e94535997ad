"""Small words that the sites' templates need."""

from __future__ import annotations

from typing import Any

from django import template

from portal.sites.rules import KINDS

register = template.Library()


@register.filter
def at(mapping: dict[Any, Any], key: Any) -> Any:
    """The entry of a mapping."""
    return mapping.get(key)


@register.filter
def percent(share: float) -> str:
    """A share as whole percent."""
    return f"{round(100 * share)} %"


@register.filter
def rule_label(kind: str) -> str:
    """A rule's name in the reader's language; a kind this portal does not know by its own name."""
    return str(KINDS[kind].label) if kind in KINDS else kind.replace("_", " ")
