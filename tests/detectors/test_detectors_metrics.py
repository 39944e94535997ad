"""The numbers detectors are judged by, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.follow import idf1, mota, tally
from detectors.metrics import auc, average_precision, interval, iou, match, share
from detectors.verification import best_threshold, cllr, cllr_min, eer, threshold_at

LEFT, RIGHT, FAR = [0, 0, 10, 10], [100, 0, 10, 10], [500, 500, 10, 10]


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [([1, 2, 3, 4], [0, 0, 1, 1], 1.0), ([4, 3, 2, 1], [0, 0, 1, 1], 0.0), ([1, 2, 3, 4], [0, 1, 0, 1], 0.75), ([1, 1, 1, 1], [0, 1, 0, 1], 0.5)],
)
def test_auc(scores, labels, expected):
    assert auc(scores, labels) == expected


def test_auc_counts_ties_half():
    assert auc([1, 2, 2, 3], [0, 0, 1, 1]) == 0.875


def test_auc_takes_minus_infinity():
    assert auc([-np.inf, 0, 1], [1, 0, 1]) == 0.5


@pytest.mark.parametrize("labels", [[1, 1], [0, 0]])
def test_auc_needs_both_classes(labels):
    assert math.isnan(auc([1, 2], labels))


def test_auc_is_what_counting_pairs_gives():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 20, 200), rng.integers(0, 2, 200)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1] for b in scores[labels == 0]]
    assert auc(scores, labels) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("scores", "hits", "truths", "expected"),
    [
        ([0.9, 0.8], [1, 1], 2, 1.0),
        ([0.9, 0.8], [1, 1], 4, 0.5),
        ([0.9, 0.8], [0, 1], 1, 0.5),
        ([0.9, 0.8, 0.7], [1, 0, 1], 2, 0.5 + 0.5 * 2 / 3),
        ([], [], 3, 0.0),
    ],
)
def test_average_precision(scores, hits, truths, expected):
    assert average_precision(np.array(scores), np.array(hits), truths) == pytest.approx(expected)


def test_average_precision_without_truth_is_no_number():
    assert math.isnan(average_precision(np.array([0.5]), np.array([0]), 0))


def test_precision_is_made_monotone():
    assert average_precision(np.array([0.9, 0.8, 0.7]), np.array([0, 1, 1]), 2) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("a", "b", "expected"), [([0, 0, 10, 10], [0, 0, 10, 10], 1), ([0, 0, 10, 10], [5, 0, 10, 10], 1 / 3), ([0, 0, 10, 10], [20, 20, 5, 5], 0)]
)
def test_overlap(a, b, expected):
    assert iou(np.array([a]), np.array([b]))[0, 0] == pytest.approx(expected)


def test_overlap_of_nothing_is_an_empty_table():
    assert iou(np.empty((0, 4)), np.array([LEFT])).shape == (0, 1)


def test_overlap_with_a_box_without_area_is_zero():
    assert iou(np.array([[5, 5, 0, 0]]), np.array([LEFT]))[0, 0] == 0


def test_a_true_box_is_taken_once():
    assert match(np.array([LEFT, LEFT, RIGHT]), np.array([LEFT, RIGHT]), 0.5) == [True, False, True]


def test_each_finding_takes_the_best_box_left():
    found, truth = np.array([[0, 0, 10, 10], [1, 0, 10, 10]]), np.array([[1, 0, 10, 10], [0, 0, 10, 10]])
    assert match(found, truth, 0.5) == [True, True]


def test_a_loose_overlap_does_not_match_a_strict_one():
    shifted = np.array([[4, 0, 10, 10]])
    assert match(shifted, np.array([LEFT]), 0.5) == [False]
    assert match(shifted, np.array([LEFT]), 0.3) == [True]


def test_an_interval_holds_its_value():
    rows = interval([1.0, 2.0, 3.0, 4.0, 5.0], lambda drawn: float(np.mean(drawn)))
    assert rows["low"] < rows["value"] == 3.0 < rows["high"]


def test_an_interval_is_the_same_twice():
    measure = lambda drawn: float(np.mean(drawn))  # noqa: E731
    assert interval(list(range(20)), measure) == interval(list(range(20)), measure)


def test_one_cluster_has_no_interval():
    assert interval([3.0], lambda drawn: drawn[0]) == {"value": 3.0, "low": None, "high": None}


def test_what_is_no_number_becomes_none():
    assert interval([1, 2], lambda _: math.nan) == {"value": None, "low": None, "high": None}


def test_more_clusters_make_a_narrower_interval():
    rng = np.random.default_rng(1)
    few, many = (interval(rng.normal(size=n).tolist(), lambda drawn: float(np.mean(drawn)), resamples=300) for n in (10, 1000))
    assert many["high"] - many["low"] < few["high"] - few["low"]


def boxes(*rows: tuple[list[float], int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([box for box, _ in rows], float).reshape(-1, 4), np.array([track for _, track in rows], int)


def test_perfect_tracks():
    scene = [boxes((LEFT, 1), (RIGHT, 2))] * 5
    rows = tally(scene, [boxes((LEFT, 7), (RIGHT, 9))] * 5)
    assert (mota(rows), idf1(rows)) == (1.0, 1.0)


def test_nothing_found():
    rows = tally([boxes((LEFT, 1))] * 4, [boxes()] * 4)
    assert (mota(rows), idf1(rows)) == (0.0, 0.0)


def test_nothing_there():
    rows = tally([boxes()] * 4, [boxes()] * 4)
    assert math.isnan(mota(rows))
    assert math.isnan(idf1(rows))


def test_false_findings_make_mota_negative():
    assert mota(tally([boxes((LEFT, 1))], [boxes((FAR, 5), (RIGHT, 6))])) == -2.0


def test_a_switch_costs_one_in_mota_and_half_the_identity():
    rows = tally([boxes((LEFT, 1))] * 10, [boxes((LEFT, 7))] * 5 + [boxes((LEFT, 8))] * 5)
    assert (mota(rows), idf1(rows)) == (0.9, 0.5)


def test_two_people_swapped_are_two_switches():
    scene = [boxes((LEFT, 1), (RIGHT, 2))] * 4
    rows = tally(scene, [boxes((LEFT, 7), (RIGHT, 8))] * 2 + [boxes((LEFT, 8), (RIGHT, 7))] * 2)
    assert sum(row.switches for row in rows) == 2
    assert idf1(rows) == 0.5


def test_coming_back_under_the_same_number_is_no_switch():
    rows = tally([boxes((LEFT, 1))] * 3, [boxes((LEFT, 7)), boxes(), boxes((LEFT, 7))])
    assert sum(row.switches for row in rows) == 0


def test_a_pair_of_the_frame_before_is_kept_while_it_overlaps():
    near = [2, 0, 10, 10]
    rows = tally([boxes((LEFT, 1))] * 2, [boxes((near, 7)), boxes((near, 7), (LEFT, 8))])
    assert sum(row.switches for row in rows) == 0


def test_a_loose_box_is_a_miss_and_a_false_finding():
    row = tally([boxes((LEFT, 1))], [boxes(([8, 0, 10, 10], 7))])[0]
    assert (row.misses, row.false) == (1, 1)


GENUINE, IMPOSTOR = np.array([0.9, 0.8, 0.7, 0.3]), np.array([0.5, 0.2, 0.1, 0.0])


def test_equal_error_rate():
    assert eer(GENUINE, IMPOSTOR) == 0.25
    assert eer(GENUINE[:3], IMPOSTOR) == 0.0


def test_equal_error_rate_of_chance_is_a_half():
    rng = np.random.default_rng(0)
    assert eer(rng.normal(size=2000), rng.normal(size=2000)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("rate", "accepted"), [(0.0, 0), (0.25, 1), (0.5, 2), (1.0, 4)])
def test_a_threshold_lets_no_more_through_than_allowed(rate, accepted):
    assert (threshold_at(IMPOSTOR, rate) <= IMPOSTOR).sum() == accepted


def test_a_threshold_does_not_let_ties_through():
    assert (threshold_at(np.array([0.5, 0.5, 0.5, 0.1]), 0.25) <= np.array([0.5, 0.5, 0.5])).sum() == 0


def test_the_best_threshold_makes_the_fewest_errors():
    threshold = best_threshold(GENUINE, IMPOSTOR)
    assert (threshold <= GENUINE).sum() + (threshold > IMPOSTOR).sum() == 7


def test_cllr_of_knowing_nothing_is_one():
    assert cllr(np.zeros(5), np.zeros(5)) == pytest.approx(1.0)


def test_cllr_of_certainty_is_zero_and_of_wrong_certainty_large():
    assert cllr(np.full(5, 30.0), np.full(5, -30.0)) == pytest.approx(0.0, abs=1e-6)
    assert cllr(np.full(5, -30.0), np.full(5, 30.0)) > 10


def test_cllr_min_is_never_above_cllr():
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(1, 1, 300), rng.normal(-1, 1, 300)
    assert 0 < cllr_min(genuine, impostor) <= cllr(genuine, impostor)


def test_cllr_min_of_separated_scores_is_zero():
    assert cllr_min(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == pytest.approx(0.0)


def test_cllr_min_does_not_change_with_the_scale():
    assert cllr_min(10 * GENUINE, 10 * IMPOSTOR) == pytest.approx(cllr_min(GENUINE, IMPOSTOR))


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(0, 27, 0.0, 0.1246), (1, 34, 0.0052, 0.1492), (10, 10, 0.7225, 1.0)],  # statsmodels 0.14, proportion_confint(method="wilson")
)
def test_a_share_has_wilsons_interval_also_where_nothing_was_hit(hits, count, low, high):
    found = share(np.arange(count) < hits, count)
    assert (found["value"], found["low"], found["high"]) == pytest.approx((hits / count, low, high), abs=1e-4)


def test_fewer_independent_items_make_a_wider_share_and_none_makes_none():
    hits = np.arange(40) < 4
    assert share(hits, 10)["high"] > share(hits, 40)["high"]
    assert share(np.zeros(0, bool), 0) == {"value": None, "low": None, "high": None}
