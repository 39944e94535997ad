"""The learned ways between cameras."""

from __future__ import annotations

import statistics

import pytest

from site_agents.neighbours.transit import ENOUGH_PATHS, ENOUGH_TIMES, Times, Transit


def test_mean_and_spread_are_those_of_all_passages():
    times, seconds = Times(), [10.0, 12.0, 9.5, 14.0]
    for each in seconds:
        times.add(each)
    assert (times.mean, times.spread) == pytest.approx((statistics.mean(seconds), statistics.stdev(seconds)))


@pytest.mark.parametrize("n", [0, 1])
def test_one_passage_has_no_spread(n):
    times = Times()
    for _ in range(n):
        times.add(10)
    assert times.spread == 0


def test_until_enough_was_seen_the_prior_is_believed():
    transit = Transit(300)
    for _ in range(ENOUGH_TIMES - 1):
        transit.arrived("hall", 20)
    assert transit.latest("hall") == 300
    transit.arrived("hall", 20)
    assert transit.latest("hall") == pytest.approx(26)  # three tenths of the mean at the least


def test_who_spreads_more_is_expected_longer():
    steady, wild = Transit(300), Transit(300)
    for n in range(10):
        steady.arrived("hall", 20 + n % 2)
        wild.arrived("hall", 20 + 20 * (n % 2))
    assert wild.latest("hall") > steady.latest("hall") > 20


@pytest.mark.parametrize("seconds", [-1, 601])
def test_a_walk_that_cannot_be_one_teaches_nothing(seconds):
    transit = Transit(300)
    transit.arrived("hall", seconds)
    assert transit.arrivals == {}


def test_everybody_is_told_until_enough_people_went_by_and_then_only_the_likely():
    transit = Transit(300)
    for _ in range(ENOUGH_PATHS - 1):
        transit.departed("hall")
    assert transit.likely(("hall", "yard")) == ["hall", "yard"]
    transit.departed("hall")
    assert transit.likely(("hall", "yard")) == ["hall"]
