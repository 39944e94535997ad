"""A meme's picture at the desk: it counts beside the text, an average one says what it adds, and the part that moves a technique is the covered one."""

from __future__ import annotations

import numpy as np
import pytest

import detectors
from detectors import lite0
from detectors.bench import scene
from detectors.messages import LANGUAGES, Message, worded
from detectors.persuasion.looked import LEAST_FALL, MOST_PARTS, PLACES, PictureEffect, look
from detectors.persuasion.techniques import TECHNIQUES
from detectors.types import MarkedTextEvidence
from tests.drawn_memes import meme

MANY = len(TECHNIQUES)


@pytest.fixture(scope="module")
def tool():
    return detectors.shared("persuasion-check")


@pytest.fixture(scope="module")
def report(tool, tmp_path_factory):
    return tool.report([meme(tmp_path_factory.mktemp("memes") / "meme.png")])


def test_a_picture_is_judged_with_its_text_by_all_techniques(report):
    table = next(each for each in report.evidence if each.name == "techniques")
    codes = [each.code for each in table.columns]
    assert len(table.rows) == MANY
    assert codes == [f"persuasion-{name}" for name in ("technique", "chance", "average", "threshold", "named", "definition")]
    assert {row[0] for row in table.rows} == {each.title for each in TECHNIQUES}
    lost = sum(row[2] < row[3] for row in table.rows if row[4])
    together = next(each for each in report.verdict.reasons if each.code.startswith("persuasion-together"))
    assert together.params.get("count", 0) == lost
    assert all(worded(each, language) for each in report.verdict.reasons for language in LANGUAGES)


def test_its_chances_are_those_that_the_evaluator_judges(tool, report, tmp_path):
    from detectors import image

    text = next(each.text for each in report.evidence if isinstance(each, MarkedTextEvidence))
    chances = tool.chances(text, image.read(meme(tmp_path / "meme.png")))
    table = next(each for each in report.evidence if each.name == "techniques")
    for title, shown in ((row[0], row[1]) for row in table.rows):
        assert shown == pytest.approx(chances[[each.title for each in TECHNIQUES].index(title)], abs=6e-4)


def test_a_text_alone_is_judged_by_what_text_can_carry(tool, tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("They lie to you about the tower, and only a traitor would believe them!")
    found = tool.report([file])
    assert len(next(each for each in found.evidence if each.name == "techniques").rows) == sum(each.in_text for each in TECHNIQUES)
    assert not [each for each in found.verdict.reasons if each.code in ("persuasion-together", "persuasion-together-same", "persuasion-no-part")]


def test_covering_a_picture_of_one_colour_changes_nothing(tool):
    chances = np.linspace(0.05, 0.95, MANY)
    seen = look(np.full((120, 200, 3), 90, np.uint8), chances, tool.lines.picture_weights, tool.average)
    assert seen.falls == pytest.approx(0, abs=1e-6)
    assert seen.parts(range(MANY)) == []
    assert seen.evidence(np.zeros((120, 200, 3), np.uint8), chances, range(MANY)) == ()


def test_an_average_picture_gives_the_chance_without_this_one(tool):
    picture, chances = scene(1), np.full(MANY, 0.4)
    own = lite0.features(picture) @ tool.lines.picture_weights
    seen = look(picture, chances, tool.lines.picture_weights, tool.average)
    assert np.log(seen.average / (1 - seen.average)) == pytest.approx(np.log(0.4 / 0.6) - own + tool.average, abs=1e-3)


def test_the_parts_are_those_whose_covering_lowers_a_named_technique_most():
    falls = np.zeros((PLACES, PLACES, MANY))
    falls[0, 6, 2], falls[3, 3, 5], falls[6, 0, 7], falls[1, 1, 9] = 0.3, 0.2, LEAST_FALL - 0.001, 0.9
    seen, chances = PictureEffect(np.zeros(MANY), falls), np.full(MANY, 0.8)
    assert seen.parts([2, 5, 7]) == [(2, 0, 6), (5, 3, 3)]  # 7 moves too little, 9 is not named
    assert seen.reasons(np.full(MANY, 0.5), [2, 5]) == [Message("persuasion-together", {"count": 2})]
    assert [each.code for each in seen.reasons(np.zeros(MANY), [7])] == ["persuasion-together-same", "persuasion-no-part"]
    assert seen.reasons(np.zeros(MANY), []) == []
    picture, table = seen.evidence(np.full((448, 224, 3), 200, np.uint8), chances, [2, 5, 7])
    assert [(row[0], row[2].code, row[3], row[4]) for row in table.rows] == [
        (1, "persuasion-place-upper-right", 0.8, 0.5),
        (2, "persuasion-place-middle-centre", 0.8, 0.6),
    ]
    assert picture.content.startswith(b"\x89PNG")
    assert len(seen.parts(range(10))) == MOST_PARTS
