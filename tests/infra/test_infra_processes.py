"""The supervisor: real children that die, hang and have children of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from infra import processes
from infra.errors import ServiceError
from infra.processes import Program, Supervisor
from tests.waiting import wait_for

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def supervisor(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.05,))
    made = Supervisor(tmp_path)
    yield made
    made.stop()


def python(name, code, **options):
    return Program(name, (sys.executable, "-c", textwrap.dedent(code)), **options)


def sleeper(name="sleeper", **options):
    return Program(name, ("sleep", "600"), **options)


def pid_of(supervisor, name):
    return supervisor.children[name].process.pid


def watch_until(supervisor, condition):
    until = time.monotonic() + 15
    supervisor.watch(until=lambda: condition() or time.monotonic() > until)
    assert condition()


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_that_dies_is_started_again(supervisor):
    supervisor.start([sleeper()])
    first = pid_of(supervisor, "sleeper")
    os.kill(first, signal.SIGKILL)
    watch_until(supervisor, lambda: pid_of(supervisor, "sleeper") != first)
    assert supervisor.table()[0]["deaths"] == 1


def test_a_child_that_keeps_dying_is_given_up_and_said_so(supervisor, monkeypatch, capfd):
    monkeypatch.setattr(processes, "DEATHS_ALLOWED", 2)
    supervisor.start([python("hopeless", "raise SystemExit(3)")])
    watch_until(supervisor, lambda: supervisor.children["hopeless"].state == "failed")
    assert "hopeless died 3 times: given up" in capfd.readouterr().err


def test_the_others_go_on_when_one_is_given_up(supervisor, monkeypatch):
    monkeypatch.setattr(processes, "DEATHS_ALLOWED", 0)
    supervisor.start([sleeper(), python("hopeless", "raise SystemExit(3)")])
    watch_until(supervisor, lambda: supervisor.children["hopeless"].state == "failed")
    assert supervisor.children["sleeper"].state == "running"


def test_waiting_between_restarts_grows(supervisor, monkeypatch):
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.05, 60))
    supervisor.start([python("dying", "raise SystemExit(1)")])
    watch_until(supervisor, lambda: supervisor.children["dying"].deaths == 2)
    assert supervisor.children["dying"].state == "restarting"
    assert supervisor.children["dying"].due - time.monotonic() > 50


def test_what_a_kill_left_is_mended_before_every_start(supervisor):
    calls = []
    supervisor.start([sleeper(before=lambda: calls.append(1))])
    os.kill(pid_of(supervisor, "sleeper"), signal.SIGKILL)
    watch_until(supervisor, lambda: len(calls) == 2)


def test_stopping_kills_grandchildren(supervisor, tmp_path):
    note = tmp_path / "pid"
    code = f"""
        import subprocess, time
        open({str(note)!r}, "w").write(str(subprocess.Popen(["sleep", "600"]).pid))
        time.sleep(600)
    """
    supervisor.start([python("parent", code, ready=lambda: note.exists() and note.read_text() != "")])
    grandchild = int(note.read_text())
    supervisor.stop()
    wait_for(lambda: is_gone(grandchild))


def test_grandchildren_of_a_child_that_died_are_killed_too(supervisor, tmp_path):
    note = tmp_path / "pid"
    code = f"""
        import subprocess
        open({str(note)!r}, "w").write(str(subprocess.Popen(["sleep", "600"]).pid))
        import time; time.sleep(600)
    """
    supervisor.start([python("parent", code, ready=lambda: note.exists() and note.read_text() != "")])
    grandchild, parent = int(note.read_text()), pid_of(supervisor, "parent")
    os.kill(parent, signal.SIGKILL)
    watch_until(supervisor, lambda: is_gone(grandchild))


def test_a_child_that_ignores_the_polite_signal_is_killed(supervisor, tmp_path):
    code = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(tmp_path / 'up')!r}, 'w'); time.sleep(600)"
    supervisor.start([python("stubborn", code, stop_s=0.2, ready=(tmp_path / "up").exists)])
    pid = pid_of(supervisor, "stubborn")
    supervisor.stop()
    assert is_gone(pid)


def test_the_last_wave_stops_first(supervisor, tmp_path):
    code = """
        import signal, sys, time
        def end(*_):
            open(sys.argv[1], "a").write(sys.argv[2]); sys.exit()
        signal.signal(signal.SIGTERM, end)
        open(sys.argv[1] + sys.argv[2], "w")
        time.sleep(600)
    """
    order = tmp_path / "order"
    for wave, name in enumerate("abc"):
        command = (sys.executable, "-c", textwrap.dedent(code), str(order), name)
        supervisor.start([Program(name, command, wave=wave, ready=Path(f"{order}{name}").exists)])
    supervisor.stop()
    assert order.read_text() == "cba"


def test_a_child_that_never_gets_ready_is_an_error_with_its_last_words(supervisor):
    with pytest.raises(ServiceError, match=r"mute was not ready after 0 s: almost there .*mute\.log"):
        supervisor.start([python("mute", "import time; print('almost there', flush=True); time.sleep(600)", ready=lambda: False, ready_s=0.4)])


def test_a_child_that_ends_while_starting_is_an_error_with_its_last_words(supervisor):
    with pytest.raises(ServiceError, match=r"broken ended with status 1: ValueError: no such thing"):
        supervisor.start([python("broken", "raise ValueError('no such thing')", ready=lambda: False)])


def test_a_program_that_is_not_there_is_an_error(supervisor):
    with pytest.raises(OSError, match="no-such-program"):
        supervisor.start([Program("ghost", ("no-such-program",))])


def test_children_get_their_own_environment_on_top_of_ours(supervisor, tmp_path, monkeypatch):
    monkeypatch.setenv("OURS", "1")
    code = f"import os; open({str(tmp_path / 'said')!r}, 'w').write(os.environ['OURS'] + os.environ['THEIRS'])"
    supervisor.start([python("child", code, environment={"THEIRS": "2"}, ready=(tmp_path / "said").exists)])
    wait_for(lambda: (tmp_path / "said").read_text() == "12")


def test_all_children_die_when_the_supervisor_is_killed(tmp_path):
    code = f"""
        import os, signal
        from pathlib import Path
        from infra.processes import Program, Supervisor
        s = Supervisor(Path({str(tmp_path)!r}))
        s.start([Program(name, ("sleep", "600")) for name in "ab"])
        print(*(row["pid"] for row in s.table()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=False)
    wait_for(lambda: all(is_gone(int(pid)) for pid in done.stdout.split()))
    assert len(done.stdout.split()) == 2


def test_every_change_is_told(tmp_path):
    tables = []
    supervisor = Supervisor(tmp_path, on_change=lambda each: tables.append([row["state"] for row in each.table()]))
    supervisor.start([sleeper()])
    supervisor.stop()
    assert tables == [["running"]]


def test_a_log_that_grew_too_large_is_rotated_while_it_is_written(tmp_path):
    log = tmp_path / "x.log"
    with log.open("ab") as writer:
        writer.write(b"x" * 100)
        writer.flush()
        processes.rotate(log, limit=50)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "x.log.1").read_bytes() == b"x" * 100


def test_a_small_log_is_left_alone(tmp_path):
    log = tmp_path / "x.log"
    log.write_bytes(b"x")
    processes.rotate(log, limit=50)
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize(
    ("text", "last"), [("one\ntwo\n\n", "two"), ("", "it said nothing"), ("OSError: [Errno 28] No space left on device\nbye", "the disk is full")]
)
def test_the_last_words_of_a_log_say_something(tmp_path, text, last):
    (tmp_path / "x.log").write_text(text)
    assert processes.last_words(tmp_path / "x.log") == last
    assert processes.last_words(tmp_path / "missing.log") == "it said nothing"
