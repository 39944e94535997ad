"""`manage.py down`: stop an `up`, or what is left of one."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from infra import postgres, state, valkey
from infra.errors import InfraError, ServiceError

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60


def main(arguments: list[str]) -> int:
    """Stop what runs from a home folder; says what it did."""
    parser = argparse.ArgumentParser(prog="manage.py down", description=__doc__)
    parser.add_argument("--home", help="the home folder that was given to `up`")
    home = state.home_folder(ROOT, parser.parse_args(arguments).home)
    if not (home / "run").is_dir():
        print(f"Nothing runs from {home}.")
        return 0
    was_up = state.is_held(home)
    if was_up:
        ask(home)
    print("Specola has stopped." if was_up else f"Nothing ran; ended {sweep(home)} leftovers.")
    return 0


def ask(home: Path, patience_s: float = PATIENCE_S) -> None:
    """Ask the `up` to stop and wait until it has. Raises InfraError when it does not."""
    pid = state.read(home).get("pid")
    if pid is None:
        raise InfraError(f"An `up` is only just starting in {home}: try again in a moment.")
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pid), signal.SIGTERM)
    until = time.monotonic() + patience_s
    while state.is_held(home):
        if time.monotonic() > until:
            raise InfraError(f"Process {pid} does not stop: end it with `kill -9 {pid}`, then run `manage.py down` again.")
        time.sleep(0.1)


def sweep(home: Path) -> int:
    """End the leftovers of a killed `up`; returns how many processes there were."""
    ended = state.end(state.leftovers(home))
    try:
        cluster = postgres.cluster_in(home)
        ended += postgres.running_pid(cluster) is not None
        postgres.stop(cluster)
        valkey.stop(valkey.store_in(home))
    except ServiceError as error:
        print(error, file=sys.stderr)
    return ended
