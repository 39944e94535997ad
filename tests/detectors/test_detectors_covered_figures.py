"""The evaluator of covered faces, the cohort of the open-set evaluator, and folders that are laid out in another way, on the demo's portraits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.errors import BadDataset
from detectors.evaluate import evaluate
from detectors.evaluators import faces_covered, faces_open_set
from detectors.portraits import person_of

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two enrolled people and a stranger one folder deeper than usual, a broken picture, and a person in no table."""
    monkeypatch.setattr("detectors.metrics.RESAMPLES", 20)
    for n in (1, 2, 3):
        picture = cv2.imread(str(STAFF / f"custode-{n}.jpg"))
        (tmp_path / "img" / f"p {n}").mkdir(parents=True)
        for name, gain in (("a", 1.0), ("b", 0.9)):
            cv2.imwrite(str(tmp_path / "img" / f"p {n}" / f"{name}.png"), cv2.convertScaleAbs(picture, alpha=gain))
    (tmp_path / "img" / "p 1" / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.jpg").write_bytes((STAFF / "custode-3.jpg").read_bytes())
    (tmp_path / "gallery.csv").write_text("person,path\nP1,img/p 1/a.png\nP2,img/p 2/a.png\n")
    (tmp_path / "probes.csv").write_text("path,person\nimg/p 1/b.png,P1\nimg/p 1/broken.png,P1\nimg/p 2/b.png,P2\nimg/p 3/a.png,-\nimg/p 3/b.png,-\n")
    return tmp_path


def test_covered_faces_are_judged_by_kind_and_tracks_with_and_without_weights(folder):
    answer = evaluate("faces-covered", folder)
    assert (answer["n"], answer["people"], answer["clear faces"], len(answer["skipped"])) == (4, 3, 4, 1)
    assert answer["metrics"]["clear faces called covered"]["value"] == 0.0
    assert answer["metrics"]["scarf, mouth: auc"]["value"] == 1.0
    assert {"tracks, covers weighed: fpir at the threshold", "tracks, gain by weighing covers"} <= set(answer["metrics"])


def test_covered_faces_need_a_gallery_and_strangers(folder):
    (folder / "gallery.csv").write_text("person,path\n")
    with pytest.raises(BadDataset, match=r"gallery\.csv, line 2"):
        evaluate("faces-covered", folder)
    (folder / "probes.csv").write_text("path,person\nimg/p 1/b.png,P1\n")
    with pytest.raises(BadDataset, match=r"probes\.csv, line 2"):
        evaluate("faces-covered", folder)


def test_a_folder_laid_out_deeper_is_judged_person_by_person(folder):
    answer = evaluate("faces-open-set", folder)
    assert answer["metrics"]["rank1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert answer["skipped"][0]["item"] == "img/p 1/broken.png"


@pytest.mark.parametrize(("path", "person"), [("Anna/1.jpg", "Anna"), ("img/Anna/1.jpg", "img/Anna"), ("1.jpg", "1.jpg")])
def test_a_persons_pictures_lie_in_one_folder(path, person):
    assert person_of(path) == person


def test_a_cohort_is_people_in_no_table_and_too_small_a_one_is_left_out(folder, monkeypatch):
    assert "centroid-with-cohort" not in evaluate("faces-open-set", folder)["rivals"]
    monkeypatch.setattr(faces_open_set, "LEAST_COHORT", 1)
    assert faces_open_set.cohort_of(folder, {"img"}).shape == (1, 128)
    assert set(evaluate("faces-open-set", folder)["rivals"]["centroid-with-cohort"]) == {"tpir_at_fpir_1e-2"}


def test_a_track_of_clear_and_covered_frames_stays_near_the_clear_face(folder):
    from detectors.portraits import Portraits

    portraits = Portraits(folder)
    crop, face = portraits.aligned("img/p 1/a.png")
    weighed, plain = faces_covered.covered_track(portraits.embedder, crop, face, np.random.default_rng(0))
    clear = portraits.embedding("img/p 1/a.png")
    assert weighed @ clear > plain @ clear > 0.5
