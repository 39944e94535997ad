"""Which column of a table of posts was taken as what, and which columns there are: read out of a case's report, or out of why there is none."""

from __future__ import annotations

import dataclasses

from django.utils.translation import get_language

from detectors import worded
from detectors.messages import Message
from detectors.posts import ROLES
from portal.analysis import tools
from portal.analysis.models import Case

NO_TEXT = ("posts-no-text-column", "posts-no-such-column")


@dataclasses.dataclass(frozen=True, slots=True)
class TableColumns:
    """`taken` is the column of each role ("": none), `head` are all of them."""

    taken: dict[str, str]
    head: list[str]

    @property
    def choices(self) -> list[tuple[str, str, str]]:
        """Role, its label in the reader's language and the column taken, for a form."""
        return [(role, worded(Message(f"posts-column-{role}"), get_language() or "en"), self.taken[role]) for role in ROLES]


def of(case: Case) -> TableColumns | None:
    """The columns of the case's table; None of a case about no table, or of a tool that takes no columns."""
    entry = tools.entry_of(case.tool)
    if entry is None or not entry.columns:
        return None
    if case.report is None:
        message = ((case.failure or {}).get("params") or {}).get("message") or {}
        head = str(message["params"].get("columns", "")).split(", ") if message.get("code") in NO_TEXT else []
        return TableColumns(dict.fromkeys(ROLES, ""), head) if head else None
    fields = {field["key"]: field["value"] for part in case.report.get("parts", ()) for field in part.get("fields", ())}
    head = fields.get("columns")
    return TableColumns({role: fields.get(f"column-{role}") or "" for role in ROLES}, [str(each) for each in head]) if head else None
