"""Comparing two faces: warnings first, a ratio with its interval, population and cap, the landmark baseline beside it, and no claim of identity."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import drawing, image
from detectors.bench import scene
from detectors.errors import BadInput, WeightsError
from detectors.faces import concerns, landmarks
from detectors.faces.compare import ComparedPicture, ratio_in_words, times_of
from detectors.faces.embed import SIDE, TEMPLATE, aligned_points
from detectors.faces.likelihood import Ratio
from detectors.messages import worded
from detectors.portraits import degrade
from detectors.reports import report_to_json
from detectors.types import Box, Face, Report

STAFF = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "staff"
ONE, TWO = STAFF / "custode-1.jpg", STAFF / "custode-2.jpg"
NUMBER = r"[+-]\d\.\d"


@functools.cache
def tool():
    return detectors.load("face-compare")


@functools.cache
def portrait_crop() -> np.ndarray:
    return looked_at(ONE).crop


def looked_at(path: Path) -> ComparedPicture:
    return tool().look(1, "", image.read(path))


def frontal(**changes) -> Face:
    return Face(**{"box": Box(0, 0, 90, 110), "score": 0.95, "landmarks": TEMPLATE, **changes})


def written(folder: Path, picture: np.ndarray, name: str = "picture.png") -> Path:
    (folder / name).write_bytes(image.encode_png(picture))
    return folder / name


def shrunk(folder: Path, times: float, name: str = "small.png") -> Path:
    return written(folder, cv2.resize(image.read(ONE), None, fx=times, fy=times, interpolation=cv2.INTER_AREA), name)


def darker(folder: Path) -> Path:
    return written(folder, (image.read(ONE) * 0.8).astype(np.uint8), "darker.png")


def compare(one: Path, other: Path) -> Report:
    return tool().report([one, other])


def part(report: Report, name: str) -> dict:
    return {field.key: field.value for each in report.parts if each.name == name for field in each.fields}


def label(report: Report) -> str:
    return worded(report.verdict.label)


def reasons_of(report: Report) -> list[str]:
    return [worded(each) for each in report.verdict.reasons]


def test_a_face_and_its_darker_copy_speak_for_one_person(tmp_path):
    report = compare(ONE, darker(tmp_path))
    assert re.fullmatch(rf"log10 LR {NUMBER} \({NUMBER} to {NUMBER}\), at the cap", label(report))
    assert report.verdict.score == part(report, "likelihood-ratio")["cap"] == pytest.approx(3.17, abs=0.03)
    assert "This comparison lies at that cap" in " ".join(reasons_of(report))


def test_two_people_speak_for_two_people():
    report = compare(ONE, TWO)
    numbers = part(report, "likelihood-ratio")
    assert numbers["low"] <= numbers["log10_lr"] <= numbers["high"] < 0
    assert "among pairs of two people than among pairs of one person" in " ".join(reasons_of(report))


def test_the_order_of_the_pictures_does_not_matter():
    assert compare(ONE, TWO).verdict.score == compare(TWO, ONE).verdict.score


def test_a_small_face_says_less_than_a_large_one(tmp_path):
    small = part(compare(shrunk(tmp_path, 0.17), TWO), "likelihood-ratio")
    large = part(compare(ONE, TWO), "likelihood-ratio")
    assert small["cllr"] > large["cllr"]
    assert abs(small["log10_lr"]) <= abs(large["log10_lr"])


def test_the_band_is_never_clear_and_no_threshold_decides(tmp_path):
    for other in (TWO, darker(tmp_path), shrunk(tmp_path, 0.2)):
        verdict = compare(ONE, other).verdict
        assert (verdict.band, verdict.threshold) == ("unsure", None)


def test_no_report_says_match_or_claims_an_identity(tmp_path):
    for other in (ONE, TWO, darker(tmp_path), shrunk(tmp_path, 0.2), written(tmp_path, scene(0))):
        words = json.dumps(report_to_json(compare(ONE, other))).lower()
        assert not re.search(r"match|identit|identif|same person|is the person|not calibrated", words)


def test_the_population_the_counts_and_the_cap_are_named():
    reasons = " ".join(reasons_of(compare(ONE, TWO)))
    assert "Population: Labeled Faces in the Wild" in reasons
    assert re.search(r"1,\d{3} pairs of one person and 1,\d{3} pairs of two", reasons)
    assert "No log10 LR beyond 3.2 is given either way" in reasons
    assert compare(ONE, TWO).verdict.reasons[-1].code == "ratio-caution"


def test_the_italian_report_names_the_population_in_italian():
    report = compare(ONE, TWO)
    words = [worded(each, "it") for each in report.verdict.reasons]
    assert any(each.startswith("Popolazione: Labeled Faces in the Wild: fotografie") and "1.500 coppie" in each for each in words)
    assert not any("pictures" in each or "people" in each for each in words)


def test_the_landmark_baseline_stands_beside_it():
    report = compare(ONE, TWO)
    base = part(report, "landmark-baseline")
    assert base["low"] <= base["log10_lr"] <= base["high"]
    assert base["cllr"] > 10 * part(report, "likelihood-ratio")["cllr"]
    assert any("landmark distances alone" in each for each in reasons_of(report))


def test_warnings_come_before_every_number(tmp_path):
    reasons = reasons_of(compare(shrunk(tmp_path, 0.2), TWO))
    assert reasons[0].startswith("The face in picture 1 is small")
    assert next(n for n, each in enumerate(reasons) if "log10 LR" in each) > 0


def test_an_enlarged_face_is_taken_for_what_it_holds(tmp_path):
    small = image.read(shrunk(tmp_path, 0.15))
    large = written(tmp_path, cv2.resize(small, (300, 360), interpolation=cv2.INTER_CUBIC))
    report = compare(large, TWO)
    assert part(report, "picture-1")["detail_pixels"] <= 32
    assert any("blurred or was enlarged" in each for each in reasons_of(report))


def test_the_same_file_twice_is_told():
    assert "Both files are the same, byte for byte." in reasons_of(compare(ONE, ONE))


def test_every_input_is_named_by_its_sha256():
    report = compare(ONE, TWO)
    assert [part(report, f"picture-{n}")["sha256"] for n in (1, 2)] == [hashlib.sha256(each.read_bytes()).hexdigest() for each in (ONE, TWO)]
    assert report.models["face-compare"] == part(report, "calibration")["table_sha256"] == detectors.card("face-compare").sha256


def test_the_evidence_shows_pictures_aligned_faces_and_the_tippett_plot():
    evidence = {each.name: each.content for each in compare(ONE, TWO).evidence}
    assert sorted(evidence) == ["aligned", "picture-1", "picture-2", "tippett"]
    assert image.read(evidence["aligned"]).shape == (448, 904, 3)


def test_a_picture_without_a_face_gives_no_ratio(tmp_path):
    report = compare(ONE, written(tmp_path, scene(0)))
    assert (label(report), report.verdict.score) == ("cannot compare", None)
    assert reasons_of(report)[0] == "No face was found in picture 2."
    assert "tippett" not in {each.name for each in report.evidence}


def test_a_face_below_every_calibration_gives_no_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr(concerns, "BANDS", (64, 112))
    monkeypatch.setattr("detectors.faces.compare.band_of", lambda detail: concerns.band_of(detail, (64, 112)))
    report = compare(shrunk(tmp_path, 0.2), TWO)
    assert label(report) == "cannot say: a face is too small or too blurred"
    assert report.verdict.score is None


def test_a_broken_table_is_a_clear_error(tmp_path):
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(WeightsError, match="no calibration table"):
        detectors.load("face-compare", path=tmp_path / "t.json")


@pytest.mark.parametrize(
    ("ratio", "wanted"),
    [
        (Ratio(2.0, 1.5, 2.5, 3), "about 100 times more frequent among pairs of one person"),
        (Ratio(-0.5, -1, -0.2, 3), "about 3.2 times more frequent among pairs of two people"),
        (Ratio(0.1, -0.2, 0.4, 3), "about as frequent"),
    ],
)
def test_a_ratio_is_said_in_words(ratio, wanted):
    assert wanted in worded(ratio_in_words(ratio))


def test_no_nought_is_negative():
    assert "log10 LR +0.0, 95 % interval +0.0 to +0.0" in worded(ratio_in_words(Ratio(-0.01, -0.04, 0.02, 3)))


@pytest.mark.parametrize(("log10", "times"), [(0.4, 2.5), (1.0, 10), (2.4, 250), (3.18, 1500)])
def test_numbers_of_times_have_two_digits_that_count(log10, times):
    assert times_of(log10) == times


@pytest.mark.parametrize("band", [8, 12, 16, 24, 32])
def test_the_detail_of_a_reduced_face_is_found_from_its_pixels(band):
    found = concerns.detail_of(degrade(portrait_crop(), band), TEMPLATE)
    near = concerns.BANDS[max(0, concerns.BANDS.index(band) - 1) : concerns.BANDS.index(band) + 2]
    assert found in near


def test_a_sharp_face_holds_all_its_pixels():
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    assert concerns.detail_of(noise, TEMPLATE) == pytest.approx(SIDE, abs=0.1)


@pytest.mark.parametrize("scale", [0.1, 0.5, 2.0])
def test_a_face_holds_no_more_pixels_than_its_source(scale):
    assert concerns.source_pixels(TEMPLATE * scale + 7) == pytest.approx(SIDE * scale, rel=0.01)


@pytest.mark.parametrize(("detail", "band"), [(5, None), (8, 8), (11.5, 12), (20, 16), (60, 64), (103, 112), (400, 112)])
def test_a_band_is_the_largest_that_is_filled(detail, band):
    assert concerns.band_of(detail) == band


@pytest.mark.parametrize(
    ("crop", "face", "faces", "wanted"),
    [
        (np.full((SIDE, SIDE, 3), 20, np.uint8), frontal(), 1, "very dark"),
        (np.full((SIDE, SIDE, 3), 250, np.uint8), frontal(), 1, "very bright"),
        (scene(0, (SIDE, SIDE)), frontal(), 3, "largest of 3"),
        (scene(0, (SIDE, SIDE)), frontal(score=0.65), 1, "score of only 0.65"),
        (scene(0, (SIDE, SIDE)), frontal(landmarks=TEMPLATE * 0.3), 1, "is small: 34 pixels"),
        (scene(0, (SIDE, SIDE)), frontal(landmarks=TEMPLATE * 0.05), 1, "too few to say anything"),
        (scene(0, (SIDE, SIDE)), frontal(landmarks=np.add(TEMPLATE, np.eye(5)[:, 2:3] * [14, 0])), 1, "turned to the side"),
        (np.full((SIDE, SIDE, 3), 128, np.uint8), frontal(), 1, "is grey"),
    ],
)
def test_what_speaks_against_a_face_is_told(crop, face, faces, wanted):
    assert any(wanted in worded(each) for each in concerns.concerns_of(1, crop, face, faces))


def test_a_good_face_raises_no_concern():
    assert looked_at(TWO).concerns == []


@pytest.mark.parametrize("angle", [0, 30, 170])
@pytest.mark.parametrize("scale", [0.2, 5])
def test_the_landmark_shape_does_not_move_with_the_picture(angle, scale):
    turn = np.deg2rad(angle)
    moved = TEMPLATE @ (scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])) + [30, -4]
    assert landmarks.shape_of(moved) == pytest.approx(landmarks.shape_of(TEMPLATE), rel=1e-4)


def test_a_shape_is_most_like_itself_and_less_like_another():
    here, other = landmarks.shape_of(TEMPLATE), landmarks.shape_of(TEMPLATE * [1, 1.2])
    assert landmarks.likeness(here, here) == 0 > landmarks.likeness(here, other)


@pytest.mark.parametrize("wrong", [np.zeros((4, 2)), np.full((5, 2), np.nan), np.zeros((5, 2))])
def test_what_has_no_shape_is_refused(wrong):
    with pytest.raises(BadInput):
        landmarks.shape_of(wrong)


def test_points_are_drawn_where_alignment_put_them():
    assert aligned_points(TEMPLATE * 3 + 11) == pytest.approx(TEMPLATE, abs=0.01)
    drawn = drawing.draw_points(np.full((SIDE, SIDE, 3), 128, np.uint8), TEMPLATE)
    assert drawn.shape == (448, 448, 3)
    for x, y in TEMPLATE:
        assert (drawn[round(float(y + 0.5) * 4), round(float(x + 0.5) * 4)] != 128).any()


@pytest.mark.parametrize("here", [-2.5, 0.0, 9.0])
def test_the_tippett_plot_marks_the_case_and_both_curves(here):
    curves = {"genuine": np.linspace(-1, 3, 101), "impostor": np.linspace(-3, 1, 101)}
    plot = image.read(drawing.draw_tippett(curves, here))
    assert plot.shape == (drawing.PLOT[1], drawing.PLOT[0], 3)
    assert all((plot == colour).all(axis=2).sum() > 300 for colour in (drawing.INK, drawing.RED, drawing.GOLD))
