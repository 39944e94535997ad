"""What the detector of machine-written posts reaches on TweepFake, held as floors; skipped where the data is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from detectors.evaluate import evaluate

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("SPECOLA_DATA") or ROOT.parent / "shared" / "data")

pytestmark = pytest.mark.data


def test_it_is_above_the_published_methods_and_above_its_first_step():
    path = DATA / "tweepfake" / "validation.csv"
    if not path.exists():
        pytest.skip("not run: the evaluation data tweepfake/validation.csv is not here (SPECOLA_DATA)")
    answer = evaluate("tweepfake", path)
    found = {name: each["value"] for name, each in answer["metrics"].items()}
    assert found["accuracy"] > 0.9 > answer["rivals"]["letters_alone"]["accuracy"]["value"]
    assert found["recall_gpt2"] > 0.85
    assert found["auc"] > 0.96
    assert answer["rivals"]["length_alone"]["auc"]["value"] < 0.6
    assert answer["ms_per_item"] < 50
    assert answer["skipped"] == []
