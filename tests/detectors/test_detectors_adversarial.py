"""Adversarial inputs: attacks work on the real nets, the detectors tell them from harmless crops, the evaluators read their data set."""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import image
from detectors.__main__ import main
from detectors.adversarial.looks import grain, jpeg, looks
from detectors.bench import scene
from detectors.faces.embed import align

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
COLUMNS = ("path", "label", "attack", "targeted", "source")


@functools.cache
def faces() -> list[np.ndarray]:
    """The aligned faces of the demo's three portraits."""
    crops = []
    for file in sorted(STAFF.glob("*.jpg")):
        picture = image.read(file)
        crops.append(align(picture, detectors.shared("faces").find(picture)[0].landmarks))
    return crops


@functools.cache
def attacked() -> list[np.ndarray]:
    """The same faces, changed by at most eight levels so that SFace sees nobody like them."""
    torch = pytest.importorskip("torch")
    from detectors import weights
    from detectors.attacks import gradient
    from detectors.nets import sface

    net = sface.read(weights.find("sface-2021dec")).requires_grad_(False)
    start = torch.from_numpy(np.stack([crop[..., ::-1].transpose(2, 0, 1) for crop in faces()]).astype(np.float32))
    right = torch.nn.functional.normalize(net(start))
    goal = gradient.vectors_goal(net, right, targeted=False, threshold=0.363)
    made = gradient.linf(start, goal.loss, budget=8, steps=5, random=True).round()
    assert (goal.margin(made) < 0).all()
    assert float((made - start).abs().max()) <= 8
    return [each.byte().permute(1, 2, 0).numpy()[..., ::-1].copy() for each in made]


def dataset(folder: Path, crops: list[tuple[np.ndarray, tuple]]) -> Path:
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for n, (crop, row) in enumerate(crops):
            cv2.imwrite(str(folder / f"{n}.png"), crop)
            table.writerow((f"{n}.png", *row))
    return folder


def test_attacked_faces_score_higher_than_the_same_faces_however_a_camera_delivers_them():
    judge = detectors.shared("adversarial-face")
    bound = judge.card.thresholds["score"]
    assert min(map(judge.score, attacked())) > bound
    for crop in faces():
        assert max(judge.score(each) for each in (crop, jpeg(crop, 75))) <= bound


def test_the_evaluator_reads_any_attack_and_gives_the_rival_beside_it(tmp_path, capsys):
    harmless = [(crop, ("clean", "-", 0, f"s{n}")) for n, crop in enumerate(faces())]
    harmless += [(jpeg(crop, 60), ("clean", "control-jpeg-60", 0, f"s{n}")) for n, crop in enumerate(faces())]
    made = [(crop, ("adversarial", "never seen before", n % 2, f"s{n}")) for n, crop in enumerate(attacked())]
    folder = dataset(tmp_path, harmless + made)
    assert main(["evaluate", "adversarial-face", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["n"] == 9
    assert {"auc", "eer_accuracy", "tpr_at_fpr_1e-2", "auc_macro_targeted", "auc_macro_untargeted", "auc_worst_attack"} <= set(answer["metrics"])
    assert answer["metrics"]["auc"]["value"] == 1.0
    assert set(answer["rivals"]["jpeg_75"]) == set(answer["metrics"]) - {"flagged_harmless_at_default_threshold"}
    assert {name: row["n"] for name, row in answer["per_attack"].items()} == {"never seen before untargeted": 2, "never seen before targeted": 1}
    assert {name: row["n"] for name, row in answer["controls"].items()} == {"-": 3, "control-jpeg-60": 3}


@pytest.mark.parametrize("name", ["adversarial-image", "adversarial-face"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,label,attack,source\n", "labels.csv, line 1: column targeted is missing; expected columns path,label,attack,targeted,source"),
        ("path,label,attack,targeted,source\na.png,fake,-,0,a\n", "labels.csv, line 2: label cannot be 'fake'"),
        ("path,label,attack,targeted,source\na.png,clean,-,2,a\n", "labels.csv, line 2: targeted cannot be '2'"),
        ("path,label,attack,targeted,source\na.png,clean,-,0,a\n", "no usable crops of both labels"),
        (None, "labels.csv, line 1: the file is missing"),
    ],
)
def test_a_wrong_format_is_said_with_file_line_and_columns(tmp_path, capsys, name, content, words):
    if content is not None:
        (tmp_path / "labels.csv").write_text(content)
    assert main(["evaluate", name, str(tmp_path), "--json"]) == 2
    assert words in capsys.readouterr().err


def test_looks_and_grain_are_the_same_each_time_and_of_any_size():
    for size in ((120, 180), (7, 5)):
        picture = scene(3, size)
        first, second = looks(picture), looks(picture)
        assert all(each.shape == picture.shape and each.dtype == np.uint8 for each in first.values())
        assert all((first[name] == second[name]).all() for name in first)
    assert all(np.isfinite(list(grain(scene(3)).values())))


def test_the_picture_classifier_was_read_right():
    torch = pytest.importorskip("torch")
    from detectors.nets import lite

    net = lite.LiteNet()
    assert sum(each.numel() for each in net.parameters()) == 4_652_008  # as published: 4.7 million
    assert net(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(each.numel() for each in lite.LiteNet(lite.LITE2).parameters()) == 6_092_072  # 6.1 million


def test_the_page_of_results_has_every_attack_and_control_beside_the_re_save():
    pytest.importorskip("torch")
    from detectors.results import adversarial as page_of
    from detectors.train import adversarial as training

    rng, count = np.random.default_rng(0), 32
    attacked = np.arange(count) % 4 == 0
    attacks = np.where(attacked, np.where(np.arange(count) % 8 == 0, "pgd", "still"), np.where(np.arange(count) % 4 == 1, "-", "control-noise-4"))
    data = training.Measured(
        rng.normal(size=(count, 3)).astype(np.float32) + 3 * attacked[:, None],
        rng.normal(size=count),
        attacked,
        attacks,
        (np.arange(count) % 16 == 0).astype(int),
        np.array([f"s{n // 4}" for n in range(count)]),
        ("a", "b", "c"),
    )
    scores = data.values.mean(1)
    answer = training.figures_of(data, scores, training.threshold_of(data, scores))
    page = "\n".join([*page_of.figures("Faces", answer, {"still": (4, 0.5)}), *page_of.published({"face": answer, "image": answer})])
    for wanted in ("32 crops of 8 sources", "| still untargeted |", "| as they are | 8 |", "| control-noise-4 |", "| still | 4 |", "Massoli 2021"):
        assert wanted in page


def test_every_crop_gets_the_hardest_controls_and_the_threshold_heeds_each_of_them(tmp_path):
    pytest.importorskip("torch")
    from detectors.attacks import controls
    from detectors.train import adversarial as training

    lines = ["path,label,attack,targeted,source,split,budget"]
    for n in range(12):
        cv2.imwrite(str(tmp_path / f"s{n}.png"), scene(n))
        lines.append(f"s{n}.png,clean,-,0,s{n},train,0")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    controls.add(tmp_path, each=1, test=1)
    rows = training.rows_of(tmp_path)
    assert {name: sum(row["attack"] == name for row in rows) for name in controls.HARDEST} == dict.fromkeys(controls.HARDEST, 12)
    assert {row["attack"] for row in rows} == {"-", *controls.CONTROLS}
    assert len({row["path"] for row in rows}) == len(rows)
    attacks = np.array([row["attack"] for row in rows])
    scores = np.where(attacks == "control-sharper", 0.4, 0.1)
    data = training.Measured(scores[:, None], scores, np.zeros(len(rows), bool), attacks, np.zeros(len(rows), int), attacks, ("a",))
    assert training.threshold_of(data, scores) >= 0.4
