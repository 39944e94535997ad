"""Small words that the templates of people need."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def percent(share: float) -> str:
    """A small share with two digits that count: 0.84 %."""
    return f"{number_format(100 * share, 2 if share < 0.1 else 1)} %"
