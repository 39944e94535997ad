"""Small words that the sites' templates need."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext

from portal.sites import rules
from portal.sites.models import LegalMode, Rule

register = template.Library()


@register.filter
def at(mapping: dict[Any, Any], key: Any) -> Any:
    """The entry of a mapping."""
    return mapping.get(key)


@register.filter
def mode_word(mode: str) -> str:
    """What a legal mode means, as short as a chip needs it."""
    return gettext("recognises staff") if mode == LegalMode.M1 else gettext("no biometrics")


@register.filter
def mode_label(mode: str) -> str:
    """A legal mode with its words; of an agent newer than this portal its short name."""
    return str(dict(LegalMode.choices).get(mode, mode))


@register.filter
def percent(share: float) -> str:
    """A share as whole percent."""
    return f"{round(100 * share)} %"


register.filter("rule_label", rules.label_of)


@register.filter
def rule_numbers(rule: Rule) -> list[str]:
    """What its numbers are, in the reader's language."""
    return rules.numbers_in_words(rule.kind, rule.parameters)
