"""Likelihood ratios: calibration on known distributions, the cap, the interval over people, held-out folds, and the table as a file."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

import detectors
from detectors import weights
from detectors.errors import BadInput, WeightsError
from detectors.faces import likelihood
from detectors.faces.concerns import BANDS
from detectors.faces.likelihood import Pairs, Ratio, Table


def pairs(n: int = 600, apart: float = 2.0, seed: int = 0) -> Pairs:
    """Scores of two normal kinds of spread 1, `apart` from each other: their log LR is apart * (score - apart / 2). Three pairs a person."""
    rng = np.random.default_rng(seed)
    same = np.arange(2 * n) % 2 == 0
    return Pairs(rng.normal(size=2 * n) + apart * same, same, np.arange(2 * n) // 6 % 10, np.arange(2 * n) // 6)


@pytest.fixture(scope="module")
def cell():
    return likelihood.calibrate(pairs())


@pytest.fixture(scope="module")
def shipped() -> Table:
    return likelihood.read(weights.find("face-likelihood-1"))


def test_the_line_is_the_true_log_likelihood_ratio():
    intercept, slope = likelihood.fit(*dataclasses.astuple(pairs(20_000))[:2])
    assert slope == pytest.approx(2, abs=0.1)
    assert intercept == pytest.approx(-2, abs=0.1)


def test_how_many_there_are_of_a_kind_moves_nothing():
    few = pairs(20_000)
    kept = few.same | (np.arange(len(few.same)) % 20 == 1)
    assert likelihood.fit(few.score[kept], few.same[kept]) == pytest.approx([-2, 2], abs=0.25)


def test_a_pair_that_counts_twice_is_a_pair_that_is_there_twice():
    few = pairs(60)
    twice = np.concatenate([np.arange(120), np.arange(40)])
    weight = 1.0 + (np.arange(120) < 40)
    assert likelihood.fit(few.score, few.same, weight) == pytest.approx(likelihood.fit(few.score[twice], few.same[twice]), abs=1e-4)


def test_scores_that_lie_apart_have_a_finite_line():
    line = likelihood.fit(np.array([0.9, 0.8, 0.1, 0.2]), np.array([True, True, False, False]))
    assert np.isfinite(line).all()
    assert line[1] > 0


@pytest.mark.parametrize("same", [[True, True], [False, False]])
def test_one_kind_alone_says_nothing(same):
    assert likelihood.fit(np.array([0.1, 0.9]), np.array(same)).tolist() == [0, 0]


def test_scores_that_are_all_alike_say_nothing():
    line = likelihood.fit(np.full(6, 0.5), np.arange(6) % 2 == 0)
    assert line[0] + line[1] * 0.5 == pytest.approx(0, abs=1e-6)


def test_higher_scores_of_two_people_say_nothing():
    upside_down = pairs()
    assert likelihood.fit(-upside_down.score, upside_down.same).tolist() == [0, 0]


def test_a_ratio_lies_inside_its_interval(cell):
    found = cell.ratio(1.7)
    assert found.low < found.log10 < found.high
    assert found.log10 == pytest.approx(2 * 0.7 / math.log(10), abs=0.1)


def test_the_interval_narrows_with_more_people(cell):
    few = likelihood.calibrate(pairs(60)).ratio(2.5)
    many = cell.ratio(2.5)
    assert few.high - few.low > 1.5 * (many.high - many.low)


def test_the_interval_draws_people_and_not_pairs():
    """Sixty pairs of one person, repeated, tell as much as two: an interval over pairs would be far too narrow."""
    one = pairs(300)
    repeated = Pairs(*(np.repeat(each, 30) for each in (one.score[:40], one.same[:40], one.fold[:40], one.person[:40])))
    spread = likelihood.calibrate(repeated).ratio(2.5)
    once = likelihood.calibrate(Pairs(one.score[:40], one.same[:40], one.fold[:40], one.person[:40])).ratio(2.5)
    assert repeated.score.size == 1200
    assert spread.high - spread.low > 0.5 * min(once.high - once.low, 2 * once.cap)


@pytest.mark.parametrize(("genuine", "impostor", "cap"), [(1000, 50_000, 3), (50_000, 100, 2), (1, 10, 0), (0, 5, 0)])
def test_the_cap_is_the_logarithm_of_the_scarcer_kind(genuine, impostor, cap):
    assert likelihood.cap_of(genuine, impostor) == pytest.approx(cap)


@pytest.mark.parametrize("score", [1e6, -1e6])
def test_no_score_says_more_than_the_cap(cell, score):
    found = cell.ratio(score)
    assert abs(found.log10) == found.cap == pytest.approx(math.log10(600))
    assert found.capped
    assert max(abs(found.low), abs(found.high)) <= found.cap


def test_a_ratio_within_the_cap_is_not_called_capped():
    assert not Ratio(1.0, 0.5, 1.5, 3.0).capped
    assert Ratio(-3.0, -3.0, -2.9, 3.0).capped


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_refused(cell, score):
    with pytest.raises(BadInput, match="finite"):
        cell.ratio(score)


def test_a_calibration_of_one_kind_is_refused():
    one = pairs(5)
    with pytest.raises(BadInput, match="two people"):
        likelihood.calibrate(dataclasses.replace(one, same=np.ones(10, bool)))


def test_held_out_ratios_never_see_their_own_fold():
    honest = pairs(300)
    here = honest.fold == 4
    changed = dataclasses.replace(honest, same=np.where(here, ~honest.same, honest.same))
    assert np.array_equal(likelihood.held_out(honest)[here], likelihood.held_out(changed)[here])


def test_a_fold_whose_others_lack_a_kind_gets_no_ratio():
    found = likelihood.held_out(Pairs(np.array([0.9, 0.1, 0.2]), np.array([True, False, False]), np.array([0, 1, 1]), np.arange(3)))
    assert np.isnan(found[0])


def test_the_cost_is_near_the_best_that_the_order_allows(cell):
    assert 0 <= cell.cllr - cell.cllr_min < 0.05


def test_ratios_that_say_nothing_cost_1():
    assert likelihood.cost(np.zeros(10), np.arange(10) % 2 == 0) == pytest.approx(1)


def test_the_cost_of_one_kind_alone_is_not_a_number():
    assert math.isnan(likelihood.cost(np.zeros(3), np.ones(3, bool)))


def test_the_tippett_curves_stand_apart_and_rise(cell):
    assert np.median(cell.tippett["genuine"]) > 0 > np.median(cell.tippett["impostor"])
    assert all((np.diff(each) >= 0).all() for each in cell.tippett.values())


def test_a_table_survives_its_file(cell):
    table = likelihood.from_json(likelihood.to_json(Table("thirty monks", "ab", {(16, 112): cell}, cell)))
    assert (table.population, table.embedding, list(table.cells)) == ("thirty monks", "ab", [(16, 112)])
    assert table.cells[16, 112].ratio(1.3).log10 == pytest.approx(cell.ratio(1.3).log10, abs=1e-3)


def test_a_cell_is_found_in_either_order(cell):
    table = Table("", "", {(16, 112): cell}, cell)
    assert table.cell(112, 16) is table.cell(16, 112) is cell
    assert table.cell(16, 16) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"population": "p", "embedding": "e", "cells": [{}], "landmarks": {}}', '{"cells": 3}'])
def test_what_is_no_table_is_refused(text):
    with pytest.raises(WeightsError, match="no calibration table"):
        likelihood.from_json(text)


def test_a_table_whose_line_is_not_finite_is_refused(cell):
    found = json.loads(likelihood.to_json(Table("p", "e", {}, cell)))
    found["landmarks"]["line"] = [0, float("inf")]
    with pytest.raises(WeightsError, match="finite"):
        likelihood.from_json(json.dumps(found))


def test_the_shipped_table_was_made_for_the_shipped_network(shipped):
    """A new network gives other cosines: then run `python -m detectors.train.likelihood` again."""
    assert shipped.embedding == detectors.card("face-embedding").sha256


def test_the_shipped_table_knows_every_two_bands(shipped):
    assert set(shipped.cells) == {(a, b) for a in BANDS for b in BANDS if a <= b}
    assert all(min(each.genuine, each.impostor) > 1000 and len(each.draws) == likelihood.DRAWS for each in shipped.cells.values())


def test_the_shipped_calibrations_keep_what_the_scores_hold(shipped):
    assert max(each.cllr - each.cllr_min for each in shipped.cells.values()) <= 0.05


def test_more_detail_costs_less(shipped):
    costs = [shipped.cells[band, band].cllr for band in BANDS]
    assert costs == sorted(costs, reverse=True)


def test_deep_features_beat_the_landmarks_by_far(shipped):
    assert shipped.cells[112, 112].cllr < 0.1 < 0.8 < shipped.landmarks.cllr


def test_the_shipped_table_names_its_population_and_nobody_in_it(shipped):
    assert "Labeled Faces in the Wild" in shipped.population
    text = weights.find("face-likelihood-1").read_text()
    assert ".jpg" not in text
    assert set(json.loads(text)) == {"population", "embedding", "cells", "landmarks"}
