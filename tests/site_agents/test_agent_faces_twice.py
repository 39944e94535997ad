"""One person is in one place: two faces with one name in one picture are both doubtful."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE

import detectors
from detectors.rules.scene import CameraRule, WatchedZone
from detectors.types import Frame
from federated.trust.staff_list import StaffEntry
from site_agents.clock import Clock
from site_agents.faces import GONE_S
from site_agents.models import ModelStore
from site_agents.pipeline import Pipeline
from site_agents.signed_config import M1, SignedConfig
from site_agents.staff_list_store import Staff

DOOR = WatchedZone("door", ((0, 0), (1, 0), (1, 1), (0, 1)))
LATER = 4e9
NAMES = ("custode-1", "custode-2", "custode-3")
STEP = 0.2


@pytest.fixture(scope="module")
def portraits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each custode's picture and real embedding."""
    finder, embedding = detectors.load("faces"), detectors.load("face-embedding")
    found = {}
    for name in NAMES:
        image = cv2.imread(str(FOOTAGE / "staff" / f"{name}.jpg"))
        found[name] = image, embedding.embed(image, finder.find(image)[:1])[0].embedding
    return found


def entry(name: str, template: np.ndarray, expires: float = LATER, small: np.ndarray | None = None) -> StaffEntry:
    return StaffEntry(name, template, small, expires, 1, {})


@pytest.fixture
def staff(portraits) -> Staff:
    """Only the first custode is on the list."""
    return Staff(7, (entry("custode-1", portraits["custode-1"][1]),))


def shrunk(image: np.ndarray, edge: float) -> np.ndarray:
    """The picture with a face of so many pixels."""
    box = detectors.load("faces").find(image)[0].box
    factor = edge / min(box.w, box.h)
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def signed_config(mode: str = M1, **changes) -> SignedConfig:
    values = {"version": 1, "legal_mode": mode, "valid_until": LATER, "rules": (CameraRule("unknown_person", DOOR, values={"min_s": 0.5}),)}
    return SignedConfig(**{**values, **changes})


@pytest.fixture
def pipeline(folder, staff) -> Pipeline:
    made = Pipeline(ModelStore(folder).load, Clock())
    made.apply_config(signed_config())
    made.staff = staff
    return made


def steps(pipeline: Pipeline, image: np.ndarray, count: int = 6, start: float = 0.0):
    """Somebody stands at the door for a second."""
    return [pipeline.step(Frame(image, "gate", start + n * STEP, n + 1)) for n in range(count)]


def passing(pipeline: Pipeline, image: np.ndarray, **more) -> list:
    return [finding for step in steps(pipeline, image, **more) for finding in step.findings]


def verdicts(pipeline: Pipeline, image: np.ndarray, **more) -> list:
    return [track.data for step in steps(pipeline, image, **more) for track in step.tracks if "verdict" in track.data]


def empty(pipeline: Pipeline, t: float) -> list:
    """Nobody is at the door at t."""
    return list(pipeline.step(Frame(np.full((400, 400, 3), 90, np.uint8), "gate", t, 999)).findings)


def with_a_picture_held_up(image: np.ndarray) -> np.ndarray:
    """The person, and a picture of the same person held up."""
    return np.hstack([image, np.full((image.shape[0], 60, 3), 90, np.uint8), image])


def test_of_two_faces_with_one_name_at_once_neither_keeps_it_and_somebody_is_told(pipeline, portraits):
    findings = passing(pipeline, with_a_picture_held_up(portraits["custode-1"][0]), count=12)
    (doubt,) = [finding for finding in findings if finding.kind == "same_person_twice"]
    assert (doubt.data["person"], len(doubt.data["visits"]), len(doubt.detections)) == ("custode-1", 2, 2)
    assert doubt.frame.image.shape[1] > portraits["custode-1"][0].shape[1]
    logged = [finding for finding in findings if finding.kind == "recognised"]
    assert logged
    assert {finding.data["visit"] for finding in logged if finding.data.get("doubtful")} == set(doubt.data["visits"])
    assert {data["verdict"] for data in verdicts(pipeline, with_a_picture_held_up(portraits["custode-1"][0]), start=2.4)} == {"cannot-say"}


def test_a_doubtful_visit_stays_doubtful_when_the_other_face_is_gone(pipeline, portraits):
    passing(pipeline, with_a_picture_held_up(portraits["custode-1"][0]), count=8)
    alone = np.hstack([portraits["custode-1"][0], np.full((portraits["custode-1"][0].shape[0], 360, 3), 90, np.uint8)])
    assert {data["person"] for data in verdicts(pipeline, alone, start=1.6)} == {None}
    (ended, other) = [finding for finding in empty(pipeline, 2.6 + GONE_S + STEP) if "ended" in finding.data]
    assert ended.data["doubtful"]
    assert other.data["doubtful"]


def test_two_people_side_by_side_are_both_named(pipeline, portraits):
    pipeline.staff = Staff(7, tuple(entry(name, portraits[name][1]) for name in NAMES))
    height = min(portraits[name][0].shape[0] for name in NAMES[:2])
    findings = passing(pipeline, np.hstack([portraits[name][0][:height] for name in NAMES[:2]]), count=10)
    assert {finding.data["person"] for finding in findings} == set(NAMES[:2])
    assert {finding.kind for finding in findings} == {"recognised"}
