"""Where the worker looks for this app's jobs; each is defined in its room."""

from __future__ import annotations

from portal.training.rollout import tasks as rollout
from portal.training.runs import tasks as runs

__all__ = ["rollout", "runs"]
