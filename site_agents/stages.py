"""How long each stage takes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

SHARE = 0.05  # of the newest value in the running mean


class Stages:
    """Running mean of milliseconds for each named stage."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            took = (time.perf_counter() - began) * 1000
            self.ms[name] = took if name not in self.ms else (1 - SHARE) * self.ms[name] + SHARE * took

    def rounded(self) -> dict[str, float]:
        """The means, for people."""
        return {name: round(value, 2) for name, value in list(self.ms.items())}
