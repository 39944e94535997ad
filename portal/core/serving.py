"""What a portal process does again and again while it takes calls, out of the loop that takes them: an app adds its own with `repeat`, in AppConfig.ready.

Not for the worker: what is repeated here is there whenever people can look, also while no worker is.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable
from typing import Any

from channels.db import database_sync_to_async

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Repeated:
    """An action, and the seconds between its end and its next beginning."""

    action: Callable[[], object]
    every_s: float


repeated: list[Repeated] = []


def repeat(action: Callable[[], object], every_s: float) -> None:
    """Do this as long as a portal process serves; 0 seconds: never. Several processes do it at the same time, each for itself. Twice is once."""
    if every_s > 0 and all(each.action is not action for each in repeated):
        repeated.append(Repeated(action, every_s))


async def lifespan(_scope: Any, receive: Any, send: Any) -> None:
    """The ASGI server's start and end: do what is repeated in between."""
    await receive()
    tasks = [asyncio.create_task(_for_ever(each)) for each in repeated]
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await send({"type": "lifespan.shutdown.complete"})


async def _for_ever(each: Repeated) -> None:
    failing = False
    while True:
        try:
            await database_sync_to_async(each.action)()
            failing = False
        except Exception:  # the edge of a task: the database may be away; the portal goes on and tries again
            if not failing:  # once, not every few seconds
                log.exception("%s.%s failed", each.action.__module__, each.action.__qualname__)
            failing = True
        await asyncio.sleep(each.every_s)
