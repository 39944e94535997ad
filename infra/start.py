"""Start Specola in order, say how far it is, keep it running while the caller wants it, stop it in order."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from infra import demo, postgres, programs, state, valkey
from infra.bootstrap import progress
from infra.errors import InfraError, ServiceError
from infra.files import write_durably
from infra.processes import Supervisor
from infra.programs import Plan
from infra.running import Running, manage, run_quietly

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = [sys.executable, "-c", "from detectors import weights; weights.fetch_all(lambda *report: print(*report, flush=True))"]


@contextlib.contextmanager
def started(plan: Plan) -> Iterator[Running]:
    """A running Specola; everything is stopped at the end, whatever happens in between.

    Raises InfraError with one sentence when something cannot start; what had started is stopped again.
    """
    state.prepare_home(plan.home)
    with state.only_one(plan.home):
        repair(plan.home)
        programs.check_port(plan.host, plan.port)
        plan = with_ports(plan)
        supervisor = Supervisor(plan.home / "logs")
        running = Running(plan, supervisor, dict(plan.environment))
        supervisor.on_change = lambda _: write_state(running)
        with _asked_to_stop(running):
            try:
                _start_all(running)
                yield running
            finally:
                running.stopping = True
                _stop_all(running)


def repair(home: Path) -> None:
    """End what a killed `up` of this home folder left behind, so that a new one can start."""
    left = state.end(state.leftovers(home))
    if left:
        print(f"Ended {left} processes that an earlier `up` had left behind.", file=sys.stderr, flush=True)
    with contextlib.suppress(InfraError):
        postgres.stop(postgres.cluster_in(home))
        valkey.stop(valkey.store_in(home))


def steps(running: Running) -> list[tuple[str, Callable[[Callable[[str], None]], None]]]:
    """The order of architecture section 7."""
    every = [
        ("check the weights", lambda show: run_quietly(running, "weights", WEIGHTS)),
        ("start PostgreSQL", lambda show: _start_database(running, show)),
        ("start Valkey", lambda show: _start_store(running, show)),
        ("bring the database up to date", lambda show: migrate(running)),
    ]
    if running.plan.demo:
        every.append(("lay out the Square of Miracles", lambda show: demo.lay_out(running)))
    elif demo.was_laid_out(running):
        every.append(("take the demo's made-up history away", lambda show: demo.forget_history(running)))
    every.append(("start the portal and the SuperLink", lambda show: _start_portal(running, show)))
    every.append(("start the worker", lambda show: running.supervisor.start([programs.worker(running.plan, running.environment)], show)))
    if running.plan.demo:
        every.append(("start the agents", lambda show: demo.start_agents(running, show)))
    return every


def _start_all(running: Running) -> None:
    began, todo = time.monotonic(), steps(running)
    running.supervisor.launch([programs.superlink(running.plan, running.environment)])  # it needs nobody and takes the longest: waited for further down
    for number, (title, act) in enumerate(todo, 1):
        with progress(f"[{number}/{len(todo)}] {title}") as show:
            act(show)
    running.ready_s = time.monotonic() - began
    write_state(running)


def _start_database(running: Running, show: Callable[[str], None]) -> None:
    external = os.environ.get("DATABASE_URL")
    if external:
        postgres.check_external(external)
        running.environment["DATABASE_URL"] = external
        return
    cluster = postgres.cluster_in(running.plan.home)
    postgres.initialise(cluster)
    running.supervisor.start([programs.database(cluster)], show)
    postgres.create_database(cluster)
    running.environment["DATABASE_URL"] = cluster.url


def _start_store(running: Running, show: Callable[[str], None]) -> None:
    external = os.environ.get("REDIS_URL")
    if external:
        if not valkey.answers(external):
            raise ServiceError("The Redis of REDIS_URL does not answer: start it, or unset REDIS_URL to use the embedded Valkey.")
        running.environment["REDIS_URL"] = external
        return
    place = valkey.store_in(running.plan.home)
    running.supervisor.start([programs.store(place)], show)
    running.environment["REDIS_URL"] = place.url


def migrate(running: Running) -> None:
    """Migrate and take in what the release ships, unless this embedded database is known to be as new as the code."""
    done = None if os.environ.get("DATABASE_URL") else running.plan.home / "postgres" / "migrated"
    wanted = schema_of(ROOT)
    if done is None or not done.exists() or done.read_text() != wanted:
        run_quietly(running, "migrate", manage("migrate", "--noinput"))
        run_quietly(running, "load-facts", manage("load_facts"))
        if done:
            write_durably(done, wanted)


def schema_of(root: Path) -> str:
    """A fingerprint of everything that decides the database's tables and the rows that are shipped: our migrations, seeds, and the versions of others' apps."""
    shipped = (each for kind in ("migrations/*.py", "seeds/*.csv") for each in sorted((root / "portal").glob(f"*/{kind}")))
    files = [*shipped, root / "requirements" / "portal.lock"]
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()


def _start_portal(running: Running, show: Callable[[str], None]) -> None:
    plan, environment = running.plan, running.environment
    running.supervisor.start([programs.portal(plan, environment), programs.superlink(plan, environment)], show)


def with_ports(plan: Plan) -> Plan:
    """The SuperLink's ports stay the same from start to start: the agents were told them when they enrolled."""
    path = plan.home / "run" / "ports.json"
    try:
        ports = {name: int(json.loads(path.read_text())[name]) for name in ("control_port", "fleet_port")}
    except (OSError, ValueError, TypeError, KeyError):
        ports = {"control_port": programs.free_port(), "fleet_port": programs.free_port()}
        write_durably(path, json.dumps(ports))
    for port in ports.values():
        programs.check_port("127.0.0.1", port)
    return dataclasses.replace(plan, **ports)


def write_state(running: Running) -> None:
    """Write `run/state.json` for `status`, `down` and other commands of this home folder; a full disk stops nothing."""
    plan = running.plan
    written = {
        "pid": os.getpid(),
        "address": plan.address,
        "ports": {"portal": plan.port, "control": plan.control_port, "fleet": plan.fleet_port},
        "environment": {name: value for name, value in running.environment.items() if name != state.MARK},
        "ready_s": running.ready_s,
        "programs": running.supervisor.table(),
    }
    try:
        state.write(plan.home, written)
    except OSError as error:
        print(f"run/state.json could not be written: {error.strerror}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _asked_to_stop(running: Running) -> Iterator[None]:
    """SIGINT and SIGTERM end the start with KeyboardInterrupt, and end the watching in order; a second one changes nothing."""

    def ask(*_: object) -> None:
        watching, running.stopping = running.watching or running.stopping, True
        if not watching:
            raise KeyboardInterrupt

    before = {sent: signal.signal(sent, ask) for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for sent, handler in before.items():
            signal.signal(sent, handler)


def _stop_all(running: Running) -> None:
    began = time.monotonic()
    running.supervisor.stop()
    state.end(state.leftovers(running.plan.home))
    with contextlib.suppress(OSError):
        state.write(running.plan.home, {"stopped": True})
    print(f"Specola has stopped ({time.monotonic() - began:.1f} s).", file=sys.stderr, flush=True)
