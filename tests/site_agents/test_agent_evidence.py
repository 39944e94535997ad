"""Clips: the seconds before and after an event, faces blurred in every frame, made beside the work."""

from __future__ import annotations

import logging
import time

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE, event, scene, wait_for

from detectors.types import Box
from detectors.video import frames, probe
from site_agents import evidence as evidence_module
from site_agents.evidence import AFTER_S, BEFORE_S, ClipJob, Evidence, face_finder, make_clip


def nobody():
    return lambda image: []


class Delivered(list):
    """What the clip thread delivers."""

    def __call__(self, recorded, content) -> None:
        self.append((recorded, content))


@pytest.fixture
def delivered():
    return Delivered()


@pytest.fixture
def evidence(delivered):
    made = Evidence(nobody, delivered)
    yield made
    made.stop()


def watch(evidence: Evidence, start: int, count: int) -> None:
    for n in range(start, start + count):
        evidence.remember(scene(n))


def test_only_the_last_seconds_are_in_memory(evidence):
    watch(evidence, 0, 100)
    assert evidence.remembered[-1] - evidence.remembered[0] <= BEFORE_S
    assert len(evidence.remembered) == BEFORE_S * 5 + 1


def test_a_source_that_begins_anew_is_another_scene(evidence):
    watch(evidence, 50, 10)
    evidence.remember(scene(0))
    assert len(evidence.remembered) == 1


def test_a_clip_shows_the_seconds_before_and_after(evidence, delivered, tmp_path):
    evidence.start()
    watch(evidence, 0, 30)
    recorded = event(scene(29).t)
    assert evidence.want_clip(recorded, hide_faces=False)
    watch(evidence, 30, 20)
    ((found, content),) = wait_for(lambda: delivered, "a clip")
    (tmp_path / "clip.webm").write_bytes(content)
    clip = probe(tmp_path / "clip.webm")
    assert found.id == recorded.id
    assert clip.fps == pytest.approx(5, abs=0.1)
    assert len(list(frames(tmp_path / "clip.webm"))) == pytest.approx((BEFORE_S + AFTER_S) * 5, abs=2)


def test_a_clip_is_not_wider_than_needed(evidence, delivered, tmp_path):
    evidence.start()
    for n in range(5):
        evidence.remember(scene(n, size=(576, 768)))
    evidence.want_clip(event(), hide_faces=False)
    evidence.flush()
    wait_for(lambda: delivered, "a clip")
    (tmp_path / "clip.webm").write_bytes(delivered[0][1])
    assert (probe(tmp_path / "clip.webm").width, probe(tmp_path / "clip.webm").height) == (evidence_module.CLIP_WIDTH, 384)


def test_stopping_finishes_the_open_clip(evidence, delivered):
    evidence.start()
    watch(evidence, 0, 10)
    evidence.want_clip(event(), hide_faces=False)
    evidence.stop()
    assert len(delivered) == 1


def test_without_a_frame_there_is_no_clip(evidence):
    assert not evidence.want_clip(event(), hide_faces=False)


def test_a_second_event_of_the_same_place_shares_the_alert_and_needs_no_clip(evidence):
    watch(evidence, 0, 5)
    assert evidence.want_clip(event(data={"zone": "steps"}), hide_faces=False)
    watch(evidence, 5, 60)
    assert not evidence.want_clip(event(data={"zone": "steps"}), hide_faces=False)
    assert evidence.want_clip(event(data={"zone": "gate"}), hide_faces=False)
    watch(evidence, 65, 151)
    assert evidence.want_clip(event(data={"zone": "steps"}), hide_faces=False)


def test_clips_of_different_places_leave_the_processor_a_breath(evidence):
    watch(evidence, 0, 5)
    assert evidence.want_clip(event(data={"zone": "a"}), hide_faces=False)
    assert not evidence.want_clip(event(data={"zone": "b"}), hide_faces=False)


def test_when_too_many_wait_a_clip_is_left_out_and_counted(delivered):
    evidence = Evidence(nobody, delivered)  # its thread is not started: nothing is ever made
    for n in range(evidence_module.QUEUE + 2):
        watch(evidence, n * 30, 30)
        evidence.want_clip(event(data={"zone": f"{n}"}), hide_faces=False)
    assert evidence.left_out == 2


def test_a_clip_that_fails_is_said_and_the_next_one_is_made(delivered, caplog):
    def finder():
        calls = iter([OSError("no temporary folder")])

        def find(image):
            for problem in calls:
                raise problem
            return []

        return find

    evidence = Evidence(finder, delivered)
    evidence.start()
    for n, zone in enumerate("ab"):
        watch(evidence, n * 60, 10)
        evidence.want_clip(event(data={"zone": zone}), hide_faces=True)
        evidence.flush()
    wait_for(lambda: delivered, "the second clip")
    assert "could not be made: no temporary folder" in caplog.text
    evidence.stop()


def test_every_frame_of_a_clip_is_blurred_where_faces_are(tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    stored = cv2.imencode(".jpg", image)[1].tobytes()
    job = ClipJob(event(), [(n * 0.2, stored) for n in range(5)], 1.0, hide_faces=True)
    (tmp_path / "clip.webm").write_bytes(make_clip(job, lambda seen: [Box(32, 32, 32, 32)]))
    for frame in frames(tmp_path / "clip.webm"):
        face, rest = frame.image[34:62, 34:62], frame.image[:20, :28]
        assert cv2.Laplacian(face, cv2.CV_64F).std() < 0.5 * cv2.Laplacian(rest, cv2.CV_64F).std()


def test_a_picture_size_that_changes_in_the_middle_is_no_trouble(tmp_path):
    stored = [cv2.imencode(".jpg", scene(n, size=size).image)[1].tobytes() for n, size in enumerate([(96, 128), (48, 64), (96, 128)])]
    (tmp_path / "clip.webm").write_bytes(make_clip(ClipJob(event(), list(enumerate(stored)), 9.0, False), lambda seen: []))
    assert {frame.image.shape for frame in frames(tmp_path / "clip.webm")} == {(96, 128, 3)}


def test_one_frame_alone_is_a_clip_too(tmp_path):
    stored = cv2.imencode(".jpg", scene().image)[1].tobytes()
    (tmp_path / "clip.webm").write_bytes(make_clip(ClipJob(event(), [(1.0, stored)], 1.0, False), lambda seen: []))
    assert len(list(frames(tmp_path / "clip.webm"))) == 1


def test_the_work_does_not_wait_for_clips(delivered, caplog):
    """Making clips takes its time in another thread; remembering a frame meanwhile does not."""
    caplog.set_level(logging.INFO)

    def slow():
        def find(image):
            time.sleep(0.05)
            return []

        return find

    evidence = Evidence(slow, delivered)
    evidence.start()
    watch(evidence, 0, 20)
    evidence.want_clip(event(), hide_faces=True)
    evidence.flush()
    watch(evidence, 20, 20)
    assert delivered == []
    assert len(wait_for(lambda: delivered, "the clip")) == 1
    evidence.stop()


def test_a_portrait_in_a_snapshot_is_blurred():
    portrait = cv2.imread(str(FOOTAGE / "staff" / "custode-2.jpg"))
    frame = scene()
    frame = type(frame)(portrait, "gate", 1.0, 0)
    evidence = Evidence(face_finder, print)
    hidden, plain = (cv2.imdecode(np.frombuffer(evidence.picture(frame, hide_faces=each), np.uint8), cv2.IMREAD_COLOR) for each in (True, False))
    box = max(face_finder()(portrait), key=lambda each: each.w)
    face = np.s_[int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)]
    assert cv2.Laplacian(hidden[face], cv2.CV_64F).std() < cv2.Laplacian(plain[face], cv2.CV_64F).std()
    assert np.abs(hidden[face].astype(int) - plain[face]).mean() > 5
