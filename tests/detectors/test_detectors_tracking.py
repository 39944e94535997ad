"""Tracks keep their number, things of different kinds never share one."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.bench import scene
from detectors.errors import BadInput
from detectors.tracking import LOST_S, Tracker
from detectors.types import Box, Detection, Frame

RATE = 10.0


def frame(n: int) -> Frame:
    return Frame(np.zeros((200, 300, 3), np.uint8), "gate", n / RATE, n)


def person(x: float, y: float = 50, score: float = 0.8, kind: str = "person") -> Detection:
    return Detection(kind, score, Box(x, y, 20, 50), data={"x": x})


def follow(tracker: Tracker, steps: list[list[Detection]], start: int = 0) -> list[list[Detection]]:
    return [tracker.update(frame(n), found) for n, found in enumerate(steps, start)]


@pytest.mark.parametrize("kind", ["fixed", "drone"])
def test_someone_who_walks_keeps_the_number(kind):
    tracked = follow(Tracker(kind, RATE), [[person(10 + 2 * n)] for n in range(20)])
    assert {each.track for step in tracked for each in step} == {1}
    assert all(len(step) == 1 for step in tracked[3:])


@pytest.mark.parametrize("kind", ["fixed", "drone"])
def test_two_who_walk_keep_theirs(kind):
    tracked = follow(Tracker(kind, RATE), [[person(10 + 2 * n), person(250 - 2 * n, y=120)] for n in range(20)])
    assert [sorted(each.track for each in step) for step in tracked[3:]] == [[1, 2]] * 17


def test_a_finding_keeps_its_box_score_and_data():
    found = person(12, score=0.7)
    tracked = follow(Tracker("fixed", RATE), [[found]] * 3)[-1][0]
    assert (tracked.box, tracked.score, tracked.data, tracked.kind) == (found.box, found.score, found.data, found.kind)


def test_the_input_is_not_changed():
    found = [person(10)]
    follow(Tracker("fixed", RATE), [found] * 3)
    assert found[0].track is None


def test_the_order_of_findings_does_not_matter():
    pair = [person(10), person(200)]
    first = follow(Tracker("fixed", RATE), [pair] * 5)[-1]
    turned = follow(Tracker("fixed", RATE), [pair[::-1]] * 5)[-1]
    assert {each.box.x for each in first} == {each.box.x for each in turned} == {10, 200}


def test_one_appearance_is_not_yet_a_track():
    tracker = Tracker("fixed", RATE)
    follow(tracker, [[]] * 3)
    assert follow(tracker, [[person(10)]], start=3) == [[]]


def test_a_short_gap_is_bridged():
    steps = [[person(10 + n)] for n in range(10)] + [[]] * 5 + [[person(25 + n)] for n in range(5)]
    assert {each.track for step in follow(Tracker("fixed", RATE), steps) for each in step} == {1}


def test_after_a_long_gap_it_is_someone_new():
    gap = round(3 * LOST_S * RATE)
    steps = [[person(10)]] * 5 + [[]] * gap + [[person(10)]] * 5
    assert {each.track for step in follow(Tracker("fixed", RATE), steps) for each in step} == {1, 2}


def test_a_weak_finding_keeps_a_track_alive():
    steps = [[person(10)]] * 5 + [[person(10, score=0.2)]] * 5
    assert [each.track for each in follow(Tracker("fixed", RATE), steps)[-1]] == [1]


def test_a_weak_finding_begins_no_track():
    assert follow(Tracker("fixed", RATE), [[person(10, score=0.2)]] * 10) == [[]] * 10


def test_a_bag_on_a_person_gets_a_number_of_its_own():
    steps = [[person(10), person(10, kind="backpack")]] * 5
    tracked = follow(Tracker("fixed", RATE), steps)[-1]
    assert {each.kind: each.track for each in tracked} == {"backpack": 1, "person": 2}


def test_a_person_never_takes_over_a_suitcases_track():
    steps = [[person(10, kind="suitcase")]] * 5 + [[person(10)]] * 5
    tracked = follow(Tracker("fixed", RATE), steps)
    assert tracked[4][0].track != tracked[-1][0].track


def test_frames_without_findings_are_taken():
    assert follow(Tracker("fixed", RATE), [[]] * 5) == [[]] * 5


def test_a_finding_without_a_box_is_left_out():
    assert follow(Tracker("fixed", RATE), [[Detection("anomaly", 0.9)]] * 3) == [[]] * 3


def test_two_trackers_count_for_themselves():
    first, second = Tracker("fixed", RATE), Tracker("fixed", RATE)
    follow(first, [[person(10), person(200)]] * 4)
    assert [each.track for each in follow(second, [[person(10)]] * 4)[-1]] == [1]


def test_the_same_steps_give_the_same_tracks():
    steps = [[person(10 + 3 * n), person(150 + n, y=100)] for n in range(15)]
    assert follow(Tracker("fixed", RATE), steps) == follow(Tracker("fixed", RATE), steps)


def test_a_drones_own_motion_is_taken_out():
    ground = scene(0, (400, 800))
    tracker, seen = Tracker("drone", RATE), set()
    for n in range(12):
        picture = np.ascontiguousarray(ground[100:300, 15 * n : 15 * n + 400])
        still = Detection("person", 0.8, Box(300.0 - 15 * n, 80, 20, 50))
        seen |= {each.track for each in tracker.update(Frame(picture, "drone", n / RATE, n), [still])}
    assert seen == {1}


@pytest.mark.parametrize("kind", ["", "car", None])
def test_another_kind_of_camera_is_refused(kind):
    with pytest.raises(BadInput, match="fixed camera or a drone"):
        Tracker(kind)


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_an_impossible_frame_rate_is_refused(rate):
    with pytest.raises(BadInput, match="frame rate"):
        Tracker("fixed", rate)
