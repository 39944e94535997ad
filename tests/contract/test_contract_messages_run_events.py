"""The events of a run as the contract has them: those recorded before they were types come back as they were, and what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from federated.contract import run_events
from federated.contract.message import ContractError
from federated.contract.run_events import EndedEvent, GateEvent, NodeOutcome, RoundEvent, WaitingEvent

RECORDED = (Path(__file__).parent / "recorded" / "1.1" / "run-events.jsonl").read_text().splitlines()
ROUND = {"kind": "round", "seq": 1, "round": 1, "rounds": 2, "sites": [{"node": "7", "status": "late", "reason": "no answer"}], "seconds": 1.5}


@pytest.mark.parametrize("line", RECORDED, ids=lambda line: json.loads(line)["kind"])
def test_an_event_recorded_before_the_types_is_understood_and_written_as_it_was(line):
    assert run_events.read(line).to_json() == json.loads(line)


def test_the_recorded_runs_hold_every_kind_and_what_only_some_runs_have():
    events = [run_events.read(line) for line in RECORDED]
    assert {event.kind for event in events} == set(run_events.KINDS) - {"ended", "progress"}  # the end is made by its reader; progress came with 1.2
    rounds = [event for event in events if isinstance(event, RoundEvent)]
    assert {event.privacy.kind for event in rounds if event.privacy} == {"local", "central"}
    assert {row.status for event in rounds for row in event.sites} >= {"accepted", "failed"}
    assert any(row.epsilon for event in rounds for row in event.sites)
    assert any(row.cosine for event in rounds for row in event.sites)
    assert any(event.root for event in events if isinstance(event, GateEvent))


WRONG = [
    ([], "kind"),
    ("round", "kind"),
    ({}, "kind"),
    ({"kind": 5}, "kind"),
    ({**ROUND, "sites": 5}, "sites"),
    ({**ROUND, "sites": [5]}, "sites[0]"),
    ({**ROUND, "sites": [{"node": "../1", "status": "late"}]}, "sites[0].node"),
    ({**ROUND, "sites": [{"node": "7", "status": "happy"}]}, "sites[0].status"),
    ({**ROUND, "seq": -1}, "seq"),
    ({**ROUND, "wheels": 4}, "wheels"),
    ({**ROUND, "contract": "9.0"}, "contract"),
    ({name: value for name, value in ROUND.items() if name != "seconds"}, "seconds"),
    ({"kind": "gate", "passed": "yes"}, "passed"),
    ({"kind": "result", "path": "m.onnx", "sha256": "-", "card": {}}, "sha256"),
    ({"kind": "ended", "status": "pending"}, "status"),
]


@pytest.mark.parametrize(("data", "field"), WRONG, ids=str)
def test_what_is_wrong_is_named(data, field):
    with pytest.raises(ContractError) as caught:
        run_events.parse(data)
    assert caught.value.field == field


@pytest.mark.parametrize("line", ["", "{", "[" * 50_000, '{"kind": "gate", "passed": NaN}', "\ud800"], ids=lambda line: line[:9])
def test_a_line_that_is_no_json_is_refused(line):
    with pytest.raises(ContractError):
        run_events.read(line)


def test_an_unknown_kind_is_no_event_here():
    assert run_events.parse({"kind": "celebration", "seq": 4, "cake": True}) is None


def test_what_a_newer_writer_adds_is_dropped():
    dropped: list[str] = []
    row = {**ROUND["sites"][0], "mood": "good"}
    event = run_events.parse({**ROUND, "sites": [row], "wheels": 4, "contract": "1.9"}, dropped=dropped)
    assert event == run_events.parse(ROUND)
    assert sorted(dropped) == ["sites[0].mood", "wheels"]


def test_what_no_json_and_no_database_takes_is_not_written():
    row = NodeOutcome(node="7", status="failed", reason="half \ud800 of a \x00 text", loss=float("nan"))
    event = RoundEvent(round=1, rounds=1, sites=(row,), loss=float("inf"), seconds=1.0)
    back = run_events.read(json.dumps(event.to_json()))
    assert (back.loss, back.sites[0].loss, back.sites[0].reason) == (None, None, "half \\ud800 of a \\x00 text")


def test_absent_and_null_stand_as_they_always_did():
    assert WaitingEvent(have=1, need=2).to_json() == {"kind": "waiting", "seq": 0, "have": 1, "need": 2, "seconds_left": None}
    assert list(EndedEvent(seq=3, status="stopped").to_json()) == ["kind", "seq", "status", "reason", "bytes_sent", "bytes_received"]
