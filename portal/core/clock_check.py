"""Whether the clock may have been wrong when a nightly job deletes by date: a clock that jumped ahead would end everything in one night."""

from __future__ import annotations

import datetime
import logging

from django.utils import timezone

from portal.core import audit
from portal.core.models import AuditRow

LOOK = datetime.timedelta(hours=48)  # a jump at any hour lies in it on the first night, whichever job asks, and on the second
WAIT = datetime.timedelta(hours=12)  # longer than the jobs of one night are apart, shorter than from one night to the next
JUMP = datetime.timedelta(days=7)  # without one audit row: the portal stood still, or its clock moved
log = logging.getLogger(__name__)


def jumped() -> bool:
    """Whether more than a week without any audit row ended in the last two days and nobody has waited for a night since.

    The clock moved ahead, or the portal was off: the log cannot tell the two apart, so whoever deletes by date waits for one night. The row written
    here, which an administrator reads, is when that wait began; every other job of the same night finds it and waits too.
    """
    now = timezone.now()
    before = AuditRow.objects.filter(t__lt=now - LOOK).order_by("-t").values_list("t", flat=True).first()
    after = AuditRow.objects.filter(t__gte=now - LOOK).order_by("t").values_list("t", flat=True).first() or now
    if before is None or after - before <= JUMP:
        return False
    noticed = AuditRow.objects.filter(verb="clock.jumped", t__gte=now - LOOK).order_by("t").values_list("t", flat=True).first()
    if noticed is not None and noticed < now - WAIT:
        return False
    if noticed is None:
        audit.record(actor="system", verb="clock.jumped", subject="portal", data={"before": before.isoformat(), "after": after.isoformat()})
    log.warning("nothing is deleted by date tonight: from %s to %s no audit row was written, so the clock may have jumped", before, after)
    return True
