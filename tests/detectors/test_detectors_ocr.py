"""Text in pictures that the tests draw: letters, order, turned and outlined text, other scripts, small print, what the evaluators print of a folder."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import features

import detectors
from detectors.__main__ import main
from detectors.bench import scene
from detectors.image import encode_jpeg
from detectors.ocr.finder import in_order, prepare
from detectors.ocr.layout import blocks_of
from detectors.ocr.marks import MARK
from detectors.ocr.scores import distance, error_rate, inside, lines_missed, normalised
from detectors.persuasion.scores import Passage, passage_counts, passage_f1, passage_precision, passage_recall
from detectors.types import Box
from tests.drawn_memes import drawn

ARABIC, HEBREW, RUSSIAN = "لا تصدق كل ما تقرأ", "אל תאמינו לתקשורת", "Музей открывается в девять"


@functools.cache
def reader():
    return detectors.shared("picture-text")


def wrong(text: str, wanted: str) -> float:
    """The character error rate of one text."""
    return distance(normalised(wanted), normalised(text)) / len(normalised(wanted))


def test_outlined_letters_with_italian_accents_are_read_from_top_to_bottom():
    found = reader().read(drawn(((60, 20), "PERCHÉ È PIÙ BELLA"), ((60, 400), "LA CITTÀ DI LUNEDÌ")))
    assert wrong(found.text, "PERCHÉ È PIÙ BELLA LA CITTÀ DI LUNEDÌ") < 0.06
    assert "\n\n" in found.text
    assert found.chance > 0.9


def test_small_letters_with_accents_are_read():
    assert (
        wrong(reader().read(drawn(((30, 200), "Così è: già, però, virtù, perché?"), outlined=False, size=30)).text, "Così è: già, però, virtù, perché?") < 0.04
    )


@pytest.mark.parametrize("angle", [12, -20, 90, 180, 270])
def test_turned_text_is_read_in_its_own_order(angle):
    found = reader().read(drawn(((60, 20), "THE MUSEUM OPENS"), ((60, 400), "THE GARDEN CLOSES"), turned=angle))
    assert wrong(found.text, "THE MUSEUM OPENS THE GARDEN CLOSES") < 0.1


def test_columns_are_read_one_after_the_other():
    columns = ((20, 60), "First column has\nthree lines of\ntext in it"), ((480, 60), "Second column has\nthree other lines\nbeside the first")
    found = reader().read(drawn(*columns, size=30, area=(900, 400), outlined=False))
    assert wrong(found.text, " ".join(text for _, text in columns)) < 0.05
    assert found.text.count("\n\n") == 1


def test_each_line_has_its_place_in_text_and_picture():
    found = reader().read(drawn(((60, 20), "THE MUSEUM OPENS"), ((60, 400), "AT NINE")))
    assert [found.text[line.start : line.end] for line in found.lines] == [line.text for line in found.lines]
    first, last = (line.box for line in found.lines)
    assert (abs(first.x - 60) < 20, first.y < 40, last.y > 380) == (True, True, True)


@pytest.mark.parametrize("text", [ARABIC, HEBREW, RUSSIAN], ids=["Arabic", "Hebrew", "Russian"])
def test_a_script_that_is_not_read_comes_out_as_nothing_never_reversed_or_as_nonsense(text):
    if text is ARABIC and not features.check("raqm"):
        pytest.skip("this Pillow joins no Arabic letters")
    found = reader().read(drawn(((40, 200), text), size=40, outlined=False))
    assert found.text == ""
    assert found.share_unread == 1


def test_latin_lines_beside_another_script_are_read():
    found = reader().read(drawn(((60, 20), "THE MUSEUM OPENS"), ((60, 300), RUSSIAN), outlined=False))
    assert found.text == "THE MUSEUM OPENS"
    assert 0.2 < found.share_unread < 0.8


@pytest.mark.parametrize("picture", [scene(0), np.zeros((300, 300, 3), np.uint8), np.full((1, 1, 3), 255, np.uint8)], ids=["scene", "black", "a pixel"])
def test_a_picture_without_text_has_none(picture):
    found = reader().read(picture)
    assert (found.text, found.lines, found.chance) == ("", (), 0)


def test_marks_and_small_print_are_left_out_and_named():
    area = {"size": 44, "area": (700, 500)}
    picture = drawn(((60, 30), "THE MUSEUM OPENS"), **area)
    picture[440:] = drawn(((20, 450), "example.com"), size=26, area=(700, 500), outlined=False)[440:]
    found = reader().read(picture)
    assert found.text == "THE MUSEUM OPENS"
    assert [(line.text, line.left_out) for line in found.left_out] == [("example.com", "mark")]


MARKS = ("imgflip.com", "@museum_pisa", "9:41 AM", "100%", "www.example.org/a")


@pytest.mark.parametrize(("text", "marks"), [*((each, True) for each in MARKS), ("OK", False), ("Stop the thieves.", False), ("1984", False)])
def test_marks_of_origin_and_of_screens_are_recognised(text, marks):
    assert bool(MARK.match(text)) == marks


def test_the_net_sees_a_bounded_picture():
    for shape in ((4320, 7680, 3), (20, 9000, 3), (9000, 1, 3)):
        assert max(prepare(np.zeros(shape, np.uint8), 736, 1600).shape) <= 1632


def test_corners_go_clockwise_from_the_left_upper_one():
    square = np.array([[0, 0], [9, 0], [9, 4], [0, 4]], np.float32)
    for n in range(4):
        assert in_order(np.roll(square, n, 0)[:: 1 - 2 * (n % 2)]).tolist() == square.tolist()


def test_blocks_are_read_by_rows_then_columns():
    boxes = [Box(0, 200, 90, 20), Box(0, 0, 300, 20), Box(200, 224, 90, 20), Box(0, 224, 90, 20), Box(200, 200, 90, 20), Box(0, 24, 300, 20)]
    assert blocks_of(boxes) == [[[1], [5]], [[0], [3]], [[4], [2]]]
    assert blocks_of([Box(0, 0, 90, 20), Box(96, 1, 90, 20)]) == [[[0, 1]]]
    assert blocks_of([]) == []


@pytest.mark.parametrize(("a", "b", "steps"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("same", "same", 0)])
def test_changes_between_texts_are_counted(a, b, steps):
    assert (distance(a, b), distance(b, a)) == (steps, steps)


def test_a_line_is_missed_when_it_comes_nowhere():
    assert inside("nine", "opens at nine o'clock") == 0
    assert lines_missed("It opens at nine\n\nNo dogs please\n", "NO DOGS PLEASE and more") == (1, 2)


def test_white_space_case_and_quotes_do_not_count():
    assert normalised("“It’s  \n HERE”…") == normalised('"it\'s here"...')
    assert np.isnan(error_rate([]))


def test_overlaps_of_passages_count_by_their_share():
    truth, found = [[Passage("Doubt", 0, 10), Passage("Smears", 0, 4)]], [[Passage("Doubt", 5, 10), Passage("Doubt", 8, 15), Passage("Slogans", 0, 4)]]
    counts = passage_counts(truth, found)
    assert (passage_precision(counts), passage_recall(counts)) == (pytest.approx(0.25), pytest.approx(0.25))
    assert passage_f1(counts) == pytest.approx(0.25)
    assert passage_f1(passage_counts([[]], [[]])) == 0


def folder_of(folder: Path) -> Path:
    """Two memes with a transcription, and one whose picture is broken."""
    (folder / "images").mkdir()
    texts = ["THE LIARS DESTROY\n\nOUR BEAUTIFUL MUSEUM", "The museum opens at nine"]
    entries = [{"id": str(n), "text": text, "labels": [], "image": f"images/{n}.jpg"} for n, text in enumerate([*texts, "broken"])]
    for entry in entries:
        top, _, low = entry["text"].partition("\n\n")
        (folder / entry["image"]).write_bytes(encode_jpeg(drawn(((40, 20), top), ((40, 400), low))))
    (folder / "images" / "2.jpg").write_bytes(b"no picture")
    (folder / "task3.json").write_text(json.dumps(entries))
    (folder / "task1.json").write_text(json.dumps([{name: entry[name] for name in ("id", "text", "labels")} for entry in entries]))
    passages = [[{"start": 4, "end": 9, "technique": "Loaded Language"}], [], []]
    (folder / "task2.json").write_text(json.dumps([{**entry, "labels": each} for entry, each in zip(entries, passages, strict=True)]))
    return folder


def test_the_evaluator_prints_error_rates_and_rivals(tmp_path, capsys):
    assert main(["evaluate", "ocr", str(folder_of(tmp_path)), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["n"], [each["item"] for each in answer["skipped"]]) == (2, ["2"])
    assert set(answer["metrics"]) == {"cer", "cer_cased", "wer", "lines_missed"}
    assert answer["metrics"]["cer"]["value"] < 0.05
    assert len(answer["rivals"]) == 3


@pytest.mark.parametrize("task", [1, 3])
def test_what_is_lost_by_reading_is_printed(task, tmp_path, capsys):
    assert main(["evaluate", "persuasion", str(folder_of(tmp_path)), "--task", str(task), "--text", "ocr", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["n"], answer["text"]) == (2, "ocr")
    assert {"micro_f1_lost", "macro_f1_lost"} < set(answer["metrics"])
    assert "the transcription by people" in answer["rivals"]


def test_passages_are_judged_as_the_contest_does(tmp_path, capsys):
    assert main(["evaluate", "persuasion", str(folder_of(tmp_path)), "--task", "2", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer["metrics"]) == {"span_f1", "span_precision", "span_recall"}
    assert answer["per_label"]["Loaded Language"]["n"] == 1


def test_passages_of_read_text_are_no_task(tmp_path, capsys):
    assert main(["evaluate", "persuasion", str(tmp_path), "--task", "2", "--text", "ocr", "--json"]) == 2
    assert "1 and 3 by ocr" in capsys.readouterr().err
