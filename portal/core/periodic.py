"""Periodic work over many rows: one bad row is logged with its traceback and stops nobody else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

log = logging.getLogger(__name__)
Row = TypeVar("Row")
Result = TypeVar("Result")


def for_each(rows: Iterable[Row], action: Callable[[Row], Result], *, stop: tuple[type[Exception], ...] = ()) -> list[Result]:
    """Do `action` with each row; what it returned for those that went well. The next run of the job finds the others again.

    An action that writes opens its own transaction: what it wrote before it failed must not stay half done. `stop`: exceptions that concern every row, such
    as a service that cannot be reached; they are raised.
    """
    results = []
    for row in rows:
        try:
            results.append(action(row))
        except stop:
            raise
        except Exception:  # the edge of a job: the other agents, canaries and persons still wait, the traceback is for us
            log.exception("%s.%s failed on %r", action.__module__, action.__qualname__, row)
    return results
