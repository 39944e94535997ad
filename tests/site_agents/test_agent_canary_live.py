"""A version on trial at an agent: the version before runs beside it while the portal's signed document says so, and its pictures are as private as events'."""

from __future__ import annotations

import hashlib
import json

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE, enrolled, heartbeat_answer, keep_footage, lively, other_weights, perturbed_weights, scene, write_config

import detectors
from detectors.types import Frame
from detectors.video import frames
from site_agents import calibration
from site_agents.agent import CameraAgent
from site_agents.canary import CanaryDisagreement
from site_agents.config import load
from site_agents.errors import ModelRefused
from site_agents.evidence import face_finder
from site_agents.pipeline import PipelineStep
from site_agents.signed_config import M0, M1
from site_agents.updates import check_document

OWN = detectors.card("anomaly").sha256
GOOD, BLIND = other_weights(note="v2"), perturbed_weights(3)
BODY = CanaryDisagreement("anomaly", "a" * 64, 1000.0, 0.9, 0.1, 0.5)
MASK = [[[0, 0], [0.3, 0], [0.3, 0.3], [0, 0.3]]]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Clock:
    """Time that passes only when a test says so."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def make(tmp_path, peer, address):
    """Agents on one folder, with all the time in the world for shadows; all are closed in the end."""
    made = []

    def build() -> CameraAgent:
        enrolled(tmp_path / "square", peer).close()
        made.append(CameraAgent(load(write_config(tmp_path / "square", address))))
        made[-1].updates.budget_ms, made[-1].canaries.clock = 2000, Clock()
        apply_answer(made[-1], peer)
        return made[-1]

    yield build
    for agent in made:
        if not agent.closed:
            agent.close()


@pytest.fixture
def agent(make):
    return make()


def apply_answer(agent, peer, **changes):
    """Signed orders without the people detector, which has no part in this and takes its time."""
    agent.apply_answer(heartbeat_answer({"config": peer.config(detectors={"people": {"enabled": False}}, **changes), "models": []}))
    agent.pipeline.step(scene(1))


def wish(agent, *documents):
    agent.updates.want(list(documents))
    agent.updates.work()


def trial(agent):
    return agent.status().to_json()["trials"].get("anomaly")


def watch(agent, footage):
    """Frames through everything; ten seconds pass between two of them."""
    for frame in footage:
        agent.canaries.clock.now += 10
        step = agent.pipeline.step(frame)
        agent.canaries.look(step, agent.pipeline.looked, agent.signed_config, room_ms=1e6, dropped=0)


def test_a_document_says_trial_under_its_signature(peer):
    assert check_document(peer.model(GOOD, trial=True), peer.public).canary
    assert not check_document(peer.model(GOOD), peer.public).canary
    with pytest.raises(ModelRefused, match="trial"):
        check_document(peer.model(GOOD, trial="yes"), peer.public)
    with pytest.raises(ModelRefused, match="not signed"):
        check_document({**peer.model(GOOD), "trial": True}, peer.public)


def test_on_trial_the_releases_own_weights_run_beside_it(agent, peer):
    wish(agent, peer.model(GOOD, trial=True))
    assert (trial(agent)["sha256"], trial(agent)["before"], trial(agent)["ended"]) == (sha(GOOD), OWN, "")
    assert json.loads(json.dumps(trial(agent))) == trial(agent)


def test_without_a_trial_nothing_runs_beside_it(agent, peer):
    wish(agent, peer.model(GOOD))
    assert not agent.status().trials


def test_the_version_published_before_is_the_one_beside(agent, peer):
    wish(agent, peer.model(GOOD))
    wish(agent, peer.model(BLIND, trial=True))
    assert trial(agent)["before"] == sha(GOOD)


@pytest.mark.parametrize("after", ["published", "taken back"])
def test_when_the_trial_is_over_the_version_before_is_let_go(agent, peer, after):
    wish(agent, peer.model(GOOD, trial=True))
    wish(agent, *([peer.model(GOOD)] if after == "published" else []))
    assert not agent.status().trials


def test_after_a_restart_it_runs_beside_again(make, peer):
    first = make()
    wish(first, peer.model(GOOD, trial=True))
    began = trial(first)["began"]
    first.close()
    again = make()
    wish(again, peer.model(GOOD, trial=True))
    assert trial(again)["before"] == OWN
    assert trial(again)["began"] > began


def test_a_damaged_version_before_leaves_camera_and_trial_alone(agent, peer):
    wish(agent, peer.model(GOOD))
    agent.models.path("anomaly", sha(GOOD)).write_bytes(b"rotten")
    wish(agent, peer.model(BLIND, trial=True))
    assert "sha256" in trial(agent)["ended"] or "damaged" in trial(agent)["ended"]
    agent.pipeline.step(scene(2))
    assert agent.pipeline.loaded["anomaly"] == sha(BLIND)


def test_a_refused_version_has_nothing_beside_it(agent, peer):
    wish(agent, peer.model(b"junk", trial=True))
    assert not agent.status().trials


def test_what_the_new_version_misses_is_counted_and_pictured(agent, peer, tmp_path):
    keep_footage(tmp_path / "square", clips=4)
    calibration.save(tmp_path / "square", OWN, calibration.learn(detectors.load("anomaly"), tmp_path / "square"))
    wish(agent, peer.model(BLIND, trial=True))
    watch(agent, lively())
    result = trial(agent)
    assert (result["frames"], result["only_new"], result["both"]) == (48, 0, 0)
    assert result["only_old"] >= 10
    assert result["pictures"] == agent.disagreement_sender.waiting > 0
    while agent.disagreement_sender.send_once():
        pass
    assert peer.disagreements[0]["sha256"] == sha(BLIND)
    assert list(peer.media) == [each["snapshot"] for each in peer.disagreements]


def test_a_shadow_that_fails_leaves_the_camera_alone(agent, peer):
    wish(agent, peer.model(GOOD, trial=True))

    def fail(frame):
        raise RuntimeError("out of memory")

    agent.canaries.comparisons["anomaly"].detector.step = fail
    watch(agent, lively(5))
    assert trial(agent)["ended"] == "RuntimeError: out of memory"
    assert agent.pipeline.loaded["anomaly"] == sha(GOOD)
    assert peer.outcomes[-1]["outcome"] == "installed"


def near_faces(image):
    return [box for box in face_finder()(image) if box.w >= 40]


def visitor():
    """A frame of the door's footage with a face near the camera."""
    find = face_finder()
    for n, frame in enumerate(frames(FOOTAGE / "gate.webm")):
        if n % 10 == 0 and any(box.w >= 40 for box in find(frame.image)):
            return Frame(frame.image, "square", 2000.0, n)
    raise AssertionError("nobody is in the footage")


def test_faces_are_a_mosaic_in_mode_m0_and_masked_parts_are_black(agent, peer):
    frame = visitor()
    apply_answer(agent, peer, version=2, masks=MASK)
    step = agent.pipeline.step(frame)
    shown = cv2.imdecode(np.frombuffer(agent.canaries.draw(step), np.uint8), cv2.IMREAD_COLOR)
    assert near_faces(frame.image)
    assert near_faces(shown) == []
    assert shown[: shown.shape[0] // 4, : shown.shape[1] // 4].max() < 20
    assert agent.canaries.draw(step) == agent.evidence.picture(step.frame, hide_faces=True)


def test_in_mode_m1_the_picture_is_the_events_picture(agent):
    frame = visitor()
    plain, hidden = (agent.evidence.picture(frame, hide_faces=hide) for hide in (False, True))
    assert plain != hidden
    assert (agent.canaries.draw(PipelineStep(frame, M1)), agent.canaries.draw(PipelineStep(frame, M0))) == (plain, hidden)


def test_a_clock_that_is_off_is_corrected_as_in_events(agent, peer):
    agent.clock.correct(100.0)
    agent.canaries.deliver(BODY, b"jpeg")
    agent.disagreement_sender.send_once()
    assert peer.disagreements[0]["t"] == 1100.0


def test_the_self_tests_time_goes_to_the_portal_as_a_number(agent, peer):
    wish(agent, peer.model(GOOD))
    assert peer.outcomes[0]["budget_ms"] == 2000
    assert 0 < peer.outcomes[0]["ms"] < 2000


def test_a_version_over_the_budget_is_refused_with_its_time(agent, peer):
    agent.updates.budget_ms = 0.01
    wish(agent, peer.model(GOOD, trial=True))
    result = peer.outcomes[0]
    assert (result["outcome"], result["budget_ms"]) == ("refused", 0.0)
    assert result["ms"] > 0.01
    assert agent.pipeline.loaded["anomaly"] == OWN


def test_a_version_that_does_not_even_open_has_no_time(agent, peer):
    wish(agent, peer.model(b"junk"))
    assert "ms" not in peer.outcomes[0]


def test_a_swap_keeps_what_the_orders_want_of_the_detector(agent, peer):
    agent.apply_answer(heartbeat_answer({"config": peer.config(version=2, detectors={"people": {"threshold": 0.77}}), "models": []}))
    agent.pipeline.step(scene(2))
    wish(agent, peer.model(other_weights("people"), detector="people"))
    agent.pipeline.step(scene(3))
    assert agent.pipeline.detector("people").threshold == 0.77


def test_the_pipeline_says_what_each_detector_gave_for_this_frame_only(agent):
    agent.pipeline.step(scene(4))
    assert set(agent.pipeline.looked) == {"anomaly", "camera-health"}
    assert agent.pipeline.looked["anomaly"].sha256 == OWN
    assert agent.pipeline.looked["anomaly"].ms > 0
