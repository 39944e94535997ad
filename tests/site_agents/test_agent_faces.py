"""A restricted door in mode M1: open set, in memory, and a stranger stays a stranger."""

from __future__ import annotations

import json
import time

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE

import detectors
from detectors.types import Frame
from site_agents.clock import Clock
from site_agents.faces import DoorKeeper, Gallery
from site_agents.models import Models
from site_agents.orders import M0, M1, Orders, Person, Rule, Zone
from site_agents.pipeline import BIOMETRIC, Pipeline

DOOR = Zone("door", ((0, 0), (1, 0), (1, 1), (0, 1)))
LATER = 4e9
NAMES = ("custode-1", "custode-2", "custode-3")


def unit(*numbers: float) -> np.ndarray:
    vector = np.zeros(128, np.float32)
    vector[: len(numbers)] = numbers
    return vector / np.linalg.norm(vector)


def person(id_: str, *vectors: np.ndarray, expires: float = LATER) -> Person:
    return Person(id_, id_, np.stack(vectors), expires)


@pytest.fixture(scope="module")
def portraits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each custode's picture and real embedding."""
    finder, embedding = detectors.load("faces"), detectors.load("face-embedding")
    found = {}
    for name in NAMES:
        image = cv2.imread(str(FOOTAGE / "staff" / f"{name}.jpg"))
        found[name] = image, embedding.embed(image, finder.find(image)[:1])[0].embedding
    return found


def test_the_nearest_above_the_threshold_is_named():
    gallery = Gallery([person("a", unit(1, 0)), person("b", unit(0, 1))], 0.5)
    assert (gallery.match(unit(0.9, 0.1), 0).person, gallery.match(unit(0.1, 0.9), 0).person) == ("a", "b")


def test_below_the_threshold_nobody_is_named_not_even_the_closest():
    match = Gallery([person("a", unit(1, 0))], 0.9).match(unit(1, 1), 0)
    assert (match.person, match.similarity) == (None, None)


def test_the_best_of_several_templates_counts():
    assert Gallery([person("a", unit(1, 0), unit(0, 1))], 0.9).match(unit(0, 1), 0).similarity == 1.0


def test_an_expired_template_is_not_compared():
    gallery = Gallery([person("a", unit(1), expires=100.0)], 0.5)
    assert gallery.match(unit(1), 99.9).person == "a"
    assert gallery.match(unit(1), 100.0).person is None


def test_an_empty_gallery_knows_nobody():
    assert Gallery([], 0.5).match(unit(1), 0).person is None


def test_a_member_of_the_staff_is_recognised_and_a_stranger_is_not(portraits):
    keeper = DoorKeeper(detectors.load("faces"), detectors.load("face-embedding"))
    gallery = Gallery([person("custode-1", portraits["custode-1"][1])], 0.363)
    named = {name: [each.data["person"] for each in keeper.look(image, gallery, 0)] for name, (image, _) in portraits.items()}
    assert "custode-1" in named["custode-1"]
    assert {*named["custode-2"], *named["custode-3"]} == {None}


def test_what_is_said_of_a_face_holds_no_embedding(portraits):
    keeper = DoorKeeper(detectors.load("faces"), detectors.load("face-embedding"))
    (image, embedding), gallery = portraits["custode-1"], Gallery([person("a", portraits["custode-1"][1])], 0.363)
    said = [detection.data for detection in keeper.look(image, gallery, 0)]
    assert all(set(each) <= {"person", "quality", "similarity"} for each in said)
    assert str(round(float(embedding[0]), 4)) not in json.dumps(said, default=float)


def test_an_empty_picture_has_no_faces():
    keeper = DoorKeeper(detectors.load("faces"), detectors.load("face-embedding"))
    assert keeper.look(np.zeros((100, 100, 3), np.uint8), Gallery([], 0.5), 0) == []


def orders(mode: str, *people: Person, **changes) -> Orders:
    values = {"version": 1, "legal_mode": mode, "valid_until": LATER, "gallery": people, "rules": (Rule("unknown_person", DOOR),)}
    return Orders(**{**values, **changes})


def passing(pipeline: Pipeline, image: np.ndarray, count: int = 6, start: float = 0.0):
    """Findings of somebody who stands at the door for a second."""
    return [finding for n in range(count) for finding in pipeline.step(Frame(image, "gate", start + n * 0.2, n + 1)).findings]


@pytest.fixture
def pipeline(folder):
    return Pipeline(Models(folder).load, Clock())


def test_a_stranger_at_the_door_is_told_once(pipeline, portraits):
    pipeline.apply(orders(M1, person("custode-1", portraits["custode-1"][1])))
    (finding,) = passing(pipeline, portraits["custode-2"][0])
    assert (finding.kind, finding.data["zone"], finding.detections[0].data) == ("unknown_person", "door", {"person": None})


def test_a_member_of_the_staff_is_not_told_of(pipeline, portraits):
    pipeline.apply(orders(M1, person("custode-1", portraits["custode-1"][1])))
    assert passing(pipeline, portraits["custode-1"][0]) == []


def test_a_template_that_has_expired_makes_a_stranger(pipeline, portraits):
    pipeline.apply(orders(M1, person("custode-1", portraits["custode-1"][1], expires=time.time() - 1)))
    assert [finding.kind for finding in passing(pipeline, portraits["custode-1"][0])] == ["unknown_person"]


def test_in_mode_m0_no_face_is_looked_for(pipeline, portraits):
    pipeline.apply(orders(M0))
    assert passing(pipeline, portraits["custode-2"][0]) == []
    assert set(BIOMETRIC) & set(pipeline.loaded) == set()
    assert "faces" not in pipeline.stages.ms


@pytest.mark.parametrize("how", ["stopped", "expired", "ordered"])
def test_when_m1_ends_the_face_detectors_are_dropped_at_the_next_frame(pipeline, portraits, how):
    pipeline.apply(orders(M1))
    pipeline.step(Frame(portraits["custode-2"][0], "gate", 0.0, 1))
    assert set(BIOMETRIC) <= set(pipeline.loaded)
    if how == "stopped":
        pipeline.stop_biometrics(True)
    else:
        pipeline.apply(orders(M0) if how == "ordered" else orders(M1, valid_until=time.time() - 1))
    step = pipeline.step(Frame(portraits["custode-2"][0], "gate", 0.2, 2))
    assert step.mode == M0
    assert set(BIOMETRIC) & set(pipeline.loaded) == set()


def test_without_a_door_rule_m1_looks_at_no_face(pipeline, portraits):
    pipeline.apply(orders(M1, rules=()))
    pipeline.step(Frame(portraits["custode-2"][0], "gate", 0.0, 1))
    assert set(BIOMETRIC) & set(pipeline.loaded) == set()
