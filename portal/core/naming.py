"""Names that the product itself brings, such as the demo's, are shown in the reader's language; what people typed stays as it is.

The database keeps the English name. A field below translates on the way out and back on the way in, so no page, table or chart needs to think of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils import translation

_shipped: dict[str, None] = {}


def ship(names: Iterable[str]) -> None:
    """Add names that have a translation in the catalogue; called when an app is ready."""
    _shipped.update(dict.fromkeys(names))


def shown(name: str) -> str:
    """A name in the active language; unchanged when we did not ship it, or while no language is active."""
    return translation.gettext(name) if name in _shipped and translation.get_language() else name


def kept(name: str) -> str:
    """The name to keep for one that a page showed in the active language."""
    if name in _shipped or translation.get_language() in (None, "en"):
        return name
    return next((each for each in _shipped if translation.gettext(each) == name), name)


class _Translating:
    """What both fields do at the database's edge; to migrations they are Django's own fields."""

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return value and shown(value)

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return kept(value) if isinstance(value, str) else value

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _path, positional, named = super().deconstruct()
        return name, f"django.db.models.{type(self).__bases__[-1].__name__}", positional, named


class NameField(_Translating, models.CharField):
    """A CharField that shows shipped names in the reader's language."""


class NoteField(_Translating, models.TextField):
    """A TextField that shows shipped notes in the reader's language."""
