"""A report as PDF, set by Typst: all text goes in as data, so nothing a file says can become markup."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import typst
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.analysis import examiners
from portal.analysis.models import Case, Tool
from portal.analysis.reading import worded_report
from portal.core import media, two_person

TEMPLATE = Path(__file__).with_name("report.typ")
LONGEST = 400  # characters of one value in the table


def render(case: Case) -> bytes:
    """The PDF's bytes. Pictures of evidence that are missing in the media store are left out and named."""
    pictures = {f"{name}.png": media.path(sha256) for name, sha256 in case.evidence.items() if media.exists(sha256)}
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in pictures.items():
            Path(folder, name).write_bytes(picture.read_bytes())
        Path(folder, "data.json").write_text(json.dumps(_data(case, sorted(pictures))))
        Path(folder, "main.typ").write_bytes(TEMPLATE.read_bytes())
        return typst.compile(Path(folder, "main.typ"), root=folder, format="pdf")


def _data(case: Case, pictures: list[str]) -> dict[str, Any]:
    report = worded_report(case)
    words = {
        "report": _("Report"),
        "inputs": _("Files"),
        "findings": _("Findings"),
        "models": _("Models used"),
        "reasons": _("Reasons"),
        "examiners": _("Two examiners, each alone"),
        "limits": _("A report states what a tool found. It is no proof, and it names no person."),
    }
    return {
        "words": words,
        "id": case.pk,
        "title": case.title,
        "tool": case.tool_name,
        "made": f"{timezone.localtime(case.ended):%Y-%m-%d %H:%M %Z}",
        "by": str(case.opened_by),
        "label": report.label,
        "band": report.band,
        "reasons": report.reasons,
        "rows": [[f"{title} · {label}", value[:LONGEST]] for title, rows in report.parts for label, value in rows],
        "files": [[file.name, f"{file.kind}, {file.size:,} bytes", file.sha256] for file in case.files.all()],
        "examined": case.tool == Tool.FACE_COMPARE,
        "conclusions": _conclusions(case),
        "models": sorted(case.report["models"].items()),
        "pictures": pictures,
    }


def _conclusions(case: Case) -> list[list[str]]:
    """Examiner, words and note of both, or one line that says how many are in: a PDF goes from hand to hand."""
    said = examiners.shown(case, None)
    if len(said) < two_person.NEEDED:
        return [["", _("%(n)d of %(needed)d conclusions given; they are shown when both are in.") % {"n": len(said), "needed": two_person.NEEDED}, ""]]
    return [[f"{each['examiner']}, {each['made'][:16].replace('T', ' ')} UTC", each["words"], each["note"]] for each in said]
