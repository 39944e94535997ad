"""What a report of the desk shows of the facts that its text leans on: made once when the tool is done, kept as plain data with the version quoted."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from detectors import messages
from detectors.messages import Message, bilingual, text
from detectors.types import MarkedTextEvidence, ReportField, ReportPart, TableEvidence, TextSpan, to_json
from portal.analysis.ports import FactsShown
from portal.facts import content, retrieval
from portal.facts.models import FactVersion
from portal.facts.retrieval import FoundFact

LONGEST_WORDS = 300  # characters of the words a fact was found by, in the table
messages.declare(
    {
        "facts": {"en": "Memory for facts", "it": "Memoria dei fatti"},
        "facts-found": {"en": "Facts that the text leans on", "it": "Fatti su cui poggia il testo"},
        "facts-none": {"en": "not in our sources", "it": "non è nelle nostre fonti"},
        "facts-searched": {"en": "Facts that were searched", "it": "Fatti in cui si è cercato"},
        "facts-text": {"en": "The words by which the facts were found", "it": "Le parole con cui i fatti sono stati trovati"},
        "facts-table": {
            "en": "Facts from our sources that the text leans on. They explain it; they do not say whether it is true.",
            "it": "Fatti delle nostre fonti su cui poggia il testo. Lo spiegano; non dicono se è vero.",
        },
        "facts-fact": {"en": "Fact", "it": "Fatto"},
        "facts-statement": {"en": "Statement", "it": "Affermazione"},
        "facts-dates": {"en": "Dates", "it": "Date"},
        "facts-sources": {"en": "Sources", "it": "Fonti"},
        "facts-version": {"en": "Version", "it": "Versione"},
        "facts-words": {"en": "Found by", "it": "Trovato con"},
        "facts-by-name": {"en": "“{words}”", "it": "«{words}»"},
        "facts-by-name-of-several": {
            "en": "“{words}”: not certain, these words name another fact too",
            "it": "«{words}»: non è certo, queste parole indicano anche un altro fatto",
        },
        "facts-by-words": {"en": "only rare words in common, a weak hint: {words}", "it": "solo parole rare in comune, un indizio debole: {words}"},
        "facts-version-shipped": {
            "en": "{number}, shipped with Specola, not compared with its source here",
            "it": "{number}, fornita con Specola, qui non confrontata con la fonte",
        },
        "facts-version-checked": {
            "en": "{number}, approved by two people, compared with its source",
            "it": "{number}, approvata da due persone, confrontata con la fonte",
        },
        "facts-version-written": {
            "en": "{number}, approved by two people, not compared with its source",
            "it": "{number}, approvata da due persone, non confrontata con la fonte",
        },
    }
)


def facts_in(text: str) -> FactsShown:
    """The facts that this text leans on; a part says it where there are none."""
    found = retrieval.find(text)
    count: Any = len(found) or Message("facts-none")
    fields = (
        ReportField("found", Message("facts-found"), count),
        ReportField("searched", Message("facts-searched"), retrieval.count_in_use()),
    )
    evidence = [_table(found, text), _marked(found, text)] if found else []
    part = ReportPart("facts", Message("facts"), fields)
    return FactsShown([to_json(part)], [to_json(each) for each in evidence], [_plain(each, text) for each in found])


def _table(found: list[FoundFact], text: str) -> TableEvidence:
    columns = tuple(Message(f"facts-{name}") for name in ("fact", "statement", "dates", "sources", "version", "words"))
    return TableEvidence("facts", Message("facts-table"), columns, tuple(_row(each, text) for each in found))


def _row(each: FoundFact, whole: str) -> tuple[Any, ...]:
    version = each.fact.current
    sources = tuple(text(source.shown()) for source in content.citations(version.sources))
    by = (", " if each.by == "words" else "”, “").join(dict.fromkeys(" ".join(whole[start:end].split()) for start, end in each.spans))
    return (
        bilingual(version.name_en, version.name_it),
        bilingual(version.statement_en, version.statement_it),
        bilingual(*(_period(version, language) for language in ("en", "it"))),
        sources,
        Message(f"facts-version-{_origin(version)}", {"number": version.number}),
        Message(f"facts-by-{each.by}", {"words": by[:LONGEST_WORDS]}),
    )


def _marked(found: list[FoundFact], text: str) -> MarkedTextEvidence:
    spans = sorted(
        (TextSpan(start, end, bilingual(each.fact.current.name_en, each.fact.current.name_it)) for each in found for start, end in each.spans),
        key=lambda span: (span.start, span.end),
    )
    return MarkedTextEvidence("facts-text", Message("facts-text"), text, tuple(spans))


def _plain(each: FoundFact, text: str) -> dict[str, Any]:
    version = each.fact.current
    stated = content.of_version(version)
    return {
        "fact": each.fact.pk,
        "key": each.fact.key,
        "version": version.number,
        "version_sha256": stated.sha256(),
        "kind": version.kind,
        "name": {"en": version.name_en, "it": version.name_it},
        "statement": {"en": version.statement_en, "it": version.statement_it},
        "from": version.begins,
        "to": version.ends,
        "sources": version.sources,
        "checked": version.checked,
        "shipped": version.shipped,
        "written": version.made.date().isoformat(),
        "found_by": each.by,
        "score": round(each.score, 3),
        "mentions": [{"start": start, "end": end, "words": text[start:end]} for start, end in each.spans],
    }


def _origin(version: FactVersion) -> str:
    return "shipped" if version.shipped else "checked" if version.checked else "written"


def _period(version: FactVersion, language: str) -> str:
    with translation.override(language):
        return version.period or "–"
