"""What a fact states, apart from who wrote it: one frozen value that forms, importers and releases hand in, checked in one place."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.core.secrets import holds_secret
from portal.facts import linking, periods
from portal.facts.models import FactKind, FactVersion

LONGEST_NAME, LONGEST_ALIAS, LONGEST_STATEMENT, LONGEST_SOURCE, LONGEST_TAG = 200, 300, 4000, 500, 40  # characters
MOST_ALIASES, MOST_SOURCES, MOST_TAGS = 60, 10, 20
SOURCE = ("author", "title", "year", "where")
_TAG = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclasses.dataclass(frozen=True, slots=True)
class Citation:
    """Where a statement can be looked up. `year` may be empty or hold more than a number ("c. 1590")."""

    author: str
    title: str
    year: str = ""
    where: str = ""

    def shown(self) -> str:
        """On one line, as a bibliography has it."""
        return ", ".join(filter(None, (self.author, self.title, self.year, self.where)))


@dataclasses.dataclass(frozen=True, slots=True)
class FactText:
    """What a fact states: as FactVersion has it, with sources as Citations."""

    kind: str
    name_en: str
    name_it: str
    statement_en: str
    statement_it: str
    sources: tuple[Citation, ...]
    aliases: tuple[str, ...] = ()
    begins: str = ""
    ends: str = ""
    tags: tuple[str, ...] = ()
    checked: bool = False

    def columns(self) -> dict[str, Any]:
        """The same as the columns of a FactVersion."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return plain | {"sources": [dataclasses.asdict(each) for each in self.sources], "aliases": list(self.aliases), "tags": list(self.tags)}

    def sha256(self) -> str:
        """A digest (hex) of all of it: whether two are the same."""
        return hashlib.sha256(json.dumps(self.columns(), sort_keys=True).encode()).hexdigest()


def of_version(version: FactVersion) -> FactText:
    """What a version states."""
    return FactText(
        **{name: getattr(version, name) for name in ("kind", "name_en", "name_it", "statement_en", "statement_it", "begins", "ends", "checked")},
        sources=citations(version.sources),
        aliases=tuple(version.aliases),
        tags=tuple(version.tags),
    )


def citations(sources: Sequence[Mapping[str, str]]) -> tuple[Citation, ...]:
    """Stored sources as values."""
    return tuple(Citation(**{name: str(each.get(name, "")) for name in SOURCE}) for each in sources)


def cleaned(text: FactText) -> FactText:
    """Without blanks around what was typed, and nothing twice."""
    names = {name: " ".join(getattr(text, name).split()) for name in ("name_en", "name_it")}
    statements = {name: getattr(text, name).strip() for name in ("statement_en", "statement_it", "begins", "ends")}
    sources = (Citation(*(" ".join(value.split()) for value in dataclasses.astuple(each))) for each in text.sources)
    return dataclasses.replace(
        text,
        **names,
        **statements,
        sources=tuple(dict.fromkeys(each for each in sources if each.shown())),
        aliases=tuple(dict.fromkeys(filter(None, (" ".join(each.split()) for each in text.aliases)))),
        tags=tuple(dict.fromkeys(filter(None, (each.strip().lower() for each in text.tags)))),
    )


def problems(text: FactText) -> list[tuple[str, str]]:
    """What is wrong with it, as pairs of a field's name and a sentence; nothing when a fact may state this."""
    found = [("kind", _("Choose a kind."))] if text.kind not in FactKind.values else []
    for name in ("name_en", "name_it"):
        if not getattr(text, name) or len(getattr(text, name)) > LONGEST_NAME or not linking.words_of(getattr(text, name)):
            found.append((name, _("A name is needed (at most %(n)d characters).") % {"n": LONGEST_NAME}))
    for name in ("statement_en", "statement_it"):
        if not getattr(text, name) or len(getattr(text, name)) > LONGEST_STATEMENT:
            found.append((name, _("A statement is needed (at most %(n)d characters).") % {"n": LONGEST_STATEMENT}))
    for name in ("begins", "ends"):
        if getattr(text, name) and periods.parsed(getattr(text, name)) is None:
            found.append((name, _("Give a year (1173, or -44 for 44 BC) or a day as YYYY-MM-DD.")))
    if not periods.in_order(text.begins, text.ends):
        found.append(("ends", _("The end lies before the beginning.")))
    found += _problems_of_lists(text)
    secrets = ((name, str(value)) for name, value in text.columns().items() if name not in ("kind", "checked"))
    return found + [(name, _("This text holds a password or a key, and others read it. Leave it out.")) for name, value in secrets if holds_secret(value)]


def check(text: FactText) -> FactText:
    """The text, cleaned. Raises ValidationError with a sentence for each field that is wrong."""
    text = cleaned(text)
    if found := problems(text):
        sentences: dict[str, list[str]] = {}
        for name, sentence in found:
            sentences.setdefault(name, []).append(sentence)
        raise ValidationError(sentences)
    return text


def is_key(text: str) -> bool:
    """Whether this can be the key of a fact: small letters, digits and single dashes."""
    return len(text) <= 120 and bool(_KEY.fullmatch(text))


def _problems_of_lists(text: FactText) -> list[tuple[str, str]]:
    found = []
    if not text.sources:
        found.append(("sources", _("A fact needs a source.")))
    if any(not (each.author and each.title and (each.year or each.where)) for each in text.sources):
        found.append(("sources", _("A source needs an author or institution, a title, and a year or where it is found.")))
    if len(text.sources) > MOST_SOURCES or any(len(value) > LONGEST_SOURCE for each in text.sources for value in dataclasses.astuple(each)):
        found.append(("sources", _("At most %(n)d sources, and %(m)d characters in each part.") % {"n": MOST_SOURCES, "m": LONGEST_SOURCE}))
    if len(text.aliases) > MOST_ALIASES or any(len(each) > LONGEST_ALIAS for each in text.aliases):
        found.append(("aliases", _("At most %(n)d other names of %(m)d characters each.") % {"n": MOST_ALIASES, "m": LONGEST_ALIAS}))
    if any(not linking.words_of(each.removeprefix("=")) for each in text.aliases):
        found.append(("aliases", _("Another name needs a letter or a digit.")))
    if len(text.tags) > MOST_TAGS or any(len(each) > LONGEST_TAG or not _TAG.fullmatch(each) for each in text.tags):
        found.append(("tags", _("At most %(n)d tags of letters, digits and dashes.") % {"n": MOST_TAGS}))
    return found
