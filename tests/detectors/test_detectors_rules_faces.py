"""Strangers at a door: how long, at which hours, who is too poorly seen, and who slips in behind somebody known."""

from __future__ import annotations

import dataclasses
import datetime
import zoneinfo

import numpy as np
import pytest
from rules_lab import HALF, person, play, rule, view

import detectors
from detectors.rules import registry
from detectors.rules.engine import Engine
from detectors.rules.scene import CameraRule, SceneView
from detectors.rules.unknown_person import Hours
from detectors.types import Box, Frame

STEP = 0.2
MONDAY = datetime.datetime(2026, 11, 23, tzinfo=zoneinfo.ZoneInfo("Europe/Rome")).timestamp()


def face(t: float, verdict: str, track: int = 1, x: float = 20, **data) -> SceneView:
    return view(t, seen(verdict, track, x, **data))


def seen(verdict: str, track: int = 1, x: float = 20, **data):
    who = verdict.removeprefix("person:") if verdict.startswith("person:") else None
    return person(x, 50, track, kind="face", verdict="person" if who else verdict, person=who, **data)


def stay(verdict: str, seconds: float, start: float = 0.0, **more) -> list[SceneView]:
    return [face(start + n * STEP, verdict, **more) for n in range(round(seconds / STEP) + 1)]


def at(hour: float, day: int = 0) -> float:
    return MONDAY + (day * 24 + hour) * 3600


def test_a_stranger_is_told_once_after_the_dwell():
    (found,) = play(rule("unknown_person", min_s=2), stay("unknown", 10))
    assert (found.kind, found.t, found.data["dwell_s"], found.data["zone"]) == ("unknown_person", pytest.approx(2), 2.0, "left half")


def test_the_stranger_is_marked_and_carries_nothing():
    (found,) = play(rule("unknown_person", min_s=0), stay("unknown", 1))
    assert found.detections[0].data == {"person": None}


def test_what_the_decision_rests_on_is_told():
    recognised = {"frames": 7, "score": 0.21, "threshold": 0.33, "people": 3, "gallery_version": 9}
    (found,) = play(rule("unknown_person", min_s=0), [view(0.0, dataclasses.replace(seen("unknown"), data={"verdict": "unknown", **recognised}))])
    assert {name: found.data[name] for name in recognised} == recognised


@pytest.mark.parametrize("verdict", ["looking", "cannot-say"])
def test_a_face_too_poor_to_say_is_no_stranger(verdict):
    assert play(rule("unknown_person", min_s=0), stay(verdict, 20)) == []


def test_the_dwell_counts_from_the_first_look_also_a_poor_one():
    (found,) = play(rule("unknown_person", min_s=2), [*stay("cannot-say", 3), *stay("unknown", 1, start=3.2)])
    assert found.t == pytest.approx(3.2)


def test_who_was_recognised_must_stay_anew_to_be_a_stranger():
    scene = [*stay("person:p1", 5), *stay("unknown", 1.4, start=5.2)]
    assert play(rule("unknown_person", min_s=2), scene) == []
    (found,) = play(rule("unknown_person", min_s=2), [*scene, *stay("unknown", 1, start=6.8)])
    assert found.t == pytest.approx(7.0, abs=STEP + 1e-6)


def test_a_known_face_beside_a_stranger_hides_nobody():
    scene = [view(n * STEP, seen("person:p1", 1, 10), seen("unknown", 2, 40)) for n in range(20)]
    assert [each.data["track"] for each in play(rule("unknown_person", min_s=1), scene)] == [2]


def test_a_face_outside_the_zone_is_no_matter():
    assert play(rule("unknown_person", min_s=0), stay("unknown", 5, x=80)) == []


def test_a_stranger_whose_track_breaks_is_told_once_and_the_dwell_goes_on():
    scene = [face(n * STEP, "unknown", track=1 + n // 5) for n in range(40)]
    (found,) = play(rule("unknown_person", min_s=2, cooldown_s=10), scene)
    assert found.t == pytest.approx(2.0)


def test_a_stranger_long_after_another_begins_a_dwell_of_his_own():
    scene = [*stay("unknown", 1, track=1), *stay("unknown", 1, start=10, track=2)]
    assert play(rule("unknown_person", min_s=2), scene) == []


def test_faces_that_nobody_compared_make_no_stranger():
    """In mode M0 faces carry no verdict: the rule must not take "not looked at" for "unknown"."""
    assert play(rule("unknown_person", min_s=0), [view(n * STEP, person(20, 50, kind="face")) for n in range(50)]) == []


def test_the_picture_is_the_frame_that_shows_the_face_best():
    best = Frame(np.zeros((8, 8, 3), np.uint8), "gate", 3.0, 3), Box(1, 2, 3, 4)
    (found,) = play(rule("unknown_person", min_s=0), [view(5.0, seen("unknown"), best={1: best})])
    assert (found.frame, found.detections[0].box) == best


@pytest.mark.parametrize(("hour", "recorded"), [(7.9, 1), (8.0, 0), (12, 0), (18.4, 0), (18.6, 1), (23, 1)])
def test_at_opening_hours_strangers_are_expected(hour, recorded):
    result = CameraRule("unknown_person", HALF, values={"min_s": 0, "open_from": 8, "open_to": 18.5}, timezone="Europe/Rome")
    assert len(play(result, [face(at(hour), "unknown")])) == recorded


@pytest.mark.parametrize(("day", "recorded"), [(0, 0), (4, 0), (5, 1), (6, 1)])
def test_on_closed_days_they_are_not(day, recorded):
    result = CameraRule("unknown_person", HALF, values={"min_s": 0, "open_from": 8, "open_to": 18, "open_days": 5}, timezone="Europe/Rome")
    assert len(play(result, [face(at(10, day), "unknown")])) == recorded


def test_hours_may_go_past_midnight_and_belong_to_the_day_they_began():
    hours = Hours(20, 2, 5, "Europe/Rome")
    assert [hours.contain(at(*moment)) for moment in ((21, 4), (1, 5), (3, 5), (21, 5), (1, 0), (21, 6))] == [True, True, False, False, False, False]


def test_without_a_time_zone_or_hours_a_door_is_never_open():
    assert not Hours(0, 24, 7, "").contain(at(10))
    assert not Hours(9, 9, 7, "Europe/Rome").contain(at(9))


def test_hours_follow_the_sites_summer_time():
    july = datetime.datetime(2026, 7, 6, 8, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Rome")).timestamp()
    assert Hours(8, 9, 7, "Europe/Rome").contain(july)
    assert not Hours(8, 9, 7, "UTC").contain(july)


@pytest.mark.parametrize("values", [{"open_from": 25}, {"open_days": 8}, {"fpir": 0}, {"threshold": 2}, {"min_s": "long"}])
def test_a_rule_that_makes_no_sense_is_left_out(values, caplog):
    assert Engine([rule("unknown_person", **values)]).watches == []
    assert "left out" in caplog.text


def following(gap: float, first: str = "person:p1", second: str = "unknown") -> list[SceneView]:
    return [*stay(first, 2, track=1), *stay(second, 3, start=2 + gap, track=2)]


def test_a_stranger_just_behind_somebody_known_is_told():
    (found,) = play(rule("tailgating", gap_s=4), following(2.0))
    assert (found.kind, found.data["known"], found.data["track"], found.data["seconds"]) == ("tailgating", "p1", 2, pytest.approx(2.0))


def test_a_stranger_long_behind_is_not_told():
    assert play(rule("tailgating", gap_s=4), following(6.0)) == []


def test_two_side_by_side_are_no_seconds_apart():
    scene = [view(n * STEP, seen("person:p1", 1, 10), seen("unknown", 2, 30)) for n in range(20)]
    (found,) = play(rule("tailgating"), scene)
    assert found.data["seconds"] == 0


def test_two_of_the_staff_are_no_tailgating():
    assert play(rule("tailgating"), following(1.0, second="person:p2")) == []


def test_a_picture_of_a_face_is_told_once_and_is_no_stranger():
    scene = [*stay("looking", 0.4), *stay("not-live", 5, start=0.6, score=0.97, threshold=0.9, looks=3)]
    (found,) = play(rule("not_live_face"), scene)
    assert (found.kind, found.t, found.score, found.data["looks"]) == ("not_live_face", pytest.approx(0.6), 0.97, 3)
    assert found.detections[0].data == {"person": None}
    assert play(rule("unknown_person", min_s=0), scene) == []


def test_a_name_that_was_a_picture_of_a_face_makes_nobody_a_stranger_behind_it():
    pictured = [face(n * STEP, "person:p1" if n < 5 else "not-live") for n in range(10)]
    assert play(rule("tailgating", gap_s=0), [*pictured, *stay("unknown", 3, start=2.2, track=2)]) == []


def test_the_figures_beside_the_rule_are_those_of_the_card():
    found = detectors.card("face-liveness").metrics["track of three looks, simulated, held-out people"]
    shown = [f"{100 * found['apcer_mean']['value']:.0f} %", f"{100 * found['apcer_worst']['value']:.0f} %"]
    shown += [f"{100 * found['bpcer'][end] + 1e-9:.1f} %" for end in ("value", "high")]
    words = registry.kinds()["not_live_face"].help
    assert [figure for figure in shown if figure not in words["en"]] == []
    assert [figure for figure in shown if figure.replace(".", ",") not in words["it"]] == []
    assert ("simulated" in words["en"], "simulate" in words["it"]) == (True, True)


def test_two_strangers_are_no_tailgating():
    assert play(rule("tailgating"), following(1.0, first="unknown")) == []


def test_a_first_poor_look_at_one_of_the_staff_is_no_tailgating():
    scene = [*stay("person:p1", 2, track=1), *stay("unknown", 0.6, start=3, track=2), *stay("person:p2", 2, start=3.8, track=2)]
    assert play(rule("tailgating"), scene) == []


def test_a_stranger_who_waits_for_somebody_known_is_told_when_that_one_comes():
    scene = [view(n * STEP, seen("unknown", 1), *([seen("person:p1", 2, 30)] if n > 50 else [])) for n in range(60)]
    (found,) = play(rule("tailgating"), scene)
    assert found.t == pytest.approx(51 * STEP, abs=STEP + 1e-6)


def test_tailgating_is_told_once_a_stranger():
    scene = [view(n * STEP, seen("person:p1", 1, 10), seen("unknown", 2, 30)) for n in range(200)]
    assert len(play(rule("tailgating", cooldown_s=0), scene)) == 1


def test_a_rule_about_faces_is_silent_in_mode_m0_and_begins_anew_afterwards():
    engine, scene = Engine([rule("unknown_person", min_s=2)]), stay("unknown", 10)
    found = [(finding.t, mode) for view, mode in zip(scene, ["M1"] * 9 + ["M0"] * 10 + ["M1"] * 32, strict=True) for finding in engine.step(view, mode)]
    assert found == [(pytest.approx(19 * STEP + 2), "M1")]
    assert [finding for view in scene for finding in Engine([rule("unknown_person", min_s=0)]).step(view)] == []
