"""A whole Specola as `manage.py up` starts it, with its demo agents, in which tests kill programs by their process ids."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from infra.check import AdministratorSession
from infra.errors import ServiceError
from infra.programs import Plan, free_port
from infra.running import Running
from infra.start import started
from tests.load.bench_latency import watch_more
from tests.waiting import patience

STORED = "SELECT id::text, camera_id, seq FROM alerts_event WHERE NOT demo"
NEWER = "SELECT DISTINCT c.slug FROM alerts_event e JOIN sites_camera c ON c.id = e.camera_id WHERE e.received > to_timestamp(%s)"
EAGER = frozenset({"square", "drone"})  # the cameras that see somebody all the time


@dataclasses.dataclass(slots=True)
class Session:
    """A running Specola and a signed-in administrator."""

    running: Running
    person: AdministratorSession

    def kill(self, name: str) -> int:
        """`kill -9` a program; returns the process id it had."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=patience(5))
        return pid

    def pid(self, name: str) -> int:
        return self.running.supervisor.children[name].process.pid

    def wait_for_restart(self, name: str, before: int) -> None:
        """The supervisor starts it again, and it answers."""
        self.wait(lambda: self.pid(name) != before and self.running.supervisor.children[name].program.ready(), 60, f"the restart of {name}")

    def wait(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """As `AdministratorSession.wait`: the supervisor works meanwhile, as it does in `up`; a service that is away is no error."""

        def patient() -> Any:
            try:
                return condition()
            except (psycopg.OperationalError, OSError, httpx.HTTPError, ServiceError):
                return None

        return self.person.wait(patient, seconds, what)

    def stored(self) -> list[tuple[str, int, int]]:
        """Every event in PostgreSQL: id, camera, number in the camera's order."""
        return self.rows(STORED)

    def wait_for_news(self) -> None:
        """Until every eager camera has told something new."""
        since = time.time()
        self.wait(lambda: {slug for (slug,) in self.rows(NEWER, since)} >= EAGER, 60, "news of every eager camera")

    def rows(self, query: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.running.environment["DATABASE_URL"]) as connection:
            return connection.execute(query, values).fetchall()


@contextmanager
def whole_specola() -> Iterator[Session]:
    """Started in a home folder of its own, its cameras watching eagerly."""
    home = Path(tempfile.mkdtemp(prefix="specola-kills-"))
    home.chmod(0o755)
    try:
        with started(Plan(home, port=free_port())) as running, AdministratorSession(running) as person:
            watch_more(running)
            yield Session(running, person)
    finally:
        shutil.rmtree(home, ignore_errors=True)
