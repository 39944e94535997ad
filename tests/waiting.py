"""Waiting by condition: every deadline in the tests is generous, and grows with the load of the machine, so that a busy one makes no test fail."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

MOST = 4.0  # times the seconds asked for: beyond that a wait is no longer patience
POLL_S = 0.05


def patience(seconds: float) -> float:
    """So many seconds on an idle machine, in proportion more when more processes want a core than there are cores; at most MOST times."""
    return seconds * min(MOST, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def patience_ms(seconds: float) -> float:
    """The same for Playwright, which counts milliseconds."""
    return 1000 * patience(seconds)


def wait_for(
    condition: Callable[[], Any], what: str | Callable[[], str] = "", seconds: float = 30.0, *, meanwhile: Callable[[], object] = lambda: time.sleep(POLL_S)
) -> Any:
    """What the condition gives as soon as it is true. Fails with `what` when that does not happen in time.

    `meanwhile` is called between two looks: a browser must go on with its own work, a page may have to be loaded again.
    """
    began = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - began
        assert waited < patience(seconds), f"waited {waited:.0f} s in vain: {what if isinstance(what, str) else what()}"
        meanwhile()
    return found
