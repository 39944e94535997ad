"""The open-set evaluator with a peer beside ours: the same pictures, the same questions, and pictures in which the peer finds nobody."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import peers
from detectors.__main__ import main
from detectors.errors import BadInput, WeightsError
from detectors.evaluators.faces_open_set import default_threshold

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


class Careless:
    """A peer that sees the picture's mean colour only, and nobody in dark pictures."""

    DEFAULT = 500.0

    def embed(self, picture):
        if picture.mean() < 60:
            raise BadInput("no face was found")
        return np.append(picture.mean((0, 1)), np.zeros(125)).astype(np.float32)


@pytest.fixture
def faces(tmp_path):
    """Two enrolled portraits and a stranger; one of the known probes is dark."""
    for n, gain in ((1, 0.9), (2, 0.3), (3, 0.9)):
        picture = cv2.imread(str(STAFF / f"custode-{n}.jpg"))
        (tmp_path / f"p{n}").mkdir()
        cv2.imwrite(str(tmp_path / f"p{n}" / "a.jpg"), picture)
        cv2.imwrite(str(tmp_path / f"p{n}" / "b.jpg"), (picture * gain).astype(np.uint8))
    (tmp_path / "gallery.csv").write_text("person,path\np1,p1/a.jpg\np2,p2/a.jpg\n")
    (tmp_path / "probes.csv").write_text("path,person\np1/b.jpg,p1\np2/b.jpg,p2\np3/b.jpg,-\n")
    return tmp_path


@pytest.fixture
def answer(faces, capsys, monkeypatch):
    monkeypatch.setitem(peers.PEERS, "dlib", Careless)
    assert main(["evaluate", "faces-open-set", str(faces), "--peer", "dlib", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_peer_that_names_everybody_is_shown_to(answer):
    assert answer["rivals"]["dlib"]["fpir_at_default_threshold"]["value"] == 1.0
    assert answer["metrics"]["fpir_at_default_threshold"]["value"] == 0.0


def test_the_pace_is_told_in_time_of_the_processor_too(answer):
    pace = {name: metric["value"] for name, metric in answer["rivals"]["dlib"].items()}
    assert pace["cpu_times_slower"] == pytest.approx(pace["cpu_ms_per_face"] / pace["cpu_ms_per_face_of_ours"], rel=0.05, abs=0.01)
    assert 0 < pace["cpu_ms_per_face"] < pace["cpu_ms_per_face_of_ours"]  # a mean colour is found sooner than a face


def test_a_picture_in_which_the_peer_finds_nobody_counts_against_it(answer):
    assert answer["rivals"]["dlib"]["without_a_face"]["value"] == 1
    assert answer["rivals"]["dlib"]["tpir_at_default_threshold"]["value"] <= 0.5


def test_the_peers_pace_is_told_as_a_ratio_to_ours(answer):
    assert answer["rivals"]["dlib"]["times_slower"]["value"] > 0
    assert answer["rivals"]["dlib"]["ms_per_face"]["value"] > 0


def test_our_other_scorers_are_rivals_too(answer):
    assert {"nearest", "weighted-knn"} <= set(answer["rivals"])


def test_the_readable_answer_names_the_rivals(faces, capsys, monkeypatch):
    monkeypatch.setitem(peers.PEERS, "dlib", Careless)
    assert main(["evaluate", "faces-open-set", str(faces), "--peer", "dlib"]) == 0
    assert "rival dlib: tpir_at_fpir_1e-2" in capsys.readouterr().out


def test_a_peer_that_is_not_installed_says_how_to_get_it(faces, monkeypatch, capsys):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"specola\[peer\]"):
        peers.DlibFaces()
    assert main(["evaluate", "faces-open-set", str(faces), "--peer", "dlib"]) != 0
    assert "specola[peer]" in capsys.readouterr().err


def test_the_default_threshold_grows_with_the_gallery():
    least = detectors.card("face-embedding").thresholds["cosine_search"]
    small, large = default_threshold(3)[0], default_threshold(100_000)[0]
    assert small == least < large < 0.8
