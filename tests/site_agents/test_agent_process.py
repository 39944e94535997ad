"""`python -m site_agents run` as a real process on the real square, against a peer that verifies every signature."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from agent_lab import GRID, ROOT, RULES, Program, events, other_weights, wait_for, write_config
from portal_peer import CODE

from site_agents.outbox import Outbox

pytestmark = pytest.mark.process


@pytest.fixture
def start(folder, address, peer):
    """Start agents on the enrolled folder; whatever still runs in the end is killed."""
    started = []
    peer.answer["config"] = peer.config(zones=GRID, rules=RULES)

    def run(portal: str = address, **source) -> Program:
        started.append(Program(write_config(folder, portal, **source)))
        return started[-1]

    yield run
    for program in started:
        if program.process.poll() is None:
            program.kill()


def test_sigterm_ends_it_cleanly_with_an_empty_outbox(start, peer):
    program = start()
    events(peer, 2, program)
    assert program.stop() == 0
    assert "stopped; 0 events wait in the outbox" in program.text()
    assert [each["seq"] for each in peer.events] == list(range(1, len(peer.events) + 1))


def test_kill_9_and_a_new_start_lose_nothing_and_say_nothing_twice(start, peer, folder):
    """The portal takes no event while the agent runs and is killed; after the new start all that was written is there once and in order."""
    peer.refuse = lambda method, path, body: (503, {}) if path == "/events" else None
    first = start()
    wait_for(lambda: peer.beats and peer.beats[-1]["outbox"]["pending"] >= 5, "events that wait")
    first.kill()
    kept = Outbox(folder)
    waiting = [each.id for each in kept.batch()]
    kept.close()
    peer.refuse = lambda *_: None
    second = start()
    recorded = events(peer, len(waiting) + 2, second)
    assert [each["id"] for each in recorded[: len(waiting)]] == waiting
    assert [each["seq"] for each in recorded] == list(range(1, len(recorded) + 1))
    assert len({each["id"] for each in recorded}) == len(recorded)


def test_kill_9_between_sending_and_hearing_says_nothing_twice(start, peer):
    """The portal has stored a batch but the agent never hears it: it sends again, and every event is there once."""
    take, stored = peer.take_events, []

    def take_and_fall_silent(batch):
        answer = take(batch)
        stored.extend(each["id"] for each in batch)
        return (500, {}) if answer else answer

    peer.take_events = take_and_fall_silent
    first = start()
    wait_for(lambda: stored, "a batch")
    first.kill()
    peer.take_events = take
    before = len(peer.events)
    second = start()
    events(peer, before + 3, second)
    assert stored[0] in {each["id"] for each in peer.events}
    assert [each["seq"] for each in peer.events] == list(range(1, len(peer.events) + 1))


@pytest.mark.parametrize("skew", [7200.0, -90_000.0])
def test_a_box_whose_clock_is_wrong_is_heard_and_speaks_in_the_portals_time(start, peer, skew):
    peer.clock = lambda: time.time() + skew
    peer.answer["config"] = peer.config(zones=GRID, rules=RULES, valid_until=time.time() + abs(skew) * 2)
    recorded = events(peer, 2, start())[-1]
    assert recorded["t"] == pytest.approx(peer.clock(), abs=30)
    assert recorded["data"]["clock_corrected_s"] == pytest.approx(skew, abs=2)


def test_a_portal_that_comes_late_gets_everything(folder, start, peer):
    peer.refuse = lambda *_: (503, {})
    program = start()
    wait_for(lambda: "no heartbeat" in program.text(), "a warning")
    peer.refuse = lambda *_: None
    assert events(peer, 2, program)[0]["seq"] == 1


def test_a_published_model_is_taken_while_it_watches(start, peer):
    peer.answer["models"] = [peer.model(other_weights())]
    program = start()
    outcome = wait_for(lambda: peer.outcomes, "an outcome", 60)[0]
    assert (outcome["outcome"], outcome["detector"]) == ("installed", "anomaly"), program.text()
    beat = wait_for(lambda: next((each for each in peer.beats if each["models"].get("anomaly") == outcome["sha256"]), None), "a heartbeat with it")
    assert beat["camera"]["state"] == "live"


def test_a_second_agent_on_the_folder_is_one_sentence(start, peer, folder):
    first = start()
    wait_for(lambda: peer.beats, "the first one's heartbeat")
    second = start()
    assert second.process.wait(30) == 1
    assert f"agent: another agent is running in {folder}" in first.text()
    assert first.process.poll() is None


def test_enrol_then_run_as_a_person_does_it(tmp_path, address, peer):
    config = write_config(tmp_path / "new", address)
    command = [sys.executable, "-m", "site_agents", "enrol", "--config", str(config), "--code", CODE]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    program = Program(config)
    try:
        wait_for(lambda: peer.beats, "a heartbeat")
        assert program.stop() == 0
    finally:
        if program.process.poll() is None:
            program.kill()


@pytest.mark.parametrize(("text", "words"), [("", "the key 'name' is missing"), ('name = "a"\nportal = 3', "toml:2: portal must be a text")])
def test_a_wrong_configuration_is_one_line_and_exit_2(tmp_path, text, words):
    (tmp_path / "agent.toml").write_text(text)
    program = Program(tmp_path / "agent.toml")
    assert program.process.wait(30) == 2
    assert words in program.text()
    assert len(program.text().splitlines()) == 1


def test_a_box_that_is_not_enrolled_is_one_line_and_exit_1(tmp_path, address):
    program = Program(write_config(tmp_path / "new", address))
    assert program.process.wait(30) == 1
    assert len(program.text().splitlines()) == 1
    assert "is not enrolled: get a code from the portal" in program.text()


def test_an_agent_that_was_killed_reports_it_when_it_runs_again(start, peer):
    first = start()
    wait_for(lambda: peer.beats, "a heartbeat")
    assert "restarts" not in peer.beats[-1]
    first.kill()
    peer.beats.clear()
    start()
    wait_for(lambda: peer.beats, "a heartbeat of the second")
    reported = peer.beats[-1]["restarts"]
    assert (reported["count_24h"], reported["cause"]) == (1, "killed")
    assert time.time() - reported["last_t"] < 120


def test_an_agent_that_crashed_reports_the_exception_in_one_line(start, peer, folder):
    first = start()
    events(peer, 1, first)
    (folder / "media").rename(folder / "elsewhere")  # nobody reckons with that when the next picture is to be kept
    assert first.process.wait(60) == 1
    assert "the agent has failed" in first.text()
    peer.beats.clear()
    start()
    wait_for(lambda: peer.beats, "a heartbeat of the second")
    reported = peer.beats[-1]["restarts"]
    assert reported["count_24h"] == 1
    assert reported["cause"].startswith("FileNotFoundError: ")
    assert "\n" not in reported["cause"]


def test_an_agent_that_was_asked_to_stop_reports_nothing(start, peer):
    first = start()
    wait_for(lambda: peer.beats, "a heartbeat")
    assert first.stop() == 0
    peer.beats.clear()
    start()
    wait_for(lambda: peer.beats, "a heartbeat of the second")
    assert "restarts" not in peer.beats[-1]
