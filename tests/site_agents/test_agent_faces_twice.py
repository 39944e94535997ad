"""One person is in one place: two faces with one name in one picture are both doubtful."""

from __future__ import annotations

import numpy as np
from door_lab import NAMES, STEP, empty, entry, passing, verdicts

from site_agents.faces import GONE_S
from site_agents.staff_list_store import Staff


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
