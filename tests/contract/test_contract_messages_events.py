"""An event as the contract has it: it comes back from JSON as it was, and what is wrong is named."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from detectors.types import uuid7
from federated.contract.events import BATCH, AgentEvent, EventDetection, EventsAnswer, EventsBatch
from federated.contract.message import ContractError

EVENT = AgentEvent(
    id=uuid7(1_700_000_000.5),
    site="square",
    camera="gate",
    t=1_700_000_000.5,
    seq=7,
    kind="line_crossed",
    score=0.9,
    legal_mode="M0",
    detections=(EventDetection(kind="person", score=0.9, box=(1.0, 2.0, 3.0, 4.0), track=5, data={"line": "path"}),),
    snapshot="ab" * 32,
    models={"people": "cd" * 32},
    data={"direction": "a_to_b"},
)


def plain(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**EVENT.to_json(), **changes}.items() if value != "absent"}


def refused(data: Any) -> str:
    with pytest.raises(ContractError) as caught:
        AgentEvent.parse(data)
    return caught.value.field


def test_an_event_comes_back_from_json_as_it_was():
    assert AgentEvent.parse(json.loads(json.dumps(EVENT.to_json()))) == EVENT


def test_an_event_without_optional_fields_comes_back():
    bare = AgentEvent(id=uuid7(), site="s", camera="c", t=1.0, seq=0, kind="anomaly", score=0.5, legal_mode="M0")
    assert AgentEvent.parse(bare.to_json()) == bare


@pytest.mark.parametrize("name", ["id", "site", "camera", "t", "seq", "kind", "score", "legal_mode"])
def test_a_missing_field_is_named(name):
    assert refused(plain(**{name: "absent"})) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colour", "red"),
        ("id", "not-a-uuid"),
        ("id", 7),
        ("t", "late"),
        ("t", float("nan")),
        ("t", float("inf")),
        ("seq", None),
        ("seq", -1),
        ("seq", 2**63),
        ("seq", True),
        ("score", [1]),
        ("score", 1.5),
        ("score", float("nan")),
        ("kind", "PersonInZone"),
        ("kind", ""),
        ("legal_mode", "M9"),
        ("snapshot", "../../etc/passwd"),
        ("clip", "AB" * 32),
        ("data", []),
        ("data", None),
        ("models", 5),
        ("site", ""),
    ],
)
def test_a_wrong_value_is_named(name, value):
    assert refused(plain(**{name: value})) == name


@pytest.mark.parametrize("detection", [{"kind": "person"}, {"kind": "person", "score": 1, "box": [1, 2, 3]}, {"kind": "x", "score": 1, "hat": 1}, "person"])
def test_a_wrong_detection_is_refused(detection):
    assert refused(plain(detections=[detection])).startswith("detections[")


@pytest.mark.parametrize("value", [{"x": float("nan")}, {"x": ["a\x00"]}, {"\x00": 1}, {"x": 2**70}], ids=["nan", "nul", "nul in a name", "huge"])
def test_what_no_database_takes_is_refused_wherever_it_stands(value):
    assert refused(plain(data=value)).startswith("data")


def test_numbers_of_numpy_become_plain_json():
    event = AgentEvent(
        id=uuid7(), site="s", camera="c", t=1.0, seq=0, kind="anomaly", score=0.5, legal_mode="M0", data={"score": np.float32(0.5), "n": np.arange(2)}
    )
    assert event.to_json()["data"] == {"score": 0.5, "n": [0, 1]}


def test_one_bad_event_does_not_spoil_the_batch():
    batch = EventsBatch.parse({"events": [plain(), {"data": "\x00"}, 7], "sent_t": 5.0})
    assert (len(batch.events), batch.contract) == (3, "1.0")


@pytest.mark.parametrize("data", [{}, {"events": 7}, {"events": [], "sent_t": "noon"}, {"events": [{}] * (BATCH + 1)}, {"events": [], "more": 1}])
def test_a_wrong_batch_is_refused(data):
    with pytest.raises(ContractError):
        EventsBatch.parse(data)


def test_the_events_of_a_newer_batch_lose_what_is_unknown():
    assert AgentEvent.parse(plain(colour="red"), version="1.9") == EVENT


@pytest.mark.parametrize("data", [[], {}, {"accepted": [], "duplicates": []}, {"accepted": "all", "duplicates": [], "rejected": []}])
def test_a_malformed_answer_is_named(data):
    with pytest.raises(ContractError):
        EventsAnswer.parse(data)
