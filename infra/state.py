"""What an `up` writes down about itself (`run/state.json`), the lock that makes it the only one, and how leftovers of a killed one are found."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

from infra.errors import AlreadyRunning, HomeError
from infra.files import write_durably

MARK = "SPECOLA_UP"  # every process an `up` starts, and their children, carry the home folder in this variable
NEEDED_BYTES = 300 * 1024 * 1024


def home_folder(root: Path, given: str | None = None) -> Path:
    """The home folder: `--home`, else SPECOLA_HOME, else `var/` in the clone."""
    return Path(given or os.environ.get("SPECOLA_HOME") or root / "var").resolve()


def prepare_home(home: Path, needed: int = NEEDED_BYTES) -> None:
    """Make the home folder and its subfolders. Raises HomeError when it is read-only or nearly full."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name, mode in (("run", 0o700), ("secrets", 0o700), ("logs", 0o755), ("media", 0o755), ("models", 0o755), ("agents", 0o755), ("static", 0o755)):
            (home / name).mkdir(exist_ok=True, mode=mode)
        probe = home / "run" / f"probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise HomeError(f"The home folder {home} cannot be written ({error.strerror}): choose another with --home.") from error
    usage = os.statvfs(home)
    free = usage.f_bavail * usage.f_frsize
    if free < needed:
        raise HomeError(
            f"The disk of the home folder {home} is full ({free // 1024**2} MB free, {needed // 1024**2} MB needed): free some space or choose --home."
        )


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Be the only `up` of this home folder. Raises AlreadyRunning, naming the other one."""
    with (home / "run" / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            state = read(home)
            where = f" at {state['address']}" if state.get("address") else ""
            raise AlreadyRunning(
                f"Specola is already running from {home} (process {state.get('pid', 'unknown')}){where}: stop it with `manage.py down`."
            ) from None
        yield


def is_held(home: Path) -> bool:
    """Whether an `up` of this home folder is running now."""
    try:
        with (home / "run" / "up.lock").open("a+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def read(home: Path) -> dict[str, Any]:
    """The last state written; empty when there is none or it is broken."""
    try:
        return dict(json.loads((home / "run" / "state.json").read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def write(home: Path, state: dict[str, Any]) -> None:
    """Replace the state in one step."""
    write_durably(home / "run" / "state.json", json.dumps(state, indent=1), mode=0o600)


def leftovers(home: Path) -> list[psutil.Process]:
    """Processes that an `up` of this home folder started and that are not ours to keep: not this process, nor its parents."""
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in mine and process.environ().get(MARK) == str(home):
                found.append(process)
    return found


def end(processes: Iterable[psutil.Process], patience_s: float = 3) -> int:
    """Ask processes to end, then make them; returns how many there were."""
    processes = list(processes)
    for sent in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(sent)
        _, alive = psutil.wait_procs(processes, timeout=patience_s)
        if not alive:
            break
    return len(processes)
