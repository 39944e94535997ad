"""Manipulated faces: crops, fakes made to learn from, people of a clip, the voting rule, and what the evaluators print of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import detectors
from detectors import image, video, weights
from detectors.__main__ import main
from detectors.deepfake.crops import POINTS, SIDE, crop_face, scale_of
from detectors.deepfake.examine import Examiner, clip_score, sampled
from detectors.deepfake.identities import group, vote
from detectors.deepfake.logistic import cross_fitted, fit, folds_of
from detectors.deepfake.probe import FaceProbe
from detectors.deepfake.traces import RINGS, rings
from detectors.metrics import auc
from detectors.nets.lite import LiteNet
from detectors.nets.manipulated import ManipulatedNet
from detectors.nets.probe import NUMBERS, ProbeNet
from detectors.train.face_probe import export
from detectors.train.manipulated import ManipulatedRecipe, tensor_of, train
from detectors.train.pseudo_fakes import KINDS as PSEUDO
from detectors.train.pseudo_fakes import pseudo_fake, spoil

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@pytest.fixture(scope="module")
def portraits():
    return [image.read(STAFF / f"custode-{n}.jpg") for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def crops(portraits):
    finder = detectors.shared("faces")
    return np.stack([crop_face(each, finder.find(each)[0].landmarks) for each in portraits])


@pytest.fixture(scope="module")
def folder(portraits, tmp_path_factory):
    """Six pictures in the format of the data set: three portraits, and each with another one's mouth."""
    made = tmp_path_factory.mktemp("deepfake")
    rng, rows = np.random.default_rng(0), ["path,label,group,method"]
    for n, portrait in enumerate(portraits):
        fake = portrait.copy()
        face = detectors.shared("faces").find(portrait)[0]
        x, y = face.landmarks[3:].mean(0).astype(int)
        half = int(face.box.w / 4)
        part = fake[y - half : y + half, x - half : x + half]
        part[:] = cv2.GaussianBlur(part, (0, 0), 4) + rng.integers(0, 20, part.shape, np.uint8) // 2
        for label, picture in (("real", portrait), ("fake", fake)):
            cv2.imwrite(str(made / f"{n}-{label}.jpg"), picture)
            rows.append(f"{n}-{label}.jpg,{label},demo-{n},{'mouth' if label == 'fake' else '-'}")
    (made / "labels.csv").write_text("\n".join(rows) + "\n")
    return made


def test_a_crop_brings_the_landmarks_where_they_belong(portraits):
    face = detectors.shared("faces").find(portraits[0])[0]
    turned = cv2.rotate(portraits[0], cv2.ROTATE_90_CLOCKWISE)
    height = portraits[0].shape[0]
    landmarks = np.stack([height - 1 - face.landmarks[:, 1], face.landmarks[:, 0]], 1)
    upright, back = crop_face(portraits[0], face.landmarks), crop_face(turned, landmarks)
    assert upright.shape == back.shape == (SIDE, SIDE, 3)
    assert np.abs(upright.astype(int) - back).mean() < 6
    found = detectors.shared("faces").find(upright)[0].landmarks
    assert np.abs(found - POINTS).max() < 12
    assert scale_of(face.landmarks * 2) == pytest.approx(scale_of(face.landmarks) / 2, rel=1e-3)


@pytest.mark.parametrize("kind", PSEUDO)
def test_a_made_fake_differs_where_its_mask_says(crops, kind):
    rng = np.random.default_rng(1)
    for _ in range(4):
        fake, mask = pseudo_fake(crops[0], crops[1], kind, rng)
        moved = np.abs(fake.astype(int) - crops[0]).mean(-1)
        assert fake.shape == crops[0].shape
        assert fake.dtype == np.uint8
        assert mask.shape == (SIDE, SIDE)
        assert 0 < mask.max() <= 1
        assert moved.mean() > 0
        assert spoil(fake, rng).shape == fake.shape


def test_a_clips_faces_are_grouped_by_person_and_passers_by_left_out():
    axes = np.eye(128, dtype=np.float32)
    near = lambda axis, by: (axes[axis] + by * axes[axis + 1]) / np.hypot(1, by)  # noqa: E731
    faces = [near(0, 0.1 * n) for n in range(6)] + [near(10, 0.1 * n) for n in range(6)] + [axes[20]]
    people = group(np.stack(faces), [*range(6), *range(6), 3])
    assert people == [list(range(6)), list(range(6, 12))]
    assert group(axes[:1], [0]) == [[0]]


def test_the_vote_takes_the_worst_person_only_above_the_threshold():
    assert vote([0.2, 3.0, 0.1], 1.0) == 3.0
    assert vote([0.2, 0.7, 0.3], 1.0) == pytest.approx(0.4)


def test_folds_keep_groups_whole_and_the_fit_finds_what_is_there():
    rng = np.random.default_rng(0)
    groups = [f"g{n // 3}" for n in range(120)]
    labels = np.array([n // 3 % 2 for n in range(120)])
    features = rng.normal(size=(120, 5)) + labels[:, None] * [2, 0, 0, 0, 0]
    folds = folds_of(groups)
    assert all(len({fold for fold, own in zip(folds, groups, strict=True) if own == each}) == 1 for each in set(groups))
    assert auc(cross_fitted(features, labels, groups, penalty=1.0), labels) > 0.85
    assert np.argmax(np.abs(fit(features, labels, penalty=1.0).weights)) == 0


def test_rings_of_a_blurred_picture_fall_faster():
    picture = np.random.default_rng(0).integers(0, 255, (120, 100, 3), np.uint8)
    sharp, soft = rings(picture), rings(cv2.GaussianBlur(picture, (0, 0), 2))
    assert sharp.shape == (RINGS,)
    assert soft[-1] - soft[0] < sharp[-1] - sharp[0] - 1


def test_training_moves_what_is_not_frozen_and_logs_every_kind_of_fake(crops):
    many, lines = np.concatenate([crops] * 8), []
    torch.manual_seed(0)
    net = ManipulatedNet()
    before = {name: each.clone() for name, each in net.state_dict().items()}
    net = train(many, net, ManipulatedRecipe(steps=3, frozen=3), lines.append)
    with torch.no_grad():
        whole, where = net(torch.zeros(2, 3, SIDE, SIDE))
    assert whole.shape == (2,)
    assert where.shape == (2, 10, 10)
    moved = {name for name, each in net.state_dict().items() if not torch.equal(each, before[name])}
    assert "whole.weight" in moved
    assert "blocks.10._project_conv.weight" in moved
    assert not any(each.startswith(("stem", "blocks.2")) for each in moved)
    assert set(json.loads(lines[-1].split(": ", 1)[1])) == set(PSEUDO)


def test_the_exported_probes_give_what_the_fitted_ones_do(crops, tmp_path):
    torch.manual_seed(0)
    lite = LiteNet().eval()
    with torch.no_grad():
        features = ProbeNet(lite).features(tensor_of(crops)).numpy()
    probes = [fit(features, labels, penalty=10.0) for labels in ([0, 1, 1], [0, 0, 1])]
    export(ProbeNet(lite, probes), tmp_path / "probe.onnx")
    found = np.stack([FaceProbe(weights.open_session(tmp_path / "probe.onnx")).look(each) for each in crops])
    assert features.shape == (3, NUMBERS)
    assert np.allclose(found, np.stack([each.score(features) for each in probes], 1), atol=0.05)


def test_a_clip_of_two_people_has_a_score_each(portraits, tmp_path):
    side = 300
    frame = np.hstack([cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in portraits[:2]])
    video.write_webm(tmp_path / "two.webm", [frame] * 12, 10.0)
    people = Examiner().clip(tmp_path / "two.webm", 4)
    assert len(people) == 2
    assert all(len(each.faces) == 4 for each in people)
    assert min(each.score for each in people) - 1e-6 <= clip_score(people, 0.0) <= max(each.score for each in people) + 1e-6
    assert len(sampled(tmp_path / "two.webm", 5)) == 5


def test_the_evaluator_prints_what_the_format_asks_for(folder, capsys):
    assert main(["evaluate", "deepfake-image", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {"auc", "accuracy", "f1", "eer", "auc_mouth", "auc_collection_demo", "no_face", "cannot_say_by_score"} <= set(answer["metrics"])
    assert answer["n"] == 6
    assert answer["model"]["name"] == "face-manipulated"
    assert {"size", "blur", "resolution", "rings", "lite0"} == set(answer["rivals"])


def test_a_wrong_label_is_refused_with_its_line(folder, tmp_path, capsys):
    (tmp_path / "labels.csv").write_text("path,label,group,method\na.jpg,perhaps,demo-1,-\n")
    assert main(["evaluate", "deepfake-video", str(tmp_path)]) == 2
    assert "labels.csv, line 2" in (error := capsys.readouterr().err)
    assert "path,label,group,method" in error
