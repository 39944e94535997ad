"""The desk tool for machine-written posts: accounts, posts, hidden characters, marks, and what nothing can be said of."""

from __future__ import annotations

from pathlib import Path

import pytest

import detectors
from detectors.errors import BadInput
from detectors.messages import LANGUAGES, worded
from detectors.reports import report_from_json, report_to_json
from detectors.text import domain, show
from detectors.text.hygiene import clean
from detectors.types import MarkedTextEvidence, Report, TableEvidence

PERSON = (
    "@bert went to the tower with my sister today and it was closed!! so annoying haha",
    "ok but why is the ticket office on the other side of the square @anna",
    "@carla I can't believe they let people climb that in the rain, my shoes are ruined https://example.org/shoes",
    "if you're in pisa get the ice cream by the river, not the one by the tower",
)
MACHINE = (
    '"The first of the tower of the first and the tower of the first is the way to be the tower of the',
    '"The tower is the first of the year of the first and the way of the people of the first of the to',
    '"The museum of the first time of the tower is the way to the first of the museum and the start of',
    '"The way of the tower is the same as the first of the tower and the time to be the first to the #p',
)


@pytest.fixture(scope="module")
def tool():
    return detectors.load("machine-text")


def reported(tool, tmp_path: Path, content: str) -> Report:
    file = tmp_path / "posts.txt"
    file.write_text(content, encoding="utf-8", newline="")
    return tool.report([file])


def table_of(report: Report, name: str) -> TableEvidence:
    return next(each for each in report.evidence if each.name == name and isinstance(each, TableEvidence))


def text_of(report: Report, name: str) -> MarkedTextEvidence:
    return next(each for each in report.evidence if each.name == name and isinstance(each, MarkedTextEvidence))


def accounts_table() -> str:
    rows = [
        f'"{post.replace(chr(34), chr(34) * 2)} {n}",{account}' for n in range(3) for account, posts in (("anna", PERSON), ("bot", MACHINE)) for post in posts
    ]
    return "text,account\n" + "\n".join(rows) + "\n"


def codes(report: Report) -> set[str]:
    return {each.code for each in (report.verdict.label, *report.verdict.reasons)}


def test_accounts_come_in_the_order_of_their_probability_with_their_posts(tool, tmp_path):
    report = reported(tool, tmp_path, accounts_table())
    rows = table_of(report, "accounts").rows
    assert [(row[0], row[1]) for row in rows] == [("bot", 12), ("anna", 12)]
    assert rows[0][2].params["share"] > 0.9 > 0.6 > rows[1][2].params["share"]
    assert report.verdict.score == rows[0][2].params["share"]
    assert report.verdict.label.code == "machine-text-accounts"
    assert len(table_of(report, "posts").rows) == 24
    assert report.parts[0].value("accounts") == 2


def test_more_posts_make_it_surer(tool):
    scores = tool.machine.unseen_score(tool.machine.features([clean(post).text for post in PERSON]))
    stages = tool.machine.stages
    assert [each.posts for each in stages] == [1, 2, 3, 5, 10, 20]
    assert [each.error for each in stages] == sorted((each.error for each in stages), reverse=True)
    assert tool.machine.probability([scores.min()] * 10) < tool.machine.probability([scores.min()])


def test_a_single_post_says_how_often_it_errs_and_where_it_must_not_be_used(tool, tmp_path):
    report = reported(tool, tmp_path, PERSON[2])
    assert {"machine-text-one", "machine-text-errs", "machine-text-limits"} <= codes(report)
    errs = next(each for each in report.verdict.reasons if each.code == "machine-text-errs")
    assert 0.1 < errs.params["error"] < 0.5
    assert errs.params["count"] == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("Oggi il museo è chiuso per lavori, ma la torre si può visitare anche senza prenotazione.", "text-language-it"),
        ("ok then", "text-no-words"),
        ("if you're in pisa get the ice cream by the river, not the one by the tower", "text-plain"),
        ("word salad and tower " * 60, "text-too-long"),
        ("Muzeum jest zamknięte, wieża jest jednak otwarta dla zwiedzających przez cały tydzień", "text-unlike"),
    ],
)
def test_it_cannot_say_outside_its_domain_and_names_the_reason(tool, tmp_path, content, code):
    report = reported(tool, tmp_path, content)
    assert report.verdict.label.code == "machine-text-cannot-say"
    assert (report.verdict.score, report.verdict.band) == (None, "unsure")
    assert code in codes(report)


def test_a_post_that_nothing_can_be_said_of_does_not_spoil_the_others(tool, tmp_path):
    report = reported(tool, tmp_path, "\n".join([*PERSON, "Oggi il museo è chiuso per lavori, ma la torre si può visitare."]))
    assert "machine-text-set-aside" in codes(report)
    assert (report.parts[0].value("given"), report.parts[0].value("examined")) == (5, 4)
    assert table_of(report, "posts").rows[4][4].code == "text-language-it"


def test_hidden_characters_are_counted_listed_and_written_out_and_do_not_change_the_score(tool, tmp_path):
    plain = reported(tool, tmp_path, PERSON[2])
    disguised = PERSON[2].replace("be", "b\u200be").replace("p", "р").replace("rain", "ra\u00adin")
    report = reported(tool, tmp_path, disguised)
    assert report.verdict.score == plain.verdict.score
    assert "machine-text-hidden-found" in codes(report)
    assert "machine-text-hidden-found" not in codes(plain)
    assert next(part for part in report.parts if part.name == "hidden").value("zero-width") == 1
    assert [row[2] for row in table_of(report, "hidden").rows].count("U+200B ZERO WIDTH SPACE") == 1
    shown = text_of(report, "hidden-1")
    assert "⟦U+200B⟧" in shown.text
    assert shown.text[shown.spans[0].start : shown.spans[0].end] == "⟦U+200B⟧"


def test_what_moved_the_answer_is_marked_in_the_text_and_named(tool, tmp_path):
    report = reported(tool, tmp_path, MACHINE[3][1:])
    shown = text_of(report, "post-1")
    assert shown.text == MACHINE[3][1:]
    assert {span.label.code for span in shown.spans} <= {"machine-text-toward-machine", "machine-text-toward-person"}
    assert shown.spans
    signals = next(part for part in report.parts if part.name == "signals").fields
    assert len(signals) == 6
    sizes = [abs(field.value.params["moved"]) for field in signals]
    assert sizes == sorted(sizes, reverse=True)


def test_html_is_shown_as_it_is(tool, tmp_path):
    report = reported(tool, tmp_path, "@anna I saw this on the wall of the tower: <script>alert(1)</script> what does it mean")
    assert "<script>" in text_of(report, "post-1").text
    assert report_to_json(report_from_json(report_to_json(report))) == report_to_json(report)


def test_a_million_characters_and_odd_texts_are_answered(tool, tmp_path):
    assert reported(tool, tmp_path, "tower " * 170_000).verdict.label.code == "machine-text-cannot-say"
    assert reported(tool, tmp_path, "😀" * 40).verdict.label.code == "machine-text-cannot-say"
    with pytest.raises(BadInput):
        reported(tool, tmp_path, "\n \n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_worded(tool, tmp_path, language):
    report = reported(tool, tmp_path, accounts_table())
    assert all(worded(each, language) for each in (report.verdict.label, *report.verdict.reasons))


def test_characters_written_out_keep_their_places():
    found = clean("a\u00adb сat")
    text, spans = show.written_out("a\u00adb сat", found.removals)
    assert text == "a⟦U+00AD⟧b сat"
    assert [text[span.start : span.end] for span in spans] == ["⟦U+00AD⟧", "с"]


def test_habits_are_looked_for_once_in_each_post(monkeypatch, tmp_path):
    looked, has_habits = [], domain.has_habits
    monkeypatch.setattr(domain, "has_habits", lambda text: looked.append(text) or has_habits(text))
    (tmp_path / "posts.txt").write_text("".join(f"so it rained again and we stayed at home with the cat, day {n} of it\n" for n in range(120)))
    detectors.load("machine-text").report([tmp_path / "posts.txt"], lambda share, stage: None)
    assert len(looked) <= 120
