"""Small words that the sites' templates need."""

from __future__ import annotations

from typing import Any

from django import template

from portal.sites import rules
from portal.sites.models import Rule

register = template.Library()


@register.filter
def at(mapping: dict[Any, Any], key: Any) -> Any:
    """The entry of a mapping."""
    return mapping.get(key)


@register.filter
def percent(share: float) -> str:
    """A share as whole percent."""
    return f"{round(100 * share)} %"


register.filter("rule_label", rules.label_of)


@register.filter
def rule_numbers(rule: Rule) -> list[str]:
    """What its numbers are, in the reader's language."""
    return rules.numbers_in_words(rule.kind, rule.parameters)
