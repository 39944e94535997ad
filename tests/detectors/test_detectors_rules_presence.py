"""person_in_zone and loitering: one event a stay, whatever the tracker does."""

from __future__ import annotations

import random

import pytest
from rules_lab import HALF, person, play, rule, view

from detectors.rules.engine import Engine
from detectors.rules.scene import CameraRule

STEP = 0.2


def stay(start: float, end: float, track: int = 1, x: float = 20, y: float = 50):
    """Somebody stands in the left half from start to end."""
    return [view(start + n * STEP, person(x, y, track)) for n in range(round((end - start) / STEP) + 1)]


def empty(start: float, end: float):
    return [view(start + n * STEP) for n in range(round((end - start) / STEP) + 1)]


def test_one_event_for_a_long_stay():
    (found,) = play(rule("person_in_zone", min_s=2), stay(0, 60))
    assert found.kind == "person_in_zone"
    assert found.t == pytest.approx(2.0)


def test_the_event_names_zone_track_and_seconds():
    (found,) = play(rule("person_in_zone", min_s=2), stay(0, 5, track=7))
    assert found.data == {"zone": "left half", "track": 7, "seconds": 2.0}
    assert found.detections[0].track == 7


def test_nothing_before_the_time_is_over():
    assert play(rule("person_in_zone", min_s=10), stay(0, 9.8)) == []


def test_who_is_outside_the_zone_is_no_matter():
    assert play(rule("person_in_zone", min_s=1), stay(0, 20, x=80)) == []


def test_a_car_is_no_person():
    assert play(rule("person_in_zone", min_s=1), [view(n * STEP, person(20, 50, kind="car")) for n in range(50)]) == []


def test_the_foot_decides_not_the_head():
    leaning = [view(n * STEP, person(51, 50)) for n in range(50)]  # the box reaches to 49 % but its middle is at 51 %
    assert play(rule("person_in_zone", min_s=1), leaning) == []


def test_a_short_loss_does_not_end_the_stay():
    (found,) = play(rule("person_in_zone", min_s=5), [*stay(0, 3), *stay(4.6, 8)])
    assert found.data["seconds"] == pytest.approx(5.0, abs=STEP)


def test_a_long_loss_begins_a_new_stay():
    assert play(rule("person_in_zone", min_s=5), [*stay(0, 3), *empty(3.2, 8), *stay(8.2, 12)]) == []


def test_a_changed_number_at_the_same_place_is_the_same_person():
    (found,) = play(rule("person_in_zone", min_s=4), [*stay(0, 2, track=1), *stay(2.2, 20, track=2, x=22)])
    assert found.data["track"] == 2
    assert found.t == pytest.approx(4.0)


def test_a_changed_number_after_the_event_tells_nothing_new():
    assert len(play(rule("person_in_zone", min_s=1), [*stay(0, 3, track=1), *stay(3.2, 9, track=2), *stay(9.2, 15, track=3)])) == 1


def test_a_new_number_far_away_is_somebody_else():
    assert len(play(rule("person_in_zone", min_s=1), [*stay(0, 3, track=1, y=20), *stay(3.2, 9, track=2, y=90)])) == 2


def test_one_who_is_still_visible_leaves_no_heir():
    """Track 1 walks out of the zone in plain sight; track 2 beside the place is somebody else, with a time of their own."""
    scene = [*stay(0, 1.8, track=1)]
    scene += [view(2 + n * STEP, person(80, 50, 1), person(21, 50, 2)) for n in range(8)]
    assert play(rule("person_in_zone", min_s=2), scene) == []


def test_two_people_are_two_events():
    both = [view(n * STEP, person(10, 50, 1), person(40, 50, 2)) for n in range(50)]
    assert [found.data["track"] for found in play(rule("person_in_zone", min_s=1), both)] == [1, 2]


def test_swapped_numbers_tell_nothing_twice():
    before = [view(n * STEP, person(10, 50, 1), person(40, 50, 2)) for n in range(10)]
    after = [view((10 + n) * STEP, person(40, 50, 1), person(10, 50, 2)) for n in range(50)]
    assert len(play(rule("person_in_zone", min_s=1), before + after)) == 2


def test_jitter_at_the_border_is_one_event():
    wobbling = [view(n * STEP, person(49 if n % 3 else 51, 50)) for n in range(200)]
    assert len(play(rule("person_in_zone", min_s=1), wobbling)) == 1


def test_coming_back_soon_is_not_told_again_and_coming_back_late_is():
    out = [view(4 + n * STEP, person(80, 50)) for n in range(20)]
    soon = [*stay(0, 3), *out, *stay(8, 12)]
    late = [*stay(0, 3), *empty(3.2, 20), *stay(20.2, 24)]
    assert len(play(rule("person_in_zone", min_s=1, cooldown_s=10), soon)) == 1
    assert len(play(rule("person_in_zone", min_s=1, cooldown_s=10), late)) == 2


def test_the_highest_score_of_the_stay_is_told():
    scene = [view(n * STEP, person(20, 50, score=0.9 if n == 2 else 0.5)) for n in range(20)]
    assert play(rule("person_in_zone", min_s=2), scene)[0].score == 0.9


def test_loitering_waits_half_a_minute_by_default():
    (found,) = play(rule("loitering"), stay(0, 90))
    assert found.kind == "loitering"
    assert found.t == pytest.approx(30.0)


def test_loitering_forgives_longer_losses():
    assert len(play(rule("loitering", min_s=10), [*stay(0, 6), *empty(6.2, 10), *stay(10.2, 14)])) == 1


def test_the_wheel_of_time_does_not_turn_back():
    """A clock that is set back by an hour begins everything anew; frames that come a little late are left out."""
    engine = Engine([rule("person_in_zone", min_s=2)])
    recorded = [found for each in stay(4000, 4001.8) + stay(400, 401.8) for found in engine.step(each)]
    assert recorded == []
    assert engine.step(view(401.5, person(20, 50))) == []
    assert len(engine.step(view(402.2, person(20, 50)))) == 1


def test_a_second_look_at_the_same_moment_says_nothing():
    scene = [each for each in stay(0, 5) for _ in range(3)]
    assert len(play(rule("person_in_zone", min_s=2), scene)) == 1


def test_a_rule_without_its_zone_is_left_out_and_said(caplog):
    assert Engine([CameraRule("person_in_zone")]).watches == []
    assert "it needs a zone" in caplog.text


@pytest.mark.parametrize("value", ["soon", -1, True, float("nan"), None, 1e9])
def test_a_rule_with_a_senseless_number_is_left_out(value, caplog):
    assert Engine([CameraRule("person_in_zone", HALF, values={"min_s": value})]).watches == []
    assert "min_s must be a number" in caplog.text


def test_a_rule_of_a_newer_portal_is_left_out_and_the_others_hold(caplog):
    engine = Engine([CameraRule("levitation", HALF), rule("person_in_zone")])
    assert len(engine.watches) == 1
    assert "levitation" in caplog.text


@pytest.mark.parametrize("seed", range(30))
def test_whatever_the_tracker_does_a_stay_is_told_at_most_once(seed):
    """One person stands still for a minute; boxes are lost, numbers change at random: one event, never before its time."""
    dice, scene, track = random.Random(seed), [], 1
    t, lost_until = 0.0, 0.0
    while t < 60:
        if t >= lost_until + 0.3 and dice.random() < 0.05:
            lost_until = t + dice.uniform(0.2, 1.3)
            track += dice.random() < 0.5
        tracks = () if t < lost_until else (person(20 + dice.uniform(-1, 1), 50 + dice.uniform(-1, 1), track),)
        scene.append(view(t, *tracks))
        t += dice.choice([0.1, 0.2, 0.3])
    found = play(rule("person_in_zone", min_s=5), scene)
    assert len(found) == 1
    assert found[0].t >= 5


@pytest.mark.parametrize("seed", range(20))
def test_a_crowd_in_disorder_never_breaks_the_rules(seed):
    """Random tracks, orders and times: the same input gives the same events, and a track is not told twice within the cool-down."""
    dice = random.Random(seed)
    scene = [
        view(dice.uniform(0, 60), *(person(dice.uniform(0, 100), dice.uniform(0, 100), dice.randint(1, 6)) for _ in range(dice.randint(0, 5))))
        for _ in range(300)
    ]
    scene = [each for each in scene if len({one.track for one in each.tracks}) == len(each.tracks)]
    scene.sort(key=lambda each: each.t + dice.uniform(-0.5, 0.5))
    first, second = (play(rule("person_in_zone", min_s=0.5, cooldown_s=5), scene) for _ in range(2))
    assert first == second
    times: dict[int, float] = {}
    for found in first:
        assert found.t - times.get(found.data["track"], -99) >= 5
        times[found.data["track"]] = found.t
