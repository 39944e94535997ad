"""What counts as crossing a line."""

from __future__ import annotations

import pytest

from detectors.errors import BadInput
from detectors.flow import REMEMBERED, LineCounter

WIDTH = 1000  # so that the margin is 15 pixels


def upright() -> LineCounter:
    """From the bottom to the top of the picture: side a is on the left as seen."""
    return LineCounter((500, 600), (500, 200), WIDTH)


def walk(line: LineCounter, *points: tuple[float, float], track: int = 1) -> list[str]:
    return [direction for point in points if (direction := line.update(track, point))]


def test_left_to_right_over_an_upward_line_is_a_to_b():
    assert walk(upright(), (450, 400), (490, 400), (510, 400), (550, 400)) == ["a_to_b"]


def test_the_way_back_is_b_to_a():
    assert walk(upright(), (550, 400), (450, 400)) == ["b_to_a"]


def test_standing_at_a_and_looking_to_b_side_a_is_on_the_left():
    east = LineCounter((100, 300), (900, 300), WIDTH)
    assert east.distance((500, 100)) < 0 < east.distance((500, 500))


def test_turning_the_line_round_turns_the_direction():
    down = LineCounter((500, 200), (500, 600), WIDTH)
    assert walk(down, (450, 400), (550, 400)) == ["b_to_a"]


def test_back_and_forth_counts_each_time():
    line = upright()
    assert walk(line, (450, 400), (550, 400), (450, 400), (550, 400)) == ["a_to_b", "b_to_a", "a_to_b"]
    assert line.counts == {"a_to_b": 2, "b_to_a": 1}


def test_swaying_within_the_margin_counts_nothing():
    assert walk(upright(), (450, 400), (505, 400), (495, 400), (510, 400), (490, 400), (514, 400)) == []


def test_a_crossing_counts_when_the_margin_is_left_on_the_other_side():
    line = upright()
    assert walk(line, (450, 400), (505, 400)) == []
    assert walk(line, (515, 400)) == ["a_to_b"]


def test_who_starts_on_the_line_counts_nothing_by_leaving_it():
    assert walk(upright(), (500, 400), (550, 400)) == []


def test_passing_beyond_the_end_counts_nothing():
    assert walk(upright(), (450, 700), (550, 700)) == []


def test_where_the_last_step_over_the_line_lay_decides():
    assert walk(upright(), (450, 590), (505, 590), (495, 610), (505, 650), (550, 650)) == []
    assert walk(upright(), (450, 650), (505, 650), (495, 610), (505, 550), (550, 550)) == ["a_to_b"]


def test_going_round_the_end_forgets_the_crossing_before():
    line = upright()
    assert walk(line, (450, 400), (550, 400), (550, 700), (450, 700)) == ["a_to_b"]


def test_a_leap_over_the_whole_line_counts_once():
    assert walk(upright(), (10, 400), (990, 400)) == ["a_to_b"]


def test_a_leap_is_judged_where_it_meets_the_line():
    assert walk(upright(), (400, 900), (600, 100)) == ["a_to_b"]
    assert walk(upright(), (400, 900), (600, 500)) == []


def test_touching_the_end_point_counts():
    assert walk(upright(), (450, 600), (550, 600)) == ["a_to_b"]


def test_tracks_do_not_mix():
    line = upright()
    line.update(1, (450, 400))
    line.update(2, (550, 400))
    assert line.update(1, (460, 400)) is None
    assert line.update(2, (450, 400)) == "b_to_a"


def test_a_slanted_line_measures_at_right_angles():
    line = LineCounter((0, 0), (300, 400), WIDTH)
    assert line.distance((300, 0)) == pytest.approx(-240)


def test_the_margin_follows_the_width_of_the_picture():
    small = LineCounter((50, 60), (50, 20), 100)
    assert walk(small, (45, 40), (51.6, 40)) == ["a_to_b"]


def test_fractions_make_the_same_line():
    line = LineCounter.from_fractions((0.5, 0.75), (0.5, 0.25), 1000, 800)
    assert (line.a, line.b, line.margin) == ((500, 600), (500, 200), 15)


@pytest.mark.parametrize(("a", "b", "width"), [((1, 1), (1, 1), 100), ((0, 0), (1, 1), 0), ((0, 0), (float("nan"), 1), 100)])
def test_a_line_that_is_none_is_refused(a, b, width):
    with pytest.raises(BadInput):
        LineCounter(a, b, width)


def test_a_line_remembers_only_so_many_tracks():
    line = upright()
    for track in range(REMEMBERED + 50):
        line.update(track, (450, 400))
    assert line.remembered == REMEMBERED


def test_a_track_that_was_forgotten_begins_anew():
    line = upright()
    line.update(0, (450, 400))
    for track in range(1, REMEMBERED + 1):
        line.update(track, (450, 400))
    assert line.update(0, (550, 400)) is None


def test_a_track_that_is_seen_is_kept():
    line = upright()
    for track in range(REMEMBERED + 1):
        line.update(track, (450, 400))
        line.update(7, (450, 400))
    assert line.update(7, (550, 400)) == "a_to_b"
