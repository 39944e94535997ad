"""Open-set identification on vectors whose answer is known: names, strangers, thresholds and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.errors import BadInput
from detectors.faces import identify

TAIL = ((1e-1, 0.2), (1e-2, 0.3), (1e-3, 0.37), (1e-4, 0.43), (1e-5, 0.48))


def unit(vectors):
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture
def crowd():
    """40 people with four embeddings each around a direction of their own."""
    rng = np.random.default_rng(3)
    middles = unit(rng.normal(size=(40, 128)))
    return {f"p{n}": unit(middle + rng.normal(scale=0.05, size=(4, 128))) for n, middle in enumerate(middles)}


@pytest.fixture
def gallery(crowd):
    return identify.enrol({name: vectors[:3] for name, vectors in crowd.items()})


@pytest.mark.parametrize("scorer", sorted(identify.SCORERS))
def test_every_scorer_knows_the_enrolled(crowd, gallery, scorer):
    answers = {name: identify.identify(gallery, vectors[3], 0.4, scorer=scorer) for name, vectors in crowd.items()}
    assert {answer.person for answer in answers.values() if answer.kind == "person"} == set(crowd)
    assert all(answer.person == name for name, answer in answers.items())


@pytest.mark.parametrize("scorer", sorted(identify.SCORERS))
def test_a_stranger_is_unknown_and_never_the_closest(gallery, scorer):
    stranger = unit(np.random.default_rng(9).normal(size=128))
    answer = identify.identify(gallery, stranger, 0.4, scorer=scorer)
    assert (answer.kind, answer.person) == ("unknown", None)
    assert answer.score < 0.4


def test_the_threshold_itself_is_accepted(gallery):
    score = identify.identify(gallery, gallery.centroids[5], 0.0).score
    assert identify.identify(gallery, gallery.centroids[5], score).person == "p5"
    assert identify.identify(gallery, gallery.centroids[5], float(np.nextafter(score, 2))).kind == "unknown"


def test_too_poor_a_face_is_a_third_answer(gallery):
    answer = identify.identify(gallery, gallery.centroids[0], 0.4, quality=0.1)
    assert (answer.kind, answer.person) == ("cannot-say", None)


def test_an_empty_gallery_knows_nobody():
    assert identify.identify(identify.enrol({}), unit(np.ones(128)), -1.0).kind == "unknown"


@pytest.mark.parametrize("vectors", [[], [np.zeros(128)], [np.full(128, np.nan)], [np.ones(128)]])
def test_a_person_without_a_usable_embedding_is_named(vectors):
    with pytest.raises(BadInput, match="maria"):
        identify.enrol({"maria": vectors})


def test_centroids_are_the_normalised_means(crowd, gallery):
    assert gallery.centroids[7] == pytest.approx(unit(crowd["p7"][:3].mean(0)), abs=1e-6)


def test_many_weak_neighbours_outvote_the_nearest():
    gallery = identify.enrol({"one": unit([[1, 0.30, 0]]), "many": unit([[1, 0, 0.35]] * 5)})
    probe = unit([1, 0, 0])[None]
    assert gallery.people[identify.by_nearest(gallery, probe)[0][0]] == "one"
    assert gallery.people[identify.by_weighted_knn(gallery, probe)[0][0]] == "many"


def test_a_cohort_lowers_a_probe_that_is_like_everybody(gallery):
    rng = np.random.default_rng(1)
    common = unit(rng.normal(size=128))
    cohort = unit(rng.normal(size=(300, 128)) + 6 * common)
    plain, normal = unit(gallery.centroids[0] + 0.7 * unit(rng.normal(size=128))), unit(gallery.centroids[0] + 0.7 * common)
    scores = identify.by_cohort(gallery, np.stack([plain, normal]), cohort)[1]
    assert scores[0] > scores[1]


def test_a_threshold_between_the_points_lies_on_the_line():
    assert identify.threshold_for(1, TAIL, fpir=1e-2) == pytest.approx(0.3)
    assert identify.threshold_for(1, TAIL, fpir=10**-2.5) == pytest.approx(0.335)


def test_a_larger_gallery_needs_a_higher_threshold():
    found = [identify.threshold_for(people, TAIL) for people in (1, 10, 150, 100_000)]
    assert found == sorted(found)
    assert found[-1] > TAIL[-1][1]  # beyond the last point the line goes on


def test_a_small_gallery_keeps_the_least_threshold():
    assert identify.threshold_for(2, TAIL, least=0.44) == 0.44


@pytest.mark.parametrize(("people", "tail", "fpir"), [(0, TAIL, 0.01), (5, TAIL[:1], 0.01), (5, TAIL, 0.0), (5, TAIL, 1.0)])
def test_a_threshold_for_nothing_is_refused(people, tail, fpir):
    with pytest.raises(BadInput):
        identify.threshold_for(people, tail, fpir=fpir)


def test_the_rate_of_strangers_is_kept_for_any_size_of_gallery():
    rng = np.random.default_rng(0)
    scores = np.sort(rng.normal(0.1, 0.08, 2_000_000))[::-1]
    tail = [(rate, scores[int(rate * len(scores))]) for rate in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)]
    for people in (5, 50):
        best = rng.normal(0.1, 0.08, (40_000, people)).max(1)
        assert (best >= identify.threshold_for(people, tail)).mean() == pytest.approx(0.01, rel=0.25)


def test_a_site_sets_its_threshold_from_its_own_visitors():
    scores = np.random.default_rng(2).normal(0.25, 0.05, 1000)
    threshold, (low, high) = identify.calibrate(scores)
    assert (scores >= threshold).sum() == 10
    assert low < 0.01 < high


@pytest.mark.parametrize("scores", [np.zeros(0), np.zeros(299), np.array([0.1] * 400 + [np.nan])])
def test_too_few_or_broken_scores_set_no_threshold(scores):
    with pytest.raises(BadInput, match="300"):
        identify.calibrate(scores)


@pytest.mark.parametrize(("hits", "n", "low", "high"), [(0, 100, 0.0, 0.0362), (1, 100, 0.00025, 0.0545), (10, 1000, 0.0048, 0.0183), (100, 100, 0.9638, 1.0)])
def test_the_exact_interval_of_a_rate(hits, n, low, high):
    assert identify.rate_interval(hits, n) == pytest.approx((low, high), abs=1e-4)
