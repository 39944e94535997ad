"""What an `up` runs: commands, environments, readiness."""

from __future__ import annotations

import http.server
import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra import postgres, programs, running, start, state, up, valkey
from infra.errors import HomeError, PortTaken, ServiceError
from infra.owner import Owner
from infra.processes import Supervisor
from infra.programs import Plan


@pytest.fixture
def plan(tmp_path):
    return Plan(tmp_path, control_port=1001, fleet_port=1002)


@pytest.fixture
def server():
    """A real HTTP server that answers /STATUS with that status."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path[1:]))
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.fixture
def started(tmp_path):
    """A `Running` with nothing started."""
    return running.Running(Plan(tmp_path), Supervisor(tmp_path), {})


def words(program):
    return " ".join(program.command)


def test_children_are_told_not_to_phone_home(plan):
    assert (plan.environment["FLWR_TELEMETRY_ENABLED"], plan.environment["FLWR_DISABLE_UPDATE_CHECK"]) == ("0", "1")


def test_children_carry_the_mark_of_their_home(plan):
    assert plan.environment[state.MARK] == str(plan.home)


def test_children_know_the_superlinks_addresses(plan):
    assert (plan.environment["SPECOLA_SUPERLINK"], plan.environment["SPECOLA_FLEET"]) == ("127.0.0.1:1001", "127.0.0.1:1002")


def test_the_portal_answers_to_loopback_and_to_the_host_it_was_given(tmp_path, monkeypatch):
    monkeypatch.delenv("SPECOLA_ALLOWED_HOSTS", raising=False)
    hosts = Plan(tmp_path, host="192.0.2.7").environment["SPECOLA_ALLOWED_HOSTS"].split(",")
    assert {"192.0.2.7", "127.0.0.1", "localhost"} <= set(hosts)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("192.0.2.7", "192.0.2.7")])  # noqa: S104
def test_the_printed_address_can_be_opened(tmp_path, host, shown):
    assert Plan(tmp_path, host=host, port=81).address == f"http://{shown}:81"


def test_everything_listens_on_loopback_unless_told_otherwise(plan):
    assert "--host 127.0.0.1 --port 8000" in words(programs.portal(plan, {}))
    assert "--control 127.0.0.1:1001 --fleet 127.0.0.1:1002" in words(programs.superlink(plan, {}))


def test_postgres_is_stopped_in_its_own_polite_way(tmp_path):
    cluster = postgres.Cluster(tmp_path / "d", tmp_path, Path("/x"), tmp_path / "log", Owner())
    assert programs.database(cluster).stop_signal == signal.SIGINT


def test_services_stop_after_what_uses_them(plan, tmp_path):
    cluster = postgres.Cluster(tmp_path / "d", tmp_path, Path("/x"), tmp_path / "log", Owner())
    place = valkey.Store(tmp_path, tmp_path / "s", tmp_path / "log", Path("/x"))
    waves = [programs.database(cluster), programs.store(place), programs.portal(plan, {}), programs.worker(plan, {}), programs.agent(tmp_path, {})]
    assert [program.wave for program in waves] == [0, 0, 1, 2, 3]


def test_an_agent_runs_from_its_own_folder(tmp_path):
    program = programs.agent(tmp_path / "gate", {})
    assert program.name == "agent-gate"
    assert words(program).endswith(f"-m site_agents run --config {tmp_path / 'gate' / 'agent.toml'}")


@pytest.mark.parametrize(("status", "answers"), [(200, True), (302, True), (404, True), (500, False), (503, False)])
def test_a_portal_that_fails_is_not_ready(server, status, answers):
    assert programs.http_answers(f"{server}/{status}") is answers


def test_a_portal_that_is_not_there_is_not_ready():
    assert not programs.http_answers(f"http://127.0.0.1:{programs.free_port()}/")


def test_a_superlink_without_our_certificate_is_not_ready(server, tmp_path):
    (tmp_path / "ca.crt").write_text("rubbish")
    assert not programs.superlink_answers(tmp_path / "ca.crt", int(server.rsplit(":", 1)[1]))
    assert not programs.superlink_answers(tmp_path / "missing.crt", programs.free_port())


def test_a_taken_port_is_refused_and_a_free_one_is_not():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortTaken, match="choose another with --port"):
            programs.check_port("127.0.0.1", taken.getsockname()[1])
    programs.check_port("127.0.0.1", programs.free_port())


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(PortTaken, match=r"192\.0\.2\.7"):
        programs.check_port("192.0.2.7", programs.free_port())


def test_the_superlinks_ports_stay_the_same_from_start_to_start(tmp_path):
    state.prepare_home(tmp_path)
    first = start.with_ports(Plan(tmp_path))
    assert start.with_ports(Plan(tmp_path)) == first
    assert first.control_port != first.fleet_port


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"control_port": "x"}'])
def test_a_broken_note_of_the_ports_is_written_anew(tmp_path, text):
    state.prepare_home(tmp_path)
    (tmp_path / "run" / "ports.json").write_text(text)
    assert start.with_ports(Plan(tmp_path)).fleet_port > 0


def test_a_short_command_gives_back_what_it_printed(started):
    assert running.run_quietly(started, "said", [sys.executable, "-c", "print(7)"]) == "7\n"


def test_a_short_command_that_fails_is_an_error_with_its_last_words_and_log(started):
    with pytest.raises(ServiceError, match=r"sad failed: ValueError: no .*sad\.log"):
        running.run_quietly(started, "sad", [sys.executable, "-c", "raise ValueError('no')"])


def test_the_welcome_shows_address_and_one_time_password(started):
    started.demo = {"email": "admin@x", "password": "open-sesame"}
    shown = up.welcome(started)
    assert ("http://127.0.0.1:8000" in shown, "admin@x" in shown, "open-sesame" in shown) == (True, True, True)


def test_the_welcome_never_shows_a_password_that_is_no_longer_good(started):
    started.demo = {"email": "admin@x", "password": None}
    assert "the one you chose" in up.welcome(started)


def test_the_state_written_for_others_names_every_program(started):
    state.prepare_home(started.plan.home)
    start.write_state(started)
    state_file = json.loads((started.plan.home / "run" / "state.json").read_text())
    assert (state_file["address"], state_file["programs"]) == ("http://127.0.0.1:8000", [])


def test_a_state_that_cannot_be_written_is_said_and_nothing_stops(started, capsys):
    start.write_state(started)
    assert "run/state.json could not be written" in capsys.readouterr().err


def test_footage_that_is_not_there_is_refused_before_anything_starts(tmp_path):
    options = up.parser().parse_args(["--footage", str(tmp_path / "nowhere")])
    with pytest.raises(HomeError, match="give a folder of video files"):
        up.plan_of(options)


def test_a_dying_start_stops_what_had_started(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(start, "steps", lambda made: [("start something", lambda show: made.supervisor.start([_sleeper(seen)])), ("fail", _fail)])
    with pytest.raises(ServiceError, match="no luck"), start.started(Plan(tmp_path, port=programs.free_port())):
        pass
    assert seen[0]() is False
    assert not state.is_held(tmp_path)


def _sleeper(seen):
    from infra.processes import Program

    def remember():
        import psutil

        child = next(each for each in psutil.Process().children() if each.name() == "sleep")
        seen.append(child.is_running)
        return True

    return Program("sleeper", ("sleep", "600"), ready=remember)


def _fail(show):
    raise ServiceError("no luck")


def test_an_unknown_option_is_a_usage_error():
    done = subprocess.run([sys.executable, "-m", "infra.up"], capture_output=True, check=False, cwd=up.ROOT)
    assert done.returncode == 0  # importing it starts nothing
    with pytest.raises(SystemExit):
        up.parser().parse_args(["--no-such-option"])


def test_a_database_that_is_as_new_as_the_code_is_not_migrated_again(started, monkeypatch):
    ran = []
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(start, "run_quietly", lambda _, name, command: ran.append(name))
    (started.plan.home / "postgres").mkdir()
    start.migrate(started)
    start.migrate(started)
    assert ran == ["migrate", "load-facts"]
    (started.plan.home / "postgres" / "migrated").write_text("older")
    start.migrate(started)
    assert ran == ["migrate", "load-facts"] * 2


def test_somebody_elses_database_is_always_migrated(started, monkeypatch):
    ran = []
    monkeypatch.setenv("DATABASE_URL", "postgresql:///elsewhere")
    monkeypatch.setattr(start, "run_quietly", lambda _, name, command: ran.append(name))
    start.migrate(started)
    start.migrate(started)
    assert ran == ["migrate", "load-facts"] * 2


def test_a_new_migration_or_seed_changes_the_fingerprint(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "portal.lock").write_text("django==5.2\n")
    before = start.schema_of(tmp_path)
    (tmp_path / "portal" / "x" / "migrations").mkdir(parents=True)
    (tmp_path / "portal" / "x" / "migrations" / "0001_initial.py").write_text("")
    migrated = start.schema_of(tmp_path)
    assert migrated != before
    (tmp_path / "portal" / "x" / "seeds").mkdir()
    (tmp_path / "portal" / "x" / "seeds" / "a.csv").write_text("key\n")
    assert start.schema_of(tmp_path) != migrated
