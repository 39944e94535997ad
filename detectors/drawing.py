"""Evidence pictures: what was found, drawn on a copy of the input."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.image import encode_png, scaled
from detectors.types import Face

LONG_SIDE = 1600
INK, PAPER = (96, 110, 20), (245, 250, 250)  # BGR: verdigris on stone
RED, GOLD, GRID = (40, 50, 170), (20, 140, 205), (205, 212, 212)
PLOT, MARGIN = (760, 520), 60  # pixels


def draw_faces(image: np.ndarray, faces: Sequence[Face], labels: Sequence[str] = ()) -> bytes:
    """PNG of the picture with each face boxed and numbered from 1, or with a label of its own, at most 1600 pixels a side."""
    scale = min(1.0, LONG_SIDE / max(image.shape[:2]))
    canvas = scaled(image, scale) if scale < 1 else image.copy()
    thick = max(1, round(max(canvas.shape[:2]) / 400))
    for label, face in zip(labels or [str(n + 1) for n in range(len(faces))], faces, strict=True):
        left, top, right, bottom = (round(each * scale) for each in (face.box.x, face.box.y, face.box.x + face.box.w, face.box.y + face.box.h))
        cv2.rectangle(canvas, (left, top), (right, bottom), PAPER, thick + 2)
        cv2.rectangle(canvas, (left, top), (right, bottom), INK, thick)
        for x, y in face.landmarks * scale:
            cv2.circle(canvas, (round(float(x)), round(float(y))), thick + 1, INK, -1)
        _label(canvas, label, (left + 2, max(12 * thick, top - 4)), thick)
    return encode_png(canvas)


def draw_lines(image: np.ndarray, lines: Sequence[tuple[np.ndarray, str]]) -> bytes:
    """PNG of the picture with lines of text outlined by their corners (4, 2), at most 1600 pixels a side: thick with a label, thin where that is empty."""
    scale = min(1.0, LONG_SIDE / max(image.shape[:2]))
    canvas = scaled(image, scale) if scale < 1 else image.copy()
    thick = max(1, round(max(canvas.shape[:2]) / 400))
    for corners, label in lines:
        outline = (corners * scale).round().astype(np.int32)
        cv2.polylines(canvas, [outline], True, PAPER, thick + 2, cv2.LINE_AA)
        cv2.polylines(canvas, [outline], True, RED if label else INK, thick + 1 if label else thick, cv2.LINE_AA)
        if label:
            _label(canvas, label, (int(outline[0][0]) + 2, max(12 * thick, int(outline[0][1]) - 2)), thick)
    return encode_png(canvas)


def side_by_side(left: np.ndarray, right: np.ndarray, zoom: int = 2) -> bytes:
    """PNG of two pictures of one height, enlarged, a gap between them."""
    gap = np.full((left.shape[0], 8, 3), PAPER, np.uint8)
    return encode_png(cv2.resize(np.hstack([left, gap, right]), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC))


def heated(crop: np.ndarray, where: np.ndarray) -> np.ndarray:
    """A BGR crop in grey under a map of (n, n) values 0..1: the brighter, the higher, also on grey paper; the part above one half is outlined."""
    size = crop.shape[1::-1]
    heat = (np.clip(cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_CUBIC), 0, 1) * 255).astype(np.uint8)
    grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    canvas = cv2.addWeighted(grey, 0.5, cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO), 0.6, 0)
    outlines = cv2.findContours((heat > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(canvas, outlines, -1, PAPER, 1)
    return canvas


def draw_points(crop: np.ndarray, points: np.ndarray, zoom: int = 4) -> np.ndarray:
    """A small picture enlarged, with points given in its own pixels marked by crosses; BGR."""
    canvas = cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    for x, y in (np.asarray(points, float) + 0.5) * zoom:
        at = round(float(x)), round(float(y))
        cv2.drawMarker(canvas, at, PAPER, cv2.MARKER_CROSS, 5 * zoom, 4, cv2.LINE_AA)
        cv2.drawMarker(canvas, at, INK, cv2.MARKER_CROSS, 5 * zoom, 2, cv2.LINE_AA)
    return canvas


def draw_tippett(quantiles: dict[str, np.ndarray], here: float) -> bytes:
    """PNG of a Tippett plot: the share of pairs of one person (dark) and of two people (red, dashed) with at least this log10 LR, and where this case lies.

    No words stand in it: its caption says what is drawn, in the reader's language.
    `quantiles` holds evenly spaced quantiles of log10 LR of "genuine" and "impostor" pairs.
    """
    canvas = np.full((PLOT[1], PLOT[0], 3), PAPER, np.uint8)
    reach = max(1.0, np.ceil(max(abs(here), *(float(np.abs(each).max()) for each in quantiles.values()))))

    def place(log10: float, share: float) -> tuple[int, int]:
        return round(MARGIN + (log10 + reach) / (2 * reach) * (PLOT[0] - 2 * MARGIN)), round(PLOT[1] - MARGIN - share * (PLOT[1] - 2 * MARGIN))

    for tick in np.arange(-reach, reach + 1):
        cv2.line(canvas, place(tick, 0), place(tick, 1), GRID, 2 if tick == 0 else 1)
        _write(canvas, f"{tick:+.0f}", (place(tick, 0)[0] - 14, PLOT[1] - MARGIN + 26), INK)
    for share in (0, 0.25, 0.5, 0.75, 1):
        cv2.line(canvas, place(-reach, share), place(reach, share), GRID, 1)
        _write(canvas, f"{share:.0%}", (4, place(0, share)[1] + 5), INK)
    for name, colour in (("genuine", INK), ("impostor", RED)):
        curve = [place(float(each), share) for each, share in zip(quantiles[name], np.linspace(1, 0, len(quantiles[name])), strict=True)]
        whole = np.array([place(-reach, 1), *curve, place(reach, 0)], np.int32)
        cv2.polylines(canvas, [whole] if name == "genuine" else _dashes(whole), False, colour, 3, cv2.LINE_AA)
    cv2.line(canvas, place(here, 0), place(here, 1), GOLD, 3)
    _write(canvas, f"{here:+.1f}", (place(here, 1)[0] + 6, MARGIN - 8), GOLD)
    _write(canvas, "log10 LR", (PLOT[0] // 2 - 36, PLOT[1] - 8), INK)
    return encode_png(canvas)


def _dashes(line: np.ndarray, on: int = 14, off: int = 9) -> list[np.ndarray]:
    """A line of points (N, 2) cut into dashes of `on` pixels with `off` between them: told apart on grey paper too."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    steps = np.arange(0, along[-1], 1.0)
    points = np.stack([np.interp(steps, along, line[:, n]) for n in (0, 1)], 1).round().astype(np.int32)
    return [points[n : n + on] for n in range(0, len(points), on + off)]


def _write(canvas: np.ndarray, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)


def _label(canvas: np.ndarray, text: str, at: tuple[int, int], thick: int) -> None:
    """Light on a dark plate: read on any picture, and when the page shows it smaller."""
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * thick, thick)
    cv2.rectangle(canvas, (at[0] - thick, at[1] - high - 2 * thick), (at[0] + wide + thick, at[1] + below), INK, -1)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * thick, PAPER, thick, cv2.LINE_AA)
