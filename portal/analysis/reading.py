"""A case's report in the reader's language: what page, list and PDF show. No code word, JSON key or id is among it."""

from __future__ import annotations

import dataclasses

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from detectors import types, worded
from detectors.messages import message_from_json, shown
from detectors.reports import report_from_json
from portal.analysis import marked, plots
from portal.analysis.models import Case
from portal.analysis.sandbox_child import POSTER

MOST_NUMBERS = 200  # rows of a plot's numbers that the page shows


@dataclasses.dataclass(frozen=True, slots=True)
class WordedMoment:
    """An entry of the timeline: its time as a clock shows it, what was found, its score when there is one."""

    number: int
    clock: str
    text: str
    score: str


@dataclasses.dataclass(frozen=True, slots=True)
class WordedTable:
    """Columns and rows of text."""

    columns: list[str]
    rows: list[list[str]]


@dataclasses.dataclass(frozen=True, slots=True)
class WordedSpan:
    """A marked passage: its number, what was found in it, its words, its score when there is one."""

    number: int
    label: str
    quote: str
    score: str


@dataclasses.dataclass(frozen=True, slots=True)
class WordedEvidence:
    """One piece of evidence: `kind` is "picture", "clip", "plot", "table" or "marked-text", and of the rest only what it needs is filled."""

    kind: str
    name: str
    caption: str
    poster: str = ""
    svg: str = ""
    table: WordedTable | None = None
    pieces: tuple[marked.Piece, ...] = ()
    spans: tuple[WordedSpan, ...] = ()

    @property
    def wide(self) -> bool:
        """Whether it wants the page's whole width."""
        return self.kind in ("table", "marked-text")


@dataclasses.dataclass(frozen=True, slots=True)
class WordedReport:
    """Every word of a report in one language; `parts` are titles with rows of label and text. `lang` is the language the tool's own words are in."""

    label: str
    band: str
    reasons: list[str]
    parts: list[tuple[str, list[tuple[str, str]]]]
    timeline: list[WordedMoment]
    strip: str
    evidence: list[WordedEvidence]
    models: list[tuple[str, str]]


def worded_report(case: Case) -> WordedReport | None:
    """The case's report in the language of the moment; None while there is none."""
    if case.report is None:
        return None
    report, language = report_from_json(case.report, case.evidence), get_language() or "en"
    moments = [WordedMoment(n, plots.clock(each.t), worded(each.message, language), _score(each.score, language)) for n, each in enumerate(report.timeline, 1)]
    marks = [(each.t, str(n)) for n, each in enumerate(report.timeline, 1)]
    strip = plots.timeline_strip(marks, title=_("Moments on a line"), seconds=report.seconds) if marks else ""
    return WordedReport(
        label=worded(report.verdict.label, language),
        band=report.verdict.band,
        reasons=[worded(each, language) for each in report.verdict.reasons],
        parts=[(worded(part.title, language), [(worded(f.label, language), shown(f.value, language)) for f in part.fields]) for part in report.parts],
        timeline=moments,
        strip=strip,
        evidence=[_evidence(each, case, language) for each in report.evidence],
        models=sorted(report.models.items()),
    )


def finding_of(case: Case) -> str:
    """What the list of cases shows of a case: its verdict, or why there is none."""
    if case.report is None:
        return case.problem_words
    return worded(message_from_json(case.report["verdict"]["label"]), get_language() or "en")


def _evidence(each: types.Evidence, case: Case, language: str) -> WordedEvidence:
    name, caption = each.name, worded(each.caption, language)
    match each:
        case types.PlotEvidence():
            return WordedEvidence("plot", name, caption, svg=_plot(each, caption, language), table=_numbers(each, language))
        case types.TableEvidence():
            rows = [[shown(value, language) for value in row] for row in each.rows]
            return WordedEvidence("table", name, caption, table=WordedTable([worded(column, language) for column in each.columns], rows))
        case types.MarkedTextEvidence():
            spans = tuple(
                WordedSpan(
                    n,
                    worded(span.label, language),
                    marked.quoted(each.text, span.start, span.end),
                    _score(span.score, language),
                )
                for n, span in enumerate(each.spans, 1)
            )
            pieces = tuple(marked.pieces(each.text, [(span.start, span.end) for span in each.spans]))
            return WordedEvidence("marked-text", name, caption, pieces=pieces, spans=spans)
    poster = f"{POSTER}{name}" if f"{POSTER}{name}" in case.evidence else ""
    return WordedEvidence(each.kind, name, caption, poster=poster)


def _score(score: float | None, language: str) -> str:
    return "" if score is None else shown(round(score, 3), language)


def _plot(each: types.PlotEvidence, caption: str, language: str) -> str:
    curves = [(worded(series.label, language), series.x, series.y) for series in each.series]
    marks = [(x, worded(label, language)) for x, label in each.marks]
    x_label, y_label = worded(each.x_label, language), worded(each.y_label, language)
    return plots.line_plot(curves, title=caption, x_label=x_label, y_label=y_label, marks=marks, comma=language.startswith("it"))


def _numbers(each: types.PlotEvidence, language: str) -> WordedTable:
    """The plot for who cannot see it: its curves' points, as many as one reads."""
    rows = [
        [worded(series.label, language), shown(x, language), shown(y, language)]
        for series in each.series
        for x, y in plots.thinned(series.x, series.y, MOST_NUMBERS // max(1, len(each.series)))
    ]
    return WordedTable([_("Curve"), worded(each.x_label, language), worded(each.y_label, language)], rows)
