"""The two verifiers of a recognition: each answers alone whether it is the person named, and the second answer settles the verdict (core/two_person.py)."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import User
from portal.accounts.permissions import require_role
from portal.core.two_person import NEEDED, TwoPersonRule, new_nonce
from portal.people.log import READERS
from portal.people.models import Recognition, RecognitionVerdict, Verification, VerificationAnswer

RULE = TwoPersonRule(
    person="verifier",
    sealed=("answer",),
    repeated=gettext_lazy("You have answered already: the second answer must be another person's."),
    complete=gettext_lazy("Two people have answered already."),
)


def verify(*, user: User, pk: int, answer: str) -> Recognition:
    """One verifier's own answer; the second one settles the verdict. Raises ValidationError, PermissionDenied or Recognition.DoesNotExist."""
    if answer not in VerificationAnswer.values:
        raise ValidationError(_("Choose an answer."))
    with transaction.atomic():
        row = Recognition.objects.select_for_update(of=("self",)).select_related("camera__site", "person").get(pk=pk)
        require_role(user, row.camera.site, *READERS)
        given = list(row.verifications.all())
        if why := RULE.refusal(given, user):
            raise ValidationError(why)
        mine = Verification.objects.create(recognition=row, verifier=user, answer=answer, nonce=new_nonce())
        if RULE.is_open([*given, mine]):
            row.verdict = verdict_of([each.answer for each in (*given, mine)])
            row.save(update_fields=["verdict"])
        RULE.record(
            row=mine,
            given=given,
            subject=f"recognition:{row.pk}",
            site=row.camera.site.slug,
            verb="recognition.verified",
            concluded="recognition.concluded",
            result={"verdict": row.verdict},
        )
    return row


def verdict_of(answers: Sequence[str]) -> str:
    """What the two answers come to: right or wrong when they agree, else unclear."""
    if list(answers) == [VerificationAnswer.YES] * NEEDED:
        return RecognitionVerdict.RIGHT
    return RecognitionVerdict.WRONG if list(answers) == [VerificationAnswer.NO] * NEEDED else RecognitionVerdict.UNCLEAR
