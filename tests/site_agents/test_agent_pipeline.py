"""The one path every picture takes: mask first, then look, follow, judge; a detector that fails harms nobody else."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from agent_lab import FOOTAGE, scene

from detectors.errors import WeightsError
from detectors.health.viewpoint import SAME
from detectors.rules.scene import CameraRule, WatchedZone
from detectors.types import Box, Detection, Frame
from detectors.video import frames
from site_agents.clock import Clock
from site_agents.models import ModelStore
from site_agents.pipeline import ALWAYS, PATIENCE, Pipeline
from site_agents.signed_config import M0, M1, NO_CONFIG, SignedConfig

WHOLE = WatchedZone("whole", ((0, 0), (1, 0), (1, 1), (0, 1)))
LEFT = ((0, 0), (0.5, 0), (0.5, 1), (0, 1))
LATER = 4e9


class Eye:
    """A detector that writes down what it sees and says what it is told to."""

    def __init__(self, name: str, result=None) -> None:
        self.name, self.result, self.seen = name, result, []
        self.card = type("Card", (), {"sha256": name})()

    def detect(self, images):
        self.seen += images
        return [self.answer([])]

    def step(self, frame):
        self.seen.append(frame.image)
        return self.answer([] if self.name == "camera-health" else None)

    def view(self, camera):
        return SAME

    def reference_version(self, camera):
        return 0

    def forget(self, camera):
        pass

    def answer(self, nothing):
        if isinstance(self.result, Exception):
            raise self.result
        return nothing if self.result is None else self.result


@pytest.fixture
def eyes():
    return {name: Eye(name) for name in ALWAYS}


@pytest.fixture
def pipeline(eyes):
    return Pipeline(lambda name, **options: eyes[name], Clock())


def writing_into(asked: dict):
    """A loader that writes down which options each detector is asked for with."""

    def load(name: str, **options):
        asked[name] = options
        return Eye(name)

    return load


def signed_config(*rules: CameraRule, **changes) -> SignedConfig:
    return SignedConfig(**{"version": 1, "valid_until": LATER, "rules": rules, **changes})


def test_nothing_sees_a_masked_pixel(pipeline, eyes):
    pipeline.apply_config(signed_config(masks=(LEFT,)))
    step = pipeline.step(scene())
    for seen in [step.frame.image, *(image for eye in eyes.values() for image in eye.seen)]:
        assert not seen[:, :64].any()
        assert seen[:, 66:].any()


def test_every_detector_sees_every_frame(pipeline, eyes):
    for n in range(3):
        pipeline.step(scene(n))
    assert {name: len(eye.seen) for name, eye in eyes.items()} == dict.fromkeys(ALWAYS, 3)


def test_without_orders_nothing_is_watched_for(pipeline, eyes):
    eyes["camera-health"].result = [Detection("black", 0.9, data={"reason": "black"})]
    step = pipeline.step(scene())
    assert (pipeline.signed_config, step.mode, step.findings, len(step.health)) == (NO_CONFIG, M0, (), 1)


def test_orders_hold_from_the_next_frame_on(pipeline, eyes):
    eyes["camera-health"].result = [Detection("black", 0.9, data={"reason": "black"})]
    pipeline.step(scene(1))
    pipeline.apply_config(signed_config(CameraRule("camera_tampered")))
    (finding,) = pipeline.step(scene(2)).findings
    assert (finding.kind, finding.data) == ("camera_tampered", {"reason": "black"})


def test_the_newest_orders_win(pipeline):
    for version in (1, 2, 3):
        pipeline.apply_config(signed_config(version=version))
    pipeline.step(scene())
    assert pipeline.signed_config.version == 3


def test_the_time_of_each_stage_is_told(pipeline):
    pipeline.apply_config(signed_config())
    pipeline.step(scene())
    assert {"mask", "people", "anomaly", "camera-health", "tracking", "rules"} <= set(pipeline.stages.ms)
    assert all(value >= 0 for value in pipeline.stages.rounded().values())


def test_a_detector_that_fails_is_left_out_of_the_frame_and_the_others_go_on(pipeline, eyes):
    eyes["people"].result = ValueError("broken")
    eyes["camera-health"].result = [Detection("black", 0.9, data={"reason": "black"})]
    step = pipeline.step(scene())
    assert (step.tracks, len(step.health)) == ((), 1)


def test_a_detector_that_fails_again_and_again_is_reported_once(eyes):
    recorded = []
    pipeline = Pipeline(lambda name, **options: eyes[name], Clock(), failed=lambda *result: recorded.append(result))
    eyes["anomaly"].result = RuntimeError("no memory")
    for n in range(PATIENCE * 3):
        pipeline.step(scene(n))
    assert recorded == [("anomaly", "RuntimeError: no memory")]


def test_one_good_frame_makes_up_for_a_bad_one(eyes):
    recorded = []
    pipeline = Pipeline(lambda name, **options: eyes[name], Clock(), failed=lambda *result: recorded.append(result))
    for n in range(PATIENCE * 4):
        eyes["anomaly"].result = ValueError("now and then") if n % 2 else None
        pipeline.step(scene(n))
    assert recorded == []


def test_a_detector_that_cannot_be_loaded_is_said_once_and_the_camera_watches_on(eyes, caplog):
    def load(name, **options):
        if name == "people":
            raise WeightsError("the weights nanodet-g-416 cannot be found")
        return eyes[name]

    pipeline = Pipeline(load, Clock())
    for n in range(5):
        assert pipeline.step(scene(n)).tracks == ()
    assert caplog.text.count("the detector people cannot be used") == 1
    assert len(eyes["anomaly"].seen) == 5


def test_a_swapped_detector_works_from_the_next_frame_on(pipeline, eyes):
    pipeline.step(scene(0))
    better = Eye("better")
    pipeline.swap("anomaly", better)
    pipeline.step(scene(1))
    assert (len(eyes["anomaly"].seen), len(better.seen), pipeline.loaded["anomaly"]) == (1, 1, "better")


def test_a_swap_ends_the_troubles_of_the_one_before(pipeline, eyes):
    eyes["anomaly"].result = ValueError("broken")
    for n in range(PATIENCE + 1):
        pipeline.step(scene(n))
    better = Eye("better")
    pipeline.swap("anomaly", better)
    pipeline.step(scene(9))
    assert len(better.seen) == 1


def test_a_detector_may_be_switched_off_by_orders(pipeline, eyes):
    pipeline.apply_config(signed_config(detectors={"anomaly": {"enabled": False}}))
    pipeline.step(scene())
    assert eyes["anomaly"].seen == []
    pipeline.apply_config(signed_config())
    pipeline.step(scene(1))
    assert len(eyes["anomaly"].seen) == 1


def test_options_of_the_orders_reach_the_detector():
    asked = {}
    pipeline = Pipeline(lambda name, **options: (asked.setdefault(name, options) and None) or Eye(name), Clock())
    pipeline.apply_config(signed_config(detectors={"people": {"threshold": 0.7}}))
    pipeline.step(scene())
    assert asked["people"] == {"threshold": 0.7}


def test_a_drone_is_never_called_moved():
    asked = {}
    pipeline = Pipeline(lambda name, **options: (asked.setdefault(name, options) and None) or Eye(name), Clock(), drone=True)
    pipeline.step(scene())
    assert asked["camera-health"] == {"moving": True}


def test_options_that_make_no_sense_switch_one_detector_off_and_no_other(folder, caplog):
    pipeline = Pipeline(ModelStore(folder).load, Clock())
    pipeline.apply_config(signed_config(detectors={"people": {"colour": "blue"}}))
    pipeline.step(scene())
    assert "people" not in pipeline.loaded
    assert "the detector people cannot be used" in caplog.text
    assert {"anomaly", "camera-health"} <= set(pipeline.loaded)


def test_silence_is_judged_by_the_rules_too(pipeline):
    pipeline.apply_config(signed_config(CameraRule("camera_stale")))
    assert pipeline.silence(10.0, 1.0) == []
    assert [finding.kind for finding in pipeline.silence(20.0, 6.0)] == ["camera_stale"]


def test_a_source_that_begins_anew_forgets_tracks(pipeline, eyes):
    near, far = (Detection("person", 0.9, Box(x, 20, 20, 60)) for x in (10, 90))

    def follow(start, t, *people):
        eyes["people"].result = list(people)
        steps = [pipeline.step(scene(n, t=t + n * 0.2)) for n in range(start, start + 4)]
        return {track.box.x: track.track for track in steps[-1].tracks}

    assert follow(1, 1000.0, near, far) == {10: 1, 90: 2}
    assert follow(5, 1000.0, far) == {90: 2}
    assert follow(0, 2000.0, far) == {90: 1}


def test_the_stop_button_makes_it_m0_at_once(pipeline):
    pipeline.apply_config(signed_config(legal_mode=M1))
    assert pipeline.step(scene(1)).mode == M1
    pipeline.stop_biometrics(True)
    assert pipeline.mode == pipeline.step(scene(2)).mode == M0
    pipeline.stop_biometrics(False)
    assert pipeline.step(scene(3)).mode == M1


def test_orders_end_by_the_later_of_both_clocks(eyes):
    clock = Clock()
    pipeline = Pipeline(lambda name, **options: eyes[name], clock)
    pipeline.apply_config(signed_config(legal_mode=M1, valid_until=time.time() + 100))
    assert pipeline.step(scene(1)).mode == M1
    clock.correct(200)
    assert pipeline.step(scene(2)).mode == M0


def test_orders_and_swaps_from_other_threads_break_no_frame(pipeline):
    ended = threading.Event()

    def disturb() -> None:
        version = 1
        while not ended.is_set():
            version += 1
            pipeline.apply_config(signed_config(CameraRule("person_in_zone", WHOLE), version=version, masks=(LEFT,) if version % 2 else ()))
            pipeline.swap("anomaly", Eye(f"v{version}"))

    threads = [threading.Thread(target=disturb) for _ in range(3)]
    for each in threads:
        each.start()
    for n in range(60):
        assert pipeline.step(scene(n)).frame.n == n
    ended.set()
    for each in threads:
        each.join(5)


def test_on_the_real_clip_people_are_found_followed_and_told(folder):
    """The real detectors on the real square: within 30 frames somebody is in the picture, with one number from frame to frame."""
    pipeline = Pipeline(ModelStore(folder).load, Clock(), fps=7)
    pipeline.apply_config(signed_config(CameraRule("person_in_zone", WHOLE, values={"min_s": 1})))
    tracks, findings = [], []
    for frame in frames(FOOTAGE / "square.webm", "square", start_t=1000.0):
        step = pipeline.step(frame)
        tracks.append({each.track for each in step.tracks if each.kind == "person"})
        findings += step.findings
        if frame.n == 30:
            break
    assert findings
    assert all(finding.kind == "person_in_zone" and finding.score > 0.3 for finding in findings)
    assert max(sum(track in each for each in tracks) for track in set.union(*tracks)) > 10


@pytest.mark.parametrize("shape", [(1, 1, 3), (16, 16, 3), (2000, 30, 3), (30, 2000, 3)])
def test_pictures_of_any_size_go_through(folder, shape):
    pipeline = Pipeline(ModelStore(folder).load, Clock())
    pipeline.apply_config(signed_config(CameraRule("person_in_zone", WHOLE), masks=(LEFT,)))
    assert pipeline.step(Frame(np.full(shape, 128, np.uint8), "square", 1.0, 1)).frame.image.shape == shape
