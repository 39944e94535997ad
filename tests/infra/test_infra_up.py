"""`up`, `status` and `down` as a person runs them: real processes, killed hard."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from infra import programs, state
from tests.waiting import patience, wait_for

ROOT = Path(__file__).resolve().parents[2]
READY_S = 120
PROGRAMS = {"postgres", "valkey", "portal", "superlink", "worker"}
pytestmark = [pytest.mark.process, pytest.mark.timeout(400)]


class Up:
    """A running `manage.py up --no-demo`, and what can be done to it."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, programs.free_port()
        self.process: subprocess.Popen[str] | None = None

    def command(self, *more: str) -> list[str]:
        return [sys.executable, "manage.py", "up", "--no-demo", "--home", str(self.home), "--port", str(self.port), *more]

    def start(self) -> None:
        self.log = (self.home.parent / f"{self.home.name}.out").open("w+")
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.process = subprocess.Popen(self.command(), cwd=ROOT, env=environment, stdout=self.log, stderr=self.log, text=True)
        wait_for(lambda: "Specola is ready" in self.printed() or self.process.poll() is not None, "the welcome", READY_S)
        assert self.process.poll() is None, self.printed()

    def printed(self) -> str:
        return Path(self.log.name).read_text()

    def pids(self) -> dict[str, int]:
        return {row["name"]: row["pid"] for row in state.read(self.home)["programs"]}

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "manage.py", *arguments, "--home", str(self.home)], cwd=ROOT, capture_output=True, text=True, check=False)

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(patience(60))
        self.manage("down")


@pytest.fixture(scope="module")
def up():
    """One `up` for the tests below; each leaves it running."""
    home = Path(tempfile.mkdtemp(prefix="specola-up-"))
    made = Up(home)
    made.start()
    yield made
    made.end()
    shutil.rmtree(home, ignore_errors=True)


def refused(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "manage.py", "up", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def status_of(up: Up) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(up.manage("status", "--json").stdout)["programs"]}


def test_everything_runs_and_is_healthy(up):
    rows = status_of(up)
    assert {name for name, row in rows.items() if row["healthy"]} == PROGRAMS


def test_status_prints_a_table_for_people(up):
    done = up.manage("status")
    assert done.returncode == 0
    assert [name for name in PROGRAMS if f"{name} " not in done.stdout] == []


def test_it_says_where_to_go(up):
    assert f"http://127.0.0.1:{up.port}" in up.printed()
    assert programs.http_answers(f"http://127.0.0.1:{up.port}/")


def test_only_loopback_listens(up):
    mine = [psutil.Process(up.process.pid), *psutil.Process(up.process.pid).children(recursive=True)]
    addresses = {link.laddr.ip for process in mine for link in process.net_connections("inet") if link.status == psutil.CONN_LISTEN}
    assert addresses <= {"127.0.0.1", "::1"}


def test_a_second_up_is_told_so(up):
    assert f"already running from {up.home}" in refused("--no-demo", "--home", str(up.home), "--port", "0")


def test_django_commands_find_the_running_services(up):
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")} | {"SPECOLA_HOME": str(up.home)}
    done = subprocess.run([sys.executable, "manage.py", "migrate", "--check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["worker", "superlink", "portal", "valkey", "postgres"])
def test_a_program_that_is_killed_comes_back(up, name):
    before = up.pids()[name]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: up.pids()[name] != before, f"another {name}")
    wait_for(lambda: status_of(up)[name]["healthy"], f"a healthy {name}", 60)


def test_after_a_hard_kill_of_the_parent_everything_ends_and_the_next_up_starts(up):
    before = up.pids()
    up.process.kill()
    up.process.wait()
    wait_for(lambda: not any(alive(pid) for pid in before.values()), "the end of every program")
    up.start()
    assert {name for name, row in status_of(up).items() if row["healthy"]} == PROGRAMS


def test_sigterm_stops_everything(up):
    before = up.pids()
    up.process.terminate()
    assert up.process.wait(patience(60)) == 0
    assert [name for name, pid in before.items() if alive(pid)] == []
    assert state.leftovers(up.home) == []
    assert up.manage("status").returncode == 3
    up.start()


def test_down_stops_everything(up):
    before = up.pids()
    assert "has stopped" in up.manage("down").stdout
    assert up.process.wait(patience(60)) == 0
    assert [name for name, pid in before.items() if alive(pid)] == []


def test_down_where_nothing_runs_says_so(tmp_path):
    done = subprocess.run([sys.executable, "manage.py", "down", "--home", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"Nothing runs from {tmp_path}.\n")


def test_a_taken_port_is_one_clear_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        printed = refused("--home", str(tmp_path), "--port", str(port))
    assert printed == f"Port {port} of 127.0.0.1 cannot be used (Address already in use): choose another with --port."


def test_a_read_only_folder_is_one_clear_sentence(mount):
    assert "cannot be written (Read-only file system): choose another with --home." in refused("--home", str(mount("ro")))


def test_a_full_disk_is_one_clear_sentence(mount):
    assert "is full" in refused("--home", str(mount(size="2m")))


def test_missing_footage_is_one_clear_sentence(tmp_path):
    assert "does not exist: give a folder of video files" in refused("--home", str(tmp_path / "h"), "--footage", str(tmp_path / "nowhere"))


def test_a_database_that_does_not_answer_is_one_clear_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://x@127.0.0.1:1/x")
    assert "unset DATABASE_URL" in refused("--home", str(tmp_path), "--port", str(programs.free_port()))
