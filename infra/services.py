"""PostgreSQL and Valkey alone, for development and tests: `eval "$(python -m infra.services --home DIR)"`, and `python -m infra.services --home DIR --stop`."""

from __future__ import annotations

import argparse
import atexit
import os
import shlex
import sys
from pathlib import Path

from infra import postgres, state, valkey
from infra.errors import InfraError


def start_services(home: Path, *, detached: bool = False, durable: bool = True) -> dict[str, str]:
    """Start what DATABASE_URL and REDIS_URL do not name already; returns both variables."""
    urls = {"DATABASE_URL": os.environ.get("DATABASE_URL", ""), "REDIS_URL": os.environ.get("REDIS_URL", "")}
    if not urls["DATABASE_URL"]:
        cluster = postgres.cluster_in(home, durable=durable)
        postgres.start(cluster, detached=detached)
        urls["DATABASE_URL"] = cluster.url
    if not urls["REDIS_URL"]:
        store = valkey.store_in(home)
        valkey.start(store, detached=detached)
        urls["REDIS_URL"] = store.url
    return urls


def stop_services(home: Path) -> None:
    """Stop the embedded services of a home folder."""
    valkey.stop(valkey.store_in(home))
    postgres.stop(postgres.cluster_in(home))


def borrow_services(root: Path, *, needed: bool) -> None:
    """Point the environment at the services of a running `up`; without one, and if they are needed, start them for as long as this process lives."""
    home = state.home_folder(root)
    if state.is_held(home):
        for name, value in state.read(home).get("environment", {}).items():
            os.environ.setdefault(name, str(value))
    elif needed and not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        state.prepare_home(home)
        os.environ.update(start_services(home))
        atexit.register(stop_services, home)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.services", description="Start or stop the embedded PostgreSQL and Valkey of a home folder.")
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("SPECOLA_HOME", "var")))
    parser.add_argument("--stop", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.stop:
            stop_services(arguments.home)
        else:
            print("export", *(f"{name}={shlex.quote(value)}" for name, value in start_services(arguments.home, detached=True).items()))
    except InfraError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
