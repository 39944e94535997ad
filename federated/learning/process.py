"""Children that never outlive their parent: start, watch, restart with back-off, stop quickly."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
BACKOFF_S = (1.0, 2.0, 4.0, 8.0)  # between restarts; the last one repeats
STEADY_S = 30.0  # a child that lived this long starts again without delay


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent (a process id) ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before we could ask
        os._exit(1)


def rank_session() -> None:
    """Let what this process leads share the machine by its nice value: Linux (sched_autogroup) divides it among sessions first, each with a rank of its own,
    0 at first, and only inside a session by nice. Does nothing where another process, a person's shell for one, leads the session.
    """
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # a kernel without the groups
            Path("/proc/self/autogroup").write_text(str(os.nice(0)))


def calm_environment(**extra: str) -> dict[str, str]:
    """The environment for a child that runs Flower: no telemetry, no update check, one thread for mathematics, output at once."""
    quiet = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    here = os.pathsep.join(each for each in (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")) if each)
    return {**os.environ, **quiet, "PYTHONPATH": here, **extra}


def log_quietly() -> None:
    """Our own notes at INFO; of the libraries only warnings (httpx alone would write several lines a second)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for name in ("flwr", "httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def spawn(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a Python module of ours as a child; it gets `--parent` and must call `die_with`. Call from the main thread: the kernel watches the thread."""
    return subprocess.Popen([sys.executable, "-m", *arguments, "--parent", str(os.getpid())], env=environment)


def stop(children: Sequence[subprocess.Popen[bytes]], grace_s: float = 3.0) -> None:
    """Ask all of them to end, then kill those that have not after `grace_s`."""
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
    until = time.monotonic() + grace_s
    for child in children:
        try:
            child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class Backoff:
    """How long to wait before the next start: longer after each start that did not last."""

    def __init__(self) -> None:
        self.failures, self.started = 0, 0.0

    def begin(self, now: float) -> None:
        """Note a start."""
        self.started = now

    def delay(self, now: float) -> float:
        """Note an end and say how many seconds to wait."""
        self.failures = 0 if now - self.started > STEADY_S else self.failures + 1
        return BACKOFF_S[min(self.failures, len(BACKOFF_S)) - 1] if self.failures else 0.0
