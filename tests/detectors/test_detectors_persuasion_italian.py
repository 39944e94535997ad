"""The Italian sentences: their form, the agreement of their two passes, what was measured on them, and what the desk answers to them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import detectors
from detectors import messages
from detectors.__main__ import main
from detectors.persuasion.agreement import agreement, cohen_kappa, krippendorff_alpha, passes_of
from detectors.persuasion.domain import outside
from detectors.persuasion.memes import read_memes
from detectors.persuasion.techniques import IN_TEXT

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = ROOT / "detectors" / "persuasion" / "sentences"
ITALIAN, ENGLISH = (read_memes(SENTENCES / name, 1) for name in ("italian", "english"))
MISSED = 4  # Italian sentences without a sign of Italian: taken for English, or too short


def tool():
    return detectors.shared("persuasion-check")


def test_there_are_sentences_of_every_technique_and_a_fifth_without_any():
    assert len({meme.text for meme in ITALIAN}) == len(ITALIAN) == 271
    for technique in IN_TEXT:
        assert sum(technique.label in meme.labels for meme in ITALIAN) >= 7
    assert sum(not meme.labels for meme in ITALIAN) == 60


def test_what_both_passes_found_is_a_label_and_what_neither_found_is_none():
    for meme in ITALIAN:
        first, second = map(set, meme.passes)
        assert first & second <= set(meme.labels) <= first | second


def test_the_english_sentences_have_the_same_labels():
    assert [(meme.name.removeprefix("it"), meme.labels) for meme in ITALIAN] == [(meme.name.removeprefix("en"), meme.labels) for meme in ENGLISH]
    assert [meme.text.count("\n") for meme in ITALIAN] == [meme.text.count("\n") for meme in ENGLISH]


def test_the_page_states_the_agreement_that_the_file_gives():
    figures, page = agreement(ITALIAN, 1), (SENTENCES / "README.md").read_text(encoding="utf-8")
    stated = re.search(
        r"micro F1 of one against the other (\.\d+), Krippendorff's alpha over all decisions (\.\d+), the same set of techniques for (\d+) %", page
    )
    assert [float(stated[1]), float(stated[2]), int(stated[3])] == [
        round(figures["micro_f1"], 3),
        round(figures["krippendorff_alpha"], 3),
        round(100 * figures["same_set"]),
    ]
    kappas = figures["cohen_kappa"].values()
    assert f"Cohen's kappa from {min(kappas):.2f}".replace("0.", ".") in page
    assert max(kappas) == 1
    first, second = passes_of(ITALIAN, 1)
    assert f"({(first != second).sum()} of {(first | second).sum()} decisions" in page


def test_kappa_and_alpha_of_a_small_table():
    first, second = np.array([1, 1, 0, 0], bool), np.array([1, 0, 0, 0], bool)
    assert cohen_kappa(first, second) == pytest.approx(0.5)
    assert krippendorff_alpha(first, second) == pytest.approx(1 - 7 * 1 / (3 * 5))
    assert cohen_kappa(first & False, second & False) is None
    assert krippendorff_alpha(first & False, second & False) is None


def test_the_evaluator_prints_the_agreement_of_a_set_labelled_twice(tmp_path, capsys):
    entries = json.loads((SENTENCES / "italian" / "task1.json").read_text(encoding="utf-8"))[:12]
    (tmp_path / "task1.json").write_text(json.dumps(entries))
    assert main(["evaluate", "persuasion", str(tmp_path), "--task", "1", "--json"]) == 0
    assert 0 < json.loads(capsys.readouterr().out)["agreement"]["micro_f1"] <= 1


def test_the_desk_refuses_italian_and_not_the_same_in_english():
    answers = [outside(meme.text, tool().italian) for meme in ITALIAN]
    assert sum(answer is None or answer.code == "persuasion-few-words" for answer in answers) <= MISSED
    assert sum(answer is not None and answer.code == "persuasion-italian" for answer in answers) >= 260
    assert sum(outside(meme.text, tool().italian) is not None for meme in ENGLISH) <= 1


def test_the_report_gives_what_was_measured_on_italian(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(ITALIAN[6].text, encoding="utf-8")
    reason = tool().report([file]).verdict.reasons[0]
    f1 = tool().card.metrics["task 1, Italian"]["micro_f1"]["value"]
    assert f"271 Italian sentences the tool reached an F1 of {f1:.2f}" in messages.worded(reason, "en")
    assert f"271 frasi italiane lo strumento ha ottenuto un F1 di {f1:.2f}".replace(".", ",") in messages.worded(reason, "it")
