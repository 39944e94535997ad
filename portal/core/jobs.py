"""Background jobs are deferred by their name, so that actions need not import the tasks that call them; every name is checked at the start.

    follow_run = jobs.named("training.follow_run")          # at the top of portal/training/actions.py
    follow_run.defer(run_id=run.pk)                         # inside the transaction: the job exists when, and only when, it commits

The task itself is an ordinary `@app.task(name="training.follow_run", ...)` in the app's tasks.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager

_declared: dict[str, DeferredJob] = {}
_started = False
_at_worker_start: list[Callable[[], None]] = []
# The worker's own connections commit at once: a job deferred through them would exist before, and even without, the change it is about.
_in_this_transaction = JobManager(DjangoConnector())


class UnknownJob(Exception):
    """A job that no tasks.py registers; str() names it."""


class DeferredJob:
    """A job somebody defers."""

    def __init__(self, name: str):
        self.name = name

    def defer(self, **arguments: Any) -> None:
        """Queue it. Raises TypeError at once, not later in the worker, when the task does not take these arguments."""
        self.defer_as(priority=0, lock=None, **arguments)

    def defer_as(self, *, priority: int, lock: str | None, **arguments: Any) -> None:
        """Queue it before jobs of a lower priority, and so that it never runs beside another with the same lock."""
        if (task := app.tasks.get(self.name)) is None:
            raise UnknownJob(f"no task is called {self.name}")
        inspect.signature(task.func).bind(**arguments)
        job = task.configure(priority=priority, lock=lock)
        job.job_manager = _in_this_transaction
        job.defer(**arguments)


def named(name: str) -> DeferredJob:
    """The job of this name; call it at the top of a module, so that a misspelt one is found when the portal starts, at the latest with the module's import."""
    if _started and name not in app.tasks:  # a module that the start did not need
        raise UnknownJob(f"no task is called {name}")
    return _declared.setdefault(name, DeferredJob(name))


def at_worker_start(prepare: Callable[[], None]) -> None:
    """Let a worker call this once before its first job, for what would make that job wait; declare it in AppConfig.ready."""
    if prepare not in _at_worker_start:
        _at_worker_start.append(prepare)


def prepare_worker() -> None:
    """Called by a worker before it takes jobs."""
    for prepare in _at_worker_start:
        prepare()


def check() -> None:
    """Called when every app is ready (portal/house/apps.py). Raises UnknownJob that names every job without a task."""
    global _started
    _started = True
    if unknown := sorted(set(_declared) - set(app.tasks)):
        raise UnknownJob(f"no task is called {', '.join(unknown)}")
