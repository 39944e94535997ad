"""Lines, left objects, unusual movement, the camera itself, and strangers at a door."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from rules_lab import HALF, MIDDLE, person, play, rule, view

from detectors.rules import registry
from detectors.rules.engine import Engine
from detectors.rules.scene import CameraRule, CountingLine, SceneView
from detectors.types import Box, Detection

STEP = 0.2
ROOT = Path(__file__).resolve().parents[2]


def walk(xs, track: int = 1, start: float = 0.0):
    return [view(start + n * STEP, person(x, 50, track)) for n, x in enumerate(xs)]


def score(t: float, value: float) -> SceneView:
    return view(t, anomaly=Detection("anomaly", value, Box(0, 0, 10, 10)))


def ill(t: float, *reasons: str) -> SceneView:
    return view(t, health=tuple(Detection(reason, 0.9, data={"reason": reason}) for reason in reasons))


def bag(t: float, x: float, *people: Detection, kind: str = "suitcase") -> SceneView:
    return view(t, *people, objects=(person(x, 50, kind=kind),))


def silent(t: float, seconds: float) -> SceneView:
    return SceneView(t, silent_s=seconds)


def test_there_is_a_rule_for_each_kind_of_the_contract():
    named = ["anomaly", "camera_stale", "camera_tampered", "line_crossed", "loitering", "not_live_face", "object_left", "person_in_zone", "tailgating"]
    assert sorted(registry.kinds()) == [*named, "unknown_person"]


def test_every_kind_stands_in_the_documentation_with_its_numbers():
    rows = {line.split("`")[1]: line for line in (ROOT / "docs" / "agent.md").read_text().splitlines() if line.startswith("| `")}
    missing = [
        f"{kind.name}.{number.name}" for kind in registry.kinds().values() for number in kind.numbers if f"`{number.name}`" not in rows.get(kind.name, "")
    ]
    assert missing == []
    assert set(registry.kinds()) <= set(rows)


def test_a_line_is_crossed_both_ways():
    there_and_back = [*range(20, 80, 3), *range(80, 20, -3)]
    found = play(rule("line_crossed"), walk(there_and_back))
    assert [each.data["direction"] for each in found] == ["b_to_a", "a_to_b"]
    assert {each.data["line"] for each in found} == {"middle"}


def test_left_of_a_to_b_is_side_a():
    """The line runs down the picture: who stands at a and looks to b has the picture's right side on the left."""
    (found,) = play(rule("line_crossed"), walk(range(80, 20, -3)))
    assert found.data["direction"] == "a_to_b"


def test_trembling_on_a_line_is_no_crossing():
    assert play(rule("line_crossed"), walk([49.5, 50.5] * 50)) == []


def test_passing_beside_the_segment_is_no_crossing():
    short = CameraRule("line_crossed", line=CountingLine("short", (0.5, 0.0), (0.5, 0.2)))
    assert play(short, walk(range(20, 80, 3))) == []


def test_a_line_without_length_is_left_out(caplog):
    assert Engine([CameraRule("line_crossed", line=CountingLine("dot", (0.5, 0.5), (0.5, 0.5)))]).watches == []
    assert "has no length" in caplog.text


def test_a_picture_of_another_size_counts_on():
    before = [view(n * STEP, person(20 + n, 50)) for n in range(10)]
    after = [SceneView(2 + n * STEP, 200, 200, (Detection("person", 0.8, Box(x * 2 - 4, 80, 8, 20), 5),)) for n, x in enumerate(range(20, 80, 3))]
    assert len(play(CameraRule("line_crossed", line=MIDDLE), before + after)) == 1


def test_cars_are_not_counted_as_people():
    assert play(rule("line_crossed"), [view(n * STEP, person(x, 50, kind="car")) for n, x in enumerate(range(20, 80, 3))]) == []


def test_a_bag_left_alone_is_told_once():
    (found,) = play(rule("object_left", min_s=10), [bag(n * STEP, 20) for n in range(300)])
    assert found.t == pytest.approx(10.0)
    assert found.data["zone"] == "left half"
    assert found.detections[0].kind == "suitcase"


def test_a_bag_with_its_owner_is_not_left():
    assert play(rule("object_left", min_s=5), [bag(n * STEP, 20, person(24, 50)) for n in range(200)]) == []


def test_a_bag_is_left_from_when_the_owner_goes():
    scene = [bag(n * STEP, 20, person(24, 50)) for n in range(51)] + [bag(10.2 + n * STEP, 20, person(70, 50)) for n in range(100)]
    (found,) = play(rule("object_left", min_s=5), scene)
    assert found.t == pytest.approx(15.0, abs=STEP + 1e-6)


def test_a_bag_that_is_carried_is_not_left():
    assert play(rule("object_left", min_s=3), [bag(n * STEP, 5 + n * 0.5) for n in range(80)]) == []


def test_a_bag_whose_name_wavers_is_one_bag():
    scene = [bag(n * STEP, 20, kind=("suitcase", "backpack", "handbag")[n % 3]) for n in range(100)]
    assert len(play(rule("object_left", min_s=5), scene)) == 1


def test_a_bag_hidden_for_a_moment_is_still_the_same():
    scene = [bag(n * STEP, 20) for n in range(40)] + [view(8 + n * STEP) for n in range(20)] + [bag(12.2 + n * STEP, 20) for n in range(40)]
    assert len(play(rule("object_left", min_s=5), scene)) == 1


def test_a_bag_that_was_taken_away_and_another_at_its_place_are_two():
    scene = [bag(n * STEP, 20) for n in range(40)] + [view(8 + n * STEP) for n in range(60)] + [bag(21 + n * STEP, 20) for n in range(40)]
    assert len(play(rule("object_left", min_s=5), scene)) == 2


def test_a_single_false_finding_is_no_bag():
    assert play(rule("object_left", min_s=5), [bag(0, 20), *[view(n * STEP) for n in range(1, 30)], bag(7, 20)]) == []


def test_a_bag_outside_the_zone_is_no_matter():
    assert play(rule("object_left", min_s=2), [bag(n * STEP, 80) for n in range(100)]) == []


def test_an_anomaly_is_one_event_an_episode():
    found = play(rule("anomaly", threshold=0.5), [score(n * STEP, 0.9) for n in range(100)])
    assert [(each.kind, each.t) for each in found] == [("anomaly", pytest.approx(STEP))]


def test_a_single_high_frame_is_no_anomaly():
    assert play(rule("anomaly", threshold=0.5), [score(n * STEP, 0.9 if n % 5 == 0 else 0.1) for n in range(100)]) == []


def test_after_calm_and_cool_down_an_anomaly_is_told_again():
    loud, calm = [0.9] * 10, [0.1] * 80
    assert len(play(rule("anomaly", threshold=0.5, cooldown_s=10), [score(n * STEP, each) for n, each in enumerate(loud + calm + loud)])) == 2
    assert len(play(rule("anomaly", threshold=0.5, cooldown_s=60), [score(n * STEP, each) for n, each in enumerate(loud + calm + loud)])) == 1


def test_frames_that_were_not_scored_end_no_episode():
    scene = [score(n * STEP, 0.9) if n % 2 else view(n * STEP) for n in range(100)]
    assert len(play(rule("anomaly", threshold=0.5), scene)) == 1


def test_each_reason_of_tampering_is_told_once():
    scene = [ill(n * STEP, "covered") for n in range(50)] + [ill(10 + n * STEP, "covered", "frozen") for n in range(50)]
    assert [each.data["reason"] for each in play(rule("camera_tampered"), scene)] == ["covered", "frozen"]


def test_tampering_that_flickers_is_told_once_and_after_healing_again():
    flicker = [ill(n * STEP, *(["black"] if n % 4 else [])) for n in range(50)]
    healed = [ill(10 + n * STEP) for n in range(50)]
    again = [ill(20 + n * STEP, "black") for n in range(20)]
    assert len(play(rule("camera_tampered"), flicker + healed + again)) == 2


def test_silence_is_told_once_until_a_frame_comes():
    scene = [silent(n, n) for n in range(1, 30)] + [view(30)] + [silent(30 + n, n) for n in range(1, 30)]
    found = play(rule("camera_stale", min_s=5), scene)
    assert [(each.t, each.data["silent_s"]) for each in found] == [(5, 5), (35, 5)]


def test_a_loop_that_begins_anew_does_not_repeat_a_told_silence():
    engine = Engine([rule("camera_stale", min_s=5)])
    assert len(engine.step(silent(10, 6))) == 1
    engine.reset()
    assert engine.step(silent(11, 7)) == []


def test_silence_says_nothing_about_zones_and_bags():
    engine = Engine([rule("person_in_zone", min_s=1), rule("object_left"), rule("anomaly"), rule("line_crossed"), rule("unknown_person")])
    assert [found for n in range(50) for found in engine.step(silent(n, n))] == []


@pytest.mark.parametrize("seed", range(20))
def test_no_order_of_things_makes_a_rule_fail(seed):
    """All rules at once on random scenes with jumps in time, silences and resets: no exception, finite scores, deterministic."""
    dice = random.Random(seed)
    result = [rule(kind) for kind in registry.kinds()]

    def scene():
        dice.seed(seed)
        engine, recorded = Engine(result), []
        t = 1000.0
        for _ in range(400):
            t += dice.choice([0.2, 0.2, 0.2, 0.0, -0.3, -50.0, 4000.0, 7.0])
            people = [person(dice.uniform(-5, 105), dice.uniform(0, 105), track, dice.choice(["person", "face", "car"])) for track in dice.sample(range(9), 4)]
            made = view(t, *people, objects=(person(20, 50, kind="backpack"),), anomaly=Detection("anomaly", dice.random(), Box(0, 0, 5, 5)))
            recorded += engine.step(silent(t, dice.uniform(0, 20)) if dice.random() < 0.1 else made)
            if dice.random() < 0.02:
                engine.reset()
        return recorded

    first = scene()
    assert first == scene()
    assert all(math.isfinite(each.score) and 0 <= each.score <= 1 for each in first)


def test_a_zone_knows_its_inside_also_when_it_is_not_convex():
    from detectors.rules.scene import WatchedZone

    hook = WatchedZone("hook", ((0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.3), (0, 0.3)))
    assert [hook.contains(point) for point in ((0.1, 0.1), (0.85, 0.9), (0.3, 0.8), (1.2, 0.5))] == [True, True, False, False]
    assert HALF.contains((0.25, 0.5))
