"""Manipulated faces: crops, fakes made to learn from, people of a clip, the voting rule, and what the evaluators print of a folder."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import detectors
from detectors import image, results, video, weights
from detectors.__main__ import main
from detectors.deepfake.crops import POINTS, SIDE, crop_face, scale_of
from detectors.deepfake.examine import LEAST_FACES, ClipPerson, Examiner, clip_score, sampled
from detectors.deepfake.found import find_faces, kept_faces
from detectors.deepfake.identities import group, vote
from detectors.deepfake.logistic import cross_fitted, fit, folds_of
from detectors.deepfake.probe import FaceProbe
from detectors.deepfake.studies import encoded
from detectors.deepfake.traces import RINGS, rings
from detectors.errors import BadDataset, BadInput
from detectors.metrics import auc
from detectors.nets.lite import LiteNet
from detectors.nets.manipulated import ManipulatedNet, take_over
from detectors.nets.probe import NUMBERS, ProbeNet
from detectors.nets.sface import SFaceNet
from detectors.train.face_probe import export
from detectors.train.manipulated import ChoosingFaces, ManipulatedRecipe, folded, tensor_of, train
from detectors.train.manipulated import export as export_manipulated
from detectors.train.pseudo_fakes import KINDS as PSEUDO
from detectors.train.pseudo_fakes import pseudo_fake, spoil
from detectors.train.real_faces import crops_of

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


def test_passers_by_count_in_a_clips_score_only_where_nobody_stays():
    staying, passing = ClipPerson((None,) * LEAST_FACES, 0.2), ClipPerson((None,) * (LEAST_FACES - 1), 3.0)
    assert clip_score([staying, passing], 1.0) == pytest.approx(0.2)
    assert clip_score([passing], 1.0) == pytest.approx(3.0)


def test_an_exported_net_is_read_back_to_go_on_from(crops, tmp_path):
    torch.manual_seed(0)
    net, again = ManipulatedNet().eval(), ManipulatedNet().eval()
    export_manipulated(net, tmp_path / "net.onnx")
    take_over(again, tmp_path / "net.onnx")
    with torch.no_grad():
        for mine, read in zip(folded(net, tensor_of(crops)), folded(again, tensor_of(crops)), strict=True):
            assert torch.allclose(mine, read, atol=0.02)


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


def test_training_moves_what_is_not_frozen_logs_every_kind_of_fake_and_goes_on_where_it_was_ended(crops):
    many, lines, states = np.concatenate([crops] * 8), [], []
    torch.manual_seed(0)
    fresh, recipe = ManipulatedNet(), ManipulatedRecipe(steps=2, frozen=3, check_every=1)
    choosing = ChoosingFaces(crops, np.arange(3), np.array([0, 1, 1]))
    net = train(many, copy.deepcopy(fresh), recipe, lines.append, keep=lambda each: states.append(copy.deepcopy(each.state())), choosing=choosing)
    with torch.no_grad():
        whole, where = net(tensor_of(crops))
        assert torch.allclose(whole, folded(net, tensor_of(crops))[0], atol=1e-4)
    assert whole.shape == (3,)
    assert where.shape == (3, 10, 10)
    before = fresh.state_dict()
    moved = {name for name, each in net.state_dict().items() if not torch.equal(each, before[name])}
    assert "whole.weight" in moved
    assert "blocks.10._project_conv.weight" in moved
    assert not any(each.startswith(("stem", "blocks.2")) for each in moved)
    assert "to choose by" in lines[0]
    assert set(json.loads(lines[-1].split(": ", 1)[1])) == set(PSEUDO)
    assert [each["step"] for each in states] == [1, 2]
    resumed = []
    train(many, copy.deepcopy(fresh), recipe, lambda line: None, resumed=states[0], keep=lambda each: resumed.append(each.state()))
    assert [each["step"] for each in resumed] == [2]
    assert all(torch.allclose(each, resumed[0]["net"][name], atol=1e-6) for name, each in states[1]["net"].items())


def test_a_training_ends_when_it_makes_no_progress(crops):
    steps = []
    recipe = ManipulatedRecipe(steps=50, lr=0.0, frozen=11, check_every=1, patience=1)
    train(np.concatenate([crops] * 8), ManipulatedNet(), recipe, lambda line: None, keep=lambda each: steps.append(each.step))
    assert steps[-1] <= 3


def test_real_faces_are_cut_out_once_and_fakes_of_a_labelled_folder_left_out(folder, tmp_path):
    found = crops_of(folder, tmp_path / "cache")
    assert found.shape == (3, SIDE, SIDE, 3)
    (kept,) = (tmp_path / "cache").iterdir()
    np.savez(kept, crops=found[:1])
    assert len(crops_of(folder, tmp_path / "cache")) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadDataset, match="no face"):
        crops_of(tmp_path / "empty", tmp_path / "cache")


def test_faces_that_were_kept_are_those_that_were_found_also_of_a_clip_encoded_again(portraits, tmp_path):
    frame = np.hstack([cv2.resize(each, (200, 200), interpolation=cv2.INTER_AREA) for each in portraits[:2]])
    video.write_webm(tmp_path / "two.webm", [frame] * 6, 10.0)
    sizes = [encoded(tmp_path / "two.webm", tmp_path / f"{crf}.mp4", crf).stat().st_size for crf in (20, 40)]
    assert sizes[1] < sizes[0]
    examiner = Examiner()
    found = find_faces(tmp_path / "40.mp4", "clip", examiner, 2)
    kept_faces(tmp_path / "40.mp4", "clip", examiner, tmp_path / "kept.npz", 2)
    again = kept_faces(tmp_path / "gone.mp4", "clip", examiner, tmp_path / "kept.npz", 2)
    assert [each.frame for each in again.faces] == [0, 0, 1, 1]
    assert again.shape == found.shape == (200, 400)
    for kept, seen in zip(again.faces, found.faces, strict=True):
        assert kept.face.box == pytest.approx(seen.face.box)
        assert np.array_equal(kept.crop, seen.crop)
        assert np.allclose(kept.face.embedding, seen.face.embedding)
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((64, 64, 3), 90, np.uint8))
    for path in ("wall.png", "gone.png"):
        with pytest.raises(BadInput, match="no face"):
            kept_faces(tmp_path / path, "picture", examiner, tmp_path / "wall.npz")


def test_the_exported_probes_give_what_the_fitted_ones_do(crops, tmp_path):
    torch.manual_seed(0)
    lite, face = LiteNet().eval(), SFaceNet().eval()
    with torch.no_grad():
        features = ProbeNet(lite, face).features(tensor_of(crops)).numpy()
    probes = [fit(features, labels, penalty=10.0) for labels in ([0, 1, 1], [0, 0, 1])]
    export(ProbeNet(lite, face, probes), tmp_path / "probe.onnx")
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


@pytest.mark.data
@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("deepfake", ("| shipped score |", "stills small", "voting rule", "error of the answers", "Cross Efficient ViT", "photographs")),
        ("deepfake_encodings", ("| CRF 40 |", "| 30 |", "linear probe, ViT-S/14", "method that it never saw")),
    ],
)
def test_a_page_of_results_is_written_by_one_command(name, wanted, tmp_path):
    if not (results.data_folder() / "deepfake").exists():
        pytest.skip("not run: the evaluation data deepfake is not here (SPECOLA_DATA)")
    asked = ["results", name, "--limit", "24", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "page.md")]
    assert main(asked) == 0
    page = (tmp_path / "page.md").read_text()
    assert [each for each in wanted if each not in page] == []


def test_a_head_on_more_numbers_than_rows_is_the_one_of_least_loss():
    rng = np.random.default_rng(4)
    features, labels = rng.normal(3, 2, (24, 90)), np.arange(24) % 3 == 0
    head = fit(features, labels, penalty=2.0)
    seen = np.clip((features - head.mean) / head.deviation, -6, 6)
    share = np.where(labels, 24 / 2 / labels.sum(), 24 / 2 / (~labels).sum())
    over = share * (1 / (1 + np.exp(-head.score(features))) - labels)
    assert np.allclose(seen.T @ over + 2.0 * head.weights, 0, atol=1e-6)  # no step makes the loss less
    assert abs(over.sum()) < 1e-4
