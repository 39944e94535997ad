"""How long the desk keeps a case: until its end date, after which the case goes with its files, report and notes; the audit log keeps that it was here."""

from __future__ import annotations

import contextlib
import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from portal.analysis import queries
from portal.analysis.models import Case, CaseFile
from portal.core import audit, media
from portal.core.periodic import for_each
from portal.core.templatetags import clock

LONGEST_DAYS = 10 * 365  # from today: a court's case may take years, none takes for ever


def parsed_end(text: str) -> datetime.date:
    """The end date that a person chose. Raises ValidationError when it is none, is past, or is later than a case may be kept."""
    today, found = timezone.localdate(), None
    with contextlib.suppress(ValueError):  # the 31st of February
        found = parse_date(text.strip())
    if found is None:
        raise ValidationError(_("Choose a date."))
    if not today <= found <= last_end():
        raise ValidationError(_("Choose a day from today to %(last)s.") % {"last": clock.date(last_end(), "j M Y")})
    return found


def last_end() -> datetime.date:
    """The latest end date that can be chosen today."""
    return timezone.localdate() + datetime.timedelta(days=LONGEST_DAYS)


def forget_ended(today: datetime.date | None = None) -> dict[str, int]:
    """Delete the cases whose end date is past, those about the same files together; {"cases", "files"}: how many of each went.

    A case that is still being examined, or that somebody changes at this moment, keeps the others about its files until the next night.
    """
    today = today or timezone.localdate()
    firsts = Case.objects.filter(first_case=None, kept_until__lt=today).order_by("pk").values_list("pk", flat=True)
    gone = for_each(firsts, lambda pk: _forget(pk, today))
    return {name: sum(each[name] for each in gone) for name in ("cases", "files")}


def _forget(pk: int, today: datetime.date) -> dict[str, int]:
    with transaction.atomic():
        free = Case.objects.select_for_update(of=("self",), skip_locked=True)  # people lock a case and then the first one: to wait here would be a deadlock
        first = free.filter(pk=pk, first_case=None, kept_until__lt=today).first()  # its end date may have moved since
        cases = list(queries.of_same_files(first, among=free.select_related("site"))) if first else []
        if not cases or len(cases) != queries.of_same_files(first).count() or not all(case.over for case in cases):
            return {"cases": 0, "files": 0}
        files = set(CaseFile.objects.filter(case__in=cases).values_list("sha256", flat=True))
        files |= {sha256 for case in cases for sha256 in case.evidence.values()}
        for case in sorted(cases, key=lambda each: each.pk, reverse=True):  # the first one last: the others name it
            data = {"files": case.files.count(), "until": first.kept_until.isoformat()}
            audit.record(actor="system", verb="case.forgotten", subject=f"case:{case.pk}", site=case.site.slug if case.site else "", data=data)
            case.delete()
    return {"cases": len(cases), "files": media.release(files)}
