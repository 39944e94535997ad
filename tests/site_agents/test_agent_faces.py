"""A restricted door in mode M1: open set, over whole tracks, in memory, and a stranger stays a stranger."""

from __future__ import annotations

import dataclasses
import json
import time

import cv2
import numpy as np
import pytest
from door_lab import DOOR, STEP, empty, entry, passing, shrunk, signed_config, steps, verdicts

import detectors
from detectors.faces import identify
from detectors.rules.scene import CameraRule, WatchedZone
from detectors.types import Frame
from site_agents.clock import Clock
from site_agents.faces import BIOMETRIC, GONE_S, FaceRecognizer, RecognitionLimits, limits_of
from site_agents.models import ModelStore
from site_agents.neighbours.node import Decided
from site_agents.pipeline import Pipeline
from site_agents.signed_config import M0, M1
from site_agents.staff_list_store import NOBODY, Staff


def test_a_stranger_at_the_door_is_told_once(pipeline, portraits):
    (finding,) = passing(pipeline, portraits["custode-2"][0], count=10)
    assert (finding.kind, finding.data["zone"], finding.data["people"], finding.data["gallery_version"]) == ("unknown_person", "door", 1, 7)
    assert finding.data["score"] < finding.data["threshold"]
    assert finding.detections[0].data == {"person": None}


def test_a_member_of_the_staff_raises_no_alert_but_goes_to_the_face_log(pipeline, portraits):
    (finding,) = passing(pipeline, portraits["custode-1"][0], count=10)
    assert (finding.kind, finding.data["person"], finding.data["gallery_version"], finding.data["net"]) == ("recognised", "custode-1", 7, "face-embedding")
    assert finding.data["score"] >= finding.data["threshold"]


def test_the_end_of_a_visit_is_said_with_the_same_name(pipeline, portraits):
    (began,) = passing(pipeline, portraits["custode-1"][0])
    (ended,) = empty(pipeline, 1.0 + GONE_S + STEP)
    assert (ended.kind, ended.data["visit"], ended.data["person"]) == ("recognised", began.data["visit"], "custode-1")
    assert ended.data["ended"] == pytest.approx(1.0)
    assert ended.frame is None


def test_the_picture_of_a_recognition_shows_the_face_and_little_more(pipeline, portraits):
    image = cv2.copyMakeBorder(portraits["custode-1"][0], 200, 200, 300, 300, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    (finding,) = passing(pipeline, image)
    shown = finding.frame.image
    assert shown.size < image.size / 3
    assert len(detectors.load("faces").find(shown)) == 1


def test_the_decision_rests_on_three_faces_and_says_on_how_many(pipeline, portraits):
    result = verdicts(pipeline, portraits["custode-1"][0], count=8)
    assert [each["verdict"] for each in result] == ["looking", "looking", *["person"] * (len(result) - 2)]
    assert [each["frames"] for each in result] == list(range(1, len(result) + 1))


def test_a_face_too_blurred_is_neither_known_nor_unknown(pipeline, portraits):
    result = verdicts(pipeline, cv2.GaussianBlur(portraits["custode-2"][0], (0, 0), 9), count=8)
    assert {each["verdict"] for each in result} <= {"looking", "cannot-say"}
    assert result[-1]["reasons"]
    assert pipeline.recognizer.visits


def masked(picture: np.ndarray) -> np.ndarray:
    """The same person in a white mask."""
    right, left, nose = detectors.load("faces").find(picture)[0].landmarks[:3].round().astype(int)
    wide = int(left[0] - right[0])
    return cv2.rectangle(picture.copy(), (right[0] - wide // 3, nose[1]), (left[0] + wide // 3, nose[1] + int(wide * 1.2)), (230, 225, 210), -1)


def test_a_masked_stranger_is_told_and_the_reason_stands_beside_the_face(pipeline, portraits):
    result = verdicts(pipeline, masked(portraits["custode-2"][0]), count=8)
    assert result[-1]["verdict"] == "unknown"
    assert "covered mouth" in result[-1]["reasons"]


def test_a_face_before_the_mask_goes_up_weighs_more(pipeline, portraits):
    clear = portraits["custode-1"][0]
    verdicts(pipeline, clear, count=4)
    result = verdicts(pipeline, masked(clear), count=4)
    assert result[-1]["verdict"] == "person"


def test_an_expired_entry_makes_a_stranger(pipeline, portraits):
    pipeline.staff = Staff(7, (entry("custode-1", portraits["custode-1"][1], expires=time.time() - 1),))
    assert [finding.kind for finding in passing(pipeline, portraits["custode-1"][0])] == ["unknown_person"]


def test_who_is_taken_off_the_list_is_a_stranger_at_once(pipeline, portraits):
    image = portraits["custode-1"][0]
    assert verdicts(pipeline, image)[-1]["verdict"] == "person"
    pipeline.staff = NOBODY
    assert verdicts(pipeline, image, start=1.2)[0]["verdict"] == "unknown"


def test_with_an_empty_list_everybody_is_unknown(pipeline, portraits):
    pipeline.staff = NOBODY
    assert verdicts(pipeline, portraits["custode-1"][0])[-1]["verdict"] == "unknown"


def test_faces_outside_the_doors_zone_are_not_embedded(pipeline, portraits):
    corner = WatchedZone("corner", ((0, 0), (0.01, 0), (0.01, 0.01), (0, 0.01)))
    pipeline.apply_config(signed_config(rules=(CameraRule("unknown_person", corner),)))
    assert verdicts(pipeline, portraits["custode-1"][0]) == []
    assert "face-embedding" not in pipeline.loaded or not pipeline.recognizer.visits


def test_what_is_said_of_a_face_holds_no_embedding(pipeline, portraits):
    embedding = portraits["custode-1"][1]
    result = json.dumps([[track.data for track in step.tracks] + [each.data for each in step.findings] for step in steps(pipeline, portraits["custode-1"][0])])
    assert "custode-1" in result
    assert str(round(float(embedding[0]), 4)) not in result


def test_a_larger_list_asks_for_more_likeness(portraits):
    def threshold(people: int) -> float:
        recognizer = FaceRecognizer(detectors.load)
        return recognizer.report(Staff(1, tuple(entry(str(n), portraits["custode-1"][1]) for n in range(people))))["threshold"]

    assert threshold(1) < threshold(10) < threshold(1000)


def test_a_sites_own_threshold_is_used_as_it_is(pipeline, portraits):
    pipeline.apply_config(signed_config(rules=(CameraRule("unknown_person", DOOR, values={"threshold": 0.99}),)))
    result = verdicts(pipeline, cv2.convertScaleAbs(portraits["custode-1"][0], alpha=0.7), count=5)
    assert (result[-1]["verdict"], result[-1]["threshold"]) == ("unknown", 0.99)


def test_the_strictest_door_decides_for_all(pipeline):
    pipeline.apply_config(
        signed_config(rules=(CameraRule("unknown_person", DOOR, values={"fpir": 0.5}), CameraRule("tailgating", DOOR, values={"fpir": 2, "threshold": 0.3})))
    )
    pipeline.silence(0.0, 1.0)
    assert pipeline.recognizer.limits == RecognitionLimits(0.005, 0.3)


def test_strangers_scores_are_counted_without_a_picture_or_a_name(pipeline, portraits):
    passing(pipeline, portraits["custode-2"][0])
    empty(pipeline, 1.0 + GONE_S + STEP)
    report = pipeline.recognizer.report(pipeline.staff)
    assert report["visits"] == {"person": 0, "unknown": 1, "cannot-say": 0, "not-live": 0}
    assert list(report["scores"].values()) == [1]


def test_a_list_of_another_length_begins_a_new_histogram(pipeline, portraits, staff):
    passing(pipeline, portraits["custode-2"][0])
    empty(pipeline, 1.0 + GONE_S + STEP)
    pipeline.staff = Staff(8, (*staff.entries, entry("custode-3", portraits["custode-3"][1])))
    passing(pipeline, portraits["custode-2"][0], start=100)
    empty(pipeline, 200)
    assert list(pipeline.recognizer.report(pipeline.staff)["scores"].values()) == [1]


def test_a_stranger_is_forgotten_when_gone(pipeline, portraits):
    passing(pipeline, portraits["custode-2"][0])
    assert pipeline.recognizer.visits
    empty(pipeline, 1.0 + GONE_S + STEP)
    assert not pipeline.recognizer.visits


def test_nothing_of_a_stranger_is_written(pipeline, portraits, folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    passing(pipeline, portraits["custode-2"][0])
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_source_that_begins_anew_mixes_no_two_people(pipeline, portraits):
    """Track numbers start again with the clip: whoever has number 1 now is not who had it before."""
    passing(pipeline, portraits["custode-1"][0])
    pipeline.begin_anew()
    result = verdicts(pipeline, portraits["custode-2"][0], start=1.4)
    assert {each["person"] for each in result} == {None}


def test_small_faces_are_compared_by_the_net_made_for_them(pipeline, portraits):
    template = detectors.load("face-embedding-small")
    image = portraits["custode-1"][0]
    face = detectors.load("faces").find(image)[0]
    scene = cv2.copyMakeBorder(shrunk(image, 24), 150, 150, 150, 150, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    small = portraits["custode-1"][1] + template.embed(image, [face])[0].embedding
    pipeline.staff = Staff(7, (entry("custode-1", portraits["custode-1"][1], small=small / np.linalg.norm(small)),))
    found = passing(pipeline, scene, count=8)
    assert [(each.kind, each.data["person"], each.data["net"]) for each in found] == [("recognised", "custode-1", "face-embedding-small")]


def test_small_faces_make_no_stranger(pipeline, portraits):
    scene = cv2.copyMakeBorder(shrunk(portraits["custode-2"][0], 20), 150, 150, 150, 150, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    assert passing(pipeline, scene, count=12) == []
    assert pipeline.recognizer.visits


@pytest.mark.parametrize("mode", [M0, "stopped"])
def test_in_mode_m0_no_face_is_looked_for(pipeline, portraits, mode):
    pipeline.apply_config(signed_config(M0 if mode == M0 else M1))
    pipeline.stop_biometrics(mode == "stopped")
    assert passing(pipeline, portraits["custode-2"][0]) == []
    assert set(BIOMETRIC) & set(pipeline.loaded) == set()
    assert not {"faces", "face-embedding"} & set(pipeline.stages.ms)


@pytest.mark.parametrize("how", ["stopped", "expired", "ordered"])
def test_when_m1_ends_detectors_and_visits_are_dropped_at_the_next_frame(pipeline, portraits, how):
    steps(pipeline, portraits["custode-2"][0], count=3)
    assert {"faces", "face-embedding"} <= set(pipeline.loaded)
    assert pipeline.recognizer.visits
    if how == "stopped":
        pipeline.stop_biometrics(True)
    else:
        pipeline.apply_config(signed_config(M0) if how == "ordered" else signed_config(M1, valid_until=time.time() - 1))
    step = pipeline.step(Frame(portraits["custode-2"][0], "gate", 0.8, 9))
    assert step.mode == M0
    assert set(BIOMETRIC) & set(pipeline.loaded) == set()
    assert not pipeline.recognizer.visits


def test_without_a_door_rule_m1_looks_at_no_face(pipeline, portraits):
    pipeline.apply_config(signed_config(M1, rules=()))
    steps(pipeline, portraits["custode-2"][0], count=2)
    assert set(BIOMETRIC) & set(pipeline.loaded) == set()


def test_a_net_that_cannot_be_loaded_leaves_the_camera_watching(folder, staff, portraits):
    def load(name: str, **options):
        if name == "face-embedding":
            raise detectors.BadInput("no such weights")
        return ModelStore(folder).load(name, **options)

    pipeline = Pipeline(load, Clock())
    pipeline.apply_config(dataclasses.replace(signed_config(), rules=(*signed_config().rules, CameraRule("person_in_zone", DOOR, values={"min_s": 0}))))
    pipeline.staff = staff
    kinds = {finding.kind for finding in passing(pipeline, portraits["custode-1"][0])}
    assert not {"unknown_person", "recognised"} & kinds


def test_smaller_faces_ask_for_more_likeness():
    tails = detectors.card("face-embedding-small").thresholds["tails"]
    asked = [identify.threshold_between(100, side, tails) for side in (8, 12, 18, 24)]
    assert asked == sorted(asked, reverse=True)


class ForgetfulPeers:
    """Neighbours that name a stranger once, and have lost what they answered when they are asked again."""

    complete = False

    def __init__(self) -> None:
        self.answers = [Decided("v", "custode-2", 0.9, "neighbour", 0.1)]

    def expected(self):
        return ()

    def answer(self, key):
        return self.answers.pop() if self.answers else None

    def ask(self, key, probe, threshold):
        """They know already."""

    def recognised(self, key, person, score):
        """Nothing to learn."""

    def unknown(self):
        """Nothing to learn."""

    def gone(self, key):
        """Nobody is missed."""


def follow(recognizer: FaceRecognizer, image: np.ndarray, t: float, staff: Staff) -> list:
    """One frame with one face, which the tracker calls 1 at any size; what the face log must hold of it."""
    frame = Frame(image, "gate", t, round(t / STEP) + 1)
    tracks = [dataclasses.replace(found, track=1) for found in recognizer.find(frame)]
    recognizer.follow(frame, tracks, staff, 0.0, lambda face: True)
    return recognizer.news(t, staff)


def test_a_visit_whose_answer_is_gone_when_it_ends_ends_with_the_name_that_was_given(portraits):
    image, template = portraits["custode-1"]
    face = detectors.load("faces").find(image)[0]
    small = template + detectors.load("face-embedding-small").embed(image, [face])[0].embedding
    staff = Staff(7, (entry("custode-1", template, small=small / np.linalg.norm(small)),))
    far = cv2.copyMakeBorder(shrunk(image, 24), 150, 150, 150, 150, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    recognizer = FaceRecognizer({name: detectors.load(name) for name in BIOMETRIC}.get)
    (began,) = [finding for n in range(5) for finding in follow(recognizer, far, n * STEP, staff)]
    assert follow(recognizer, image, 5 * STEP, staff) == []  # the first near face: from now on only near ones count, and one is too few for an answer
    (ended,) = recognizer.news(5 * STEP + GONE_S + STEP, staff)
    assert (ended.data["visit"], ended.data["person"], ended.data["ended"]) == (began.data["visit"], "custode-1", 5 * STEP)
    assert recognizer.report(staff)["visits"]["person"] == 1
    assert recognizer.visits == {}


def test_a_name_given_by_a_neighbour_whose_answer_is_lost_ends_the_visit_all_the_same(portraits):
    recognizer = FaceRecognizer({name: detectors.load(name) for name in BIOMETRIC}.get)
    recognizer.others, staff = ForgetfulPeers(), Staff(7, (), {"custode-2": 1})
    (began,) = [finding for n in range(6) for finding in follow(recognizer, portraits["custode-2"][0], n * STEP, staff)]
    (ended,) = recognizer.news(6 * STEP + GONE_S + STEP, staff)
    assert (began.data["person"], ended.data["person"], ended.data["visit"]) == ("custode-2", "custode-2", began.data["visit"])


def test_neighbours_that_are_gone_in_the_middle_of_a_question_leave_the_visit_without_a_name(portraits):
    recognizer, staff = FaceRecognizer({name: detectors.load(name) for name in BIOMETRIC}.get), Staff(7, (), {"custode-2": 1})
    recognizer.others = ForgetfulPeers()
    recognizer.others.answers = []
    for n in range(4):
        follow(recognizer, portraits["custode-2"][0], n * STEP, staff)
    recognizer.others = None
    assert recognizer.news(4 * STEP + GONE_S + STEP, staff) == []


def test_limits_are_a_share_of_strangers_and_perhaps_the_sites_own_likeness():
    assert limits_of(CameraRule("unknown_person")).fpir == 0.01
    own = limits_of(CameraRule("tailgating", values={"fpir": 0.5, "threshold": 0.4}))
    assert (own.fpir, own.threshold) == (0.005, 0.4)
    assert limits_of(CameraRule("unknown_person", values={"threshold": 0})).threshold is None
