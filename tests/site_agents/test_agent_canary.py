"""The version before beside the one on trial: what is compared, when it must stand back, and that its failure is its own."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from agent_lab import keep_footage, lively, perturbed_weights, scene

import detectors
from detectors.rules.scene import CameraRule
from detectors.types import Detection
from site_agents import calibration, canary
from site_agents.canary import CanaryComparison, CanaryComparisons, threshold_of
from site_agents.pipeline import Looked, PipelineStep
from site_agents.signed_config import NO_CONFIG, SignedConfig

CONFIG = SignedConfig(version=1)
ROOM = 1000.0


class Clock:
    """Time that passes only when a test says so."""

    now = 100.0

    def __call__(self):
        return self.now


class Net:
    """A detector that says the scores it is given and takes `ms` by the clock."""

    threshold = 0.5

    def __init__(self, clock, score=0.9, ms=10.0):
        self.clock, self.score, self.ms, self.seen = clock, score, ms, []
        self.card = type("Card", (), {"sha256": "old"})()

    def step(self, frame):
        self.clock.now += self.ms / 1000
        self.seen.append(frame.n)
        return None if self.score is None else Detection("anomaly", self.score)

    def detect(self, images):
        self.clock.now += self.ms / 1000
        return [[Detection("person", self.score)] if self.score else []]


class Stage:
    """CanaryComparisons with made-up time; `pictures` are those that were delivered."""

    def __init__(self, name="anomaly", **net):
        self.clock = Clock()
        self.name, self.net, self.pictures, self.n = name, Net(self.clock, **net), [], 0
        self.canaries = CanaryComparisons(lambda step: b"jpeg", lambda result, jpeg: self.pictures.append(result), clock=self.clock)
        self.canaries.begin(name, "new", lambda: self.net)
        self.clock.now += 10

    def look(self, score=0.1, *, count=1, signed_config=CONFIG, room_ms=ROOM, dropped=0, ms=5.0, sha256="new", every=0.2):
        for _ in range(count):
            self.n += 1
            self.clock.now += every
            found = [Detection("person", score)] if self.name == "people" else Detection(self.name, score)
            looked = {} if score is None else {self.name: Looked(found, sha256, ms)}
            self.canaries.look(PipelineStep(scene(self.n), "M0"), looked, signed_config, room_ms=room_ms, dropped=dropped)
        return self.status

    @property
    def status(self):
        return self.canaries.status()[self.name]


def recorded(status, *names):
    return tuple(status[name] for name in names)


def test_frames_count_once_the_stream_is_warm_and_alarms_need_frames_in_a_row():
    stage = Stage(score=0.9)
    stage.look(0.1, count=canary.WARM)
    assert stage.status["frames"] == 0
    assert recorded(stage.look(0.1, count=3), "frames", "neither", "only_old") == (3, 1, 2)


@pytest.mark.parametrize(("old", "new", "name"), [(0.9, 0.9, "both"), (0.1, 0.2, "neither"), (0.1, 0.9, "only_new"), (0.9, 0.1, "only_old")])
def test_what_the_two_say_is_counted(old, new, name):
    stage = Stage(score=old)
    stage.look(new, count=canary.WARM + 10)
    assert recorded(stage.status, "frames", name)[1] >= 9
    assert bool(stage.pictures) == name.startswith("only")


def test_the_mean_times_of_both_are_told():
    stage = Stage(ms=10.0)
    assert recorded(stage.look(ms=4.0, count=canary.WARM + 5), "old_ms", "new_ms") == (10.0, 4.0)


def test_a_disagreement_says_both_scores_and_the_threshold():
    stage = Stage(score=0.1)
    stage.look(0.8, count=canary.WARM + 3, signed_config=dataclasses.replace(CONFIG, rules=(CameraRule("anomaly", values={"threshold": 0.7}),)))
    result = stage.pictures[0]
    assert (result.detector, result.sha256, result.old_score, result.new_score, result.threshold, result.kind) == ("anomaly", "new", 0.1, 0.8, 0.7, "only_new")


def test_the_threshold_is_the_cameras_own_rule():
    net = Net(Clock())
    rules = (CameraRule("anomaly", values={"threshold": 0.6}), CameraRule("anomaly", values={"threshold": 0.4}), CameraRule("camera_stale"))
    assert threshold_of("anomaly", net, dataclasses.replace(CONFIG, rules=rules)) == 0.4
    assert threshold_of("anomaly", net, CONFIG) == net.threshold


def test_a_detector_of_single_pictures_needs_no_warming_up():
    stage = Stage("people", score=0.0)
    assert recorded(stage.look(0.9), "frames", "only_new") == (1, 1)


def test_while_frames_are_dropped_it_stands_back():
    stage = Stage()
    stage.look(count=5)
    before = len(stage.net.seen)
    stage.look(count=3, dropped=7)
    assert (len(stage.net.seen), stage.status["skipped"]) == (before, 3)
    stage.clock.now += canary.REST_S
    stage.look(count=3, dropped=7)
    assert len(stage.net.seen) > before


def test_without_room_before_the_next_frame_it_stands_back():
    stage = Stage(ms=10.0)
    stage.look(count=5)
    before = len(stage.net.seen)
    stage.look(count=5, room_ms=9.0)
    assert len(stage.net.seen) == before


def test_it_takes_no_more_than_its_share_of_the_time():
    stage = Stage(ms=150.0)
    began = stage.clock.now
    stage.look(count=1000, every=0.05)
    assert 0 < len(stage.net.seen) * 0.150 <= canary.SHARE * (stage.clock.now - began) + canary.BURST * 0.150
    assert stage.status["frames"] > 0


def test_after_a_pause_a_stream_must_warm_up_again():
    stage = Stage()
    frames = stage.look(count=canary.WARM + 5)["frames"]
    stage.look(room_ms=-1.0)
    assert stage.look(count=canary.WARM)["frames"] == frames
    assert stage.look()["frames"] == frames + 1


@pytest.mark.parametrize("change", [{"signed_config": NO_CONFIG}, {"sha256": "old"}, {"score": None}], ids=["no orders", "given back", "not looked"])
def test_it_looks_only_beside_the_version_on_trial_and_under_orders(change):
    stage = Stage()
    stage.look(**{"score": 0.1, **change}, count=30)
    assert stage.net.seen == []


def test_a_detector_that_cannot_say_yet_is_not_compared():
    stage = Stage(score=None)
    assert stage.look(count=40)["frames"] == 0


def test_pictures_are_few_and_far_between():
    stage = Stage(score=0.9)
    stage.look(count=canary.WARM + 50)
    assert len(stage.pictures) == 1
    stage.look(count=3000, every=1.0)
    assert len(stage.pictures) == stage.status["pictures"] == canary.PICTURES


def test_a_picture_that_does_not_fit_before_the_next_frame_waits():
    stage = Stage(score=0.9)

    def slow(step):
        stage.clock.now += 0.5
        return b"jpeg"

    stage.canaries.draw = slow
    stage.look(count=canary.WARM + 3, room_ms=100.0)
    assert len(stage.pictures) == 1, "how long one takes is measured first"
    stage.clock.now += canary.SPACING_S
    stage.look(count=3, room_ms=100.0)
    assert len(stage.pictures) == 1
    stage.look(count=20, room_ms=100.0)
    assert len(stage.pictures) == 2


@pytest.mark.parametrize("broken", [RuntimeError("the session is gone"), MemoryError(), KeyError("odd"), float("nan")], ids=repr)
def test_whatever_fails_in_it_ends_it_and_nothing_else(broken):
    stage = Stage()
    stage.look(count=20)
    frames = stage.status["frames"]

    def fail(frame):
        if isinstance(broken, Exception):
            raise broken
        return Detection("anomaly", broken)

    stage.net.step = fail
    status = stage.look(count=3)
    assert status["ended"]
    assert (status["frames"], stage.canaries.comparisons["anomaly"].detector) == (frames, None)


def test_a_picture_that_fails_ends_the_shadow_only():
    stage = Stage(score=0.9)

    def fail(step):
        raise ValueError("no picture")

    stage.canaries.draw = fail
    assert "no picture" in stage.look(count=30)["ended"]


def test_a_version_before_that_does_not_load_is_told():
    canaries = CanaryComparisons(bytes, print)

    def build():
        raise OSError("the file is gone")

    canaries.begin("anomaly", "new", build)
    assert canaries.status()["anomaly"]["ended"] == "OSError: the file is gone"
    assert canaries.keep({"anomaly": "new"}) == []


def test_without_memory_nothing_is_loaded(monkeypatch):
    monkeypatch.setattr(canary, "LEAST_FREE", 1 << 60)
    canaries = CanaryComparisons(bytes, print)
    canaries.begin("anomaly", "new", lambda: pytest.fail("it was loaded"))
    assert "memory" in canaries.status()["anomaly"]["ended"]


def test_a_trial_that_is_over_ends_its_shadow_and_another_version_begins_anew():
    stage = Stage()
    assert stage.canaries.keep({"anomaly": "new"}) == []
    assert stage.canaries.keep({"anomaly": "newer"}) == ["anomaly"]
    assert stage.canaries.status() == {}


def test_face_detectors_are_never_run_twice_and_shadows_are_few():
    canaries = CanaryComparisons(bytes, print)
    assert canaries.keep({"faces": "x", "face-embedding": "y"}) == []
    assert len(canaries.keep({"a": "1", "b": "2", "c": "3"})) == canary.MOST


def test_a_source_that_begins_anew_breaks_the_row():
    clock = Clock()
    made = CanaryComparison("anomaly", "new", Net(clock), clock=clock)

    def look(*numbers: int) -> int:
        for n in numbers:
            clock.now += 1
            made.look(PipelineStep(scene(n), "M0"), Looked(Detection("anomaly", 0.1), "new", 1.0), 0.5, ROOM)
        return made.counts.frames

    assert look(*range(1, canary.WARM + 3)) == 2
    assert look(*range(canary.WARM)) == 2, "it must warm up again"
    assert look(canary.WARM) == 3


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """Gives real nets with this camera's calibration, one for each share by which the release's weights are perturbed (0: the release)."""
    folder, learnt = tmp_path_factory.mktemp("nets"), {}
    keep_footage(folder, clips=4)

    def build(*shares):
        for share in shares:
            file = folder / f"{share}.onnx"
            if share not in learnt:
                file.write_bytes(perturbed_weights(share))
                learnt[share] = calibration.learn(detectors.load("anomaly", path=file), folder)
            yield detectors.load("anomaly", path=file, calibration=learnt[share])

    return build


def writing_down(step, frames, frame):
    frames.append(frame)
    return step(frame)


def compare(old, new):
    """Both nets over the same lively footage; the shadow's status and pictures."""
    clock, pictures = Clock(), []
    canaries = CanaryComparisons(lambda step: b"jpeg", lambda result, jpeg: pictures.append(result), clock=clock)
    canaries.begin("anomaly", new.card.sha256, lambda: old)
    for frame in lively():
        clock.now += 0.2
        canaries.look(PipelineStep(frame, "M0"), {"anomaly": Looked(new.step(frame), new.card.sha256, 5.0)}, CONFIG, room_ms=ROOM, dropped=0)
    return canaries.status()["anomaly"], pictures


def test_two_real_nets_that_see_alike_agree(nets):
    status, _ = compare(*nets(0, 0.3))
    assert status["frames"] > 40
    assert status["both"] >= 10
    assert status["only_new"] + status["only_old"] <= 3


def test_a_real_net_that_is_blind_is_found_out(nets):
    status, pictures = compare(*nets(0, 3))
    assert (status["both"], status["only_new"]) == (0, 0)
    assert status["only_old"] >= 10
    assert pictures[0].old_score >= 0.5 > pictures[0].new_score


def test_both_see_the_very_same_frames(nets, monkeypatch):
    old, new = nets(0, 0)
    looked = {}
    for name, net in {"old": old, "new": new}.items():
        monkeypatch.setattr(net, "step", functools.partial(writing_down, net.step, looked.setdefault(name, [])))
    status, _ = compare(old, new)
    assert status["only_new"] == status["only_old"] == 0
    assert len(looked["old"]) == len(looked["new"]) == 60
    assert all(np.array_equal(one.image, other.image) for one, other in zip(looked["old"], looked["new"], strict=True))
