"""What somebody fills in to propose a fact."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.facts import content
from portal.facts.actions import LONGEST_NOTE
from portal.facts.content import Citation, FactText
from portal.facts.models import FactKind, FactVersion

SPARE = 2  # empty rows for sources under those that are there


class FactForm(forms.Form):
    """The text of a fact; what must be true of it is judged by the action. Sources are rows of four fields, read by `sources_in`."""

    kind = forms.ChoiceField(label=_("Kind"), choices=FactKind.choices)
    name_en = forms.CharField(label=_("Name in English"), max_length=content.LONGEST_NAME)
    name_it = forms.CharField(label=_("Name in Italian"), max_length=content.LONGEST_NAME)
    statement_en = forms.CharField(label=_("Statement in English"), max_length=content.LONGEST_STATEMENT, widget=forms.Textarea(attrs={"rows": 4}))
    statement_it = forms.CharField(label=_("Statement in Italian"), max_length=content.LONGEST_STATEMENT, widget=forms.Textarea(attrs={"rows": 4}))
    aliases = forms.CharField(
        label=_("Other names"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line, in any language. With = before it a name counts in exactly this case. A single word of everyday speech is not linked."),
    )
    begins = forms.CharField(label=_("From"), required=False, max_length=12, help_text=_("A year (1173; -44 for 44 BC) or a day as YYYY-MM-DD."))
    ends = forms.CharField(label=_("To"), required=False, max_length=12)
    tags = forms.CharField(label=_("Tags"), required=False, max_length=900, help_text=_("Separated by blanks."))
    checked = forms.BooleanField(label=_("I have compared the statement with its source"), required=False)
    note = forms.CharField(label=_("Why it is proposed"), required=False, max_length=LONGEST_NOTE)
    base = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=1, max_value=2**62)

    def text(self, sources: tuple[Citation, ...]) -> FactText:
        """The fact's text, of a form that is valid."""
        typed = self.cleaned_data
        lists = {"aliases": tuple(typed["aliases"].splitlines()), "tags": tuple(re.split(r"[\s,]+", typed["tags"]))}
        plain = ("kind", "name_en", "name_it", "statement_en", "statement_it", "begins", "ends", "checked")
        return FactText(**{name: typed[name] for name in plain}, **lists, sources=sources)

    def take_over(self, error: ValidationError) -> list[str]:
        """Put each sentence of a refusal at its field; those about sources come back."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return []
        for name, sentences in error.message_dict.items():
            if name in self.fields:
                self.add_error(name, sentences)
        return error.message_dict.get("sources", [])


def initial_of(version: FactVersion) -> dict[str, Any]:
    """What the form shows of a version before anything is changed."""
    plain = {name: getattr(version, name) for name in ("kind", "name_en", "name_it", "statement_en", "statement_it", "begins", "ends", "checked")}
    return {**plain, "aliases": "\n".join(version.aliases), "tags": " ".join(version.tags), "base": version.pk}


def sources_in(posted: QueryDict) -> tuple[Citation, ...]:
    """The rows of sources that a form brought, empty ones left out."""
    rows = zip(*(posted.getlist(f"source_{name}") for name in content.SOURCE), strict=False)
    return tuple(Citation(*(value.strip() for value in row)) for row in rows if any(value.strip() for value in row))


def source_rows(sources: tuple[Citation, ...]) -> list[Citation]:
    """The same with empty rows under them, as the page shows them."""
    return [*sources, *[Citation("", "")] * SPARE][: max(content.MOST_SOURCES, len(sources))]
