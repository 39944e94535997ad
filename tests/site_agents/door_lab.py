"""A restricted door with portraits before it: the staff list, the pipeline, and what happens while somebody stands there."""

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
