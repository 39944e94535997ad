"""What an `up` keeps running: the command, the readiness and the place in the order of every program."""

from __future__ import annotations

import functools
import os
import signal
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra import alive, postgres, valkey
from infra.errors import PortTaken
from infra.processes import Program
from infra.state import MARK

ROOT = Path(__file__).resolve().parent.parent
AGENT_NICE = "5"  # four cameras can fill two cores: the page somebody waits for comes first, then the cameras (about a third each), then training
AGENT_STOP_S = 15  # an agent flushes its outbox and stops its SuperNode


@dataclass(frozen=True)
class Plan:
    """What was asked for: where, on which addresses, and with what footage."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = True
    footage: Path | None = None
    control_port: int = 0
    fleet_port: int = 0

    @property
    def address(self) -> str:
        """The address a person on this machine opens."""
        return f"http://{'127.0.0.1' if self.host in ('0.0.0.0', '::', '') else self.host}:{self.port}"  # noqa: S104 - compared, not bound

    @property
    def environment(self) -> dict[str, str]:
        """What every child is told, besides DATABASE_URL and REDIS_URL."""
        hosts = sorted({"127.0.0.1", "localhost", "[::1]", self.host})
        return {
            "SPECOLA_HOME": str(self.home),
            "SPECOLA_SUPERLINK": f"127.0.0.1:{self.control_port}",
            "SPECOLA_FLEET": f"127.0.0.1:{self.fleet_port}",
            "SPECOLA_ALLOWED_HOSTS": os.environ.get("SPECOLA_ALLOWED_HOSTS", ",".join(hosts)),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
            MARK: str(self.home),
        }


def database(cluster: postgres.Cluster) -> Program:
    """The embedded PostgreSQL; SIGINT is its fast, orderly shutdown."""
    return Program(
        "postgres",
        tuple(postgres.command(cluster)),
        wave=0,
        ready=lambda: postgres.answers(cluster.url_of("postgres")),
        before=lambda: postgres.clear_stale(cluster),
        stop_signal=signal.SIGINT,
        stop_s=30,
        popen=cluster.owner.popen(),
    )


def store(place: valkey.Store) -> Program:
    """The embedded Valkey."""
    return Program("valkey", tuple(valkey.command(place)), wave=0, ready=lambda: valkey.answers(place.url), before=lambda: valkey.prepare(place))


def superlink(plan: Plan, environment: dict[str, str]) -> Program:
    """Flower's SuperLink behind its guard."""
    command = _python(
        "federated.learning.superlink", "--home", plan.home, "--control", f"127.0.0.1:{plan.control_port}", "--fleet", f"127.0.0.1:{plan.fleet_port}"
    )
    ready = functools.partial(superlink_answers, plan.home / "pki" / "ca.crt", plan.fleet_port)
    return Program("superlink", command, wave=1, environment=environment, ready=ready, ready_s=120)


def portal(plan: Plan, environment: dict[str, str]) -> Program:
    """The portal's pages, API and WebSockets."""
    quiet = ("--no-access-log", "--log-level", "warning", "--no-server-header")
    options = ("--host", plan.host, "--port", plan.port, "--timeout-graceful-shutdown", "2", "--ws-max-size", "1048576", *quiet)
    command = _python("uvicorn", "portal.asgi:application", *options)
    return Program("portal", command, wave=1, environment=environment, ready=lambda: http_answers(f"{plan.address}/"), ready_s=120)


def worker(plan: Plan, environment: dict[str, str]) -> Program:
    """The portal's background worker; ready when it has told the portal that it lives."""
    ready = functools.partial(alive.worker_since, plan.home, plan.address, time.time())
    return Program("worker", (sys.executable, str(ROOT / "manage.py"), "worker"), wave=2, environment=environment, ready=ready)


def agent(folder: Path, environment: dict[str, str], ready: Callable[[], bool] = lambda: True) -> Program:
    """One camera's agent; it keeps its own SuperNode."""
    command = "nice", "-n", AGENT_NICE, *_python("site_agents", "run", "--config", folder / "agent.toml")
    return Program(f"agent-{folder.name}", command, wave=3, environment=environment, ready=ready, ready_s=120, stop_s=AGENT_STOP_S)


def http_answers(url: str) -> bool:
    """Whether an HTTP server answers here with anything but an error of its own."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def superlink_answers(ca: Path, port: int) -> bool:
    """Whether the SuperLink's fleet listener answers /health with a certificate of our authority."""
    try:
        context = ssl.create_default_context(cafile=str(ca))
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/health", timeout=5, context=context) as answer:
            return answer.status == 200
    except (OSError, ssl.SSLError):
        return False


def check_port(host: str, port: int) -> None:
    """Raises PortTaken when the portal could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"Port {port} of {host} cannot be used ({error.strerror}): choose another with --port.") from error


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _python(module: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *map(str, arguments))
