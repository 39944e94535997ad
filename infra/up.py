"""`manage.py up`: start everything in order, say how far it is, keep it running, stop it in order."""

from __future__ import annotations

import argparse
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
from infra.errors import HomeError, InfraError, ServiceError
from infra.processes import Supervisor
from infra.programs import Plan
from infra.running import Running, manage, run_quietly

ROOT = Path(__file__).resolve().parent.parent
FETCH_WEIGHTS = "from detectors import weights; weights.fetch_all(lambda *said: print(*said, flush=True))"


def main(arguments: list[str]) -> int:
    """Start, stay until SIGINT or SIGTERM, stop. With --check: prove that it all works instead of staying."""
    options = _parser().parse_args(arguments)
    plan = plan_of(options)
    if options.check:
        from infra import check

        return check.prove(plan)
    with started(plan) as running:
        print(welcome(running), flush=True)
        running.watching = True
        running.supervisor.watch(until=lambda: running.stopping)
    return 0


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan a command line asks for. Raises HomeError when the footage is not there."""
    footage = options.footage.resolve() if options.footage else None
    if footage and not footage.is_dir():
        raise HomeError(f"The footage folder {footage} does not exist: give a folder of video files.")
    return Plan(state.home_folder(ROOT, options.home), options.host, options.port, not options.no_demo, footage)


@contextlib.contextmanager
def started(plan: Plan) -> Iterator[Running]:
    """A running Specola; everything is stopped at the end, whatever happens in between.

    Raises InfraError with one sentence when something cannot start; what had started is stopped again.
    """
    state.prepare_home(plan.home)
    with state.only_one(plan.home):
        repair(plan.home)
        programs.check_port(plan.host, plan.port)
        plan = _with_ports(plan)
        supervisor = Supervisor(plan.home / "logs")
        running = Running(plan, supervisor, dict(plan.environment))
        supervisor.on_change = lambda _: _remember(running)
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


def welcome(running: Running) -> str:
    """The block a person reads: where to go and how to get in."""
    plan, said = running.plan, running.demo
    password = said.get("password")
    lines = [f"Specola is ready ({running.ready_s:.0f} s).", "", f"  Open      {plan.address}"]
    if said.get("email"):
        lines.append(f"  E-mail    {said['email']}")
        lines.append(f"  Password  {password}   (once: you choose your own next)" if password else "  Password  the one you chose")
    elif not plan.demo:
        lines.append("  Sign in   with your account; make the first one with `python3 manage.py createadmin EMAIL`")
    lines += ["", f"  Folder    {plan.home}", f"  Logs      {plan.home / 'logs'}", "  Stop      Ctrl-C, or `python3 manage.py down`", ""]
    return "\n".join(["", "-" * 66, *lines[:-1], "-" * 66])


def steps(running: Running) -> list[tuple[str, Callable[[Callable[[str], None]], None]]]:
    """The order of architecture section 7."""
    every = [
        ("check the weights", lambda show: run_quietly(running, "weights", [sys.executable, "-c", FETCH_WEIGHTS])),
        ("start PostgreSQL", lambda show: _start_database(running, show)),
        ("start Valkey", lambda show: _start_store(running, show)),
        ("bring the database up to date", lambda show: _migrate(running)),
    ]
    if running.plan.demo:
        every.append(("lay out the Square of Miracles", lambda show: demo.lay_out(running)))
    every.append(("start the portal and the SuperLink", lambda show: _start_portal(running, show)))
    every.append(("start the worker", lambda show: running.supervisor.start([programs.worker(running.environment)], show)))
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
    _remember(running)


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


def _migrate(running: Running) -> None:
    """Migrate, unless this embedded database is known to be as new as the code."""
    done = None if os.environ.get("DATABASE_URL") else running.plan.home / "postgres" / "migrated"
    wanted = schema_of(ROOT)
    if done is None or not done.exists() or done.read_text() != wanted:
        run_quietly(running, "migrate", manage("migrate", "--noinput"))
        if done:
            done.write_text(wanted)


def schema_of(root: Path) -> str:
    """A fingerprint of everything that decides the database's tables: our migrations and the versions of others' apps."""
    files = [*sorted((root / "portal").glob("*/migrations/*.py")), root / "requirements" / "portal.lock"]
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()


def _start_portal(running: Running, show: Callable[[str], None]) -> None:
    plan, environment = running.plan, running.environment
    running.supervisor.start([programs.portal(plan, environment), programs.superlink(plan, environment)], show)


def _with_ports(plan: Plan) -> Plan:
    """The SuperLink's ports stay the same from start to start: the agents were told them when they enrolled."""
    path = plan.home / "run" / "ports.json"
    try:
        known = {name: int(json.loads(path.read_text())[name]) for name in ("control_port", "fleet_port")}
    except (OSError, ValueError, TypeError, KeyError):
        known = {"control_port": programs.free_port(), "fleet_port": programs.free_port()}
        path.write_text(json.dumps(known))
    for port in known.values():
        programs.check_port("127.0.0.1", port)
    return dataclasses.replace(plan, **known)


def _remember(running: Running) -> None:
    plan, told = running.plan, {name: value for name, value in running.environment.items() if name != state.MARK}
    ports = {"portal": plan.port, "control": plan.control_port, "fleet": plan.fleet_port}
    written = {"pid": os.getpid(), "address": plan.address, "ports": ports, "environment": told, "ready_s": running.ready_s}
    try:
        state.write(plan.home, {**written, "programs": running.supervisor.table()})
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py up", description=__doc__)
    parser.add_argument("--home", help="folder for everything that is kept (default: SPECOLA_HOME, else var/)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--no-demo", action="store_true", help="an empty portal: no site, no agents")
    parser.add_argument("--footage", type=Path, help="folder of clips for the demo's cameras instead of our own")
    parser.add_argument("--check", action="store_true", help="prove that everything works, print one JSON object, stop")
    return parser
