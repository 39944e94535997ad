"""The rules of two examiners: each concludes alone, and nobody reads an answer before both are in; the audit log holds it sealed until then."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.analysis.models import Case, CaseState, Conclusion, Support, Tool

ROLES = (Role.OPERATOR, Role.MANAGER)
NEEDED = 2
MAX_NOTE = 4000


def refusal(case: Case, user: User, given: Sequence[Conclusion]) -> str:
    """Why this user cannot conclude on this case now, as a sentence; empty when nothing stands in the way (roles are checked elsewhere)."""
    if case.tool != Tool.FACE_COMPARE:
        return _("Only a face comparison is examined by two people.")
    if case.site_id is None:
        return _("This case belongs to no site, so nobody else can examine it. Open it again at a site.")
    if case.state != CaseState.DONE:
        return _("There is no report to examine yet.")
    if any(each.examiner_id == user.pk for each in given):
        return _("You have given your conclusion; the second examiner must be somebody else.")
    return _("Two examiners have concluded already.") if len(given) >= NEEDED else ""


def clean(support: str, note: str) -> str:
    """The note as it is kept. Raises ValidationError with a sentence."""
    note = note.replace("\x00", "").strip()
    if support not in Support.values:
        raise ValidationError(_("Choose what the findings support."))
    if not note:
        raise ValidationError(_("Say in a note what your conclusion rests on."))
    if len(note) > MAX_NOTE:
        raise ValidationError(_("A note has at most %(n)d characters.") % {"n": MAX_NOTE})
    return note


def seal(conclusion: Conclusion) -> str:
    """The sha256 that stands in the audit log for a conclusion that nobody may read yet."""
    return hashlib.sha256("\n".join((conclusion.nonce, conclusion.support, conclusion.note)).encode()).hexdigest()


def opened(conclusion: Conclusion) -> dict[str, Any]:
    """What the audit log holds once both are in: anybody can compute the seal again."""
    said = {name: getattr(conclusion, name) for name in ("support", "note", "nonce")}
    return {"examiner": conclusion.examiner_id, **said, "sealed": seal(conclusion)}


def shown(case: Case, reader: User | None) -> list[dict[str, Any]]:
    """The conclusions as the reader may see them: who and when always, what only when both are in, or when it is the reader's own."""
    given = list(case.conclusions.all())
    return [_shown(each, open_to_all=len(given) >= NEEDED, reader=reader) for each in given]


def _shown(conclusion: Conclusion, *, open_to_all: bool, reader: User | None) -> dict[str, Any]:
    known = open_to_all or (reader is not None and conclusion.examiner_id == reader.pk)
    who = {"examiner": str(conclusion.examiner), "made": conclusion.made.isoformat(), "sealed": not known}
    return {**who, "support": conclusion.support, "words": str(conclusion.get_support_display()), "note": conclusion.note} if known else who
