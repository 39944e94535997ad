"""A report as PDF, set by Typst in the reader's language: all text goes in as data, so nothing a file says can become markup."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # on a busy machine Typst's threads spin for each other, three times as much work; read at the first PDF
import typst
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.analysis import examiners
from portal.analysis.models import Case
from portal.analysis.reading import WordedEvidence, worded_report
from portal.core import media, two_person
from portal.core.templatetags import dates

TEMPLATE = Path(__file__).with_name("report.typ")
LONGEST = 2000  # characters of one value in a table
_COMPILING = threading.Lock()  # Typst holds the interpreter while it compiles a page: twenty at once would leave no turn to anybody else
MOST_ROWS = 500  # of a table that is evidence: the page shows all of them


def render(case: Case) -> bytes:
    """The PDF's bytes. Raises ValueError when the case has no report. Pictures that are missing in the media store are left out and named."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "data.json").write_text(json.dumps(document(case, folder)))
        (folder / "main.typ").write_bytes(TEMPLATE.read_bytes())
        with _COMPILING:
            return typst.compile(folder / "main.typ", root=place, format="pdf")


def document(case: Case, folder: Path) -> dict[str, Any]:
    """What the template sets, all of it text; pictures and plots are laid into the folder and named. Raises ValueError."""
    if (report := worded_report(case)) is None:
        raise ValueError(f"case {case.pk} has no report")
    return {
        "words": _headings(case.pseudonymised),
        "language": (get_language() or "en")[:2],
        "id": case.pk,
        "title": case.title,
        "tool": case.tool_name,
        "made": f"{dates.written(case.ended)} {timezone.localtime(case.ended):%Z}",
        "by": str(case.opened_by),
        "label": report.label,
        "band": report.band,
        "reasons": report.reasons,
        "parts": [[title, [[label, value[:LONGEST]] for label, value in rows]] for title, rows in report.parts],
        "timeline": [[str(each.number), each.clock, each.text, each.score or "–"] for each in report.timeline],
        "strip": _lay(folder, "strip.svg", report.strip),
        "evidence": [_evidence(n, each, case, folder) for n, each in enumerate(report.evidence)],
        "files": [[file.name, f"{file.kind_words}, {file.size:,} " + _("bytes"), file.sha256] for file in case.files.all() if file.for_tool],
        "examined": case.examined,
        "conclusions": _conclusions(case),
        "models": [list(each) for each in report.models],
    }


def _headings(pseudonymised: bool) -> dict[str, Any]:
    names = _("Accounts have pseudonyms: the portal that made this report can tell which account each of them is.") if pseudonymised else ""
    return {
        "report": _("Report"),
        "inputs": _("Files"),
        "findings": _("Findings"),
        "evidence": _("Evidence"),
        "timeline": _("Timeline"),
        "timeline_columns": [_("No."), _("Moment"), _("Finding"), _("Score")],
        "models": _("Models used"),
        "examiners": _("Two examiners, each alone"),
        "missing": _("This picture is no longer in the portal's store."),
        "clip": _("The first picture of a clip; the case's page plays it."),
        "more": _("The case's page shows the other rows."),
        "limits": " ".join(filter(None, (names, _("A report states what a tool found. It is no proof, and it names no person.")))),
    }


def _evidence(n: int, each: WordedEvidence, case: Case, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": each.kind, "caption": each.caption, "file": "", "columns": [], "rows": [], "more": False, "pieces": [], "spans": []}
    if each.kind == "plot":
        found["file"] = _lay(folder, f"{n}.svg", each.svg)
    elif each.kind == "table" and each.table:
        found["columns"], found["rows"] = each.table.columns, [[value[:LONGEST] for value in row] for row in each.table.rows[:MOST_ROWS]]
        found["more"] = len(each.table.rows) > MOST_ROWS
    elif each.kind == "marked-text":
        found["pieces"] = [{"text": piece.text, "depth": piece.depth, "begins": [str(number) for number in piece.begins]} for piece in each.pieces]
        found["spans"] = [[str(span.number), span.label, span.quote, span.score] for span in each.spans]
    else:
        sha256 = case.evidence.get(each.poster or each.name) if each.kind == "picture" or each.poster else None
        if media.exists(sha256):
            (folder / f"{n}.png").write_bytes(media.path(sha256).read_bytes())
            found["file"] = f"{n}.png"
    return found


def _lay(folder: Path, name: str, content: str) -> str:
    if content:
        (folder / name).write_text(content)
    return name if content else ""


def _conclusions(case: Case) -> list[list[str]]:
    """Examiner, words and note of both, or one line that counts them: a PDF goes from hand to hand."""
    given = examiners.shown(case, None)
    if len(given) < two_person.NEEDED:
        return [["", _("%(n)d of %(needed)d conclusions given; they are shown when both are in.") % {"n": len(given), "needed": two_person.NEEDED}, ""]]
    return [[f"{each['examiner']}, {each['made'][:16].replace('T', ' ')} UTC", each["words"], each["note"]] for each in given]
