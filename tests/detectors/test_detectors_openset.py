"""Open-set figures on scores whose answer is known: shares, thresholds, paired gains, and intervals like those of every other evaluator."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import openset
from detectors.metrics import interval
from detectors.openset import OpenSetScores, Probes
from detectors.verification import threshold_at


def scored(seed: int = 0, shift: float = 0.0) -> OpenSetScores:
    """60 people with two known probes each, 200 strangers with one; every tenth name is wrong."""
    rng = np.random.default_rng(seed)
    person, stranger = np.concatenate([np.repeat(np.arange(60), 2), np.arange(60, 260)]), np.arange(320) >= 120
    score = np.where(stranger, rng.normal(0.2, 0.1, 320), rng.normal(0.5 + shift, 0.1, 320))
    return OpenSetScores(person, score, ~stranger & (np.arange(320) % 10 > 0), stranger)


def by_hand(each: OpenSetScores, rate: float) -> float:
    threshold = threshold_at(each.score[each.stranger], rate)
    return float((each.right & (each.score >= threshold))[~each.stranger].mean())


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5])
def test_the_share_is_that_of_the_threshold_by_hand(rate):
    assert openset.tpir(scored(), rate)["value"] == pytest.approx(by_hand(scored(), rate), abs=1e-5)


def test_the_interval_is_the_one_of_every_other_evaluator():
    each = scored()
    clusters = [np.flatnonzero(each.person == n) for n in range(260)]

    def measure(drawn) -> float:
        at = np.concatenate(drawn)
        return by_hand(OpenSetScores(each.person[at], each.score[at], each.right[at], each.stranger[at]), 0.01)

    assert openset.tpir(each) == interval(clusters, measure)


def test_tied_strangers_are_all_refused():
    each = OpenSetScores(np.arange(6), np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.1]), np.array([True, True, False, False, False, False]), np.arange(6) >= 2)
    assert openset.tpir(each)["value"] == 0.5


def test_a_gain_is_the_difference_and_its_interval_is_paired():
    better, plain = scored(shift=0.1), scored()
    found = openset.gain(better, plain)
    assert found["value"] == pytest.approx(by_hand(better, 0.01) - by_hand(plain, 0.01), abs=1e-5)
    assert openset.gain(plain, plain) == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["low"] > 0


def test_rates_at_a_given_threshold():
    each = scored()
    assert openset.fpir(each, 0.3)["value"] == pytest.approx((each.score[each.stranger] >= 0.3).mean())
    assert openset.tpir_at(each, -1)["value"] == pytest.approx(0.9, abs=0.01)
    assert openset.tpir_at(each, 2)["value"] == 0.0


def test_probes_are_judged_against_the_mean_of_each_person():
    a, b, between = np.eye(128, dtype=np.float32)[0], np.eye(128, dtype=np.float32)[1], np.full(128, 0, np.float32)
    between[:2] = 0.5**0.5
    found = Probes(["ann", "bob", "-"], np.arange(3)).judge({"ann": [a], "bob": [a, b]}, np.stack([a, between, b]))
    assert found.right.tolist() == [True, True, False]
    assert found.stranger.tolist() == [False, False, True]
    assert found.score[1] == pytest.approx(1)


def test_methods_with_more_probes_a_person_are_compared_person_by_person():
    few = scored()
    many = openset.OpenSetScores(*(np.repeat(part, 4) for part in (few.person, few.score, few.right, few.stranger)))
    assert openset.gain(few, many) == {"value": 0.0, "low": 0.0, "high": 0.0}
