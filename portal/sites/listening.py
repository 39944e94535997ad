"""Since when the portal has been there to take an agent's calls: only an agent that called nobody although somebody listened is silent.

Each portal process notes every few seconds, out of the loop that takes the calls, that it is there; all of them keep one row, on the database's clock. A gap
begins the time anew, whatever made it: the portal was down, its machine slept, its clock jumped, the database was away. While one process stays, there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from typing import Any

from channels.db import database_sync_to_async
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now

from portal.sites.models import ListeningPeriod

EVERY_S = 5.0
GAP = datetime.timedelta(seconds=20)  # without a note: nobody listened. With the 15 s that an agent waits at most before it calls again, well below a minute
log = logging.getLogger(__name__)


def note() -> None:
    """Note that a portal process takes calls now."""
    gap = Q(until__lt=Now() - GAP) | Q(until__gt=Now() + GAP)  # in the future: the clock was put back
    if not ListeningPeriod.objects.filter(pk=1).update(since=Case(When(gap, then=Now()), default=F("since")), until=Now()):
        ListeningPeriod.objects.bulk_create([ListeningPeriod(pk=1, since=Now(), until=Now())], ignore_conflicts=True)


def has_lasted(length: datetime.timedelta) -> bool:
    """Whether calls were taken during all of this time until now."""
    return ListeningPeriod.objects.filter(since__lte=Now() - length, until__gte=Now() - GAP, until__lte=Now() + GAP).exists()


async def lifespan(_scope: Any, receive: Any, send: Any) -> None:
    """The ASGI server's start and end: note in between that this process is there."""
    await receive()
    notes = asyncio.create_task(_note_for_ever())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    notes.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await notes
    await send({"type": "lifespan.shutdown.complete"})


async def _note_for_ever() -> None:
    failing = False
    while True:
        try:
            await database_sync_to_async(note)()
            failing = False
        except Exception:  # the edge of a task: the database may be away; the portal goes on, and the next note is a gap
            if not failing:  # once, not every few seconds
                log.exception("it could not be noted that the portal is there")
            failing = True
        await asyncio.sleep(EVERY_S)
