"""The first honest numbers on real data, held as floors; skipped where the evaluation data is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from detectors import datasets, scenes
from detectors.evaluate import evaluate
from detectors.flow import LineCounter
from detectors.types import Box

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("SPECOLA_DATA") or ROOT.parent / "shared" / "data")

pytestmark = pytest.mark.data


def data(*parts: str) -> Path:
    folder = DATA.joinpath(*parts)
    if not folder.exists():
        pytest.skip(f"not run: the evaluation data {'/'.join(parts)} is not here (SPECOLA_DATA)")
    return folder


def test_our_counting_rule_counts_the_true_tracks_as_the_data_set_does():
    folder = data("flow", "pets09-s2l1-early")
    truth = scenes.truth(folder)
    for row in datasets.read_table(folder / "lines.csv", {"name": str, "x1": float, "y1": float, "x2": float, "y2": float}):
        line = LineCounter((row["x1"], row["y1"]), (row["x2"], row["y2"]), 768)
        for n in sorted(truth):
            for box, track in zip(truth[n].boxes, truth[n].tracks, strict=True):
                line.update(int(track), Box(*box).foot)
        counts = datasets.read_table(folder / "counts.csv", {"line": str, "direction": str, "count": int})
        assert line.counts == {each["direction"]: each["count"] for each in counts if each["line"] == row["name"]}


def test_unusual_motion_on_ped2_beats_the_trivial_rival():
    answer = evaluate("anomaly", data("anomaly", "ped2"), fit="train")
    rival = answer["rivals"]["block_difference_seeing_5_later_frames"]["frame_auc"]["value"]
    assert rival == pytest.approx(0.952, abs=0.001)
    assert answer["metrics"]["frame_auc"]["value"] > 0.97 > rival
    assert answer["skipped"] == []


def test_people_are_counted_on_pets():
    answer = evaluate("flow", data("flow", "pets09-s2l1-early"))
    assert answer["metrics"]["count_error"]["value"] <= 0.15
    assert answer["metrics"]["occupancy_mae"]["value"] < 0.7 < answer["rivals"]["always_the_mean"]["occupancy_mae"]["value"]
    assert answer["metrics"]["idf1"]["value"] > 0.7
    assert answer["metrics"]["mota"]["value"] > 0.7


def test_tiles_help_on_drone_pictures():
    folder = data("flow", "unicamp-uav-0083")
    whole, tiled = (evaluate("people", folder, tiles=tiles)["metrics"]["ap50"]["value"] for tiles in ((1, 1), (6, 4)))
    assert tiled > 0.15 > 0.05 > whole


def test_faces_on_orl_are_a_smoke_test():
    assert evaluate("faces-open-set", data("faces", "orl"))["metrics"]["rank1"]["value"] > 0.95


def test_likelihood_ratios_on_orl_cost_little_more_than_their_order_allows():
    metrics = evaluate("faces-verify", data("faces", "orl"))["metrics"]
    assert metrics["cllr"]["value"] - metrics["cllr_min"]["value"] <= 0.05
    assert metrics["cllr_shipped_calibration"]["value"] < 0.1
