"""`manage.py status`: what runs, under which process id and port, and whether it is healthy."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import psutil

from infra import alive, postgres, programs, state, valkey

ROOT = Path(__file__).resolve().parent.parent
AGENT_SILENT_S, WORKER_SILENT_S = 15, 35  # a few heartbeats of theirs
NOT_RUNNING = 3  # the exit status that init scripts use for "not running"


def main(arguments: list[str]) -> int:
    """Print a table (or JSON); 0 when everything is healthy, 1 when something is not, 3 when nothing runs."""
    parser = argparse.ArgumentParser(prog="manage.py status", description=__doc__)
    parser.add_argument("--home", help="the home folder that was given to `up`")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    home = state.home_folder(ROOT, options.home)
    if not (home / "run").is_dir() or not state.is_held(home):
        print(json.dumps({"running": False}) if options.json else f"Specola does not run from {home}: start it with `python3 manage.py up`.")
        return NOT_RUNNING
    up = state.read(home)
    rows = [row_of(up, program) for program in up.get("programs", [])]
    print(json.dumps({"running": True, "address": up.get("address"), "programs": rows}) if options.json else table_of(home, up, rows))
    return 0 if rows and all(row["healthy"] for row in rows) else 1


def row_of(up: dict[str, Any], program: dict[str, Any]) -> dict[str, Any]:
    """One program as it is now: alive, answering, how much memory."""
    try:
        process = psutil.Process(program["pid"])
        memory = sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])
        alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        alive, memory = False, 0
    ports = {"portal": [up["ports"]["portal"]], "superlink": [up["ports"]["control"], up["ports"]["fleet"]]}
    healthy = alive and answers(up, program["name"])
    return {**program, "ports": ports.get(program["name"], []), "memory_mb": memory // 1024**2, "healthy": healthy}


def answers(up: dict[str, Any], name: str) -> bool:
    """Whether a program does its work: it answers, or its last heartbeat is fresh. `up`: the state that an `up` wrote down about itself."""
    environment, home = up["environment"], Path(up["environment"]["SPECOLA_HOME"])
    checks = {
        "worker": lambda: alive.worker_since(home, up["address"], time.time() - WORKER_SILENT_S),
        "postgres": lambda: postgres.answers(environment["DATABASE_URL"]),
        "valkey": lambda: valkey.answers(environment["REDIS_URL"]),
        "portal": lambda: programs.http_answers(f"{up['address']}/"),
        "superlink": lambda: programs.superlink_answers(home / "pki" / "ca.crt", up["ports"]["fleet"]),
    }
    if name.startswith("agent-"):
        return alive.agent_since(home, up["address"], name.removeprefix("agent-"), time.time() - AGENT_SILENT_S)
    return checks[name]() if name in checks else True


def table_of(home: Path, up: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The same for a person's eyes."""
    head = f"Specola from {home} at {up.get('address')} (process {up.get('pid')})"
    lines = [f"{'program':<16} {'pid':>8} {'ports':<14} {'memory':>8}  {'restarts':>8}  state"]
    for row in rows:
        verdict = "healthy" if row["healthy"] else ("does not answer" if row["state"] == "running" else row["state"])
        ports = ",".join(map(str, row["ports"])) or "-"
        lines.append(f"{row['name']:<16} {row['pid']:>8} {ports:<14} {row['memory_mb']:>5} MB  {row['deaths']:>8}  {verdict}")
    return "\n".join([head, "", *lines])
