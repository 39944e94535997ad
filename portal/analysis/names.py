"""Names of private people in what leaves the house: two people decide, each alone, whether a case may leave with them (portal/core/two_person.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Role, User
from portal.analysis import tools
from portal.analysis.models import Case, NamesAnswer
from portal.core.two_person import TwoPersonRule

ROLES = (Role.OPERATOR, Role.MANAGER)
RULE = TwoPersonRule(
    person="person",
    sealed=("agrees", "reason"),
    repeated=gettext_lazy("You have answered already: the second answer must be another person's."),
    complete=gettext_lazy("Two people have answered already."),
)


def holds_names(case: Case) -> bool:
    """Whether the case is about posts of people: its tool reads texts, or its report names accounts."""
    entry = tools.entry_of(case.tool)
    return (entry is not None and "text" in entry.media) or bool((case.report or {}).get("names"))


def refusal(case: Case, user: User, given: Sequence[NamesAnswer]) -> str:
    """Why this user cannot answer now, as a sentence; empty when nothing stands in the way (roles are checked elsewhere)."""
    if not holds_names(case):
        return _("Nothing in this case is about accounts of people.")
    if case.site_id is None:
        return _("This case belongs to no site, so nobody else can answer. Open it again at a site.")
    if not case.over:
        return _("This case is still being examined: wait for its end or cancel it.")
    return RULE.refusal(given, user)


def released(case: Case) -> bool:
    """Whether two people have agreed that this case may leave with names."""
    given = list(case.names_answers.all())
    return RULE.is_open(given) and all(row.agrees for row in given)


def shown(case: Case, reader: User | None) -> list[dict[str, Any]]:
    """The answers as the reader may see them: who and when always, what only when both are in, or when it is the reader's own."""
    given, found = list(case.names_answers.select_related("person")), []
    for row in given:
        entry = {"person": str(row.person), "made": row.made.isoformat(), "sealed": not RULE.may_read(row, given, reader)}
        if not entry["sealed"]:
            entry |= {"agrees": row.agrees, "reason": row.reason}
        found.append(entry)
    return found
