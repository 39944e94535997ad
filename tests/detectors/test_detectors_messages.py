"""Messages are codes with parameters: worded in a language, never a bare code to a person, and read back when their tool is gone."""

from __future__ import annotations

import pytest

import detectors
from detectors import messages
from detectors.messages import Message, UnknownMessage, declare, message_from_json, message_to_json, shown, text, worded
from detectors.reports import report_from_json, report_to_json
from detectors.types import MarkedTextEvidence, PictureEvidence, Report, TextSpan, Verdict

OLD = {
    "verdict": {"label": "log10 LR +1.2 (+0.9 to +1.5)", "score": 1.2, "threshold": None, "band": "unsure", "reasons": ["Why."]},
    "parts": [
        {"name": "picture-1", "sha256": "a" * 64, "faces": 1, "compared": {"box": [1.0, 2.0], "detail_pixels": 64.0}},
        {"name": "picture-2", "sha256": "b" * 64, "faces": 0, "compared": None},
    ],
    "timeline": [],
    "models": {"faces": "c" * 64},
    "input_sha256": "a" * 64,
}


@pytest.fixture
def words():
    """Some words for one test."""
    made = {
        "test-faces": {"en": ("{count} face was found.", "{count} faces were found."), "it": ("È stato trovato un volto.", "Trovati {count} volti.")},
        "test-ratio": {"en": "{ratio:+.1f} of {pairs:,}", "it": "{ratio:+.1f} su {pairs:,}"},
        "test-english": {"en": "only English: {ratio}"},
    }
    declare(made)
    yield made
    messages.withdraw(made)


@pytest.mark.parametrize(
    ("message", "language", "wanted"),
    [
        (Message("test-faces", {"count": 1}), "en", "1 face was found."),
        (Message("test-faces", {"count": 0}), "en", "0 faces were found."),
        (Message("test-faces", {"count": 1}), "it", "È stato trovato un volto."),
        (Message("test-faces", {"count": 3}), "it-it", "Trovati 3 volti."),
        (Message("test-ratio", {"ratio": -2.25, "pairs": 1500}), "en", "-2.2 of 1,500"),
        (Message("test-ratio", {"ratio": -2.25, "pairs": 1500}), "it", "-2,2 su 1.500"),
        (Message("test-english", {"ratio": 0.5}), "it", "only English: 0.5"),
        (Message("test-faces", {"count": 2}), "de", "2 faces were found."),
        (text("{braces} stay"), "it", "{braces} stay"),
    ],
)
def test_a_message_is_worded_with_plural_and_numbers_of_the_language(words, message, language, wanted):
    assert worded(message, language) == wanted


@pytest.mark.parametrize(
    "message", [Message("nobody-declared-this"), Message("test-ratio", {"ratio": 1.0}), Message("test-ratio", {"ratio": "x", "pairs": "y"})]
)
def test_a_message_without_words_or_parameters_is_an_error_while_it_is_made(words, message):
    if message.code != "test-ratio" or message.params.get("ratio") != "x":
        with pytest.raises(UnknownMessage):
            worded(message)


def test_a_stored_message_says_its_english_when_its_words_are_gone(words):
    stored = message_to_json(Message("test-faces", {"count": 2}))
    messages.withdraw(words)
    assert worded(message_from_json(stored), "it") == "2 faces were found."


def test_a_stored_message_says_its_english_when_its_words_ask_for_more_now(words):
    stored = {"code": "test-ratio", "params": {"ratio": 1.0}, "text": "as it was"}
    assert worded(message_from_json(stored), "it") == "as it was"


def test_a_message_survives_json_and_stays_in_the_readers_language(words):
    message = Message("test-faces", {"count": 2})
    assert message_from_json(message_to_json(message)) == message
    assert worded(message_from_json(message_to_json(message)), "it") == "Trovati 2 volti."


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"Test": {"en": "x"}}, "small letters"),
        ({"test-a": {"it": "x"}}, "English is needed"),
        ({"test-a": {"en": "x", "fr": "y"}}, "are understood"),
        ({"test-a": {"en": "{a}", "it": "{b}"}}, "other parameters"),
        ({"test-a": {"en": "{a.b}"}}, "plain names"),
        ({"yes": {"en": "aye"}}, "other words already"),
    ],
)
def test_wrong_words_are_an_error_at_once(wrong, why):
    with pytest.raises(ValueError, match=why):
        declare(wrong)


@pytest.mark.parametrize(
    ("value", "language", "wanted"),
    [(None, "en", "–"), ("", "en", "–"), (True, "it", "sì"), (0.25, "it", "0,25"), (1500, "it", "1500"), ((1.5, "x"), "it", "1,5; x"), ((), "en", "–")],
)
def test_a_value_is_shown_as_a_person_reads_it(value, language, wanted):
    assert shown(value, language) == wanted


def test_every_message_of_the_house_has_english_and_italian():
    detectors.names()
    assert [code for code, forms in messages.declared().items() if set(forms) != {"en", "it"}] == []


def test_a_report_of_before_there_were_codes_can_still_be_read():
    report = report_from_json(OLD, {"aligned": "d" * 64})
    assert worded(report.verdict.label, "it") == "log10 LR +1.2 (+0.9 to +1.5)"
    assert [worded(each) for each in report.verdict.reasons] == ["Why."]
    assert shown(report.parts[0].value("compared")) == "box 1; 2, detail pixels 64"
    assert worded(report.parts[0].fields[2].label) == "compared"
    assert report.inputs == ("a" * 64, "b" * 64)
    assert [(each.name, each.sha256) for each in report.evidence] == [("aligned", "d" * 64)]
    assert report_from_json(report_to_json(report)) == report


@pytest.mark.parametrize("data", [{}, {"schema": 2}, {"schema": 2, "verdict": 5}, {"verdict": {"label": "x"}}])
def test_what_is_no_report_is_named(data):
    with pytest.raises(ValueError, match="no report"):
        report_from_json(data)


def test_a_band_that_does_not_exist_is_an_error_at_once():
    with pytest.raises(ValueError, match="band"):
        Verdict(text("x"), None, None, "guilty")


def test_evidence_needs_names_of_its_own():
    picture = PictureEvidence("a", text("A"), b"png")
    with pytest.raises(ValueError, match="names"):
        Report(Verdict(text("x"), None, None, "clear"), evidence=(picture, picture))


def test_a_span_outside_its_text_is_an_error_at_once():
    with pytest.raises(ValueError, match="outside"):
        MarkedTextEvidence("text", text("T"), "short", (TextSpan(3, 9, text("x")),))
