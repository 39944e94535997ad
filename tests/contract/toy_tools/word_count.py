"""A toy desk tool in one file: it counts words and marks the long ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from detectors.errors import BadInput
from detectors.inputs import read_text
from detectors.messages import Message
from detectors.registry import tool
from detectors.types import MarkedTextEvidence, ModelCard, PlotEvidence, PlotSeries, Progress, Report, ReportField, ReportPart, TableEvidence, TextSpan, Verdict

LONG = 10  # letters from which a word is long
WORDS = {
    "title": {"en": "Word count (toy)", "it": "Conta parole (giocattolo)"},
    "about": {"en": "Counts the words of a text and marks the long ones.", "it": "Conta le parole di un testo e segna quelle lunghe."},
    "toy-counting": {"en": "counting words", "it": "conteggio delle parole"},
    "toy-no-words": {"en": "the text has no words", "it": "il testo non ha parole"},
    "toy-label": {"en": ("{count} word", "{count} words"), "it": ("{count} parola", "{count} parole")},
    "toy-long": {
        "en": ("{count} word is long: {share:.1%} of all.", "{count} words are long: {share:.1%} of all."),
        "it": ("{count} parola è lunga: il {share:.1%} di tutte.", "{count} parole sono lunghe: il {share:.1%} di tutte."),
    },
    "toy-counts": {"en": "Counts", "it": "Conteggi"},
    "toy-words": {"en": "Words", "it": "Parole"},
    "toy-average": {"en": "Letters a word", "it": "Lettere per parola"},
    "toy-marked": {"en": "The text with its long words marked", "it": "Il testo con le parole lunghe segnate"},
    "toy-long-word": {"en": "long word", "it": "parola lunga"},
    "toy-frequent": {"en": "The most frequent words", "it": "Le parole più frequenti"},
    "toy-word": {"en": "Word", "it": "Parola"},
    "toy-times": {"en": "Times", "it": "Volte"},
    "toy-lengths": {"en": "How long the words are", "it": "Quanto sono lunghe le parole"},
    "toy-letters": {"en": "Letters", "it": "Lettere"},
}
CARD = {
    "version": "1",
    "licence": "Apache-2.0",
    "source": "tests/contract/toy_tools/word_count.py",
    "preprocessing": {"text": "UTF-8"},
    "thresholds": {"long": LONG},
    "data": "none",
    "metrics": {},
    "limits": "a toy",
}


@tool("toy-word-count", family="toys", media=("text",), inputs=1, words=WORDS, card=CARD)
class WordCount:
    """Words of a text."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card = card

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """Counts, a table, a plot and the text itself with marks. Raises BadInput for a text without words."""
        progress(0.1, Message("toy-counting"))
        text = read_text(paths[0])
        found = list(re.finditer(r"\w+", text))
        if not found:
            raise BadInput(Message("toy-no-words"))
        words = [each.group() for each in found]
        spans = tuple(TextSpan(each.start(), each.end(), Message("toy-long-word")) for each in found if len(each.group()) >= LONG)
        progress(0.9, Message("toy-counting"))
        fields = (
            ReportField("words", Message("toy-words"), len(words)),
            ReportField("average", Message("toy-average"), round(sum(map(len, words)) / len(words), 2)),
        )
        return Report(
            Verdict(Message("toy-label", {"count": len(words)}), None, None, "unsure", (_long(len(spans), len(words)),)),
            parts=(ReportPart("counts", Message("toy-counts"), fields),),
            evidence=(
                MarkedTextEvidence("text", Message("toy-marked"), text, spans),
                TableEvidence("frequent", Message("toy-frequent"), (Message("toy-word"), Message("toy-times")), tuple(Counter(words).most_common(5))),
                _lengths(words),
            ),
        )


def _lengths(words: Sequence[str]) -> PlotEvidence:
    """How many words have how many letters."""
    counted = sorted(Counter(map(len, words)).items())
    curve = PlotSeries(Message("toy-words"), tuple(float(length) for length, _ in counted), tuple(float(times) for _, times in counted))
    marks = ((float(LONG), Message("toy-long-word")),)
    return PlotEvidence("lengths", Message("toy-lengths"), Message("toy-letters"), Message("toy-words"), (curve,), marks)


def _long(count: int, words: int) -> Message:
    return Message("toy-long", {"count": count, "share": count / words})
