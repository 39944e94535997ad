"""Turn a portrait into a figure that can walk: the head and shoulders cut out, a plain clothed body drawn below."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

FACE_PX = 110  # a face's width in a figure's own pixels
PX_PER_M = FACE_PX / 0.15
FACE_M = 1.58  # height of the middle of the face over the floor
BUST_W, BUST_H = 380, 420
FACE_X, FACE_Y = 260, 180  # the middle of the face in a figure
FIGURE_W, FIGURE_H = 520, 1360
PHASES = 12  # drawings of a whole step


@dataclass(frozen=True)
class Portrait:
    """Where the face is in the source picture (x, y, w, h) and how to dress the body."""

    face: tuple[int, int, int, int]
    brim: int = 98  # half width of what may belong to the head
    skirt: bool = False


PEOPLE = {
    "bow-tie": Portrait((291, 90, 179, 270)),
    "cap": Portrait((183, 120, 170, 212)),
    "veil": Portrait((139, 94, 99, 121), skirt=True),
    "fez": Portrait((163, 112, 118, 152)),
    "straw-hat": Portrait((160, 86, 81, 96), brim=150),
    "stock": Portrait((65, 41, 30, 39)),
}
PASSERS_BY = (
    (508, 648, 20, 42), (550, 634, 18, 36), (596, 634, 18, 36), (374, 672, 34, 62), (414, 678, 44, 82), (394, 680, 14, 30),
    (834, 690, 34, 36), (804, 678, 18, 32), (936, 690, 28, 60), (988, 694, 26, 56), (832, 732, 32, 37), (742, 680, 20, 24),
    (862, 688, 12, 40), (136, 676, 70, 60), (40, 652, 54, 76), (836, 694, 30, 46),
)  # fmt: skip


def figure(name: str, picture: np.ndarray) -> Callable[[float], np.ndarray]:
    """A function from the phase of the walk (1 = one step) to the figure, premultiplied BGRA float32 (1360, 520, 4), colours 0..255, alpha 0..1."""
    portrait = PEOPLE[name]
    bust = _cut_out(*_aligned(picture, portrait), portrait.brim)
    colour = np.median(bust[-70:][bust[-70:, :, 3] > 0.9][:, :3], axis=0)

    @functools.cache
    def drawn(step: int) -> np.ndarray:
        whole = _body(colour, step / PHASES, portrait.skirt)
        left, top = FACE_X - BUST_W // 2, FACE_Y - 170
        part = whole[top : top + BUST_H, left : left + BUST_W]
        alpha = bust[..., 3:] * _fade()
        part[:] = part * (1 - alpha) + np.dstack([bust[..., :3] * alpha, alpha])
        return whole

    return lambda phase: drawn(int(phase * PHASES) % PHASES)


def _aligned(picture: np.ndarray, portrait: Portrait) -> tuple[np.ndarray, np.ndarray]:
    """Head and shoulders (420, 380, 3) with the face at its standard place and size, and where the source picture reaches."""
    x, y, w, h = portrait.face
    scale = FACE_PX / w
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    move = np.float32([[1, 0, BUST_W / 2 - (x + w / 2) * scale], [0, 1, 170 - (y + h / 2) * scale]])
    covered = cv2.warpAffine(np.full(scaled.shape[:2], 255, np.uint8), move, (BUST_W, BUST_H))
    return cv2.warpAffine(scaled, move, (BUST_W, BUST_H), borderMode=cv2.BORDER_REPLICATE), covered


def _cut_out(bust: np.ndarray, covered: np.ndarray, brim: int) -> np.ndarray:
    """The bust as BGRA float32 (alpha 0..1) without its background: GrabCut (Rother et al. 2004) from a rough outline."""
    mask = _outline(brim)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(bust, mask, None, *models, 6, cv2.GC_INIT_WITH_MASK)
    alpha = np.where((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), 255, 0).astype(np.uint8) & covered
    alpha = cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    alpha = cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8))
    return np.dstack([bust, cv2.GaussianBlur(alpha, (0, 0), 2.0) / 255.0]).astype(np.float32)


def _outline(brim: int) -> np.ndarray:
    """GrabCut's hints: what is surely, probably or never part of the person."""
    middle = BUST_W // 2
    mask = np.full((BUST_H, BUST_W), cv2.GC_PR_BGD, np.uint8)
    cv2.ellipse(mask, (middle, 165), (82, 118), 0, 0, 360, cv2.GC_PR_FGD, -1)
    cv2.fillPoly(mask, [np.int32([[150, 240], [230, 240], [330, 310], [365, 420], [15, 420], [50, 310]])], cv2.GC_PR_FGD)
    if brim > 100:
        cv2.ellipse(mask, (middle, 110), (brim - 40, 22), 0, 0, 360, cv2.GC_PR_FGD, -1)
    cv2.ellipse(mask, (middle, 172), (52, 68), 0, 0, 360, cv2.GC_FGD, -1)
    cv2.fillPoly(mask, [np.int32([[160, 230], [220, 230], [270, 330], [280, 420], [100, 420], [110, 330]])], cv2.GC_FGD)
    possible = np.zeros((BUST_H, BUST_W), np.uint8)
    cv2.ellipse(possible, (middle, 160), (98, 140), 0, 0, 360, 255, -1)
    cv2.ellipse(possible, (middle, 100), (brim, 60), 0, 0, 360, 255, -1)
    cv2.fillPoly(possible, [np.int32([[120, 230], [260, 230], [345, 300], [380, 420], [0, 420], [35, 300]])], 255)
    mask[possible == 0] = cv2.GC_BGD
    return mask


def _body(colour: np.ndarray, step: float, skirt: bool) -> np.ndarray:
    """A plain clothed body without a head, premultiplied."""
    canvas = np.zeros((FIGURE_H, FIGURE_W, 4), np.float32)
    swing = math.sin(2 * math.pi * step)
    dark = colour * 0.55 + 8
    feet = FACE_Y + FACE_M * PX_PER_M
    for side in (-1, 1) if swing > 0 else (1, -1):
        _leg(canvas, dark * (0.85 if side * swing < 0 else 1.0), side, side * swing, feet)
        _arm(canvas, colour * 0.86, side, -side * swing)
    middle, hip = FACE_X, FACE_Y + 590
    hem = np.array([[middle - 150, hip + 430], [middle + 150, hip + 430]]) if skirt else np.array([[middle - 118, hip], [middle + 118, hip]])
    upper = [[middle - 152, FACE_Y + 232], [middle - 58, FACE_Y + 130], [middle + 58, FACE_Y + 130], [middle + 152, FACE_Y + 232], [middle + 130, FACE_Y + 380]]
    shape = np.array([*upper, hem[1], hem[0], [middle - 130, FACE_Y + 380]])
    _fill(canvas, shape, colour)
    return cv2.GaussianBlur(canvas, (0, 0), 1.5)


def _leg(canvas: np.ndarray, colour: np.ndarray, side: int, swing: float, feet: float) -> None:
    hip_x, knee_x = FACE_X + side * 52, FACE_X + side * 52 + swing * 16
    foot_x, foot_y = FACE_X + side * 46 + swing * 26, feet - max(0.0, swing) * 60
    hip_y, knee_y = FACE_Y + 560, FACE_Y + 860 - max(0.0, swing) * 25
    _fill(
        canvas,
        np.array(
            [[hip_x - 66, hip_y], [hip_x + 66, hip_y], [knee_x + 50, knee_y], [foot_x + 38, foot_y - 30], [foot_x - 38, foot_y - 30], [knee_x - 50, knee_y]]
        ),
        colour,
    )
    _fill(
        canvas,
        np.array([[foot_x - 44, foot_y - 40], [foot_x + 44, foot_y - 40], [foot_x + 52 + side * 14, foot_y], [foot_x - 52 + side * 14, foot_y]]),
        np.array([34.0, 34, 38]),
    )


def _arm(canvas: np.ndarray, colour: np.ndarray, side: int, swing: float) -> None:
    shoulder_x, hand_x, hand_y = FACE_X + side * 142, FACE_X + side * (178 - 10 * swing), FACE_Y + 650 - 40 * abs(swing)
    _fill(canvas, np.array([[shoulder_x - 40, FACE_Y + 222], [shoulder_x + 30, FACE_Y + 236], [hand_x + 34, hand_y], [hand_x - 34, hand_y]]), colour)
    _fill(canvas, np.array([[hand_x - 26, hand_y], [hand_x + 26, hand_y], [hand_x + 20, hand_y + 66], [hand_x - 20, hand_y + 66]]), np.array([120.0, 150, 190]))


def _fill(canvas: np.ndarray, points: np.ndarray, colour: np.ndarray) -> None:
    """A polygon lit from the upper left, its corners rounded."""
    mask = np.zeros(canvas.shape[:2], np.float32)
    cv2.fillPoly(mask, [points.round().astype(np.int32)], 1.0, cv2.LINE_AA)
    mask = np.clip(cv2.GaussianBlur(mask, (0, 0), 9) * 3 - 1, 0, 1)[..., None]
    x0, x1 = points[:, 0].min(), points[:, 0].max()
    across = np.clip((np.arange(canvas.shape[1]) - x0) / max(1.0, x1 - x0), 0, 1)
    light = (1.08 - 0.5 * (across - 0.38) ** 2 * 4 + 0.05 * np.sin(across * 23))[None, :, None]
    paint = np.concatenate([np.clip(np.broadcast_to(light * colour, (*canvas.shape[:2], 3)), 0, 255), np.ones((*canvas.shape[:2], 1))], 2)
    canvas *= 1 - mask
    canvas += paint * mask


def _fade() -> np.ndarray:
    """The bust melts into the drawn coat over its last rows."""
    fade = np.ones((BUST_H, BUST_W, 1), np.float32)
    fade[-60:] *= np.linspace(1, 0, 60, dtype=np.float32)[:, None, None]
    return fade
