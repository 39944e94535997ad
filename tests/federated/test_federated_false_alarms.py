"""The bench of the head for false alarms, on a small made-up scene: it deals, trains each way and judges; the figures are those of its own command."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from detectors.errors import BadDataset
from detectors.objects.head import SIZE
from federated.contract.run_plan import RunPlan
from federated.learning import task
from federated.learning.bench import false_alarms, triple
from federated.learning.bench.parts import alarms, datasets


def made_up(count: int = 240) -> np.ndarray:
    """Alerts of which every fourth is false: those are small and unsure."""
    rows = np.random.default_rng(0).normal(size=(count, SIZE + 1)).astype(np.float32) / 4
    rows[:, SIZE] = np.arange(count) % 4 == 0
    rows[:, 128:134] -= 2 * rows[:, SIZE:] - 1
    return rows


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    (tmp_path / "tracks.csv").write_text("frame,track,x,y,w,h\n1,1,2,3,4,5\n")
    monkeypatch.setattr(alarms.Alarms, "rows", made_up())
    return alarms.Alarms(tmp_path, labels=30)


def asked(folder, **changes) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    false_alarms.add_arguments(parser)
    predicted = parser.parse_args(["--data", str(folder), "--seeds", "2", "--sites", "2", "--rounds", "1", "--local-epochs", "1"])
    return argparse.Namespace(**{**vars(predicted), **changes})


def test_each_site_gets_a_stretch_of_time_and_its_labels(dataset, tmp_path):
    folders = dataset.deal(tmp_path / "dealt", 4, seed=1)
    assert [task.load("object_head").count(folder) for folder in folders] == [30] * 4
    assert len(dataset.later) == 80


def test_another_seed_draws_other_alerts(dataset, tmp_path):
    one, two, same = (dataset.deal(tmp_path / str(n), 2, seed) for n, seed in enumerate((1, 2, 1)))
    rows = [task.load("object_head").samples(folders[0]).train for folders in (one, two, same)]
    assert np.array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])


def test_what_can_be_learned_is_learned_each_way(dataset, tmp_path):
    found = false_alarms.run(asked(tmp_path, labels=30, rounds=4))
    for way in ("local", "federated", "central"):
        assert found["auc"][way]["value"] > 0.95
        assert found["log_loss"][way]["value"] < found["always_the_share_log_loss"]
    assert found["alerts"] == {"earlier": 160, "later": 80, "false_earlier": 0.25, "false_later": 0.25}


def test_a_site_with_one_kind_only_ends_the_bench_with_the_reason(dataset, tmp_path, monkeypatch):
    rows = made_up()
    rows[:80, SIZE] = 0
    monkeypatch.setattr(alarms.Alarms, "rows", rows)
    with pytest.raises(task.TaskError, match="0 false alarms among"):
        false_alarms.run(asked(tmp_path, labels=30))


def test_the_triple_knows_the_task(dataset, tmp_path):
    assert isinstance(datasets.of("object_head", tmp_path), alarms.Alarms)


def test_the_triple_judges_each_site_by_the_same_later_alerts(dataset):
    plan = RunPlan("object_head", rounds=2, local_epochs=2, min_sites=2)
    found = triple.one(dataset, plan, 2, 0)
    assert [len(found[way]) for way in triple.WAYS] == [2, 2, 2]
    assert 5_000 < found["bytes_up_per_site_and_round"] < 20_000


def test_a_folder_of_another_form_says_what_was_expected(tmp_path):
    with pytest.raises(BadDataset, match=r"tracks\.csv"):
        alarms.Alarms(tmp_path / "elsewhere")


def test_a_coin_has_the_log_loss_of_a_coin_and_certainty_is_bounded():
    labels = np.array([0.0, 1.0])
    assert false_alarms.log_loss(np.array([0.5, 0.5]), labels) == pytest.approx(np.log(2))
    assert np.isfinite(false_alarms.log_loss(np.array([1.0, 0.0]), labels))


def test_found_and_annotated_is_real_and_found_by_nobody_else_is_false(monkeypatch, tmp_path):
    from detectors.types import Box, Detection

    class Two:
        def detect(self, images):
            return [[Detection("person", 0.9, Box(10, 10, 20, 40)), Detection("person", 0.5, Box(70, 10, 20, 40)), Detection("dog", 0.9, Box(1, 1, 5, 5))]]

    truth = alarms.scenes.Truth(np.array([[11.0, 11.0, 20.0, 40.0]]), np.array([1]))
    monkeypatch.setattr(alarms.scenes, "images", lambda _: [(3, np.zeros((60, 100, 3), np.uint8)), (4, np.zeros((60, 100, 3), np.uint8))])
    monkeypatch.setattr(alarms.scenes, "truth", lambda _: {3: truth})
    assert [(each.score, label) for _, each, label in alarms.of_scene(tmp_path, Two())] == [(0.9, 0.0), (0.5, 1.0)]
