"""Why an agent ended: noted by itself or by the next one, kept for a day, and never a reason not to run."""

from __future__ import annotations

import json
import logging
import time

import pytest

from federated.contract.heartbeat import CAUSE_KILLED, CAUSE_POWER, Heartbeat
from site_agents import clock, restarts
from site_agents.restarts import FILE, MARKER, Restarts


def begun(folder) -> Restarts:
    made = Restarts(folder)
    made.begin()
    return made


def test_an_agent_that_ended_as_it_should_has_nothing_to_report(tmp_path):
    begun(tmp_path).ended()
    assert begun(tmp_path).status() is None


def test_an_agent_that_could_not_say_anything_was_killed(tmp_path):
    begun(tmp_path)
    assert begun(tmp_path).status().cause == CAUSE_KILLED


def test_when_the_machine_was_started_meanwhile_it_was_the_power(tmp_path, monkeypatch):
    begun(tmp_path)
    monkeypatch.setattr(clock, "BOOT", tmp_path / "another boot")
    (tmp_path / "another boot").write_text("f00\n")
    assert begun(tmp_path).status().cause == CAUSE_POWER


def test_the_exception_is_one_line_and_counts_once(tmp_path):
    begun(tmp_path).failed(ValueError("first line\n  second line" + "x" * 500))
    found = begun(tmp_path).status()
    assert found.count_24h == 1
    assert found.cause.startswith("ValueError: first line second line")
    assert len(found.cause) == 300
    assert Heartbeat.parse({"t": 1.0, "restarts": found.to_json()}).restarts == found


def test_after_a_day_they_are_forgotten(tmp_path):
    (tmp_path / FILE).write_text(json.dumps([[time.time() - 90_000, "killed"], [time.time() - 80_000, "killed"]]))
    found = Restarts(tmp_path).status()
    assert found.count_24h == 1
    Restarts(tmp_path).failed(ValueError("now"))
    assert len(json.loads((tmp_path / FILE).read_text())) == 2


@pytest.mark.parametrize("name", [FILE, MARKER])
@pytest.mark.parametrize("content", [b"", b"[[17", b"\x00\xff\xfe", b"5", b'{"t": "x"}', b'[["a", 1]]'])
def test_a_damaged_record_keeps_no_agent_from_running(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    begun(tmp_path).ended()
    assert not (tmp_path / MARKER).exists()


def test_a_disk_that_takes_nothing_costs_the_record_only(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.WARNING)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restarts, "write_durably", full)
    made = begun(tmp_path)
    made.failed(ValueError("no"))
    assert "restarts cannot be noted" in caplog.text
    assert made.status().cause == "ValueError: no"
