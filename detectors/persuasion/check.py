"""Which persuasion techniques a text uses, what each is, and where in the text; the text of a meme is read in its picture, and a person corrects it."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import detectors
from detectors import weights
from detectors.inputs import read_text
from detectors.messages import Message
from detectors.persuasion.classify import PersuasionLines, encode
from detectors.persuasion.domain import outside
from detectors.persuasion.encoder import EncodedText
from detectors.persuasion.looked import PictureEffect, look
from detectors.persuasion.pictures import FINDER, READ, READER, ReadPicture, is_picture, read_picture
from detectors.persuasion.techniques import IN_TEXT, OF_TASK, TECHNIQUES, Technique
from detectors.registry import tool
from detectors.types import Evidence, MarkedTextEvidence, ModelCard, Progress, Report, ReportField, ReportPart, TableEvidence, TextSpan, Verdict

LIKELY = 0.5
ERRORS_FROM = "task {task}, cross-validation"  # of the card's figures: 687 memes, far more than the 63 set aside
TEXT, MEME = 1, 3  # the tasks: a text alone, a text with its picture
ITALIAN = "task 1, Italian"  # of the card's figures
MOST_SHOWN = 20_000  # characters of the text that the report carries
NETS = ("e5-small-layers-1", "e5-small-pieces-1")
WORDS = {
    "title": {"en": "Persuasion techniques", "it": "Tecniche di persuasione"},
    "about": {
        "en": "Which persuasion techniques a short English text uses, such as that of a meme, and where. A picture's text is read first; correct it after.",
        "it": "Quali tecniche di persuasione usa un breve testo inglese, come quello di un meme, e dove. Di un'immagine si legge il testo, da correggere poi.",
    },
    "persuasion-reading": {"en": "reading the text", "it": "lettura del testo"},
    "persuasion-weighing": {"en": "looking for techniques", "it": "ricerca delle tecniche"},
    "persuasion-cannot": {"en": "cannot say", "it": "non si può dire"},
    "persuasion-none": {"en": "no technique found", "it": "nessuna tecnica trovata"},
    "persuasion-some": {
        "en": ("{count} persuasion technique", "{count} persuasion techniques"),
        "it": ("{count} tecnica di persuasione", "{count} tecniche di persuasione"),
    },
    "persuasion-cut": {
        "en": "Only the first {characters:,} characters were examined: the tool is made for short texts.",
        "it": "Sono stati esaminati solo i primi {characters:,} caratteri: lo strumento è fatto per testi brevi.",
    },
    "persuasion-hidden": {
        "en": ("{count} character that is not seen was left out.", "{count} characters that are not seen were left out."),
        "it": ("{count} carattere che non si vede è stato ignorato.", "{count} caratteri che non si vedono sono stati ignorati."),
    },
    "persuasion-errs": {
        "en": "It errs often: on {texts} memes that it had not seen, {precision:.0%} of the techniques it named had been marked by people too, "
        "and it named {recall:.0%} of those they had marked.",
        "it": "Sbaglia spesso: su {texts} meme mai visti, il {precision:.0%} delle tecniche indicate era stato segnato anche da persone, "
        "e ha indicato il {recall:.0%} di quelle segnate.",
    },
    "persuasion-not-false": {
        "en": "A technique does not make a statement false, nor does its absence make one true.",
        "it": "Una tecnica non rende falsa un'affermazione, né la sua assenza la rende vera.",
    },
    "persuasion-part": {"en": "Text", "it": "Testo"},
    "persuasion-words": {"en": "Words", "it": "Parole"},
    "persuasion-characters": {"en": "Characters", "it": "Caratteri"},
    "persuasion-threshold": {"en": "Named from a chance of", "it": "Indicata da una probabilità di"},
    "persuasion-marked": {
        "en": "Where the named techniques seem to stand (the tool's guess)",
        "it": "Dove sembrano trovarsi le tecniche indicate (stima dello strumento)",
    },
    "persuasion-table": {"en": "All techniques, the likeliest first", "it": "Tutte le tecniche, dalla più probabile"},
    "persuasion-technique": {"en": "Technique", "it": "Tecnica"},
    "persuasion-chance": {"en": "Chance", "it": "Probabilità"},
    "persuasion-named": {"en": "Named", "it": "Indicata"},
    "persuasion-definition": {"en": "What it is", "it": "Che cos'è"},
}


@tool("persuasion-check", family="persuasion", media=("text", "picture"), inputs=1, words=WORDS, weights="persuasion-text-1")
class PersuasionCheck:
    """Persuasion techniques of a text. `thresholds`: by task the chance from which each technique is named, in the techniques' order, from the card."""

    def __init__(self, opened: Path, card: ModelCard) -> None:
        self.card, self.lines = card, PersuasionLines(opened)
        self.thresholds = {task: np.array([card.thresholds[f"task{task}"][each.code] for each in techniques]) for task, techniques in OF_TASK.items()}
        f1 = {name: round(card.metrics[of]["micro_f1"]["value"], 3) for name, of in (("found", ITALIAN), ("rival", f"{ITALIAN}, rival"))}
        self.average = np.array([card.thresholds["average_picture"][each.code] for each in OF_TASK[MEME]])
        self.italian = {"texts": card.thresholds["italian"], **f1}

    def chances(self, text: str, picture: np.ndarray | None = None) -> np.ndarray:
        """The chance of each technique: (20,) of a text, (22,) of a meme's text with its BGR picture; also of texts the report would not speak of."""
        encoded = encode(text)
        return self.lines.of_text(text, encoded) if picture is None else self.lines.of_meme(text, encoded, picture)

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """Techniques with chance, definition and passages. Raises BadInput for what is no picture and no text in UTF-8."""
        picture = None
        if is_picture(paths[0]):
            progress(0.0, Message("persuasion-looking"))
            picture = read_picture(paths[0])
            text = picture.found.text
        else:
            progress(0.0, Message("persuasion-reading"))
            text = read_text(paths[0])
        if reason := (picture and picture.outside) or outside(text, self.italian):
            verdict = Verdict(Message("persuasion-cannot"), None, None, "unsure", (reason, *_limits(picture)))
            return Report(verdict, (_part(text),), evidence=_shown(text, (), picture), models=self._models(picture))
        progress(0.6 if picture else 0.2, Message("persuasion-weighing"))
        encoded = encode(text)
        task = MEME if picture else TEXT
        chances = self.lines.of_meme(text, encoded, picture.pixels) if picture else self.lines.of_text(text, encoded)
        named = [row for row in np.argsort(-chances, kind="stable").tolist() if chances[row] >= self.thresholds[task][row]]
        marks = self._marks(text, encoded, chances, [OF_TASK[task][row] for row in named])
        verdict, seen = self._verdict(text, encoded, chances, named, task), None
        if picture:
            progress(0.8, Message("persuasion-covering"))
            seen = look(picture.pixels, chances, self.lines.picture_weights, self.average)
        limits = [*(seen.reasons(self.thresholds[task], named) if seen else ()), *_limits(picture)]
        shown = (*_shown(text, marks, picture), *(seen.evidence(picture.pixels, chances, named) if seen else ()))
        return Report(
            dataclasses.replace(verdict, reasons=(*verdict.reasons[: len(named)], *limits, *verdict.reasons[len(named) :])),
            (_part(text),),
            evidence=(*shown, _table(chances, self.thresholds[task], seen)),
            models=self._models(picture),
        )

    def _marks(self, text: str, encoded: EncodedText, chances: np.ndarray, named: Sequence[Technique]) -> tuple[TextSpan, ...]:
        """Passages of the named techniques that a text can carry: they come first in both tasks, in the same order."""
        spans = [span for technique in named if technique.in_text for span in self.lines.spans(text, encoded, IN_TEXT.index(technique))]
        return tuple(
            TextSpan(span.start, span.end, IN_TEXT[span.technique].title, round(float(chances[span.technique]), 3))
            for span in sorted(spans, key=lambda each: (each.start, each.end))
            if span.end <= MOST_SHOWN
        )

    def _models(self, picture: ReadPicture | None) -> dict[str, str]:
        nets = {name: weights.locked(name).sha256 for name in (*NETS, *((FINDER,) if picture else ()))}
        return {self.card.name: self.card.sha256, **nets, **({READER: detectors.card(READER).sha256} if picture else {})}

    def _verdict(self, text: str, encoded: EncodedText, chances: np.ndarray, named: list[int], task: int) -> Verdict:
        """What was named, likeliest first, then what limits it; score and threshold are those of the likeliest named, or of the likeliest where none is."""
        reasons = [Message(f"technique-{OF_TASK[task][row].code}-found", {"chance": round(float(chances[row]), 3)}) for row in named]
        if not encoded.whole:
            reasons.append(Message("persuasion-cut", {"characters": encoded.pieces[-1].end}))
        if hidden := sum(unicodedata.category(letter) == "Cf" for letter in text):
            reasons.append(Message("persuasion-hidden", {"count": hidden}))
        errs = self.card.metrics[ERRORS_FROM.format(task=task)]
        rates = {name: errs[name]["value"] for name in ("precision", "recall")}
        reasons += [Message("persuasion-errs", {"texts": self.card.thresholds["memes"], **rates}), Message("persuasion-not-false")]
        label = Message("persuasion-some", {"count": len(named)}) if named else Message("persuasion-none")
        likeliest = named[0] if named else int(chances.argmax())
        band = "suspicious" if named and chances[likeliest] >= LIKELY else "unsure" if named else "clear"
        return Verdict(label, round(float(chances[likeliest]), 3), round(float(self.thresholds[task][likeliest]), 3), band, tuple(reasons))


def _part(text: str) -> ReportPart:
    words, characters = Message("persuasion-words"), Message("persuasion-characters")
    return ReportPart("text", Message("persuasion-part"), (ReportField("words", words, len(text.split())), ReportField("characters", characters, len(text))))


def _limits(picture: ReadPicture | None) -> list[Message]:
    return picture.limits if picture else []


def _shown(text: str, marks: tuple[TextSpan, ...], picture: ReadPicture | None) -> tuple[Evidence, ...]:
    """The text as it came or was read, in its own order of reading, and the picture's lines."""
    if picture is None:
        return (MarkedTextEvidence("text", Message("persuasion-marked"), text[:MOST_SHOWN], marks),)
    return MarkedTextEvidence(READ, Message("persuasion-marked"), text[:MOST_SHOWN], marks), *picture.evidence(marks)


def _table(chances: np.ndarray, thresholds: np.ndarray, seen: PictureEffect | None) -> TableEvidence:
    named = ("technique", "chance", *(("average",) if seen else ()), "threshold", "named", "definition")
    techniques, rows = TECHNIQUES if seen else IN_TEXT, []
    for row in np.argsort(-chances, kind="stable").tolist():
        numbers = [chances[row], *((seen.average[row],) if seen else ()), thresholds[row]]
        shown = (round(float(each), 3) for each in numbers)
        rows.append((techniques[row].title, *shown, bool(chances[row] >= thresholds[row]), techniques[row].definition))
    return TableEvidence("techniques", Message("persuasion-table"), tuple(Message(f"persuasion-{name}") for name in named), tuple(rows))
