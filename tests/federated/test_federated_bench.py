"""The benches run the product's own rounds: on small made-up data here, on the real data by their commands."""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from federated_live import make_footage
from test_federated_tasks import make_faces

from federated.contract.run_plan import RunPlan
from federated.learning import bench, task, weights
from federated.learning.bench import attacks, triple
from federated.learning.bench.parts import rounds as bench_rounds
from federated.learning.client_app import hold_near
from tests.waiting import patience

PLAN = RunPlan("face_adapter", 2, 1, "fedavg", 2)


class Held:
    """Faces of nobody at the sites judge; larger is better."""

    metric = "minus the loss"

    def deal(self, root: Path, sites: int, seed: int) -> list[Path]:
        self.sites, self.samples = sites, task.load("face_adapter").samples(make_faces(root / "held", 77)).train
        return [make_faces(root / f"site-{site}", seed * 10 + site) for site in range(sites)]

    def judge(self, net: torch.nn.Module, sites: list[int] | None = None) -> list[float]:
        return [-task.load("face_adapter").metric(net, self.samples)] * len(range(self.sites) if sites is None else sites)


def test_every_bench_is_found_and_says_what_it_is():
    assert {"triple", "attacks"} <= set(bench.names())
    assert all(bench.load(name).__doc__ for name in bench.names())


def test_the_triple_measures_three_ways_on_the_same_data():
    found = triple.one(Held(), PLAN, 3, 0)
    assert [len(found[way]) for way in triple.WAYS] == [3, 3, 3]
    assert min(np.mean(found["federated"]), np.mean(found["central"])) > -task.load("face_adapter").metric(task.load("face_adapter").net(0), Held_samples())
    assert found["bytes_up_per_site_and_round"] == weights.size(weights.of(task.load("face_adapter").net(0)))


def test_a_bench_that_was_cut_off_goes_on_from_what_it_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(triple.datasets, "of", lambda name, data: Held())
    asked = argparse.Namespace(
        task="face_adapter", data=tmp_path, sites=2, seeds=2, rounds=1, local_epochs=1, strategy="fedavg", keep=tmp_path / "kept.jsonl", save=False
    )
    whole = triple.run(asked)
    monkeypatch.setattr(triple, "one", lambda *_: pytest.fail("done before"))
    assert triple.run(asked) == whole
    assert capsys.readouterr().err.count("seed 1: local ") == 2
    asked.rounds = 2  # another plan: nothing that was kept counts
    with pytest.raises(pytest.fail.Exception):
        triple.run(asked)


def test_a_result_that_is_saved_says_how_it_was_made_and_nothing_of_this_machines_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(triple.datasets, "of", lambda name, data: Held())
    monkeypatch.setattr(triple, "FIGURES", tmp_path)
    found = triple.run(
        argparse.Namespace(task="face_adapter", data=tmp_path / "people", sites=2, seeds=2, rounds=1, local_epochs=1, strategy="fedavg", keep=None, save=True)
    )
    text = (tmp_path / "triple-face_adapter.json").read_text()
    assert json.loads(text)["result"] == found
    assert json.loads(text)["command"].startswith("python -m federated bench triple --task face_adapter --data DATA/people ")
    assert str(tmp_path) not in text


def Held_samples() -> np.ndarray:
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        return task.load("face_adapter").samples(make_faces(Path(scratch), 77)).train


def test_an_interval_of_equal_values_is_a_point_and_of_different_ones_is_not():
    assert triple.interval([0.5, 0.5, 0.5]) == {"value": 0.5, "low": 0.5, "high": 0.5}
    found = triple.interval([0.4, 0.5, 0.6])
    assert found["low"] < 0.4 < 0.6 < found["high"]


@pytest.mark.parametrize("attack", sorted(attacks.REPLIES))
def test_the_guard_leaves_out_or_outvotes_every_attack_on_a_reply(tmp_path, attack):
    folders = [make_faces(tmp_path / str(site), site) for site in range(4)]
    plan = RunPlan("face_adapter", 2, 1, "median", 3)
    clean = bench_rounds.play(plan, folders)
    hurt = bench_rounds.play(plan, folders, tamper={0: attacks.REPLIES[attack]()})
    todo, held = task.load("face_adapter"), Held_samples()
    assert hurt.net is not None, hurt.reason
    assert todo.metric(hurt.net, held) < todo.metric(clean.net, held) + 0.1


@pytest.mark.parametrize("attack", ["nan", "x100", "sign flip", "wrong shape", "empty reply"])
def test_without_the_guard_one_bad_site_is_enough(tmp_path, attack):
    folders = [make_faces(tmp_path / str(site), site) for site in range(4)]
    plan = RunPlan("face_adapter", 2, 1, "fedavg", 2)
    hurt = bench_rounds.play(plan, folders, tamper={0: attacks.REPLIES[attack]()}, make=attacks.without_guard)
    if hurt.net is not None:
        todo, held = task.load("face_adapter"), Held_samples()
        clean = todo.metric(bench_rounds.play(plan, folders).net, held)
        assert not todo.metric(hurt.net, held) < clean + 0.02


def test_spoiled_footage_is_another_and_only_that_of_the_bad_sites(tmp_path):
    folders = [make_footage(tmp_path / str(site), site) for site in range(3)]
    for change in attacks.FOOTAGE.values():
        found = attacks.spoiled(folders, tmp_path / change.__name__, [0], change)
        assert found[1:] == folders[1:]
        one, other = (np.load(folder / "training/anomaly/000.npz")["frames"] for folder in (folders[0], found[0]))
        assert one.shape == other.shape
        assert (one != other).any()


def test_fedprox_holds_a_site_near_the_common_weights(tmp_path):
    todo, samples = task.load("face_adapter"), task.load("face_adapter").samples(make_faces(tmp_path, 0)).train
    moved = []
    for strength in (0.0, 50.0):
        net = todo.net(0)
        start = weights.of(net)
        hold_near(net, strength)
        todo.fit(net, samples, epochs=3, lr=1e-3, seed=0)
        moved.append(weights.norm(weights.of(net), start))
    assert moved[1] < moved[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--task", "object"], "no data set is known"), (["--task", "anomaly"], "there is no such folder"), (["--sites", "1"], "at least 2")],
)
def test_a_wrong_question_is_exit_status_2_and_one_line(tmp_path, arguments, words):
    command = [sys.executable, "-m", "federated", "bench", "triple", "--data", str(tmp_path), *arguments]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=patience(120))
    assert found.returncode == 2
    assert words in found.stderr


def test_figures_are_json(tmp_path, monkeypatch, capsys):
    command = importlib.import_module("federated.__main__")

    monkeypatch.setattr(triple.datasets, "of", lambda name, data: Held())
    assert (
        command.main(["bench", "triple", "--task", "face_adapter", "--data", str(tmp_path), "--seeds", "2", "--rounds", "1", "--local-epochs", "1", "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"local", "federated", "central", "per_site"} <= set(found)
    assert set(found["federated"]) == {"value", "low", "high"}
