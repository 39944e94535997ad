"""`manage.py up`: start everything and stay until asked to stop; with `--check` prove that it works instead."""

from __future__ import annotations

import argparse
from pathlib import Path

from infra import state
from infra.errors import HomeError
from infra.programs import Plan
from infra.running import Running
from infra.start import started

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Start, stay until SIGINT or SIGTERM, stop. With --check: prove that it all works instead of staying."""
    options = parser().parse_args(arguments)
    plan = plan_of(options)
    if options.check:
        from infra import check  # here: OpenCV and httpx, which only the check needs

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


def welcome(running: Running) -> str:
    """The block a person reads: where to go and how to get in."""
    plan, account = running.plan, running.demo
    password = account.get("password")
    lines = [f"Specola is ready ({running.ready_s:.0f} s).", "", f"  Open      {plan.address}"]
    if account.get("email"):
        lines.append(f"  E-mail    {account['email']}")
        lines.append(f"  Password  {password}   (once: you choose your own next)" if password else "  Password  the one you chose")
    elif not plan.demo:
        lines.append("  Sign in   with your account; make the first one with `python3 manage.py createadmin EMAIL`")
    lines += ["", f"  Folder    {plan.home}", f"  Logs      {plan.home / 'logs'}", "  Stop      Ctrl-C, or `python3 manage.py down`", ""]
    return "\n".join(["", "-" * 66, *lines[:-1], "-" * 66])


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py up", description=__doc__)
    parser.add_argument("--home", help="folder for everything that is kept (default: SPECOLA_HOME, else var/)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--no-demo", action="store_true", help="an empty portal: no site, no agents")
    parser.add_argument("--footage", type=Path, help="folder of clips for the demo's cameras instead of our own")
    parser.add_argument("--check", action="store_true", help="prove that everything works, print one JSON object, stop")
    return parser
