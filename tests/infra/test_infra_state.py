"""The home folder, the lock that lets one `up` hold it, and the leftovers of a killed one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra import state
from infra.errors import AlreadyRunning, HomeError
from tests.waiting import wait_for

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def prepared(tmp_path):
    state.prepare_home(tmp_path / "home")
    return tmp_path / "home"


def test_the_home_is_what_was_asked_for_then_the_variable_then_var(monkeypatch, tmp_path):
    monkeypatch.setenv("SPECOLA_HOME", str(tmp_path / "variable"))
    assert state.home_folder(ROOT, str(tmp_path / "asked")) == tmp_path / "asked"
    assert state.home_folder(ROOT) == tmp_path / "variable"
    monkeypatch.delenv("SPECOLA_HOME")
    assert state.home_folder(ROOT) == ROOT / "var"


def test_secrets_and_sockets_are_private(prepared):
    assert [(prepared / name).stat().st_mode & 0o077 for name in ("secrets", "run")] == [0, 0]


def test_a_read_only_home_is_one_clear_sentence(mount):
    with pytest.raises(HomeError, match=r"cannot be written .*: choose another with --home"):
        state.prepare_home(mount("ro") / "home")


def test_a_home_that_is_a_file_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match="choose another with --home"):
        state.prepare_home(tmp_path / "file")


def test_a_full_disk_is_one_clear_sentence(mount):
    with pytest.raises(HomeError, match=r"is full .* free some space"):
        state.prepare_home(mount(size="1m"))


def test_a_second_up_is_told_who_has_it(prepared):
    state.write(prepared, {"pid": 4711, "address": "http://127.0.0.1:8000"})
    code = f"from pathlib import Path; from infra import state\nwith state.only_one(Path({str(prepared)!r})): pass"
    with state.only_one(prepared):
        second = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "is already running" in second.stderr
    assert "process 4711) at http://127.0.0.1:8000" in second.stderr


def test_the_lock_is_free_again_afterwards(prepared):
    with state.only_one(prepared):
        assert state.is_held(prepared)
    assert not state.is_held(prepared)


def test_a_lock_within_a_lock_is_refused(prepared):
    with state.only_one(prepared), pytest.raises(AlreadyRunning), state.only_one(prepared):
        pass


def test_a_home_that_never_was_is_not_held(tmp_path):
    assert not state.is_held(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00"])
def test_a_broken_state_file_counts_as_none(prepared, text):
    (prepared / "run" / "state.json").write_text(text)
    assert state.read(prepared) == {}


def test_the_state_file_is_private_and_complete(prepared):
    state.write(prepared, {"pid": 1})
    assert state.read(prepared) == {"pid": 1}
    assert (prepared / "run" / "state.json").stat().st_mode & 0o077 == 0
    assert not list((prepared / "run").glob("*.new"))


def test_leftovers_are_known_by_their_mark_and_ended(prepared):
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, state.MARK: str(prepared)}, start_new_session=True)
    other = subprocess.Popen(["sleep", "600"], env={**os.environ, state.MARK: str(prepared) + "-other"}, start_new_session=True)
    wait_for(lambda: [process.pid for process in state.leftovers(prepared)] == [left.pid])
    assert state.end(state.leftovers(prepared)) == 1
    assert not psutil.pid_exists(left.pid)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_leftover_that_ignores_the_polite_signal_is_killed(prepared):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    left = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, state.MARK: str(prepared)}, stdout=subprocess.PIPE)
    left.stdout.readline()
    state.end([psutil.Process(left.pid)], patience_s=0.3)
    assert not psutil.pid_exists(left.pid)


def test_we_never_end_ourselves(prepared, monkeypatch):
    monkeypatch.setenv(state.MARK, str(prepared))
    assert os.getpid() not in [process.pid for process in state.leftovers(prepared)]
