"""The robustness study at the desk: digits are found as they stand on a sheet, and the curves say what the nets answer."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import image
from detectors.adversarial import ode_study
from detectors.adversarial.digits import SIDE, find_digits
from detectors.bench import scene
from detectors.errors import BadInput
from detectors.messages import LANGUAGES, Message, worded
from detectors.reports import report_from_json, report_to_json
from detectors.types import PlotEvidence, TableEvidence

DIGITS = "3141592653"


def sheet(digits: str, *, across: int = 5, light: bool = False) -> np.ndarray:
    """A BGR picture of digits in rows, dark on light."""
    rows = -(-len(digits) // across)
    drawn = np.full((rows * 90 + 20, across * 80 + 20, 3), 230, np.uint8)
    for n, digit in enumerate(digits):
        place = (20 + n % across * 80, 80 + n // across * 90)
        cv2.putText(drawn, digit, place, cv2.FONT_HERSHEY_SIMPLEX, 2.2, (40, 40, 60), 7, cv2.LINE_AA)
    return 255 - drawn if light else drawn


def written(folder: Path, picture: np.ndarray) -> list[Path]:
    file = folder / "sheet.png"
    file.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return [file]


@pytest.mark.parametrize("light", [False, True])
def test_digits_are_found_by_lines_and_written_white_on_black(light):
    found = find_digits(sheet(DIGITS, light=light))
    assert len(found) == len(DIGITS)
    places = [place for _digit, place in found]
    assert [place.y < 100 for place in places] == [True] * 5 + [False] * 5
    assert [place.x for place in places[:5]] == sorted(place.x for place in places[:5])
    for digit, _place in found:
        assert (digit.shape, digit.dtype, int(digit.max())) == ((SIDE, SIDE), np.uint8, 255)
        assert int(digit[0].max()) == int(digit[:, 0].max()) == 0
        rows, columns = np.indices(digit.shape)
        assert abs((rows * digit.astype(float)).sum() / digit.sum() - (SIDE - 1) / 2) < 1.0
        assert abs((columns * digit.astype(float)).sum() / digit.sum() - (SIDE - 1) / 2) < 1.0


@pytest.mark.parametrize("picture", [scene(0), np.full((200, 300, 3), 255, np.uint8), np.zeros((1, 1, 3), np.uint8)], ids=["scene", "blank", "one pixel"])
def test_where_nothing_is_written_nothing_is_said(picture, tmp_path):
    assert find_digits(picture) == []
    report = detectors.shared("ode-study").report(written(tmp_path, picture))
    assert (report.verdict.label.code, report.verdict.band, report.evidence) == ("ode-study-none", "unsure", ())


def test_more_digits_than_are_studied_are_refused_with_their_number(tmp_path):
    many = written(tmp_path, sheet("7" * (ode_study.MOST_DIGITS + 2), across=7))
    with pytest.raises(BadInput) as refused:
        detectors.shared("ode-study").report(many)
    assert refused.value.message.params == {"given": ode_study.MOST_DIGITS + 2, "most": ode_study.MOST_DIGITS}


def test_the_curves_begin_whole_and_fall_as_the_budget_grows(tmp_path):
    pytest.importorskip("torch")
    steps: list[Message] = []
    report = detectors.shared("ode-study").report(written(tmp_path, sheet(DIGITS)), lambda _share, step: steps.append(step))
    assert all(worded(each, language) for each in steps for language in LANGUAGES)
    data = report_to_json(report)
    assert report_to_json(report_from_json(json.loads(json.dumps(data, allow_nan=False)))) == data
    shown = {each.name: each for each in report.evidence}
    budget, tolerance = shown["by-budget"], shown["by-tolerance"]
    assert isinstance(budget, PlotEvidence)
    for series in budget.series:
        assert (series.y[0], series.x) == (1.0, (0.0, *ode_study.BUDGETS))
        assert series.y[-1] < 0.5
    untouched = tolerance.series[0].y
    assert untouched[2] == 1.0  # at the tolerance of training an untouched digit is read as it is read
    assert tolerance.series[2].y[2] == budget.series[0].y[4]
    table = shown["detection"]
    assert isinstance(table, TableEvidence)
    assert {len(row) for row in table.rows} == {len(table.columns)}
    kept = next(each for each in report.verdict.reasons if each.code == "ode-study-kept").params
    assert kept["ode"] == round(tolerance.series[2].y[2] * len(DIGITS))
    assert image.read(shown["digits"].content).shape[1] == ode_study.ACROSS * SIDE * ode_study.ZOOM
