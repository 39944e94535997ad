"""The text of a picture: its lines, what each reads and how sure that is, put together in the order in which people read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors import weights
from detectors.image import check
from detectors.ocr.finder import TextFinder
from detectors.ocr.layout import blocks_of
from detectors.ocr.marks import UNREAD, left_out
from detectors.ocr.recogniser import LineRecogniser, LineText
from detectors.registry import detector
from detectors.types import Box, Detection, ModelCard

if TYPE_CHECKING:
    import onnxruntime

FINDER = "ppocr6-finder-small"
UPRIGHT = 1.5  # times as high as wide: the line runs down or up
ENDS = tuple(f"{end}{quote}" for end in ".!?:;…" for quote in ("", '"', "”", "'", "’"))  # a row that ends so is followed by a new line


@dataclasses.dataclass(frozen=True, slots=True)
class ReadLine:
    """A line: its `text` at `start` to `end` (exclusive) of the whole, how sure it is (0..1), its corners in pixels, clockwise (4, 2).

    `direction`: the way in which it is read, (2,) of length 1, x and y. `left_out`: why it is no part of the text, one of `marks.REASONS`, or "".
    """

    text: str
    chance: float
    corners: np.ndarray
    direction: np.ndarray
    start: int = 0
    end: int = 0
    left_out: str = ""

    @property
    def box(self) -> Box:
        """The upright rectangle around it."""
        return _around(self.corners)

    @property
    def length(self) -> float:
        """Pixels along it."""
        return max(_side(self.corners, 1), _side(self.corners, 3), 1.0)

    @property
    def height(self) -> float:
        """Pixels across it."""
        return max(min(_side(self.corners, 1), _side(self.corners, 3)), 1.0)


@dataclasses.dataclass(frozen=True, slots=True)
class PictureText:
    """What a picture reads: `text` with its `lines` in reading order, and the lines that were left out of it."""

    text: str
    lines: tuple[ReadLine, ...]
    left_out: tuple[ReadLine, ...]

    @property
    def share_unread(self) -> float:
        """The length of the lines that could not be read (another script, nothing sure), of that of all: 0..1."""
        unread = sum(line.length for line in self.left_out if line.left_out in UNREAD)
        return unread / (unread + sum(line.length for line in self.lines)) if unread else 0.0

    @property
    def chance(self) -> float:
        """How sure the text is, each line counted by its characters; 0 without text."""
        return sum(line.chance * len(line.text) for line in self.lines) / max(1, sum(len(line.text) for line in self.lines))


@detector("picture-text", family="ocr", weights="ppocr6-reader-small")
class PictureTextReader:
    """Text in pictures: Latin letters, Chinese and Japanese; Greek in part."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard) -> None:
        self.card = card
        self._finder = TextFinder(weights.open_session(weights.find(FINDER)), card.preprocessing["finder"])
        self._recogniser = LineRecogniser(session)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """The lines of each picture in reading order, then those left out; `data` has "text", "corners" and "left_out". Raises BadInput."""
        return [[_detection(line) for line in (*found.lines, *found.left_out)] for found in map(self.read, images)]

    def read(self, picture: np.ndarray) -> PictureText:
        """The text of a BGR picture. Raises BadInput."""
        return self.text_of(self.lines(picture))

    def lines(self, picture: np.ndarray) -> list[ReadLine]:
        """Every line that was found, the likeliest first. Raises BadInput."""
        picture = check(picture)
        return [self._line(picture, corners) for corners, _ in self._finder.find(picture)]

    def text_of(self, lines: Sequence[ReadLine], *, whole: bool = False, ordered: bool = True) -> PictureText:
        """Lines as one text. Two plain rivals for measuring: `whole` leaves no sure line out, not `ordered` takes them from the top by a corner."""
        reasons = [reason if reason in UNREAD or not whole else "" for reason in left_out(lines, self.card.thresholds)]
        marked = [dataclasses.replace(line, left_out=reason, text="" if reason == "script" else line.text) for line, reason in zip(lines, reasons, strict=True)]
        return _assembled([line for line in marked if not line.left_out], tuple(line for line in marked if line.left_out), ordered)

    def _line(self, picture: np.ndarray, corners: np.ndarray) -> ReadLine:
        """What a line reads; where that is unsure, also turned by half, and the surer one is taken."""
        crop, ahead = cut_out(picture, corners)
        found = self._recogniser.read(crop)
        if found.chance < self.card.thresholds["turn"]:
            turned = self._recogniser.read(np.ascontiguousarray(crop[::-1, ::-1]))
            if _worth(turned) > _worth(found):
                found, ahead = turned, -ahead
        return ReadLine(found.text.strip(), found.chance, corners, ahead)


def _assembled(read: Sequence[ReadLine], others: tuple[ReadLine, ...], ordered: bool) -> PictureText:
    """Lines as one text: pieces of a row with a space between, rows of a block as well unless a sentence ends, blocks with an empty line."""
    if ordered:
        blocks = blocks_of([_around(line.corners @ turn) for turn in [_level(read)] for line in read])
    else:
        blocks = [[[n] for n in sorted(range(len(read)), key=lambda n: (read[n].corners[0, 1], read[n].corners[0, 0]))]] if read else []
    text, lines = "", []
    for block in blocks:
        text += "\n\n" if text else ""
        for place, row in enumerate(block):
            if place:
                text += "\n" if text.endswith(ENDS) else " "
            for piece, number in enumerate(row):
                text += " " if piece else ""
                lines.append(dataclasses.replace(read[number], start=len(text), end=len(text) + len(read[number].text)))
                text += read[number].text
    return PictureText(text, tuple(lines), others)


def cut_out(picture: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A line as a level picture of its own, and the direction in which it is read then; one that stands upright is taken to run down."""
    width, height = max(1, round(_side(corners, 1))), max(1, round(_side(corners, 3)))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    crop = cv2.warpPerspective(picture, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    upright = height >= UPRIGHT * width
    ahead = corners[3 if upright else 1] - corners[0]
    return np.ascontiguousarray(np.rot90(crop)) if upright else crop, ahead / max(1e-6, float(np.linalg.norm(ahead)))


def _level(lines: Sequence[ReadLine]) -> np.ndarray:
    """The turn (2, 2) after which most of the text is read from left to right, for row vectors."""
    if not lines:
        return np.eye(2)
    ahead, letters = np.array([line.direction for line in lines]), np.array([len(line.text) for line in lines])
    near = ahead @ ahead.T > np.sqrt(0.5)  # which lines run nearly as each does
    along = (ahead * (letters * near[int(np.argmax(near @ letters))])[:, None]).sum(0)
    x, y = along / np.linalg.norm(along)
    return np.array([[x, -y], [y, x]])


def _worth(found: LineText) -> float:
    return found.chance if found.text.strip() else 0.0


def _detection(line: ReadLine) -> Detection:
    return Detection("text", line.chance, line.box, data={"text": line.text, "corners": line.corners.round(1).tolist(), "left_out": line.left_out})


def _around(corners: np.ndarray) -> Box:
    (left, top), (width, height) = corners.min(0), corners.max(0) - corners.min(0)
    return Box(float(left), float(top), float(width), float(height))


def _side(corners: np.ndarray, to: int) -> float:
    return float(np.linalg.norm(corners[to] - corners[0]))
