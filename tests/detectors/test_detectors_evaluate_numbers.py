"""The numbers of the evaluators on known cases, and clear words about tables in a wrong format."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import datasets
from detectors.errors import BadDataset
from detectors.evaluators.anomaly import LabelledClip, false_alarms
from detectors.evaluators.faces_open_set import Probe, fpir_at, threshold_at_fpir, tpir_at
from detectors.evaluators.faces_verify import Pair, fold_accuracy, fold_cllr


def labelled(alarms: str, labels: str) -> LabelledClip:
    return LabelledClip("c", np.zeros((len(alarms), 2, 2)), np.array(list(map(int, labels))), alarms=np.array([each == "x" for each in alarms]))


@pytest.mark.parametrize(
    ("alarms", "labels", "count"),
    [("....", "0000", 0), ("xx..", "0000", 1), ("xx..", "1000", 0), ("x..x", "0000", 1), ("x" + 15 * "." + "x", 17 * "0", 2), ("xxxx", "1111", None)],
)
def test_false_alarms_are_merged_and_counted_by_the_hour(alarms, labels, count):
    value = false_alarms([labelled(alarms, labels)], fps=10)
    assert math.isnan(value) if count is None else value == pytest.approx(count * 36000 / labels.count("0"))


def test_ten_fold_accuracy_never_sees_its_own_fold():
    honest = [[Pair(0.9, True, fold), Pair(0.1, False, fold)] for fold in range(10)]
    assert fold_accuracy(honest) == 1.0
    odd = [*honest[:9], [Pair(0.1, True, 9), Pair(0.05, False, 9)]]
    assert fold_accuracy(odd) == pytest.approx(0.95)


def test_cllr_of_well_separated_scores_is_what_the_cap_leaves():
    rng = np.random.default_rng(0)
    people = [[Pair(float(rng.normal(0.8, 0.05)), True, n % 10), Pair(float(rng.normal(0.1, 0.05)), False, n % 10)] for n in range(100)]
    assert fold_cllr(people) == pytest.approx(math.log2(1 + 1 / 90), abs=1e-3)  # the other folds hold 90 pairs of either kind


def test_open_set_rates():
    drawn = [[Probe(0.9, True), Probe(0.4, True)], [Probe(0.8, False)], [Probe(0.5, None)], [Probe(0.2, None)]]
    assert tpir_at(drawn, 0.6) == pytest.approx(1 / 3)
    assert tpir_at(drawn, -math.inf) == pytest.approx(2 / 3)
    assert fpir_at(drawn, 0.45) == 0.5
    assert threshold_at_fpir(drawn) > 0.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,x\n", r"t\.csv, line 2: b cannot be 'x'; expected columns a,b"),
        ("a,b\n1,2\n3\n", r"t\.csv, line 3: b is empty; expected columns a,b"),
        ("a,b\n ,2\n", r"t\.csv, line 2: a is empty; expected columns a,b"),
        ("a,c\n1,2\n", r"t\.csv, line 1: column b is missing; expected columns a,b"),
        ("", r"t\.csv, line 1: column a is missing"),
    ],
)
def test_a_wrong_table_is_told_with_line_and_columns(tmp_path, text, reason):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(BadDataset, match=reason):
        datasets.read_table(tmp_path / "t.csv", {"a": int, "b": float})


def test_a_table_that_is_no_text_is_told(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(BadDataset, match="no CSV text"):
        datasets.read_table(tmp_path / "t.csv", {"a": int})


def test_a_table_may_have_more_columns(tmp_path):
    (tmp_path / "t.csv").write_text("x,a\n9,1\n")
    assert datasets.read_table(tmp_path / "t.csv", {"a": int}) == [{"a": 1}]
