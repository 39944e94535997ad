"""The task that learns from operators which alerts are false alarms: what it needs, what it refuses, and what leaves a site."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from test_federated_tasks import make_alerts

from detectors.objects.head import SIZE
from detectors.types import uuid7
from federated.contract.run_plan import RunPlan
from federated.learning import task, weights
from federated.learning.bench.parts.rounds import play


@pytest.fixture
def todo():
    return task.load("object_head")


def judge(folder, label: str, count: int, t: float = 2e9, **changes) -> None:
    kept = folder / "training" / "objects"
    kept.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        content = {"features": np.zeros(SIZE, np.float32), "net": np.array("a" * 64), **changes}
        np.savez(kept / f"{uuid7(t + number)}.{label}.npz" if label else kept / f"{uuid7(t + number)}.npz", **content)


def test_only_judged_alerts_count(todo, tmp_path):
    judge(tmp_path, "", 5)
    judge(tmp_path, "real", 3)
    judge(tmp_path, "false_alarm", 2)
    assert todo.count(tmp_path) == 5


def test_too_few_judged_alerts_say_how_many_are_missing(todo, tmp_path):
    judge(tmp_path, "real", 12)
    with pytest.raises(task.NotEnoughData, match="8 are missing"):
        todo.samples(tmp_path)


@pytest.mark.parametrize(("label", "missing"), [("real", "false alarms"), ("false_alarm", "real alerts")])
def test_one_kind_alone_teaches_nothing(todo, tmp_path, label, missing):
    judge(tmp_path, label, 30)
    with pytest.raises(task.NotEnoughData, match=missing):
        todo.samples(tmp_path)


def test_the_latest_fifth_of_the_alerts_is_held_back(todo, tmp_path):
    judge(tmp_path, "real", 40, t=1e9)
    judge(tmp_path, "false_alarm", 8, t=9e8)
    judge(tmp_path, "false_alarm", 12, t=2e9)
    split = todo.samples(tmp_path)
    assert (len(split.train), len(split.held_back)) == (48, 12)
    assert split.held_back[:, SIZE].tolist() == [1.0] * 12


def test_features_of_an_older_people_net_are_left_out(todo, tmp_path):
    make_alerts(tmp_path, 0)
    judge(tmp_path, "real", 5, t=9e8, net=np.array("b" * 64))
    split = todo.samples(tmp_path)
    assert len(split.train) + len(split.held_back) == 60


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 half a zip"])
def test_a_damaged_judged_alert_is_named(todo, tmp_path, content):
    make_alerts(tmp_path, 0)
    bad = uuid7(1e9)
    (tmp_path / f"training/objects/{bad}.real.npz").write_bytes(content)
    with pytest.raises(task.DamagedData, match=bad):
        todo.samples(tmp_path)


@pytest.mark.parametrize("features", [np.zeros(3, np.float32), np.full(SIZE, np.nan, np.float32)], ids=["short", "nan"])
def test_features_of_another_form_are_named(todo, tmp_path, features):
    judge(tmp_path, "real", 30, features=features)
    with pytest.raises(task.DamagedData, match="finite features"):
        todo.samples(tmp_path)


def test_fresh_weights_say_that_they_do_not_know(todo):
    rows = todo.probe()
    assert todo.metric(todo.net(3), rows) == pytest.approx(np.log(2), abs=1e-6)


def test_a_head_travels_in_less_than_a_megabyte(todo):
    assert weights.size(weights.of(todo.net(0))) < 1_000_000


def test_sites_learn_together_what_one_that_has_seen_nothing_can_use(todo, tmp_path):
    folders = [make_alerts(tmp_path / f"site-{n}", n) for n in range(3)]
    played = play(RunPlan("object_head", 2, 2, "fedavg", 3), folders)
    stranger = todo.samples(make_alerts(tmp_path / "stranger", 9)).held_back
    assert todo.metric(played.net, stranger) < 0.5 < todo.metric(todo.net(0), stranger)


def test_only_weights_and_numbers_leave_a_site(todo, tmp_path):
    folders, replies = [make_alerts(tmp_path / f"site-{n}", n) for n in range(2)], []
    play(RunPlan("object_head", 1, 1, "fedavg", 2), folders, tamper={0: lambda reply: replies.append(copy.deepcopy(reply)) or reply})
    (trained,) = replies
    sent = {name: array.numpy() for name, array in trained.content.array_records["arrays"].items()}
    assert sorted(sent) == sorted(weights.of(todo.net(0)))
    assert set(trained.content.metric_records["metrics"]) == {"num-examples", "loss-before", "loss-after"}
    rows = todo.samples(folders[0]).train[:, :SIZE]
    assert not any(row.tobytes() in array.tobytes() for row in rows for array in sent.values())
