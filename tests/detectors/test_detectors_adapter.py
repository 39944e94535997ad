"""The light adapter: what it computes, what its file may hold, and that training moves shrunken faces nearer to sharp ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from detectors import weights
from detectors.errors import BadDataset, WeightsError
from detectors.faces import adapter
from detectors.train import face_adapter
from detectors.train.face_adapter import AdapterRecipe, ShrunkenFaces

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def identity() -> list[np.ndarray]:
    return [np.zeros(shape, np.float32) for shape in adapter.SHAPES.values()]


def crowd(seed: int, people: int = 60) -> ShrunkenFaces:
    """Faces whose shrunken versions are all drawn the same way: towards one common direction."""
    rng = np.random.default_rng(seed)
    common = unit(np.random.default_rng(99).normal(size=128))
    sharp = unit(rng.normal(size=(people, 128)))
    shrunken = unit(sharp[None] + 2 * common + rng.normal(scale=0.05, size=(3, people, 128)))
    return ShrunkenFaces(sharp, shrunken, np.arange(people))


def test_an_adapter_of_zeros_changes_nothing():
    vectors = unit(np.random.default_rng(0).normal(size=(5, 128)))
    assert adapter.adapt(vectors, identity()) == pytest.approx(vectors, abs=1e-6)


def test_adapted_embeddings_are_normalised():
    shipped = adapter.read(weights.find("face-adapter-1"))
    moved = adapter.adapt(unit(np.random.default_rng(0).normal(size=(5, 128))), shipped)
    assert moved.dtype == np.float32
    assert np.linalg.norm(moved, axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_one_embedding_is_adapted_like_many():
    shipped, vectors = adapter.read(weights.find("face-adapter-1")), unit(np.random.default_rng(0).normal(size=(4, 128)))
    assert adapter.adapt(vectors[2], shipped) == pytest.approx(adapter.adapt(vectors, shipped)[2], abs=1e-6)


def test_the_shipped_adapter_is_light_enough_to_travel():
    assert weights.locked("face-adapter-1").size < 1_000_000
    assert tuple(each.shape for each in adapter.read(weights.find("face-adapter-1"))) == ((128, 256), (256,), (256, 128), (128,))


def test_the_same_numbers_give_the_same_file(tmp_path):
    for name in ("a.npz", "b.npz"):
        adapter.write(tmp_path / name, identity())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert all(np.array_equal(*pair) for pair in zip(adapter.read(tmp_path / "a.npz"), identity(), strict=True))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut off"])
def test_a_broken_file_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(WeightsError, match="no face adapter"):
        adapter.read(tmp_path / "a.npz")


def test_a_file_that_wants_to_run_code_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **dict.fromkeys(adapter.ORDER, np.array([object()])))
    with pytest.raises(WeightsError, match="no face adapter"):
        adapter.read(tmp_path / "a.npz")


@pytest.mark.parametrize("arrays", [[], identity()[:3], identity()[::-1], [*identity()[:3], np.full(128, np.nan)]], ids=["none", "three", "order", "nan"])
def test_other_arrays_are_refused(arrays):
    with pytest.raises(WeightsError, match="four finite arrays"):
        adapter.check(arrays)


def test_torch_and_numpy_compute_the_same():
    torch.manual_seed(1)
    net = face_adapter.Adapter()
    torch.nn.init.normal_(net.contract, std=0.1)
    vectors = unit(np.random.default_rng(0).normal(size=(6, 128)))
    assert net(torch.from_numpy(vectors)).detach().numpy() == pytest.approx(adapter.adapt(vectors, net.arrays()), abs=1e-5)


def test_training_starts_from_the_identity():
    vectors = unit(np.random.default_rng(0).normal(size=(6, 128)))
    assert adapter.adapt(vectors, face_adapter.Adapter().arrays()) == pytest.approx(vectors, abs=1e-6)


def test_training_brings_shrunken_faces_nearer_to_their_sharp_ones():
    other = crowd(2)
    arrays = face_adapter.train(crowd(1), other, AdapterRecipe(epochs=30, lr=3e-3), log=lambda _: None)
    before, after = ((adapter.adapt(other.shrunken[0], each) * other.sharp).sum(1).mean() for each in (identity(), arrays))
    assert after > before + 0.1


def test_an_adapter_that_does_not_help_stays_the_identity():
    faces = crowd(1)
    perfect = ShrunkenFaces(faces.sharp, faces.sharp[None], faces.person)
    arrays = face_adapter.train(faces, perfect, AdapterRecipe(epochs=2), log=lambda _: None)
    assert adapter.adapt(faces.sharp, arrays) == pytest.approx(faces.sharp, abs=1e-6)


def test_the_same_seed_trains_the_same_adapter():
    one, two = (face_adapter.train(crowd(1), crowd(2), AdapterRecipe(epochs=3), log=lambda _: None) for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(one, two, strict=True))


def test_two_pictures_of_one_person_are_not_pushed_apart():
    sharp = unit(np.random.default_rng(0).normal(size=(2, 128)))
    twins, rivals = (ShrunkenFaces(np.repeat(sharp[:1], 2, 0), np.repeat(sharp[:1], 2, 0)[None], np.array(person)) for person in ([0, 0], [0, 1]))
    losses = []
    for faces in (twins, rivals):
        net = face_adapter.Adapter()
        losses.append(face_adapter.train_step(net, torch.optim.SGD(net.parameters(), lr=0), faces, np.arange(2), np.random.default_rng(0), 1.0))
    assert losses[0] == pytest.approx(0, abs=1e-5)
    assert losses[1] == pytest.approx(np.log(2), abs=1e-5)


def test_faces_are_found_by_their_own_sharp_picture():
    faces = crowd(1)
    assert face_adapter.found(ShrunkenFaces(faces.sharp, faces.sharp[None], faces.person), identity()) == 1.0
    assert face_adapter.found(ShrunkenFaces(faces.sharp, np.roll(faces.sharp, 1, 0)[None], faces.person), identity()) == 0.0


def test_too_few_faces_are_refused():
    with pytest.raises(BadDataset, match="10 faces are too few"):
        face_adapter.train(crowd(1, 10), crowd(2), AdapterRecipe(), log=lambda _: None)


def test_a_folder_without_tables_is_a_clear_error(tmp_path, capsys):
    assert face_adapter.main([str(tmp_path), "--out", str(tmp_path / "a.npz")]) == 2
    assert "gallery.csv, line 1" in capsys.readouterr().err
    assert not (tmp_path / "a.npz").exists()


def test_a_folder_without_enough_faces_is_a_clear_error(tmp_path, capsys):
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "a.jpg").write_bytes((STAFF / "custode-1.jpg").read_bytes())
    (tmp_path / "gallery.csv").write_text("person,path\n")
    (tmp_path / "probes.csv").write_text("path,person\n")
    assert face_adapter.main([str(tmp_path), "--out", str(tmp_path / "a.npz"), "--draws", "1"]) == 2
    assert "too few to learn from" in capsys.readouterr().err
