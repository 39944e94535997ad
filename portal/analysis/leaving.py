"""A case as it leaves the house: with pseudonyms for every account, unless two people have agreed to its names (portal/analysis/names.py)."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from detectors import types
from detectors.messages import Message
from detectors.reports import report_from_json, report_to_json
from portal.analysis import names
from portal.analysis.models import Case
from portal.analysis.pseudonyms import Pseudonyms

OLD_COLUMNS, OLD_EXAMPLE = ("campaign-account", "machine-text-account"), "campaign-best-pair"


def outside(case: Case, *, with_names: bool = False) -> Case:
    """The case to make a PDF, a report or a pack of: itself, or a copy, never saved, in which names are replaced.

    Raises ValidationError when names are wanted that two people have not agreed to.
    """
    if not names.holds_names(case):
        return case
    if with_names:
        if not names.released(case):
            raise ValidationError(_("Two people must agree before this case leaves with the names in it."))
        return case
    pseudonyms, left = of(case), copy.copy(case)
    left.pseudonymised = True
    left.title, left.problem = pseudonyms.text(case.title), pseudonyms.text(case.problem)
    left.evidence = {}  # a drawn picture shows the one that came in, and what is written in it
    if case.report is not None:
        report = report_from_json(case.report, case.evidence)
        kept = tuple(each for each in report.evidence if not isinstance(each, types.PictureEvidence | types.ClipEvidence))
        left.report = report_to_json(_changed(dataclasses.replace(report, evidence=kept), pseudonyms))
    return left


def of(case: Case) -> Pseudonyms:
    """The case's pseudonyms; cases about the same files share them."""
    report = case.report or {}
    return Pseudonyms(settings.PSEUDONYM_KEY, case.first_case_id or case.pk, report["names"] if "names" in report else _columns_of_accounts(report))


def _columns_of_accounts(report: dict[str, Any]) -> set[str]:
    """The names in a report of before reports listed them: its columns of accounts, and the two accounts of an example."""
    tables = [each for each in report.get("evidence", ()) if isinstance(each, dict) and each.get("kind") == "table"]
    found = {row[n] for each in tables for n, column in enumerate(each["columns"]) if column["code"] in OLD_COLUMNS for row in each["rows"]}
    params = [each.get("params", {}) for each in report.get("verdict", {}).get("reasons", ()) if isinstance(each, dict) and each.get("code") == OLD_EXAMPLE]
    return {each for each in (*found, *(value for each in params for value in each.values())) if isinstance(each, str)}


def _changed(value: Any, pseudonyms: Pseudonyms) -> Any:
    """A report, or a part of one, with every text in it changed; the words of messages are the tool's own and stay."""
    if isinstance(value, str):
        return pseudonyms.text(value)
    if isinstance(value, Message):
        params = {name: pseudonyms.text(each) if isinstance(each, str) else each for name, each in value.params.items()}
        return Message(value.code, params, pseudonyms.text(value.english) if params != value.params else value.english)
    if isinstance(value, types.Report):
        changed = {name: _changed(getattr(value, name), pseudonyms) for name in ("verdict", "parts", "timeline", "evidence")}
        return dataclasses.replace(value, **changed, names=tuple(sorted(pseudonyms.of(name) for name in value.names)))
    if isinstance(value, types.MarkedTextEvidence):
        text, places = pseudonyms.marked(value.text, [(span.start, span.end) for span in value.spans])
        spans = tuple(
            dataclasses.replace(span, start=start, end=end, label=_changed(span.label, pseudonyms))
            for span, (start, end) in zip(value.spans, places, strict=True)
        )
        return dataclasses.replace(value, caption=_changed(value.caption, pseudonyms), text=text, spans=spans)
    if isinstance(value, types.ReportField | types.ReportPart | types.TableEvidence | types.PlotEvidence | types.PictureEvidence | types.ClipEvidence):
        kept = ("key", "name", "content", "sha256")  # for programs
        return dataclasses.replace(value, **{f.name: _changed(getattr(value, f.name), pseudonyms) for f in dataclasses.fields(value) if f.name not in kept})
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **{f.name: _changed(getattr(value, f.name), pseudonyms) for f in dataclasses.fields(value) if f.name != "band"})
    return tuple(_changed(each, pseudonyms) for each in value) if isinstance(value, list | tuple) else value
