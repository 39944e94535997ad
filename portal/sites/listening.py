"""Since when the portal has been there to take an agent's calls: only an agent that called nobody although somebody listened is silent.

Each portal process notes every few seconds, out of the loop that takes the calls, that it is there; all of them keep one row, on the database's clock. A gap
begins the time anew, whatever made it: the portal was down, its machine slept, its clock jumped, the database was away. While one process stays, there is none.
"""

from __future__ import annotations

import datetime

from django.db.models import Case, F, Q, When
from django.db.models.functions import Now

from portal.sites.models import ListeningPeriod

EVERY_S = 5.0
GAP = datetime.timedelta(seconds=20)  # without a note: nobody listened. With the 15 s that an agent waits at most before it calls again, well below a minute


def note() -> None:
    """Note that a portal process takes calls now."""
    gap = Q(until__lt=Now() - GAP) | Q(until__gt=Now() + GAP)  # in the future: the clock was put back
    if not ListeningPeriod.objects.filter(pk=1).update(since=Case(When(gap, then=Now()), default=F("since")), until=Now()):
        ListeningPeriod.objects.bulk_create([ListeningPeriod(pk=1, since=Now(), until=Now())], ignore_conflicts=True)


def has_lasted(length: datetime.timedelta) -> bool:
    """Whether calls were taken during all of this time until now."""
    return ListeningPeriod.objects.filter(since__lte=Now() - length, until__gte=Now() - GAP, until__lte=Now() + GAP).exists()
