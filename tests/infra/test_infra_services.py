"""PostgreSQL and Valkey together: started for people, borrowed by Django's commands, and the small questions asked of them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from infra import commands, doctor, down, postgres, services, state, status, valkey
from tests.waiting import patience, wait_for

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = ("DATABASE_URL", "REDIS_URL")


@pytest.fixture(autouse=True)
def no_services(monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, "x")  # so that it is restored afterwards, whatever the test sets
        monkeypatch.delenv(name)


def services_command(home, *more):
    command = [sys.executable, "-m", "infra.services", "--home", str(home), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_shell_command_starts_both_and_prints_exports(home):
    words = shlex.split(services_command(home).stdout)
    exported = dict(word.split("=", 1) for word in words[1:])
    assert words[0] == "export"
    assert postgres.answers(exported["DATABASE_URL"])
    assert valkey.answers(exported["REDIS_URL"])


def test_the_shell_command_stops_both(home):
    services_command(home)
    assert services_command(home, "--stop").returncode == 0
    assert postgres.running_pid(postgres.cluster_in(home)) is None
    assert not valkey.answers(valkey.store_in(home).url)


def test_what_the_environment_names_is_not_started(home, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql:///elsewhere")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    assert services.start_services(home) == {"DATABASE_URL": "postgresql:///elsewhere", "REDIS_URL": "redis://elsewhere"}
    assert list(home.iterdir()) == []


def test_a_running_up_lends_its_services(home, monkeypatch):
    monkeypatch.setenv("SPECOLA_HOME", str(home))
    state.prepare_home(home)
    state.write(home, {"environment": {"DATABASE_URL": "postgresql:///lent"}})
    with state.only_one(home):
        services.borrow_services(ROOT, needed=True)
    assert os.environ["DATABASE_URL"] == "postgresql:///lent"


def test_a_command_that_needs_no_database_starts_none(home, monkeypatch):
    monkeypatch.setenv("SPECOLA_HOME", str(home))
    services.borrow_services(ROOT, needed=False)
    assert "DATABASE_URL" not in os.environ
    assert not (home / "postgres").exists()


def test_a_command_that_needs_one_has_it_while_it_lives(home):
    code = (
        "from pathlib import Path; from infra import services, postgres; import os\n"
        "services.borrow_services(Path('.'), needed=True); print(postgres.answers(os.environ['DATABASE_URL']))"
    )
    environment = {**os.environ, "SPECOLA_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
    assert postgres.running_pid(postgres.cluster_in(home)) is None


def test_down_ends_what_a_killed_up_left(home, capsys):
    state.prepare_home(home)
    services.start_services(home, detached=True)
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, state.MARK: str(home)})
    wait_for(lambda: state.leftovers(home))  # a program's environment can be read a moment after it was started
    assert down.main(["--home", str(home)]) == 0
    assert "ended 2 leftovers" in capsys.readouterr().out
    left.wait(patience(5))


def test_status_of_nothing_says_how_to_start(home, capsys):
    assert status.main(["--home", str(home)]) == status.NOT_RUNNING
    assert "manage.py up" in capsys.readouterr().out


def test_status_of_a_program_that_died_is_not_healthy(home, capsys):
    state.prepare_home(home)
    gone = subprocess.Popen(["true"])
    gone.wait()
    program = {"name": "worker", "pid": gone.pid, "state": "running", "deaths": 2, "log": ""}
    state.write(
        home,
        {
            "pid": 1,
            "address": "http://127.0.0.1:1",
            "ports": {"portal": 1, "control": 2, "fleet": 3},
            "environment": {"DATABASE_URL": ""},
            "programs": [program],
        },
    )
    with state.only_one(home):
        assert status.main(["--home", str(home)]) == 1
    assert "does not answer" in capsys.readouterr().out


def test_the_doctor_finds_this_machine_well(home, capsys):
    assert doctor.main(["--home", str(home), "--port", "0"]) == 0, capsys.readouterr().out
    assert "problem" not in capsys.readouterr().out


def test_the_doctor_says_what_to_do(home, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "NEEDED_DISK", 2**80)
    assert doctor.main(["--home", str(home), "--port", "0"]) == 1
    assert "problem  disk" in capsys.readouterr().out


def test_the_doctor_notices_a_version_that_walked_back(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "1.27.0")
    found = doctor.versions()
    assert not found.ok
    assert "flwr 1.27.0 instead of 1.41.0*" in found.detail


@pytest.mark.parametrize("argument", ["help", "--help", "-h"])
def test_help_names_every_command_and_installs_nothing(argument, capsys, monkeypatch):
    monkeypatch.setattr(commands, "ensure_environment", lambda *_: pytest.fail("help must not install"))
    assert commands.run(["manage.py", argument]) == 0
    shown = capsys.readouterr().out
    assert [name for name in commands.COMMANDS if f"  {name} " not in shown] == []


def test_an_agent_with_training_asks_for_the_larger_installation(monkeypatch):
    asked = []
    monkeypatch.setattr(commands, "ensure_environment", lambda root, installation, argv: asked.append(installation))
    monkeypatch.setattr(commands, "_main_of", lambda module: lambda arguments: asked.append(arguments) or 0)
    assert commands.run(["manage.py", "agent", "run", "--train"]) == 0
    assert asked == ["train", ["run"]]
