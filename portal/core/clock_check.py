"""Whether the clock may have been wrong when a nightly job deletes by date: a clock that jumped ahead would end everything in one night."""

from __future__ import annotations

import datetime

from portal.core import audit
from portal.core.models import AuditRow

NIGHT = datetime.timedelta(hours=20)  # less than from one run to the next, so that the row written below counts as "before" in the next night
JUMP = datetime.timedelta(days=7)  # without one audit row: the portal stood still, or its clock moved


def jumped(now: datetime.datetime) -> bool:
    """Whether more than a week without any audit row ends in the hours before `now`: because the clock moved ahead, or because the portal was off.

    The log cannot tell the two apart, so whoever deletes by date waits for one night; the row written here, which an administrator reads, ends the wait.
    """
    before = AuditRow.objects.filter(t__lt=now - NIGHT).order_by("-t").values_list("t", flat=True).first()
    after = AuditRow.objects.filter(t__gte=now - NIGHT).order_by("t").values_list("t", flat=True).first() or now
    if before is None or after - before <= JUMP:
        return False
    if not AuditRow.objects.filter(verb="clock.jumped", t__gte=now - NIGHT).exists():
        audit.record(actor="system", verb="clock.jumped", subject="portal", data={"before": before.isoformat(), "after": after.isoformat()})
    return True
