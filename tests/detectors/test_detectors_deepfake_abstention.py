"""When a deepfake score allows an answer: the band without answers, its error, and its choice on other groups."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.deepfake import studies
from detectors.deepfake.abstention import LEAST, TARGET, Band, chosen_share, cross_validated, nested, widest


def files(shift, count=600, groups=60, seed=0):
    """Scores, fakes' marks and groups; the fakes lie `shift` deviations above the real ones."""
    rng = np.random.default_rng(seed)
    fake, group = rng.integers(0, 2, count), np.array([f"g{n}" for n in rng.integers(0, groups, count)])
    return rng.normal(0, 1, count) + shift * fake, fake, group


def test_within_the_band_nothing_is_said_and_on_its_bounds_something_is():
    scores, fake = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), np.array([1, 0, 1, 0, 1])
    band = Band(-1.0, 1.0)
    assert band.answered(scores).tolist() == [True, True, False, True, True]
    assert band.wrong(scores, fake).tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_the_widest_band_keeps_the_share_of_wrong_answers_on_either_side(share):
    scores, fake, _ = files(1.5)
    band = widest(scores, fake, share)
    assert band.low < band.high
    assert fake[scores <= band.low].mean() <= share
    assert (1 - fake[scores >= band.high]).mean() <= share
    assert band.answered(scores).sum() >= 2 * LEAST


def test_scores_that_know_nothing_get_no_band_and_no_answer():
    scores, fake, groups = files(0.0)
    assert chosen_share(scores, fake, groups) is None
    assert not nested(scores, fake, groups)[0].any()


def test_a_stricter_share_gives_fewer_answers_and_the_nested_choice_keeps_the_target_on_groups_it_never_saw():
    scores, fake, groups = files(1.5, count=3000, groups=300)
    counts = [cross_validated(scores, fake, groups, share)[0].sum() for share in (0.02, 0.1)]
    answered, wrong = nested(scores, fake, groups)
    assert counts[0] < counts[1]
    assert answered.mean() > 0.2
    assert wrong.sum() <= (TARGET + 0.03) * answered.sum()


def test_classes_that_lie_apart_are_all_answered():
    scores, fake, _ = files(30.0)
    band = widest(scores, fake, 0.0)
    assert band.answered(scores).all()
    assert not band.wrong(scores, fake).any()


def test_the_error_is_that_of_the_answers_alone():
    answered, wrong = np.array([True, True, False, False]), np.array([True, False, False, False])
    silent, count, error = studies.answers_of(answered, wrong, np.array(list("aabb")))
    assert (silent["value"], count, error["value"]) == (0.5, 2, 0.5)
    assert studies.answers_of(answered & False, wrong & False, np.array(list("aabb")))[2]["value"] is None
