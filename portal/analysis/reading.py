"""A case's report in the reader's language: what page, list and PDF show."""

from __future__ import annotations

import dataclasses

from django.utils.translation import get_language

from detectors import worded
from detectors.messages import shown
from detectors.reports import report_from_json
from portal.analysis.models import Case


@dataclasses.dataclass(frozen=True, slots=True)
class WordedReport:
    """Every word of a report in one language; `parts` are titles with rows of label and text, `captions` those of the pictures by name."""

    label: str
    band: str
    reasons: list[str]
    parts: list[tuple[str, list[tuple[str, str]]]]
    captions: dict[str, str]


def worded_report(case: Case) -> WordedReport | None:
    """The case's report in the language of the moment; None while there is none."""
    if case.report is None:
        return None
    report, language = report_from_json(case.report, case.evidence), get_language() or "en"
    return WordedReport(
        label=worded(report.verdict.label, language),
        band=report.verdict.band,
        reasons=[worded(each, language) for each in report.verdict.reasons],
        parts=[(worded(part.title, language), [(worded(f.label, language), shown(f.value, language)) for f in part.fields]) for part in report.parts],
        captions={each.name: worded(each.caption, language) for each in report.evidence},
    )
