"""The text of a meme as it is read in its picture: what could be read, where each line stands, and which lines hold a technique's passage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import detectors
from detectors import image
from detectors.drawing import draw_lines
from detectors.formats import kind_of
from detectors.inputs import media_of
from detectors.messages import Message, declare
from detectors.ocr.marks import REASONS
from detectors.ocr.reading import PictureText, ReadLine
from detectors.types import PictureEvidence, TableEvidence, TextSpan

READER, FINDER = "picture-text", "ppocr6-finder-small"
LONGEST = 4000  # pixels of the longer side that a picture is opened with
MOST_UNREAD = 0.5  # of the lines' length: beyond it what was read is no fair picture of what stands there
FRAME = re.compile(rb"\x21\xf9\x04.{4}\x00[\x21\x2c]", re.DOTALL)  # before each picture of a GIF
READ = "read-text"  # a marked text of this name was read by machine: the desk lets a person correct it
declare(
    {
        "persuasion-looking": {"en": "reading the picture", "it": "lettura dell'immagine"},
        "persuasion-picture-empty": {"en": "No writing was found in the picture.", "it": "Nell'immagine non è stata trovata alcuna scritta."},
        "persuasion-picture-unread": {
            "en": "Most of the writing in the picture could not be read: it is in other letters than Latin, Chinese or Japanese, or too small or unclear.",
            "it": "Gran parte delle scritte nell'immagine non si è potuta leggere: caratteri diversi da latini, cinesi o giapponesi, o piccole o poco chiare.",
        },
        "persuasion-picture-read": {
            "en": (
                "{count} line was read in the picture by machine: check it below, and correct it where it is wrong.",
                "{count} lines were read in the picture by machine: check them below, and correct them where they are wrong.",
            ),
            "it": (
                "{count} riga è stata letta nell'immagine dalla macchina: controllarla qui sotto e correggerla dove è sbagliata.",
                "{count} righe sono state lette nell'immagine dalla macchina: controllarle qui sotto e correggerle dove sono sbagliate.",
            ),
        },
        "persuasion-picture-left": {
            "en": (
                "{count} line was left out of the text: the table of lines says why.",
                "{count} lines were left out of the text: the table of lines says why.",
            ),
            "it": (
                "{count} riga è stata lasciata fuori dal testo: la tabella delle righe dice perché.",
                "{count} righe sono state lasciate fuori dal testo: la tabella delle righe dice perché.",
            ),
        },
        "persuasion-picture-moving": {
            "en": "The picture moves: only the first of its pictures was read.",
            "it": "L'immagine è animata: è stata letta solo la prima delle sue immagini.",
        },
        "persuasion-picture-boxes": {
            "en": "The lines as read. Thick: lines that hold a marked passage, with the passages' numbers; thin: other lines",
            "it": "Le righe lette. Spesse: righe che contengono un passaggio segnato, con i numeri dei passaggi; sottili: le altre",
        },
        "persuasion-lines": {"en": "The lines as read, in their order", "it": "Le righe lette, nel loro ordine"},
        "persuasion-line": {"en": "Line", "it": "Riga"},
        "persuasion-sure": {"en": "How sure", "it": "Sicurezza"},
        "persuasion-where": {"en": "Place: left, top, width, height in pixels", "it": "Posto: sinistra, alto, larghezza, altezza in pixel"},
        "persuasion-kept": {"en": "Part of the text", "it": "Parte del testo"},
        "persuasion-line-script": {"en": "no: letters that are not read here", "it": "no: caratteri che qui non si leggono"},
        "persuasion-line-unsure": {"en": "no: not sure enough", "it": "no: lettura troppo incerta"},
        "persuasion-line-mark": {"en": "no: a mark of origin or of a screen", "it": "no: un segno di provenienza o di uno schermo"},
        "persuasion-line-small": {"en": "no: small print", "it": "no: scritta minuta"},
        "persuasion-line-unseen": {"en": "(not read)", "it": "(non letta)"},
    }
)
NOT_KEPT = {reason: Message(f"persuasion-line-{reason}") for reason in REASONS}


class ReadPicture(NamedTuple):
    """A picture as opened, what was read in it, and whether it is the first of a moving one."""

    pixels: np.ndarray
    found: PictureText
    moves: bool

    @property
    def limits(self) -> list[Message]:
        """What is to be kept in mind of the reading."""
        reasons = [Message("persuasion-picture-read", {"count": len(self.found.lines)})] if self.found.lines else []
        if self.found.left_out:
            reasons.append(Message("persuasion-picture-left", {"count": len(self.found.left_out)}))
        return [*reasons, Message("persuasion-picture-moving")] if self.moves else reasons

    @property
    def outside(self) -> Message | None:
        """Why nothing can be said of it, or None."""
        if self.found.share_unread > MOST_UNREAD:
            return Message("persuasion-picture-unread")
        return None if self.found.text else Message("persuasion-picture-empty")

    def evidence(self, marks: Sequence[TextSpan] = ()) -> tuple[PictureEvidence | TableEvidence, ...]:
        """The picture with its lines, and a table of them; nothing where no line was found."""
        if not (self.found.lines or self.found.left_out):
            return ()
        numbers = [[n for n, mark in enumerate(marks, 1) if mark.start < line.end and mark.end > line.start] for line in self.found.lines]
        drawn = [(line.corners, " ".join(map(str, inside))) for line, inside in zip(self.found.lines, numbers, strict=True)]
        rows = tuple(_row(line) for line in (*self.found.lines, *self.found.left_out))
        columns = tuple(Message(f"persuasion-{name}") for name in ("line", "sure", "where", "kept"))
        return (
            PictureEvidence("lines-picture", Message("persuasion-picture-boxes"), draw_lines(self.pixels, drawn)),
            TableEvidence("lines", Message("persuasion-lines"), columns, rows),
        )


def is_picture(path: Path) -> bool:
    """Whether a file is a picture and no text."""
    return media_of(path) == {"picture"}


def read_picture(path: Path) -> ReadPicture:
    """What a picture file reads; a larger one is opened with at most LONGEST pixels a side. Raises BadInput."""
    content = image.read_bytes(path)
    pixels = image.read(content, LONGEST)
    return ReadPicture(pixels, detectors.shared(READER).read(pixels), _moves(content))


def _moves(content: bytes) -> bool:
    """Whether a GIF, PNG or WebP holds more than one picture."""
    match kind_of(content):
        case "GIF":
            return sum(1 for _ in zip(range(2), FRAME.finditer(content), strict=False)) > 1
        case "PNG":
            return b"acTL" in content[: content.find(b"IDAT")]
        case "WebP":
            return content[12:16] == b"VP8X" and bool(content[20] & 0x02)
    return False


def _row(line: ReadLine) -> tuple[object, ...]:
    where = ", ".join(str(round(each)) for each in line.box)
    return (line.text or Message("persuasion-line-unseen"), round(line.chance, 3) if line.text else None, where, NOT_KEPT.get(line.left_out, True))
