"""The types that flow between the parts: what goes to JSON comes back, and what is wrong is named."""

from __future__ import annotations

import dataclasses
import json
import uuid

import numpy as np
import pytest

from detectors.types import Box, Detection, Event, Face, Frame, ModelCard, Report, Verdict, event_from_json, to_json, uuid7

EVENT = Event(
    id=uuid7(1_700_000_000.5),
    site="square",
    camera="gate",
    t=1_700_000_000.5,
    seq=7,
    kind="line_crossed",
    score=0.9,
    legal_mode="M0",
    detections=(Detection("person", 0.9, Box(1.0, 2.0, 3.0, 4.0), track=5, data={"line": "path"}),),
    snapshot="ab" * 32,
    models={"people": "cd" * 32},
    data={"direction": "a_to_b"},
)


def as_json(**changes) -> dict:
    said = {**to_json(EVENT), **changes}
    return {name: value for name, value in said.items() if value != "absent"}


def test_the_foot_of_a_box_is_the_middle_of_its_lower_edge():
    assert Box(10, 20, 30, 40).foot == (25, 60)


def test_a_box_may_reach_past_the_edge():
    assert Box(-10, -20, 5, 5).foot == (-7.5, -15)


@pytest.mark.parametrize("value", [EVENT, Detection("face", 1.0), Verdict("x", None, None, "clear"), Frame(np.zeros((1, 1, 3), np.uint8), "c", 0.0, 0)])
def test_the_types_cannot_be_changed(value):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, 1)


def test_a_type_takes_no_field_it_does_not_have():
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(EVENT, "mood", "good")


def test_an_event_comes_back_from_json_as_it_was():
    assert event_from_json(json.loads(json.dumps(to_json(EVENT)))) == EVENT


def test_an_event_without_optional_fields_comes_back():
    bare = Event(uuid7(), "s", "c", 1.0, 0, "anomaly", 0.5, "M0")
    assert event_from_json(to_json(bare)) == bare


@pytest.mark.parametrize("name", ["id", "site", "camera", "t", "seq", "kind", "score", "legal_mode"])
def test_a_missing_field_is_named(name):
    with pytest.raises(ValueError, match=f"missing field '{name}'"):
        event_from_json(as_json(**{name: "absent"}))


def test_an_unknown_field_is_named():
    with pytest.raises(ValueError, match="unknown field 'colour'"):
        event_from_json(as_json(colour="red"))


@pytest.mark.parametrize(("name", "value"), [("id", "not-a-uuid"), ("id", 7), ("t", "late"), ("seq", None), ("score", [1])])
def test_a_value_of_the_wrong_type_is_refused(name, value):
    with pytest.raises(ValueError, match="wrong value"):
        event_from_json(as_json(**{name: value}))


@pytest.mark.parametrize("name", ["t", "score"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_must_be_finite(name, value):
    with pytest.raises(ValueError, match="finite"):
        event_from_json(as_json(**{name: value}))


@pytest.mark.parametrize("detection", [{"kind": "person"}, {"kind": "person", "score": 1, "box": [1, 2, 3]}, {"kind": "x", "score": 1, "hat": 1}, "person"])
def test_a_wrong_detection_is_refused(detection):
    with pytest.raises(ValueError, match="wrong value"):
        event_from_json(as_json(detections=[detection]))


def test_numbers_given_as_text_become_numbers():
    assert event_from_json(as_json(t="12.5", seq="3")).t == 12.5


def test_arrays_and_numpy_numbers_become_plain_json():
    face = Face(Box(0, 0, 1, 1), 0.9, np.ones((5, 2), np.float32), embedding=np.zeros(2, np.float32))
    said = to_json(face)
    assert said["landmarks"] == [[1.0, 1.0]] * 5
    assert json.loads(json.dumps({"n": to_json(np.float32(0.5)), **said}))["n"] == 0.5


def test_evidence_stays_out_of_json():
    report = Report(Verdict("seen", 0.5, 0.4, "unsure", ("because",)), parts=({"a": (1, 2)},), evidence={"faces": b"png"}, input_sha256="00")
    assert "evidence" not in to_json(report)
    assert to_json(report)["parts"] == [{"a": [1, 2]}]


def test_a_card_becomes_json_with_every_field():
    card = ModelCard("n", "1", "f", "0" * 64, "MIT", "here", {}, {"score": 0.5}, "none", {}, "many")
    assert set(to_json(card)) == {field.name for field in dataclasses.fields(ModelCard)}


def test_keys_become_text():
    assert to_json({1: {2: 3}}) == {"1": {"2": 3}}


def test_an_identifier_is_a_uuid_of_version_7():
    made = uuid.UUID(uuid7())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_identifiers_sort_by_time():
    assert uuid7(1000.0) < uuid7(1000.001) < uuid7(2000.0)


def test_an_identifier_carries_its_milliseconds():
    assert uuid.UUID(uuid7(1_700_000_000.123)).int >> 80 == 1_700_000_000_123


def test_identifiers_of_one_moment_differ():
    assert len({uuid7(5.0) for _ in range(1000)}) == 1000
