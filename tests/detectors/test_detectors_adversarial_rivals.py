"""The published detectors of attacked faces that ours is measured beside: right values on small examples, and an attacker who asks for the score."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.adversarial.distances import ReferenceFaces, medoids_of
from detectors.adversarial.face import CHANNELS, FaceNets
from detectors.attacks.queries import lower_score
from detectors.bench import scene

PEOPLE = np.array(["anna", "anna", "anna", "bruno", "bruno", "bruno"])
EARLY = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [-0.1, 1]], float)
LATE = np.array([[5, 0, 0], [5, 1, 0], [5, 0, 1], [0, 0, -3], [0, 1, -3], [1, 0, -3]], float)


@pytest.fixture
def reference() -> ReferenceFaces:
    return ReferenceFaces((EARLY, LATE), PEOPLE)


def test_the_recogniser_names_the_nearest_reference_by_the_cosine(reference):
    assert (reference.nearest_person(np.array([9.0, 1, 1])), reference.nearest_person(np.array([0, 0.1, -1]))) == ("anna", "bruno")


def test_neighbours_of_another_person_than_the_named_one_are_suspicious(reference):
    own = np.array([1, 0.02])
    assert reference.neighbour_score(0, own, "anna", count=3) == 0
    assert reference.neighbour_score(0, own, "bruno", count=3) == 1
    assert reference.neighbour_score(0, own, "bruno", count=6) > 0.99  # the far ones weigh next to nothing


def test_neighbours_weigh_by_one_over_the_squared_distance():
    reference = ReferenceFaces((np.array([[1.0, 0], [0, 1.0]]),), np.array(["anna", "bruno"]))
    to_anna, to_bruno = (np.linalg.norm(np.array([0.8, 0.6]) - each) for each in np.eye(2))
    wanted = to_anna**-2 / (to_anna**-2 + to_bruno**-2)
    assert reference.neighbour_score(0, np.array([4.0, 3.0]), "bruno") == pytest.approx(wanted)


def test_the_medoid_is_the_reference_nearest_to_the_others_and_a_trajectory_has_its_cosines(reference):
    medoids = medoids_of(reference)
    assert medoids.layers[0].tolist() == [[1, 0], [0, 1]]
    trajectory = medoids.cosines([np.array([3.0, 4.0]), np.array([5.0, 0, 0])])
    assert trajectory.shape == (2, 2)
    assert trajectory[0].tolist() == pytest.approx([0.6, 0.8])
    assert trajectory[1] == pytest.approx([1, 0], abs=1e-6)


def test_a_faces_layers_are_those_of_the_net():
    layers = FaceNets().layers(scene(0, (112, 112)))
    assert [len(each) for each in layers] == [*CHANNELS, 128]


def test_the_lstm_learns_trajectories_that_differ_in_one_layer_only():
    pytest.importorskip("torch")
    from detectors.metrics import auc
    from detectors.train import trajectory

    rng = np.random.default_rng(0)
    rows, attacked = rng.normal(0, 0.3, (240, 5, 6)).astype(np.float32), np.arange(240) % 3 == 0
    rows[attacked, 2] += 0.5
    net = trajectory.train(rows[:160], attacked[:160], epochs=150)
    assert auc(trajectory.scores(net, rows[160:]), attacked[160:]) > 0.9
    assert np.array_equal(trajectory.scores(net, rows), trajectory.scores(trajectory.train(rows[:160], attacked[:160], epochs=150), rows))


def test_who_asks_for_the_score_lowers_it_within_the_budget_and_still_fools_the_net():
    clean, rng = scene(0, (64, 64)), np.random.default_rng(0)
    attacked = np.clip(clean + rng.choice([-6, 6], clean.shape), 0, 255).astype(np.uint8)
    asked = []

    def score(picture: np.ndarray) -> float:
        asked.append(picture)
        return float(np.abs(picture.astype(float) - clean).mean())

    def works(picture: np.ndarray) -> bool:
        return bool(np.abs(picture.astype(float) - clean).mean() > 3)

    found = lower_score(clean, attacked, works=works, score=score, budget=8, queries=40, rng=rng)
    assert len(asked) <= 40
    assert 3 < found.score < found.before == pytest.approx(score(attacked))
    assert works(found.picture)
    assert np.abs(found.picture.astype(int) - clean).max() <= 8


def test_an_attack_that_nothing_improves_stays_as_it_is():
    clean = scene(0, (32, 32))
    found = lower_score(clean, clean.copy(), works=lambda picture: False, score=lambda picture: 0.5, budget=8, queries=5, rng=np.random.default_rng(0))
    assert (found.score, found.before) == (0.5, 0.5)
    assert np.array_equal(found.picture, clean)
