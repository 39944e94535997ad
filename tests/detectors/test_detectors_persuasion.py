"""Persuasion techniques: pieces and their places, states, chances, passages, refusals, the tool's report and what the evaluator prints of a folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import detectors
from detectors import messages, weights
from detectors.__main__ import main
from detectors.bench import scene
from detectors.errors import BadInput
from detectors.persuasion.check import PersuasionCheck
from detectors.persuasion.classify import NO_PASSAGE, encode, passage_features, text_features
from detectors.persuasion.domain import outside
from detectors.persuasion.encoder import LAYERS, MOST_PIECES, WIDTH, shared_encoder
from detectors.persuasion.form import MEASURES, form_features
from detectors.persuasion.pictures import read_picture
from detectors.persuasion.pieces import PieceReader
from detectors.persuasion.scores import best_threshold, f1_each, macro_f1, micro_f1, share_thresholds
from detectors.persuasion.techniques import IN_TEXT, OF_TASK, TECHNIQUES
from detectors.train.persuasion import fit_lines, piece_labels, text_lines
from detectors.types import TextSpan
from tests.drawn_memes import ATTACK as DRAWN
from tests.drawn_memes import drawn, meme

ATTACK = "These corrupt, disgusting liars are destroying our beautiful museum!"
PLAIN = "The museum opens at nine and the garden closes at seven in the evening."
READER = PieceReader(["▁", "a", "b", "▁ab", "ab", "c"], [-5.0, -4.0, -4.0, -2.0, -3.0, -4.0])


def tool():
    return detectors.shared("persuasion-check")


def report(tmp_path: Path, text: str):
    file = tmp_path / "text.txt"
    file.write_text(text, encoding="utf-8")
    return tool().report([file])


def memes(folder: Path, task: int, entries: list[dict]) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for n, entry in enumerate(entries):
        if task == 3:
            entry["image"] = f"images/{n}.jpg"
            cv2.imwrite(str(folder / entry["image"]), scene(n, (80, 120)))
    (folder / f"task{task}.json").write_text(json.dumps(entries))
    return folder


ENTRIES = [
    {"id": "1", "text": ATTACK, "labels": ["Loaded Language", "Smears"]},
    {"id": "2", "text": PLAIN, "labels": []},
    {"id": "3", "text": "Stop the thieves. Save our square!", "labels": ["Slogans"]},
]


def test_the_likeliest_pieces_are_taken():
    assert [READER.table[each][0] for each in ("▁ab", "ab", "c")] == [piece.row for piece in READER.split("ababc", 9)]


def test_pieces_have_the_places_of_the_text_as_it_came():
    assert [(each.start, each.end) for each in READER.split("  AB\u200b\n ab", 9)] == [(2, 4), (7, 9)]


def test_a_character_without_a_piece_keeps_its_place():
    assert [(each.row, each.start) for each in READER.split("a☃", 9)] == [(0, 0), (1, 0), (-1, 1)]


def test_the_encoders_pieces_cover_every_letter():
    covered = {place for piece in encode(ATTACK).pieces for place in range(piece.start, piece.end)}
    assert covered >= {place for place, letter in enumerate(ATTACK) if not letter.isspace()}


def test_states_are_given_for_each_piece_and_layer():
    found = encode(PLAIN)
    assert found.states.shape == (len(LAYERS), len(found.pieces), WIDTH)
    assert np.isfinite(found.states).all()


def test_capitals_and_hidden_characters_do_not_change_the_states():
    hidden = PLAIN.upper().replace("M", "M\u00ad")
    assert np.array_equal(encode(PLAIN).states, encode(hidden).states)


def test_a_text_without_pieces_has_no_states_and_finite_features():
    found = encode(" \u200b\n")
    assert found.states.shape == (len(LAYERS), 0, WIDTH)
    assert np.isfinite(tool().chances("")).all()
    assert (passage_features(np.zeros((0, 20)))[:40] == NO_PASSAGE).all()


def test_of_a_long_text_the_beginning_is_read():
    found = shared_encoder().encode("word " * 5000)
    assert (len(found.pieces), found.whole) == (MOST_PIECES, False)


def test_a_million_letters_without_a_space_are_read():
    assert not shared_encoder().encode("a" * 1_000_000).whole


def test_features_have_one_length():
    assert {len(text_features(text, encode(text))) for text in ("", "a", ATTACK)} == {2 * len(LAYERS) * WIDTH + 5 + len(MEASURES)}


def test_the_form_of_a_text_is_measured():
    text = 'Who lies? "They" lie: they lie, they lie...\n- 3 times they lie!'
    measured = dict(zip(MEASURES, form_features(text).tolist(), strict=True))
    assert measured == {
        "most frequent word": 4,  # they
        "repeated pairs of words": 4,  # they lie 4 times, lie they twice
        "different words": pytest.approx(5 / 11),
        "digits": 1,
        "quotation marks": pytest.approx(np.log(3)),
        "ends with ?": 0,
        "ends with !": 1,
        "line with a dash": 1,
        "colons": pytest.approx(np.log(2)),
        "commas": pytest.approx(np.log(2)),
        "omissions": pytest.approx(np.log(2)),
        "words a line": 5.5,
        "sentences": pytest.approx(np.log(4)),
    }
    assert np.isfinite(form_features("")).all()


def test_insults_are_likelier_loaded_language_than_opening_hours():
    row = [each.code for each in IN_TEXT].index("loaded-language")
    assert tool().chances(ATTACK)[row] > 0.5 > tool().chances(PLAIN)[row]


def test_a_meme_has_the_two_techniques_of_pictures_too():
    assert tool().chances(ATTACK, scene(0)).shape == (len(TECHNIQUES),) == (22,)
    assert tool().chances(ATTACK).shape == (20,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("12 34", "persuasion-no-words"),
        ("😂😂😂", "persuasion-no-words"),
        ("https://example.org/a @museum #save", "persuasion-no-words"),
        ("So what?", "persuasion-few-words"),
        ("هذا النص ليس بالإنجليزية على الإطلاق", "persuasion-other-script"),
        ("Il museo è di tutti, non di pochi: difendiamolo insieme", "persuasion-italian"),
        ("Giardino chiuso, turisti delusi", "persuasion-italian"),
        ("Der Turm ist nicht für euch, ihr Feiglinge", "persuasion-other-language"),
    ],
)
def test_it_says_why_it_cannot_say(text, code, tmp_path):
    assert outside(text, tool().italian).code == code
    found = report(tmp_path, text)
    assert (found.verdict.label.code, found.verdict.band, found.verdict.score) == ("persuasion-cannot", "unsure", None)


def test_right_to_left_text_stays_in_its_order(tmp_path):
    text = "هذا النص بالعربية تمامًا"
    assert report(tmp_path, text).evidence[0].text == text


def test_the_report_names_techniques_and_marks_whole_words(tmp_path):
    found = report(tmp_path, ATTACK)
    assert found.verdict.label.code == "persuasion-some"
    marked = found.evidence[0]
    assert "loaded-language" in {span.label.code.removeprefix("technique-") for span in marked.spans}
    for span in marked.spans:
        quote = marked.text[span.start : span.end]
        assert quote == quote.strip()
        assert set(quote.split()) <= set(ATTACK.split())


def test_the_report_has_how_often_it_errs_in_both_languages(tmp_path):
    errs = next(each for each in report(tmp_path, PLAIN).verdict.reasons if each.code == "persuasion-errs")
    assert "687 memes" in messages.worded(errs, "en")
    assert "687 meme" in messages.worded(errs, "it")


def test_a_script_in_a_text_is_text(tmp_path):
    text = "<script>alert('the museum')</script> and they all know what the truth is"
    assert report(tmp_path, text).evidence[0].text == text


def test_f1_counts_what_is_nowhere_and_was_not_found_as_right():
    truth, found = np.array([[1, 0], [0, 0]]), np.array([[1, 0], [1, 0]])
    assert (micro_f1(truth, found), list(f1_each(truth, found)), macro_f1(truth, found)) == (
        pytest.approx(2 / 3),
        [pytest.approx(2 / 3), 1.0],
        pytest.approx(5 / 6),
    )


def test_the_best_threshold_parts_what_can_be_parted():
    scores = np.linspace(0, 1, 200).reshape(100, 2)
    threshold = best_threshold(scores > 0.7, scores)
    assert micro_f1(scores > 0.7, scores >= threshold) > 0.9


def test_a_rare_technique_is_named_from_a_smaller_chance():
    scores = np.random.default_rng(0).uniform(size=(400, 2))
    truth = np.stack([scores[:, 0] > 0.5, scores[:, 1] > 0.9], 1)
    even, powered = (share_thresholds(truth, scores, power) for power in (0.0, 0.5))
    assert even[0] == even[1] == best_threshold(truth, scores)
    assert powered[1] / powered[0] == pytest.approx(np.sqrt(truth[:, 1].mean() / truth[:, 0].mean()), rel=0.01)


def test_thresholds_are_those_of_the_card_one_for_each_technique(tmp_path):
    limits = tool().card.thresholds
    for task, techniques in OF_TASK.items():
        assert list(limits[f"task{task}"]) == [each.code for each in techniques]
        assert tool().thresholds[task].tolist() == list(limits[f"task{task}"].values())
    row = int(tool().chances(ATTACK).argmax())
    strict = {**limits["task1"], IN_TEXT[row].code: 1.0}
    changed = PersuasionCheck(weights.find("persuasion-text-1"), dataclasses.replace(tool().card, thresholds={**limits, "task1": strict}))
    file = tmp_path / "text.txt"
    file.write_text(ATTACK)
    named = [[row for row in check.report([file]).evidence[-1].rows if row[3]] for check in (tool(), changed)]
    assert [each[0] for each in named[0] if each not in named[1]] == [IN_TEXT[row].title]
    assert all(chance >= limit for _, chance, limit, *_ in named[0])
    assert changed.report([file]).verdict.score < tool().report([file]).verdict.score


def test_a_line_with_a_marked_passage_is_an_example():
    text = f"{PLAIN}\n\nno more\n{ATTACK}"
    encoded = encode(text)
    plain, attack = text_lines(7, text, encoded)
    assert (plain.meme, attack.meme) == (7, 7)
    places = [[encoded.pieces[row] for row in line.pieces] for line in (plain, attack)]
    assert (places[0][0].start, places[0][-1].end) == (0, len(PLAIN))
    assert (places[1][0].start, places[1][-1].end) == (text.index(ATTACK), len(text))
    assert attack.features.shape == text_features(text, encoded).shape
    assert text_lines(0, PLAIN, encode(PLAIN)) == []
    marked = piece_labels(encoded, [{"technique": "Smears", "start": text.index("liars"), "end": len(text)}])
    assert (marked[plain.pieces].any(), marked[attack.pieces].any(0).sum()) == (False, 1)


def test_an_example_of_small_weight_moves_the_lines_little():
    values = np.repeat(np.array([[0.0], [1.0]], np.float32), 50, 0)
    wanted, opposite = values > 0.5, values < 0.5
    both, labels = np.concatenate([values, values]), np.concatenate([wanted, opposite])
    alike, light = (fit_lines(both, labels, np.ones(1), 1e-3, np.repeat([1.0, weight], 100))[0][0, 0] for weight in (1.0, 0.1))
    assert abs(alike) < 0.01
    assert light > 1


@pytest.mark.parametrize("task", [1, 3])
def test_the_evaluator_prints_f1_by_technique_and_a_rival(task, tmp_path, capsys):
    folder = memes(tmp_path, task, [dict(each) for each in ENTRIES])
    assert main(["evaluate", "persuasion", str(folder), "--task", str(task), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["n"], answer["task"], len(answer["per_label"])) == (3, task, {1: 20, 3: 22}[task])
    assert {"value", "low", "high"} == set(answer["metrics"]["micro_f1"])
    assert set(answer["metrics"]) == {"micro_f1", "macro_f1", "precision", "recall"}
    assert all({"micro_f1", "macro_f1"} <= set(each) for each in answer["rivals"].values())
    assert answer["per_label"]["Slogans"]["n"] == 1


def test_a_picture_that_cannot_be_read_is_left_out_and_named(tmp_path, capsys):
    folder = memes(tmp_path, 3, [dict(each) for each in ENTRIES])
    (folder / "images" / "1.jpg").write_bytes(b"no picture")
    assert main(["evaluate", "persuasion", str(folder), "--task", "3", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["n"], [each["item"] for each in answer["skipped"]]) == (2, ["2"])


def test_trained_lines_part_what_a_line_can_part():
    values = np.random.default_rng(0).normal(5, 3, (200, 4)).astype(np.float32)
    wanted = np.stack([values[:, 0] > 5, values[:, 1] < 6], 1)
    weights, bias = fit_lines(values, wanted, np.full(4, 0.5), 1e-4)
    assert ((values @ weights + bias > 0) == wanted).mean() > 0.97


def test_pieces_in_a_passage_are_labelled():
    encoded = encode(ATTACK)
    start = ATTACK.index("disgusting")
    marked = piece_labels(encoded, [{"technique": "Smears", "start": start, "end": start + 10}])
    row = [each.label for each in IN_TEXT].index("Smears")
    assert "".join(ATTACK[piece.start : piece.end] for piece, hit in zip(encoded.pieces, marked[:, row], strict=True) if hit).strip(",") == "disgusting"
    assert marked.sum() == marked[:, row].sum()


WRONG = {
    "no file": (None, "task1.json, entry 1: the file is missing"),
    "no JSON": ("[{", "task1.json, entry 1: this is no JSON"),
    "no list": ('{"id": 1}', "task1.json, entry 1: there is no entry"),
    "no object": ("[1]", "task1.json, entry 1: it is no object"),
    "no text": ('[{"id": "1", "text": "a", "labels": []}, {"id": "2", "labels": []}]', "task1.json, entry 2: text is missing"),
    "a number": ('[{"id": "1", "text": 7, "labels": []}]', "task1.json, entry 1: text is no text"),
    "labels": ('[{"id": "1", "text": "a", "labels": "Smears"}]', "task1.json, entry 1: labels is no list"),
    "technique": ('[{"id": "1", "text": "a", "labels": ["Transfer"]}]', "task1.json, entry 1: labels cannot hold 'Transfer'"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_format_is_one_line_that_names_file_entry_and_fields(content, message, tmp_path, capsys):
    if content is not None:
        (tmp_path / "task1.json").write_text(content)
    assert main(["evaluate", "persuasion", str(tmp_path), "--task", "1", "--json"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(message)
    assert "expected columns id,text,labels of each entry of a list" in printed
    assert printed.count("\n") == 1


def test_a_memes_picture_is_read_and_its_passages_lie_in_its_lines(tmp_path):
    found = tool().report([meme(tmp_path / "meme.png")])
    read, picture, lines, _ = found.evidence
    assert " ".join(read.text.split()) == DRAWN
    assert found.verdict.label.code == "persuasion-some"
    assert "persuasion-picture-read" in {each.code for each in found.verdict.reasons}
    assert (read.name, picture.name, lines.name, len(lines.rows)) == ("read-text", "lines-picture", "lines", 3)
    assert {"picture-text", "ppocr6-finder-small"} < set(found.models)
    assert {read.text[span.start : span.end] for span in read.spans}


def test_the_lines_that_hold_a_passage_are_drawn_otherwise(tmp_path):
    read = read_picture(meme(tmp_path / "meme.png"))
    marks = [TextSpan(0, 5, IN_TEXT[0].title)]
    assert read.evidence(marks)[0].content != read.evidence()[0].content


@pytest.mark.parametrize(("text", "code"), [("", "persuasion-picture-empty"), ("Музей открывается в девять", "persuasion-picture-unread")])
def test_a_picture_without_text_or_in_another_script_gets_a_clear_answer(text, code, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), drawn(((20, 200), text), outlined=False))
    found = tool().report([tmp_path / "a.png"])
    assert (found.verdict.label.code, found.verdict.band, found.verdict.score) == ("persuasion-cannot", "unsure", None)
    assert found.verdict.reasons[0].code == code
    assert all(messages.worded(each, language) for each in found.verdict.reasons for language in ("en", "it"))


def test_of_a_moving_picture_the_first_is_read_and_the_report_says_so(tmp_path):
    pictures = [Image.open(meme(tmp_path / "a.png")), Image.open(meme(tmp_path / "b.png", "ANOTHER TEXT"))]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=500)
    pictures[0].save(tmp_path / "still.gif")
    moving, still = (tool().report([tmp_path / name]) for name in ("a.gif", "still.gif"))
    assert "persuasion-picture-moving" in {each.code for each in moving.verdict.reasons} - {each.code for each in still.verdict.reasons}
    assert "LIARS" in moving.evidence[0].text


def test_a_broken_picture_is_refused_and_a_huge_one_read(tmp_path):
    whole = meme(tmp_path / "meme.png")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(BadInput) as caught:
        tool().report([tmp_path / "cut.png"])
    assert caught.value.message.code == "picture-cut-off"
    cv2.imwrite(str(tmp_path / "huge.jpg"), cv2.resize(cv2.imread(str(whole)), (7680, 4800), interpolation=cv2.INTER_CUBIC))
    assert "LIARS" in tool().report([tmp_path / "huge.jpg"]).evidence[0].text
