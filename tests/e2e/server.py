"""A portal that really listens: its own database and home folder, uvicorn in a process of its own, agents that really sign."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.portal.wire import event, send_over_http
from tests.waiting import patience, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclasses.dataclass(slots=True)
class Portal:
    """A running portal and what its seed made. `agents` maps a camera's slug to its agent's id and key."""

    address: str
    environment: dict[str, str]
    home: Path
    site: str = ""
    password: str = ""
    agents: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    def send(self, camera: str = "square", **changes: Any) -> dict[str, Any]:
        """Post one event as the camera's agent, signed; returns it."""
        sent = event(self.site, camera, **changes)
        answer = self.post(camera, "POST", "/api/v1/events", json.dumps({"events": [sent], "sent_t": time.time()}).encode())
        assert answer.json()["accepted"] == [sent["id"]], answer.text
        return sent

    def keep(self, content: bytes, camera: str = "square") -> str:
        """Send a picture or a clip; returns its sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        assert self.post(camera, "PUT", f"/api/v1/media/{sha256}", content).status_code in (200, 201)
        return sha256

    def post(self, camera: str, method: str, path: str, body: bytes) -> httpx.Response:
        """One signed call of the camera's agent."""
        agent = self.agents[camera]
        return send_over_http(self.address, method, path, body, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(agent["key"])), agent["id"])

    def python(self, *arguments: str) -> str:
        """Run Python in this portal's environment (`"-c", code` or `"-m", module`); returns what it printed."""
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True, timeout=patience(300)).stdout

    def django(self, code: str) -> str:
        """Run a piece of code with this portal's Django set up."""
        return self.python("-c", f"import django; django.setup()\n{code}")


@contextmanager
def running_portal(home: Path) -> Iterator[Portal]:
    """Migrate and seed a new database, start the server, and take all of it away again."""
    with prepared_portal(home) as portal, serving(portal):
        yield portal


@contextmanager
def prepared_portal(home: Path) -> Iterator[Portal]:
    """Everything but the server, which `serving` starts as often as wanted."""
    with own_database() as url:
        environment = {**os.environ, "DATABASE_URL": url, "SPECOLA_HOME": str(home), "DJANGO_SETTINGS_MODULE": "portal.settings", "PYTHONPATH": str(ROOT)}
        environment["SPECOLA_HOUSE_CHECK_S"] = "3600"  # its agents are seeded and never call: that is no alert of the test's
        portal = Portal(f"http://127.0.0.1:{free_port()}", environment, home)
        portal.python("-m", "django", "migrate", "--noinput", "-v", "0")
        seed = json.loads(portal.python("-m", "tests.e2e.seed"))
        portal.site, portal.password, portal.agents = seed["site"], seed["password"], seed["agents"]
        yield portal


@contextmanager
def own_database() -> Iterator[str]:
    """A database on the test run's PostgreSQL, gone at the end."""
    name, parts = f"e2e_{uuid.uuid4().hex[:12]}", conninfo_to_dict(os.environ["DATABASE_URL"])
    _administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield psycopg.conninfo.make_conninfo(**{**parts, "dbname": name})
    finally:
        _administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def serving(portal: Portal) -> Iterator[subprocess.Popen[bytes]]:
    """uvicorn, as `up` runs it; its last words are in the error when it does not answer."""
    log = portal.home / "portal.log"
    options = ("--port", portal.address.rpartition(":")[2], "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "2")
    with log.open("ab") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "portal.asgi:application", *options], cwd=ROOT, env=portal.environment, stdout=file, stderr=file
        )
        try:
            wait_for(lambda: answers(portal.address) or server.poll() is not None, lambda: log.read_text()[-4000:], 60)
            assert server.poll() is None, log.read_text()[-4000:]
            yield server
        finally:
            _end(server)


@contextmanager
def working(portal: Portal) -> Iterator[subprocess.Popen[bytes]]:
    """The worker that carries out background jobs, a process of its own as in `up`; what waits in the queue it does first."""
    with (portal.home / "worker.log").open("ab") as file:
        worker = subprocess.Popen([sys.executable, "-m", "django", "worker"], cwd=ROOT, env=portal.environment, stdout=file, stderr=file)
        try:
            yield worker
        finally:
            _end(worker)


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Whether the portal shows its sign-in page."""
    try:
        return httpx.get(f"{address}/sign-in/", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to stop, then make it."""
    process.terminate()
    try:
        process.wait(patience(10))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _administer(statement: sql.Composed) -> None:
    """One connection a statement: a test may kill PostgreSQL in between."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement)
