"""What is different between two versions of a fact, word by word, for a page."""

from __future__ import annotations

import dataclasses
import difflib
import re
from typing import Any

from django.utils.translation import gettext as _

from portal.facts import content
from portal.facts.models import FactVersion

_WORDS = re.compile(r"\s+|[^\s]+")


@dataclasses.dataclass(frozen=True, slots=True)
class DiffPiece:
    """A run of words: `kind` is "same", "added" or "removed"."""

    kind: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field with its label; `changed` is False where both versions have the same."""

    label: str
    pieces: tuple[DiffPiece, ...]
    changed: bool


def of_versions(old: FactVersion | None, new: FactVersion) -> list[FieldDiff]:
    """Every field that either has, in the order of the page; everything is added where there was nothing before."""
    before, after = _texts(old) if old else {}, _texts(new)
    return [
        FieldDiff(label, pieces, any(piece.kind != "same" for piece in pieces)) for label in after if (pieces := between(before.get(label, ""), after[label]))
    ]


def between(old: str, new: str) -> tuple[DiffPiece, ...]:
    """The words of both in one line, removed ones before those that came for them."""
    first, second = _WORDS.findall(old), _WORDS.findall(new)
    found: list[DiffPiece] = []
    for kind, start, end, begin, until in difflib.SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(DiffPiece("same", "".join(second[begin:until])))
            continue
        found += [DiffPiece(kind, "".join(words)) for kind, words in (("removed", first[start:end]), ("added", second[begin:until])) if words]
    return tuple(found)


def _texts(version: FactVersion) -> dict[str, str]:
    yes_no: dict[bool, Any] = {True: _("yes"), False: _("no")}
    return {
        _("Kind"): str(version.get_kind_display()),
        _("Name in English"): version.name_en,
        _("Name in Italian"): version.name_it,
        _("Other names"): "\n".join(version.aliases),
        _("Statement in English"): version.statement_en,
        _("Statement in Italian"): version.statement_it,
        _("Period"): version.period,
        _("Sources"): "\n".join(each.shown() for each in content.citations(version.sources)),
        _("Tags"): " ".join(version.tags),
        _("Compared with its source"): yes_no[version.checked],
    }
