"""Covered eyes and mouths: what is drawn on faces, what the shipped net says of it, and that training teaches something."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import detectors
from detectors import image, weights
from detectors.errors import BadDataset
from detectors.faces.covered import LOOKED_AT, PARTS, Covered, prepare
from detectors.faces.embed import align
from detectors.nets.covered import SIDE, CoveredNet
from detectors.train import face_covered
from detectors.train.covers import COVERS, KINDS, REGIONS, cover
from detectors.train.face_covered import CoveredRecipe

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@pytest.fixture(scope="module")
def crops():
    """The demo's staff, aligned; none of them was learned from."""
    finder = detectors.load("faces")
    pictures = [image.read(STAFF / f"custode-{n}.jpg") for n in (1, 2, 3)]
    return [align(picture, finder.find(picture)[0].landmarks) for picture in pictures]


def likelihoods_of(crop: np.ndarray) -> dict[str, float]:
    return dict(zip(PARTS, detectors.shared("face-covered").look(crop).tolist(), strict=True))


def over(crop: np.ndarray) -> set[str]:
    return {part for part, score in likelihoods_of(crop).items() if score > detectors.shared("face-covered").card.thresholds[part]}


def test_clear_faces_are_clear_also_grey_small_dark_or_mirrored(crops):
    for crop in crops:
        grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        assert [over(each) for each in (crop, grey, crop[:, ::-1], cv2.convertScaleAbs(crop, alpha=0.6))] == [set()] * 4


@pytest.mark.parametrize("kind", COVERS)
def test_the_shipped_net_sees_each_kind_of_thing_on_people_it_never_saw(crops, kind):
    found, wanted = [], []
    for n in range(24):
        picture, what = cover(crops[n % 3], kind, np.random.default_rng(n))
        wanted += [part for part, yes in zip(PARTS, what, strict=True) if yes == 1]
        found += [part for part, yes in zip(PARTS, what, strict=True) if yes == 1 and part in over(picture)]
    assert len(found) >= 0.8 * len(wanted)


def test_it_tells_eyes_from_mouth(crops):
    mask, hat = (cover(crops[0], kind, np.random.default_rng(3))[0] for kind in ("mask", "hat or hair"))
    assert (over(mask), over(hat)) == ({"mouth"}, {"eyes"})


def test_what_covers_nothing_is_mostly_taken_for_nothing(crops):
    wrong = sum(bool(over(cover(crops[n % 3], "nothing", np.random.default_rng(n))[0])) for n in range(30))
    assert wrong <= 3


def test_the_detector_tells_the_covered_parts(crops):
    (found,) = detectors.load("face-covered").detect([cover(crops[0], "scarf", np.random.default_rng(1))[0]])
    assert [(each.kind, each.data) for each in found] == [("covered", {"part": "mouth"})]


def test_the_net_is_small():
    assert weights.locked("face-covered-1").size < 1_000_000
    assert LOOKED_AT == SIDE


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawing_changes_a_copy_and_the_same_seed_draws_the_same(crops, kind):
    before = crops[0].copy()
    first, second = (cover(crops[0], kind, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(crops[0], before)
    assert np.array_equal(first[0], second[0])
    assert (first[0].shape, first[0].dtype) == (before.shape, np.uint8)


@pytest.mark.parametrize(("kind", "part"), [("mask", 1), ("scarf", 1), ("sunglasses", 0), ("hat or hair", 0)])
def test_what_a_thing_covers_is_what_is_said_of_it(crops, kind, part):
    for n in range(10):
        picture, what = cover(crops[n % 3], kind, np.random.default_rng(n))
        changed = (np.abs(picture.astype(int) - crops[n % 3]).max(2) > 3)[REGIONS[part]].mean()
        assert not (what[part] == 1 and changed < 0.4)
        assert what[1 - part] != 1


def test_what_covers_nothing_covers_neither_eyes_nor_mouth(crops):
    labels = np.array([cover(crops[0], "nothing", np.random.default_rng(n))[1] for n in range(40)])
    assert not (labels == 1).any()


def test_torch_and_the_written_file_say_the_same(tmp_path, crops):
    torch.manual_seed(1)
    net = CoveredNet().eval()
    face_covered.export(net, tmp_path / "net.onnx")
    plain = torch.sigmoid(net(torch.from_numpy(prepare(crops[0])[None])))[0].detach().numpy()
    assert Covered(weights.open_session(tmp_path / "net.onnx")).look(crops[0]) == pytest.approx(plain, abs=1e-5)


def test_training_brings_the_loss_down_and_the_same_seed_trains_the_same_net(crops):
    lines: list[str] = []
    first, second = (face_covered.train(crops * 22, CoveredRecipe(epochs=4, kinds=("scarf",)), lines.append) for _ in range(2))
    losses = [float(line.split()[3].rstrip(",")) for line in lines[:4]]
    assert losses[-1] < losses[0]
    assert all(torch.equal(*pair) for pair in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


def test_a_threshold_lets_no_more_than_the_wanted_share_of_clear_faces_pass(crops):
    people = {str(n): [crop] for n, crop in enumerate(crops)}
    limits = face_covered.thresholds_of(detectors.shared("face-covered"), people, false=0.2)
    scores = [likelihoods_of(face_covered.degrade(crop, size))["mouth"] for crop in crops for size in (112, 64, 48, 32, 24)]
    assert np.mean(np.array(scores) > limits["mouth"]) <= 0.2


def test_two_things_cover_both(crops):
    drawn = [face_covered.draw(crops[0], ("mask", "sunglasses"), np.random.default_rng(n))[1] for n in range(120)]
    assert any((what == 1).all() for what in drawn)
    assert any((what == 0).all() for what in drawn)


@pytest.mark.parametrize("count", [0, 63])
def test_too_few_faces_are_refused(crops, count):
    with pytest.raises(BadDataset, match=f"{count} faces are too few"):
        face_covered.train((crops * 21)[:count], CoveredRecipe())


def test_a_wrong_folder_or_kind_is_said_in_one_line(tmp_path, capsys):
    assert face_covered.main([str(tmp_path), "--out", str(tmp_path / "a.onnx"), "--without", "beard"]) == 2
    assert "--without takes some of mask" in capsys.readouterr().err
    assert face_covered.main([str(tmp_path), "--out", str(tmp_path / "a.onnx")]) == 2
    assert "gallery.csv, line 1" in capsys.readouterr().err
    assert not (tmp_path / "a.onnx").exists()


def test_the_log_beside_the_card_is_that_of_the_shipped_net():
    log = Path(__file__).resolve().parents[2] / "docs" / "cards" / "face-covered-1.log"
    figures = json.loads(log.read_text().splitlines()[-1])
    assert figures["sha256"] == weights.locked("face-covered-1").sha256
    assert figures["thresholds"] == detectors.card("face-covered").thresholds
