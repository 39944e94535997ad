"""The net for small faces: SFace in torch says what its ONNX file says, training brings shrunken faces nearer to sharp ones, and the file stays small."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import detectors
from detectors import image, weights
from detectors.errors import BadDataset
from detectors.faces import small
from detectors.faces.embed import align
from detectors.nets import sface
from detectors.portraits import Portraits, degrade
from detectors.train import small_faces

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@pytest.fixture(scope="module")
def crops():
    """The demo's portraits, aligned, and the same mirrored: (6, 112, 112, 3)."""
    finder = detectors.load("faces")
    pictures = [image.read(STAFF / f"custode-{n}.jpg") for n in (1, 2, 3)]
    found = [align(picture, finder.find(picture)[0].landmarks) for picture in pictures]
    return np.stack([*found, *(crop[:, ::-1] for crop in found)])


@pytest.fixture(scope="module")
def published():
    return detectors.load("face-embedding")


@pytest.fixture(scope="module")
def student():
    return detectors.load("face-embedding-small")


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(small_faces, "BATCH", 3)


def embeddings_of(net, crops):
    with torch.no_grad():
        return torch.nn.functional.normalize(net(small_faces.as_tensor(crops))).numpy()


def test_sface_in_torch_says_what_its_file_says(crops, published):
    found = embeddings_of(sface.read(weights.find("sface-2021dec")), crops)
    assert found == pytest.approx(np.stack([published.embed_crop(crop) for crop in crops]), abs=1e-4)


def test_another_nets_file_is_not_read_as_sface():
    with pytest.raises(KeyError):
        sface.read(weights.find("anomaly-1"))


def test_the_maximum_is_prelu_for_slopes_up_to_one():
    slopes, seen = torch.tensor([-0.5, 0.0, 0.3, 1.0]), torch.randn(2, 4, 5, 5)
    assert torch.allclose(sface.MaxPReLU(slopes)(seen), torch.nn.functional.prelu(seen, slopes))


def test_the_exported_file_is_half_the_size_and_says_the_same(crops, tmp_path):
    net = sface.read(weights.find("sface-2021dec"))
    before = embeddings_of(net, crops)
    sface.export(net, tmp_path / "net.onnx")
    after = weights.open_session(tmp_path / "net.onnx").run(None, {"data": np.ascontiguousarray(small_faces.as_tensor(crops).numpy())})[0]
    assert (tmp_path / "net.onnx").stat().st_size < 20_000_000
    assert (before * after / np.linalg.norm(after, axis=1, keepdims=True)).sum(1).min() > 0.999


def test_a_shrunken_face_keeps_its_shape_and_loses_its_detail(crops):
    rng = np.random.default_rng(0)
    blurred = [small_faces.blur(crops[0], rng) for _ in range(20)]
    assert {each.shape for each in blurred} == {(112, 112, 3)}
    assert max(cv2.Laplacian(each, cv2.CV_32F).var() for each in blurred) < cv2.Laplacian(crops[0], cv2.CV_32F).var()


def test_the_teacher_says_the_same_of_a_face_and_its_mirror_image(crops):
    targets = small_faces.teach(crops)
    assert torch.allclose(targets[:3], targets[3:], atol=1e-5)


def test_training_brings_shrunken_faces_nearer_to_what_the_teacher_says(crops, few):
    tiny = np.stack([degrade(crop, 12) for crop in crops])
    targets = small_faces.teach(crops).numpy()
    trained = small_faces.train(crops, small_faces.StudentRecipe(epochs=3, lr=6e-4), log=lambda _: None)
    before, after = ((embeddings_of(net, tiny) * targets).sum(1).mean() for net in (sface.read(weights.find("sface-2021dec")), trained))
    assert after > before + 0.02


def test_the_same_seed_trains_the_same_net(crops, few):
    one, two = (small_faces.train(crops, small_faces.StudentRecipe(epochs=1), log=lambda _: None) for _ in range(2))
    assert (embeddings_of(one, crops) * embeddings_of(two, crops)).sum(1).min() > 0.9999  # threads add bfloat16 numbers in any order


def test_training_stops_when_its_time_is_over(crops, few):
    untouched = small_faces.train(crops, small_faces.StudentRecipe(seconds=1e-9), log=lambda _: None)
    assert np.array_equal(embeddings_of(untouched, crops), embeddings_of(sface.read(weights.find("sface-2021dec")), crops))


def test_too_few_faces_are_refused(crops):
    with pytest.raises(BadDataset, match="6 faces are too few"):
        small_faces.train(crops, small_faces.StudentRecipe())


def test_a_small_face_is_nearer_to_its_template_than_by_the_published_net(crops, published, student):
    gains = []
    for crop in crops:
        tiny, sharp = degrade(crop, 12), published.embed_crop(crop)
        gains.append(student.embed_crop(tiny) @ small.template(sharp, student.embed_crop(crop)) - published.embed_crop(tiny) @ sharp)
    assert np.mean(gains) > 0.05


def test_a_template_is_normalised(published, student, crops):
    made = small.template(published.embed_crop(crops[0]), student.embed_crop(crops[0]))
    assert np.linalg.norm(made) == pytest.approx(1)


@pytest.mark.parametrize(("resolution", "small_net"), [(16, True), (27, True), (28, False), (None, False)])
def test_probes_are_embedded_by_the_net_for_their_size(resolution, small_net):
    by_size, plain = Portraits(STAFF), Portraits(STAFF, by_size=False)
    assert np.array_equal(by_size.probe("custode-1.jpg", resolution), plain.probe("custode-1.jpg", resolution)) != small_net
    assert np.array_equal(by_size.template("custode-1.jpg", resolution), plain.template("custode-1.jpg", resolution)) != small_net


@pytest.fixture
def face_set(tmp_path):
    """Three people with a picture each; one is in the gallery, one a probe, one has a second picture without a face."""
    for n in (1, 2, 3):
        (tmp_path / f"p{n}").mkdir()
        (tmp_path / f"p{n}" / "a.jpg").write_bytes((STAFF / f"custode-{n}.jpg").read_bytes())
    cv2.imwrite(str(tmp_path / "p3" / "b.jpg"), np.full((200, 200, 3), 128, np.uint8))
    (tmp_path / "gallery.csv").write_text("person,path\np1,p1/a.jpg\n")
    (tmp_path / "probes.csv").write_text("path,person\np2/a.jpg,-\n")
    return tmp_path


def test_nobody_of_the_gallery_or_the_probes_is_learned_from(face_set, crops):
    learned = small_faces.faces_to_learn_from(face_set)
    assert np.array_equal(learned, crops[2:3])


def test_a_folder_without_enough_faces_is_a_clear_error(face_set, capsys):
    assert small_faces.main([str(face_set), "--out", str(face_set / "net.onnx")]) == 2
    assert "1 faces are too few" in capsys.readouterr().err
    assert not (face_set / "net.onnx").exists()


def test_a_folder_without_tables_is_a_clear_error(tmp_path, capsys):
    assert small_faces.main([str(tmp_path), "--out", str(tmp_path / "net.onnx")]) == 2
    assert "gallery.csv, line 1" in capsys.readouterr().err
