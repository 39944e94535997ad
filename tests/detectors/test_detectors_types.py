"""The types that flow between the parts: what goes to JSON comes back, and what is wrong is named."""

from __future__ import annotations

import dataclasses
import json
import uuid

import numpy as np
import pytest

from detectors.messages import text
from detectors.types import Box, Detection, Face, Frame, ModelCard, PictureEvidence, Report, Verdict, to_json, uuid7


def test_the_foot_of_a_box_is_the_middle_of_its_lower_edge():
    assert Box(10, 20, 30, 40).foot == (25, 60)


def test_a_box_may_reach_past_the_edge():
    assert Box(-10, -20, 5, 5).foot == (-7.5, -15)


@pytest.mark.parametrize("value", [Detection("face", 1.0), Verdict("x", None, None, "clear"), Frame(np.zeros((1, 1, 3), np.uint8), "c", 0.0, 0)])
def test_the_types_cannot_be_changed(value):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, 1)


def test_a_type_takes_no_field_it_does_not_have():
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(Detection("face", 1.0), "mood", "good")


def test_arrays_and_numpy_numbers_become_plain_json():
    face = Face(Box(0, 0, 1, 1), 0.9, np.ones((5, 2), np.float32), embedding=np.zeros(2, np.float32))
    data = to_json(face)
    assert data["landmarks"] == [[1.0, 1.0]] * 5
    assert json.loads(json.dumps({"n": to_json(np.float32(0.5)), **data}))["n"] == 0.5


def test_evidence_stays_out_of_json():
    report = Report(Verdict(text("seen"), 0.5, 0.4, "unsure", (text("because"),)), evidence=(PictureEvidence("faces", text("Faces"), b"png"),))
    assert set(to_json(report)["evidence"][0]) == {"kind", "name", "caption", "sha256"}


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
