"""A camera that somebody turns: masks grow, rules are silent, an alarm is raised, and all is as before when it looks back or zones are drawn anew."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE, enrolled, heartbeat_answer, write_config
from portal_peer import Peer

from detectors.evaluators.camera_moved import TURNS, seen
from detectors.rules.scene import CameraRule, WatchedZone
from detectors.types import Box, Detection, Frame
from detectors.video import frames
from site_agents.agent import CameraAgent
from site_agents.clock import Clock
from site_agents.config import load
from site_agents.models import ModelStore
from site_agents.pipeline import Pipeline
from site_agents.signed_config import SignedConfig
from site_agents.views import ViewStore, places_of

WHOLE = WatchedZone("whole", ((0, 0), (1, 0), (1, 1), (0, 1)))
OFF = {"anomaly": {"enabled": False}, "people": {"enabled": False}}
MASK = ((0.5, 0.5), (0.75, 0.5), (0.75, 0.8), (0.5, 0.8))
ROLLED = TURNS["rolled by 5 degrees"](307, 230)


class Person:
    """A people detector that sees somebody in every frame."""

    card = type("Card", (), {"sha256": "people"})()

    def detect(self, images):
        return [[Detection("person", 0.9, Box(20, 20, 30, 80))] for _ in images]


@pytest.fixture(scope="module")
def square():
    clip = itertools.islice(frames(FOOTAGE / "square.webm"), 30)
    return [cv2.resize(frame.image, (384, 288), interpolation=cv2.INTER_AREA) for frame in clip]


def config(*rules: CameraRule, masks=(MASK,), **changes) -> SignedConfig:
    return SignedConfig(version=1, valid_until=4e9, rules=rules, masks=masks, **changes)


@pytest.fixture
def pipeline(tmp_path, square):
    """One that knows its view, and in whose zone somebody always stands."""
    store = ModelStore(tmp_path)
    built = Pipeline(lambda name, **options: Person() if name == "people" else store.load(name, **options), Clock())
    built.apply_config(config(CameraRule("person_in_zone", WHOLE, values={"min_s": 0, "cooldown_s": 0}), detectors={"anomaly": {"enabled": False}}))
    watch(built, square, np.eye(3), 0, 40)
    return built


def watch(pipeline: Pipeline, square, turned, first: int, count: int) -> list:
    steps = []
    for n in range(first, first + count):
        order = n % 58 if n % 58 < 30 else 58 - n % 58
        steps.append(pipeline.step(Frame(seen(square[order], turned, 307, 230), "square", 1000 + n / 5, n)))
    return steps


def black_at(step, transform=None) -> float:
    """The share of the mask's place, taken through a transform in pixels, that is black."""
    corners = np.array(MASK) * [307, 230]
    if transform is not None:
        corners = cv2.perspectiveTransform(corners.reshape(-1, 1, 2), transform).reshape(-1, 2)
    inside = cv2.fillPoly(np.zeros((230, 307), np.uint8), [corners.round().astype(np.int32)], 1) > 0
    return float((step.frame.image[inside] == 0).all(1).mean())


def test_masks_grow_rules_are_silent_and_an_alarm_is_raised_until_it_looks_back(pipeline, square):
    before = watch(pipeline, square, np.eye(3), 40, 1)[0]
    assert (before.elsewhere, black_at(before)) == (False, 1.0)
    assert black_at(before, ROLLED) < 0.95
    steps = watch(pipeline, square, ROLLED, 41, 40)
    first = next(n for n, step in enumerate(steps) if step.elsewhere)
    assert first / 5 < 10
    assert [finding.kind for step in steps[first:] for finding in step.findings] == ["camera_tampered"]
    assert steps[first].findings[0].data["reason"] == "moved"
    assert min(black_at(step, ROLLED) for step in steps[first:]) > 0.99
    assert min(black_at(step) for step in steps) == 1.0
    assert (steps[-1].frame.image == 0).all(2).mean() < 0.3, "the whole picture is masked only where nobody can tell"
    back = watch(pipeline, square, np.eye(3), 81, 30)
    assert not back[-1].elsewhere
    assert "person_in_zone" in {finding.kind for step in back for finding in step.findings}
    assert (back[-1].frame.image == 0).all(2).mean() == pytest.approx((before.frame.image == 0).all(2).mean(), abs=0.02)


def test_an_unknown_view_is_black_all_over(pipeline, square):
    elsewhere = [cv2.resize(cv2.imread(str(FOOTAGE / "staff" / "custode-1.jpg")), (384, 288))] * 30
    assert not watch(pipeline, elsewhere, np.eye(3), 40, 50)[-1].frame.image.any()


def test_zones_drawn_anew_make_the_new_view_the_reference(pipeline, square):
    assert watch(pipeline, square, ROLLED, 40, 30)[-1].elsewhere
    pipeline.apply_config(config(CameraRule("person_in_zone", WHOLE, values={"min_s": 5}), detectors={"anomaly": {"enabled": False}}))
    assert watch(pipeline, square, ROLLED, 70, 10)[-1].elsewhere, "another number in a rule says nothing about the view"
    moved = tuple((x + 0.01, y) for x, y in MASK)
    pipeline.apply_config(config(CameraRule("person_in_zone", WHOLE), masks=(moved,), detectors={"anomaly": {"enabled": False}}))
    assert not any(step.elsewhere for step in watch(pipeline, square, ROLLED, 80, 40))


def test_a_view_that_a_person_accepts_is_the_reference_without_drawing_anything_anew(pipeline, square):
    drawn = {"detectors": {"anomaly": {"enabled": False}}}
    assert watch(pipeline, square, ROLLED, 40, 30)[-1].elsewhere
    pipeline.apply_config(config(CameraRule("person_in_zone", WHOLE), view=1, **drawn))
    steps = watch(pipeline, square, ROLLED, 70, 40)
    assert not any(step.elsewhere for step in steps)
    assert black_at(steps[-1]) == 1.0
    assert black_at(steps[-1], ROLLED) < 0.95, "the mask lies where it is drawn, no larger"
    assert watch(pipeline, square, np.eye(3), 110, 40)[-1].elsewhere, "and the view of before is now the wrong one"


def test_a_health_detector_that_fails_leaves_no_mask_to_rely_on(square):
    class Broken:
        card = type("Card", (), {"sha256": "broken"})()

        def step(self, frame):
            raise ValueError("broken")

        view = reference_version = forget = step

    pipeline = Pipeline(lambda name, **options: Broken() if name == "camera-health" else Person(), Clock())
    pipeline.apply_config(config(detectors={"anomaly": {"enabled": False}}))
    assert not watch(pipeline, square, np.eye(3), 0, 5)[-1].frame.image.any()
    pipeline.apply_config(config(detectors={"anomaly": {"enabled": False}, "camera-health": {"enabled": False}}))
    assert watch(pipeline, square, np.eye(3), 5, 1)[0].frame.image.any(), "switched off on purpose, masks stay where they are"


def test_a_camera_turned_while_the_agent_was_off_is_noticed_and_told_to_the_portal(tmp_path, square):
    peer = Peer(tmp_path)
    enrolled(tmp_path / "square", peer).close()
    agents = []
    for n, turned in enumerate((np.eye(3), ROLLED)):
        agent = CameraAgent(load(write_config(tmp_path / "square", "http://127.0.0.1:1")))
        try:
            document = peer.config(version=1 + n, masks=[[list(point) for point in MASK]], detectors=OFF)
            agent.apply_answer(heartbeat_answer({"config": document, "models": []}))
            for n in range(40):
                order = n % 58 if n % 58 < 30 else 58 - n % 58
                agent.look(Frame(seen(square[order], turned, 307, 230), "square", 1000 + n / 5, n))
            agents.append(agent.camera_status())
        finally:
            agent.close()
    assert [(status.faults, status.suspended) for status in agents] == [((), False), (("moved",), True)]


def test_a_reference_that_cannot_be_kept_or_read_is_learnt_anew(tmp_path, caplog):
    (tmp_path / "view").write_text("a file where the folder should be")
    store = ViewStore(tmp_path)
    store.keep(places_of(config()), b"content")
    assert store.load(places_of(config())) == b""
    assert "cannot be kept" in caplog.text
