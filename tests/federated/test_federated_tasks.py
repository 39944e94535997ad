"""One contract for every task, then what is particular to the anomaly task; and weights on disk."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from federated_live import make_footage

from detectors.objects.head import SIZE
from detectors.types import uuid7
from federated.learning import task, weights

SHIPPED = [name for name in task.names() if name != "line"]


def folder_for(name: str, root):
    return {"anomaly": make_footage, "face_adapter": make_faces, "object_head": make_alerts}[name](root, 0)


def make_faces(folder: Path, seed: int, people: int = 40, pictures: int = 3, copies: int = 2) -> Path:
    """Made-up embeddings: people apart on the sphere, their pictures near them, shrunken copies turned towards one common direction."""
    rng, kept = np.random.default_rng(seed), folder / "training" / "faces"
    kept.mkdir(parents=True, exist_ok=True)
    common = unit(np.random.default_rng(99).normal(size=128))
    for number in range(people):
        sharp = unit(unit(rng.normal(size=128)) + 0.3 * unit(rng.normal(size=(pictures, 128))))
        shrunken = [unit(sharp + 0.8 * common + 0.3 * unit(rng.normal(size=(pictures, 128)))) for _ in range(copies)]
        np.savez(kept / f"{number:06d}.npz", looks=np.stack([sharp, *shrunken], axis=1).astype(np.float16))
    return folder


def make_alerts(folder: Path, seed: int, count: int = 60) -> Path:
    """Made-up features of judged alerts: the false ones are small and unsure."""
    rng, kept = np.random.default_rng(seed), folder / "training" / "objects"
    kept.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        false, features = number % 3 == 0, rng.normal(size=SIZE).astype(np.float32) / 4
        features[128:134] -= 1.0 if false else -1.0
        np.savez(kept / f"{uuid7(1e9 + number)}.{'false_alarm' if false else 'real'}.npz", features=features, net=np.array("a" * 64))
    return folder


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(params=SHIPPED)
def ready(request, tmp_path):
    todo = task.load(request.param)
    folder = folder_for(request.param, tmp_path / "site")
    return todo, folder, todo.samples(folder)


def test_there_are_tasks():
    assert "anomaly" in SHIPPED


def test_an_unknown_task_names_the_known_ones():
    with pytest.raises(task.UnknownTask, match="anomaly"):
        task.load("nonsense")


def test_a_task_says_what_it_is(ready):
    todo, folder, _ = ready
    assert todo.needs
    assert todo.detector
    assert todo.count(folder) >= 1
    assert {"family", "licence", "source", "preprocessing", "thresholds", "limits"} == set(todo.card())


def test_training_lowers_the_number_and_changes_the_weights(ready):
    todo, _, samples = ready
    net = todo.net(1)
    start, before = weights.of(net), todo.metric(net, samples.held_back)
    assert math.isfinite(todo.fit(net, samples.train, epochs=1, lr=todo.learning_rate, seed=1))
    assert todo.metric(net, samples.held_back) < before
    assert 0 < weights.norm(weights.of(net), start) < todo.max_update_norm


def test_the_same_seed_gives_the_same_fresh_weights(ready):
    one, same, other = (weights.of(ready[0].net(seed)) for seed in (1, 1, 2))
    assert weights.norm(one, same) == 0
    assert weights.norm(one, other) > 0


def test_onnx_says_the_same_as_torch_where_there_is_no_data(ready, tmp_path):
    todo, _, samples = ready
    net = todo.net(1)
    todo.fit(net, samples.train, epochs=1, lr=todo.learning_rate, seed=1)
    assert len(todo.export(net, tmp_path / "net.onnx")) == 64
    assert todo.agreement(net, tmp_path / "net.onnx", todo.probe()) < 1e-4


def test_a_task_gives_the_loss_of_each_sample_or_says_why_it_cannot(ready):
    todo, _, samples = ready
    if not hasattr(todo, "sample_losses"):
        assert "batch" in todo.not_private
        return
    few = torch.from_numpy(samples.train[:4].astype(np.float32))
    with torch.no_grad():
        together, alone = todo.sample_losses(todo.net(1), few), [todo.sample_losses(todo.net(1), each[None]) for each in few]
    assert together.tolist() == pytest.approx([each.item() for each in alone], rel=1e-4)
    assert together.mean().item() == pytest.approx(todo.metric(todo.net(1), samples.train[:4]), rel=1e-4)


def test_onnx_of_other_weights_does_not(ready, tmp_path):
    todo, _, _ = ready
    other = todo.net(2)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    todo.export(todo.net(1), tmp_path / "net.onnx")
    assert todo.agreement(other, tmp_path / "net.onnx", todo.probe()) > 1e-3


def test_a_site_without_data_says_what_is_needed(ready, tmp_path):
    with pytest.raises(task.NotEnoughData, match="too few"):
        ready[0].samples(tmp_path / "empty")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 half a zip"])
def test_a_damaged_clip_is_named(tmp_path, content):
    folder = make_footage(tmp_path, 0)
    (folder / "training/anomaly/001.npz").write_bytes(content)
    with pytest.raises(task.DamagedData, match=r"001\.npz"):
        task.load("anomaly").samples(folder)


@pytest.mark.parametrize("frames", [np.zeros((9, 160, 240), np.float32), np.zeros((9, 160, 240, 3), np.uint8), np.array([{}], dtype=object)])
def test_a_clip_of_something_else_is_named(tmp_path, frames):
    folder = make_footage(tmp_path, 0)
    np.savez(folder / "training/anomaly/001.npz", frames=frames)
    with pytest.raises(task.DamagedData, match=r"001\.npz"):
        task.load("anomaly").samples(folder)


def test_the_latest_fifth_of_the_footage_is_held_back(tmp_path):
    from federated.learning.tasks.anomaly import split_by_time

    clips = [np.full((10, 1, 1), number, np.uint8) for number in range(3)]
    earlier, later = split_by_time(clips)
    assert (sum(map(len, earlier)), sum(map(len, later))) == (24, 6)
    assert {int(frame) for clip in later for frame in clip.ravel()} == {2}


def test_weights_survive_the_disk_in_order(tmp_path):
    arrays = {"b": np.arange(4, dtype=np.float32), "a": np.array(3, np.int64), "c.d": np.zeros((2, 0), np.float16)}
    weights.save(arrays, tmp_path / "w.npz")
    found = weights.read(tmp_path / "w.npz")
    weights.check(found, arrays)
    assert weights.norm(found, arrays) == 0


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04"])
def test_a_damaged_file_of_weights_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(weights.WeightsMismatch, match=r"w\.npz"):
        weights.read(tmp_path / "w.npz")


def test_a_file_that_is_no_onnx_is_an_error(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"\xff\xffrubbish")
    with pytest.raises(weights.WeightsMismatch, match="ONNX"):
        weights.read_model(tmp_path / "m.onnx", tmp_path)


def test_a_face_adapter_travels_in_less_than_a_megabyte():
    assert weights.size(weights.of(task.load("face_adapter").net(0))) < 1_000_000


@pytest.mark.parametrize("content", [b"", b"rubbish"])
def test_damaged_faces_are_named(tmp_path, content):
    folder = make_faces(tmp_path, 0)
    (folder / "training/faces/000003.npz").write_bytes(content)
    with pytest.raises(task.DamagedData, match="000003"):
        task.load("face_adapter").samples(folder)


@pytest.mark.parametrize(
    "looks", [np.zeros((2, 1, 128)), np.zeros((2, 3, 64)), np.zeros((2, 128)), np.full((2, 3, 128), np.nan)], ids=lambda each: str(each.shape)
)
def test_faces_of_another_form_are_named(tmp_path, looks):
    folder = make_faces(tmp_path, 0)
    np.savez(folder / "training/faces/000003.npz", looks=looks)
    with pytest.raises(task.DamagedData, match="000003"):
        task.load("face_adapter").samples(folder)


def test_people_with_different_numbers_of_copies_are_refused(tmp_path):
    folder = make_faces(tmp_path, 0)
    np.savez(folder / "training/faces/000003.npz", looks=np.ones((2, 5, 128)))
    with pytest.raises(task.DamagedData, match="same number"):
        task.load("face_adapter").samples(folder)


def test_nobody_is_in_both_parts_of_the_faces(tmp_path):
    split = task.load("face_adapter").samples(make_faces(tmp_path, 0))
    assert not set(split.train[:, -1, 0]) & set(split.held_back[:, -1, 0])
