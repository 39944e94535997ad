"""`manage.py up` as a person starts it: a process of its own, read by what it prints, stopped with Ctrl-C."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.state import MARK
from tests.e2e.server import free_port
from tests.waiting import patience, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
READY_S, STOP_S = 240, 90
FOREIGN = ("DATABASE_URL", "REDIS_URL", "SPECOLA_HOME", "DJANGO_SETTINGS_MODULE")  # of the test run: `up` has its own


@dataclasses.dataclass(slots=True)
class Up:
    """A running `up`, and what its block told the person who started it."""

    process: subprocess.Popen[bytes]
    home: Path
    printed: str
    address: str
    email: str
    password: str

    def last_words(self, name: str = "portal") -> str:
        """The end of a program's log, for a failed test's message."""
        log = self.home / "logs" / f"{name}.log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""


@contextmanager
def running_up() -> Iterator[Up]:
    """Start `up` in an empty home folder, wait for its block, and end it with Ctrl-C: it must leave nothing behind."""
    home = Path(tempfile.mkdtemp(prefix="specola-up-"))
    home.chmod(0o755)  # PostgreSQL runs as another user when we are root
    printed = home / "printed.txt"
    try:
        with printed.open("wb") as output:
            process = start(home, output)
        try:
            yield read(process, home, printed)
        finally:
            stop(process)
        assert process.returncode == 0, printed.read_text()[-3000:]
        assert left_behind(home) == []
    finally:
        shutil.rmtree(home, ignore_errors=True)


def start(home: Path, output: object) -> subprocess.Popen[bytes]:
    """`python manage.py up`; in a session of its own, so that Ctrl-C at the tests does not reach it twice."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    command = [sys.executable, "manage.py", "up", "--home", str(home), "--port", str(free_port())]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)


def read(process: subprocess.Popen[bytes], home: Path, output: Path) -> Up:
    """Wait for the block that `up` prints, and read it as a person does."""
    wait_for(lambda: "Ctrl-C" in output.read_text() or process.poll() is not None, lambda: output.read_text()[-3000:], READY_S)
    printed = output.read_text()
    assert "Ctrl-C" in printed, printed[-3000:]
    block = {name: re.search(rf"^\s*{name}\s+(\S+)", printed, re.MULTILINE).group(1) for name in ("Open", "E-mail", "Password")}
    return Up(process, home, printed, block["Open"], block["E-mail"], block["Password"])


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C; killed when it does not listen, and then its return code says so."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(patience(STOP_S))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def left_behind(home: Path) -> list[str]:
    """Processes that still carry this home's mark in their environment."""
    found = []
    for process in psutil.process_iter(["pid"]):
        try:
            if process.environ().get(MARK) == str(home):
                found.append(f"{process.pid} {' '.join(process.cmdline())[:200]}")
        except psutil.Error:
            continue
    return found
