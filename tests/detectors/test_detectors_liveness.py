"""Faces that are not live: the simulation is the same each time, media score higher than the people they show, and what cannot be judged is left open."""

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
from detectors.types import Box

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@functools.cache
def portraits() -> list[np.ndarray]:
    """The demo's portraits as LFW frames its faces: 250 x 250, the face about 100 pixels in the middle."""
    made = []
    for file in sorted(STAFF.glob("*.jpg")):
        picture = image.read(file)
        box = detectors.shared("faces").find(picture)[0].box
        scale = 100 / max(box.w, box.h)
        at = np.array([[scale, 0, 125 - scale * (box.x + box.w / 2)], [0, scale, 125 - scale * (box.y + box.h / 2)]], np.float32)
        made.append(cv2.warpAffine(picture, at, (250, 250), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE))
    return made


@functools.cache
def looks() -> list[tuple[np.ndarray, str]]:
    """Simulated pictures of the portraits, and of media with them, four of each sort."""
    recapture = pytest.importorskip("detectors.train.recapture")
    made = []
    for number in range(4):
        portrait, behind = portraits()[number % 3], portraits()[(number + 1) % 3]
        for kind in ("-", *recapture.KINDS):
            rng = np.random.default_rng([7, number])
            camera = recapture.any_camera(rng)
            made.append((recapture.live(portrait, camera, rng) if kind == "-" else recapture.attack(portrait, behind, kind, camera, rng), kind))
    return made


def dataset(folder: Path) -> Path:
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "kind", "person", "track"))
        for number, (picture, kind) in enumerate(looks()):
            cv2.imwrite(str(folder / f"{number}.png"), picture)
            table.writerow((f"{number}.png", "live" if kind == "-" else "attack", kind, f"p{number // 5 % 3}", f"{number // 5 % 3}{kind}"))
    return folder


def test_prints_and_screens_score_higher_than_the_people_they_show(tmp_path, capsys):
    assert main(["evaluate", "liveness", str(dataset(tmp_path)), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] + len(found["skipped"]) == 20
    assert set(found["apcer"]) == {"phone", "tablet", "print", "poster"}
    assert found["metrics"]["auc"]["value"] > 0.75
    assert found["metrics"]["auc"]["value"] > max(rival["auc"]["value"] for rival in found["rivals"].values())
    assert found["metrics"]["auc_track"]["value"] > 0.75


def test_a_simulated_picture_is_the_same_each_time():
    from detectors.train import recapture

    first, second = (recapture.attack(portraits()[0], portraits()[1], "tablet", recapture.any_camera(rng), rng) for rng in map(np.random.default_rng, (3, 3)))
    assert (first == second).all()


def test_what_cannot_be_judged_is_left_open_with_its_reason():
    built = detectors.shared("face-liveness")
    picture = portraits()[0]
    face = detectors.shared("faces").find(picture)[0].box
    answers = {
        "small": built.judge(picture, Box(100, 100, 30, 40)),
        "dark": built.judge(picture // 16, face),
        "bright": built.judge(255 - picture // 32, face),
    }
    assert {name: (answer.kind, answer.reason, answer.score) for name, answer in answers.items()} == {name: ("cannot-say", name, None) for name in answers}
    assert built.judge_track(list(answers.values())).kind == "cannot-say"
    assert built.judge_track([]).kind == "cannot-say"
    whole = built.judge(picture, face)
    assert built.judge_track([answers["small"], whole]).score == pytest.approx(whole.score, abs=1e-5)


def test_a_face_at_the_edge_of_the_picture_is_judged_too():
    picture = portraits()[0][60:, 70:]
    assert detectors.shared("face-liveness").judge(picture, Box(-10, -15, 80, 100)).score is not None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "labels.csv, line 1: the file is missing"),
        ("path,label,kind,person\na.png,live,-,x\n", "line 1: column track is missing"),
        ("path,label,kind,person,track\na.png,real,-,x,1\n", "line 2: label cannot be 'real'"),
        ("path,label,kind,person,track\na.png,live,-,x,1\n", "no usable faces of both labels"),
    ],
)
def test_a_wrong_format_is_said_with_file_line_and_columns(tmp_path, capsys, content, words):
    if content is not None:
        (tmp_path / "labels.csv").write_text(content)
    assert main(["evaluate", "liveness", str(tmp_path), "--json"]) == 2
    assert words in capsys.readouterr().err
