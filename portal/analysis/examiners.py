"""Two examiners of a face comparison: who may conclude on which case, what a conclusion is, and what of it a reader sees (portal/core/two_person.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Role, User
from portal.analysis.models import Case, CaseState, Conclusion, Support
from portal.core.secrets import refuse_secret
from portal.core.two_person import TwoPersonRule

ROLES = (Role.OPERATOR, Role.MANAGER)
MAX_NOTE = 4000
RULE = TwoPersonRule(
    person="examiner",
    sealed=("support", "note"),
    repeated=gettext_lazy("You have given your conclusion; the second examiner must be somebody else."),
    complete=gettext_lazy("Two examiners have concluded already."),
)


def refusal(case: Case, user: User, given: Sequence[Conclusion]) -> str:
    """Why this user cannot conclude on this case now, as a sentence; empty when nothing stands in the way (roles are checked elsewhere)."""
    if not case.examined:
        return _("Only a face comparison is examined by two people.")
    if case.site_id is None:
        return _("This case belongs to no site, so nobody else can examine it. Open it again at a site.")
    if case.state != CaseState.DONE:
        return _("There is no report to examine yet.")
    return RULE.refusal(given, user)


def clean(support: str, note: str) -> str:
    """The note as it is kept. Raises ValidationError with a sentence."""
    note = note.replace("\x00", "").strip()
    if support not in Support.values:
        raise ValidationError(_("Choose what the findings support."))
    if not note:
        raise ValidationError(_("Say in a note what your conclusion rests on."))
    if len(note) > MAX_NOTE:
        raise ValidationError(_("A note has at most %(n)d characters.") % {"n": MAX_NOTE})
    return refuse_secret(note)


def shown(case: Case, reader: User | None) -> list[dict[str, Any]]:
    """The conclusions as the reader may see them: who and when always, what only when both are in, or when it is the reader's own."""
    given, found = list(case.conclusions.all()), []
    for row in given:
        entry = {"examiner": str(row.examiner), "made": row.made.isoformat(), "sealed": not RULE.may_read(row, given, reader)}
        if not entry["sealed"]:
            entry |= {"support": row.support, "words": str(row.get_support_display()), "note": row.note}
        found.append(entry)
    return found
