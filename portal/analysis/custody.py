"""The custody of a case: who opened, added, read and exported what, when and why. Each line is a row of the audit log."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from portal.analysis import ports, tools
from portal.analysis.models import Case
from portal.analysis.reading import finding_of
from portal.core.models import AuditRow

SEEN, READ = "case.seen", "case.file_read"
SEEN_EVERY = datetime.timedelta(hours=1)  # one line for each person and file: the custody is read by people
NAMES = ("name", "file")  # of a row's data: which file it is about


@dataclasses.dataclass(frozen=True, slots=True)
class CustodyLine:
    """A line as a person reads it: the audit row's number, its time, who, what was done, about which file, and why."""

    seq: int
    t: datetime.datetime
    who: str
    what: str
    about: str
    why: str


def rows(case: Case) -> QuerySet[AuditRow]:
    """The case's rows of the audit log, oldest first."""
    return AuditRow.objects.filter(subject=f"case:{case.pk}").order_by("seq")


def lines(case: Case) -> list[CustodyLine]:
    """The same in words, in the reader's language."""
    return [_line(row, case) for row in rows(case)]


def noted(*, case: Case, actor: str, verb: str, data: dict[str, Any]) -> bool:
    """Whether there is such a line of the last hour already."""
    found = rows(case).filter(verb=verb, actor=actor, t__gt=timezone.now() - SEEN_EVERY)
    return (found.filter(data__file=data["file"]) if data else found).exists()


def _line(row: AuditRow, case: Case) -> CustodyLine:
    kind, _, name = row.actor.partition(":")
    data = row.data if isinstance(row.data, dict) else {}
    about = next((str(data[each]) for each in NAMES if data.get(each)), "")
    if row.verb == "case.asked_another":
        about = tools.title_of(str(data.get("tool", "")))
    return CustodyLine(row.seq, row.t, name if kind == "user" else "Specola", ports.verb_in_words(row.verb), about, _why(data, case))


def _why(data: dict[str, Any], case: Case) -> str:
    """The reason given, or how the examination ended: rows keep that in English."""
    if data.get("problem"):
        return case.problem_words
    if data.get("verdict"):
        return finding_of(case)
    return str(data.get("reason", ""))
