"""The frames of a clip, reduced, and what their order shows: a still inserted, a passage shown twice, frames doubled, cuts.

A passage that comes twice is found after Wang and Farid, *Exposing Digital Forgeries in Video by Detecting Duplication*, MM&Sec 2007, on reduced frames
instead of correlations of blocks: the difference of two passages is set against how much moves inside them, so that a scene in which nothing happens is no
repeat.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from detectors.errors import BadInput
from detectors.forensics.clips.container import moving, opened
from detectors.messages import Message

SIZE = (64, 36)  # pixels of a reduced frame, width and height
PICTURE = 480  # pixels of a frame that is shown, width
MOST_FRAMES = 4500  # decoded: three minutes at 25 a second
MOST_PIXELS = 10_000_000_000  # decoded: MOST_FRAMES up to Full HD, 300 frames of 8K, some minutes on one slow core
MOST_COMPARED = 2250  # frames laid against each other: of more, every second one, or fewer
TOP = 20  # one pixel in so many, those that change most, tell whether anything stirs: somebody far away changes few
SAME = 0.35  # levels of those: below this two frames are the same picture, coded once or refined by the encoder
STIRS = 0.6  # levels of those: above this something stirs, if only the sensor's noise
MOVES = 0.35  # levels of all pixels: above this something moves
AROUND = 25  # frames before and after a still in which something must stir; an encoder refines a still for the first ten or so
LEAST_REPEAT_S, APART_S = 1.0, 1.0  # a repeated passage lasts so long, and begins so long after the first
FLOOR = 0.25  # levels that coding changes in any case
CUT_LEVELS, CUT_TIMES = 12.0, 5.0  # a cut changes the picture by so many levels, and so many times as much as its neighbours


@dataclasses.dataclass(frozen=True, slots=True)
class ReducedClip:
    """Brightness of the reduced frames, float32 (N, 36, 64), when each is shown (N,), and whether that is the whole clip."""

    luma: np.ndarray
    times: np.ndarray
    whole: bool

    @property
    def changes(self) -> np.ndarray:
        """How far each frame differs from the one before it, in levels, (N - 1,)."""
        return np.abs(np.diff(self.luma, axis=0)).mean((1, 2)) if len(self.luma) > 1 else np.zeros(0)

    @property
    def stirs(self) -> np.ndarray:
        """The same of the twentieth of the pixels that change most, (N - 1,)."""
        apart = np.abs(np.diff(self.luma, axis=0)).reshape(len(self.luma) - 1, SIZE[0] * SIZE[1])
        most = apart.shape[1] // TOP
        return np.partition(apart, -most, axis=1)[:, -most:].mean(1)


@dataclasses.dataclass(frozen=True, slots=True)
class Repeat:
    """A passage that comes twice: when it begins first and again, seconds; how much more moves inside it than the two differ; how long it lasts at least.

    `closest` is the plainest trace: how far the two most alike frames differ that are shown APART_S or more apart, levels.
    """

    first: float
    again: float
    ratio: float
    seconds: float
    closest: float


def reduce(path: Path, step: Callable[[float], None] = lambda t: None) -> ReducedClip:
    """Decode at most MOST_FRAMES frames or MOST_PIXELS; `step` hears the time of each. Raises BadInput when there is none."""
    luma, times, whole, pixels = [], [], True, 0
    try:
        with opened(path) as container:
            for frame in container.decode(moving(container, path)):
                if len(luma) == MOST_FRAMES or pixels + frame.width * frame.height > MOST_PIXELS:
                    whole = False
                    break
                pixels += frame.width * frame.height
                luma.append(frame.reformat(width=SIZE[0], height=SIZE[1], format="gray").to_ndarray())
                times.append(float(frame.time) if frame.time is not None else float(len(times)) / 25)
                step(times[-1])
    except BadInput:
        if not luma:
            raise
        whole = False  # damaged from here on
    if not luma:
        raise BadInput(Message("video-no-frame", {"name": path.name}))
    order = np.argsort(times, kind="stable")
    return ReducedClip(np.stack(luma)[order].astype(np.float32), np.array(times)[order], whole)


def pictures(path: Path, times: Sequence[float]) -> list[np.ndarray]:
    """The frames shown at these seconds, in their order, BGR uint8, at most PICTURE pixels wide; fewer where the clip cannot be decoded so far."""
    found: dict[float, np.ndarray] = {}
    with contextlib.suppress(BadInput), opened(path) as container:  # what lies behind a damaged place is not shown
        for frame in container.decode(moving(container, path)):
            for t in times:
                if t not in found and frame.time is not None and frame.time >= t - 1e-3:
                    width = min(PICTURE, frame.width)
                    found[t] = frame.reformat(width=width, height=max(1, round(frame.height * width / frame.width)), format="bgr24").to_ndarray()
            if len(found) == len(set(times)):
                break
    return [found[t] for t in times if t in found]


def cuts(clip: ReducedClip) -> list[float]:
    """When a new scene begins, seconds: the picture changes much, and far more than around it."""
    changes, found = clip.changes, []
    for n in np.flatnonzero(changes > CUT_LEVELS):
        around = np.concatenate([changes[max(0, n - 8) : n], changes[n + 1 : n + 9]])
        if len(around) and changes[n] > CUT_TIMES * max(1.0, float(np.median(around))) and changes[n] >= changes[max(0, n - 3) : n + 4].max():
            found.append(float(clip.times[n + 1]))
    return found


def still(clip: ReducedClip) -> tuple[float, float] | None:
    """(seconds, when it begins) of the longest passage of one picture with movement before and after it; None where nothing moves before and after."""
    stirs, longest, at = clip.stirs, 0.0, 0.0
    if len(stirs) < 24 or (np.median(stirs) < SAME and not (stirs > STIRS).mean() > 0.25):
        return None
    for begin, end in _runs(stirs < SAME):
        before, after = stirs[max(0, begin - AROUND) : begin], stirs[end : end + AROUND]
        if min(len(before), len(after)) < 6 or min(np.percentile(before, 75), np.percentile(after, 75)) < STIRS:
            continue
        if (lasts := float(clip.times[end] - clip.times[begin])) > longest:
            longest, at = lasts, float(clip.times[begin])
    return longest, at


def doubled(clip: ReducedClip) -> tuple[float, bool] | None:
    """(share of frames that repeat the one before them while something moves, whether they come at even distances); None where too little moves."""
    stirs = clip.stirs
    if len(stirs) < 24:
        return None
    around = np.array([np.median(stirs[max(0, n - 6) : n + 7]) for n in range(len(stirs))])
    usable = around >= STIRS
    if usable.sum() < 24:
        return None
    at = np.flatnonzero(usable & (stirs < np.minimum(SAME, around / 4)))
    apart = np.diff(at)
    even = len(apart) >= 4 and float((np.abs(apart - np.median(apart)) <= 1).mean()) >= 0.8
    return len(at) / int(usable.sum()), even


def repeat(clip: ReducedClip) -> Repeat | None:
    """The passage that comes twice most exactly; None where the clip is too short, or nothing in it moves."""
    every = -(-len(clip.luma) // MOST_COMPARED)
    luma, times = clip.luma[::every].reshape(-1, SIZE[0] * SIZE[1]), clip.times[::every]
    if len(luma) < 8 or times[-1] - times[0] < 2 * LEAST_REPEAT_S:
        return None
    interval = float(np.median(np.diff(times)))
    window, apart, half = (max(2, round(seconds / interval)) for seconds in (LEAST_REPEAT_S, APART_S, LEAST_REPEAT_S / 2))
    if len(luma) < window + apart + half:
        return None
    apart_by = _distances(luma)
    moved = np.diagonal(apart_by, half)
    far = times[None, :] - times[:, None] >= APART_S
    best, closest = None, float(apart_by[far].min()) if far.any() else float("inf")
    for offset in range(apart, len(luma) - window):
        differs = np.diagonal(apart_by, offset)
        usable = min(len(differs), len(moved))
        inside, between = _means(moved[:usable], window), _means(differs[:usable], window)
        if not len(inside):
            continue
        ratio = np.where(inside >= MOVES * 2, inside / (between + FLOOR), 0.0)
        n = int(ratio.argmax())
        if ratio[n] > 0 and (best is None or ratio[n] > best.ratio):
            best = Repeat(float(times[n]), float(times[n + offset]), float(ratio[n]), _lasts(differs, n, window, times), closest)
    return best


def _lasts(differs: np.ndarray, n: int, window: int, times: np.ndarray) -> float:
    """How long the two passages stay as alike as they are in the best window."""
    bound = 2 * float(differs[n : n + window].mean()) + FLOOR
    begin, end = n, n + window
    while begin > 0 and differs[begin - 1] <= bound:
        begin -= 1
    while end < len(differs) and differs[end] <= bound:
        end += 1
    return float(times[end - 1] - times[begin])


def _distances(luma: np.ndarray) -> np.ndarray:
    """Root mean square difference of every two frames, levels, (N, N)."""
    squares = (luma**2).mean(1)
    both = squares[:, None] + squares[None, :] - 2 * (luma @ luma.T) / luma.shape[1]
    return np.sqrt(np.maximum(both, 0))


def _means(values: np.ndarray, window: int) -> np.ndarray:
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return (sums[window:] - sums[:-window]) / window


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(first, one past the last) of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
