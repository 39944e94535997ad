"""Does a camera still look where it looked when its zones and masks were drawn? Features of the scene, compared once a second with those of then."""

from __future__ import annotations

import dataclasses
import io
from collections import deque

import cv2
import numpy as np

from detectors.errors import BadInput
from detectors.files import BAD_ARCHIVE
from detectors.image import check

WIDTH = 320  # pixels to which a frame is reduced; places are kept in them
CHECK_S, SPACED_S = 1.0, 0.3  # seconds between two comparisons, and between the frames whose median is compared
AGAIN_S = 4.0  # after so long at the latest all is compared again; sooner where the picture has changed:
CHANGED, CHANGED_SHARE = 6, 0.25  # by so many grey levels in so many of its parts
LEARN_CHECKS, STEADY = 5, 0.4  # comparisons for which a reference is learnt, and the share in which a feature must have stood still
HOPELESS = 6  # such tries (36 s) that found too little: the scene is called featureless, and tried on
CELLS, MOST_IN_CELL = (8, 6), 15  # features are spread over the picture: rain or a web in one corner must not take all the places
ALIKE, CLOSE = 64, 3.0  # bits (of 256) by which descriptors of one place may differ, and pixels by which places may
LEAST = 30  # steady features below which a scene (fog, a bare wall) holds nothing to go by
FIT, FIT_SHARE = 10, 0.1  # matches, and share of all matches, that one transform must explain
STRONG, STRONG_SHARE = 16, 0.25  # the same for one that is followed before the next comparison has confirmed it
MOVED = 0.02  # of the width: how far a corner of the picture must have travelled; wind shakes a mast by less, or back again
AGREE = 0.012  # of the width: by how much two comparisons in a row may differ about where it looks now
LOST_S, LOST_SHARE = 4.0, 0.06  # a view in which so little is left of the reference for so long is another one
STILL = 0.15  # share of its own features that must stand still meanwhile: what is only in the way moves
LOOKS, RELEARN_S = 5, 60.0  # the reference as it looks by day, at dusk, by night ..., and how soon one more may be learnt
FADING = 0.4  # of a look's features that are found: with fewer the scene looks different by now
SCALES, SPREAD = (0.5, 2.0), 0.04  # zooms that make sense, and the share of the picture that agreeing matches must span

_Features = tuple[np.ndarray, np.ndarray]  # places (N, 2) float32 and ORB descriptors (N, 32) uint8


@dataclasses.dataclass(frozen=True, slots=True)
class ViewState:
    """Where a camera looks. `reason` is "", "moved" or "view_lost", `since` when that began.

    `transform` (3, 3) takes points of the reference, in fractions of the picture, to where they are now; None while they are where they were, or when nobody
    can tell. `doubtful`: one comparison speaks for `transform`, and the next has not yet confirmed it; without a transform: nothing was compared yet since a
    restart. `featureless`: too little stands still to learn a reference from, so nothing can be said.
    """

    reason: str = ""
    since: float = 0.0
    transform: np.ndarray | None = None
    doubtful: bool = False
    learnt: bool = False
    score: float = 0.0
    featureless: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Fit:
    """A transform (3, 3) in pixels, the matches it explains and their share of all, and how far it takes a corner, of the width."""

    transform: np.ndarray
    count: int
    share: float
    travel: float
    fading: bool

    @property
    def strong(self) -> bool:
        return self.count >= STRONG and self.share >= STRONG_SHARE


SAME = ViewState()


class ViewWatch:
    """One camera's view; its frames come from one thread. Nothing exactly black is compared: masked parts are."""

    def __init__(self) -> None:
        self.state = SAME
        self.version = 0  # rises with every change of what `save` gives
        self._orb = cv2.ORB_create(1500, 1.2, 4, fastThreshold=8)  # type: ignore[attr-defined]
        self._clahe, self._matcher = cv2.createCLAHE(2.0, (4, 4)), cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
        self._looks: list[_Features] = []
        self.begin_anew()

    def begin_anew(self) -> None:
        """The source has started again or time went back: what was seen a moment ago means nothing, the reference stays."""
        self._recent: deque[np.ndarray] = deque(maxlen=3)
        self._sampled = self._checked = self._pictured = float("-inf")
        self._picture: np.ndarray | None = None
        self._candidate: _Features | None = None
        self._steady, self._tries, self._failed = np.zeros(0), 0, 0
        self._before: _Features | None = None
        self._proposed: np.ndarray | None = None
        self._strange_since: float | None = None
        self._relearnt = float("-inf")

    def forget(self) -> None:
        """Take what is seen from now on for the reference."""
        self._looks, self.state = [], SAME
        self.version += 1
        self.begin_anew()

    def step(self, image: np.ndarray, t: float) -> ViewState:
        """Where the camera looks, by its frame (BGR or grey uint8) of `t`. Raises BadInput."""
        if t < self._sampled:
            self.begin_anew()
        if t - self._sampled >= SPACED_S:
            self._sampled = t
            small = reduce(image)
            if self._recent and self._recent[-1].shape != small.shape:
                self._recent.clear()
            self._recent.append(small)
        if t - self._checked >= CHECK_S and len(self._recent) == self._recent.maxlen:
            self._checked, picture = t, _median(*self._recent)
            if self._worth_checking(picture, t):
                self._pictured, self._picture = t, picture
                self._check(self._features(picture), t)
        return self.state

    def _worth_checking(self, picture: np.ndarray, t: float) -> bool:
        """A picture that is as it was at the last comparison, which found nothing odd, is not compared again for some seconds: that saves most of the work."""
        if not self._looks or self.state.reason or self.state.doubtful or self._strange_since is not None or self._proposed is not None:
            return True
        if t - self._pictured >= AGAIN_S or self._picture is None or self._picture.shape != picture.shape:
            return True
        changed = cv2.resize(cv2.absdiff(picture, self._picture), CELLS, interpolation=cv2.INTER_AREA) > CHANGED
        return float(changed.mean()) >= CHANGED_SHARE

    def save(self) -> bytes:
        """The reference, for `load`: places and descriptors, no picture; b"" before it has been learnt."""
        if not self._looks:
            return b""
        file = io.BytesIO()
        np.savez_compressed(file, count=len(self._looks), **{f"{what}{n}": each[k] for n, each in enumerate(self._looks) for k, what in enumerate("pd")})
        return file.getvalue()

    def load(self, content: bytes) -> None:
        """Compare with this reference from now on. Raises BadInput when it is none."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                looks = [(file[f"p{n}"], file[f"d{n}"]) for n in range(int(file["count"]))]
        except BAD_ARCHIVE as error:
            raise BadInput(f"this is no reference of a view: {error!r}") from error
        if not looks or any(p.shape != (len(p), 2) or p.dtype != np.float32 or d.shape != (len(p), 32) or d.dtype != np.uint8 for p, d in looks):
            raise BadInput("this is no reference of a view: it holds no places with descriptors")
        self._looks, self.state = looks[:LOOKS], ViewState(learnt=True, doubtful=True)
        self.version += 1
        self.begin_anew()

    def _features(self, grey: np.ndarray) -> _Features:
        """The strongest corners of each part of the picture, none in or at the edge of what is masked."""
        height, by_cell = grey.shape[0], {}
        masked = cv2.dilate(cv2.erode((grey == 0).astype(np.uint8), np.ones((5, 5))), np.ones((17, 17)))
        even = self._clahe.apply(grey)
        for point in sorted(self._orb.detect(even), key=lambda point: -point.response):
            x, y = point.pt
            cell = by_cell.setdefault((int(x * CELLS[0] / WIDTH), int(y * CELLS[1] / height)), [])
            if len(cell) < MOST_IN_CELL and not masked[int(y), int(x)]:
                cell.append(point)
        points, descriptors = self._orb.compute(even, [point for cell in by_cell.values() for point in cell])
        if descriptors is None:
            return np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
        return np.array([point.pt for point in points], np.float32), descriptors

    def _check(self, now: _Features, t: float) -> None:
        before, self._before = self._before, now
        if not self._looks:
            self._learn(now)
            return
        if len(now[0]) < LEAST:  # dark, dazzled, covered: nothing can be said, and what was said holds
            self._proposed = self._strange_since = None
            self._trust_reference()
            return
        fit, share = self._where(now)
        if fit is not None and fit.travel < MOVED:
            self._proposed = self._strange_since = None
            if self.state.reason or self.state.doubtful:
                self.state = ViewState(learnt=True)
            if fit.fading and t - self._relearnt >= RELEARN_S:
                self._learn_look(now, before, fit.transform, t)
        elif fit is None or not self._moved(fit, t):
            self._strange(now, before, share, t)

    def _moved(self, fit: _Fit, t: float) -> bool:
        """Whether this transform is taken for true: it is when two comparisons in a row agree."""
        agreed = self._proposed is not None and _difference(fit.transform, self._proposed, self._shape) < AGREE
        self._proposed = fit.transform
        if not agreed and not fit.strong:
            return False
        self._strange_since = None
        since = self.state.since if self.state.reason else t
        reason = "moved" if agreed else self.state.reason
        self.state = ViewState(reason, since, _in_fractions(fit.transform, self._shape), not agreed, True, round(0.5 + 0.5 * fit.share, 3))
        return True

    def _strange(self, now: _Features, before: _Features | None, share: float, t: float) -> None:
        """Nothing fits: another view when it stands still, something in the way or in motion when it does not."""
        still = before is not None and len(self._in_place(before, now)) >= STILL * max(LEAST, min(len(before[0]), len(now[0])))
        if share >= LOST_SHARE or not still:
            self._strange_since = None
            if share >= LOST_SHARE:
                self._trust_reference()
            return
        self._strange_since = t if self._strange_since is None else self._strange_since
        if t - self._strange_since >= LOST_S and self.state.reason != "view_lost":
            since = self.state.since if self.state.reason else self._strange_since
            self.state = ViewState("view_lost", since, None, False, True, round(1 - share, 3))

    def _trust_reference(self) -> None:
        """After a restart: the picture is too dark to see anything, or enough is where it was."""
        if self.state.doubtful and self.state.transform is None:
            self.state = ViewState(learnt=True)

    def _where(self, now: _Features) -> tuple[_Fit | None, float]:
        """How the reference's features lie now, None when nothing says; and the share in place of the look that has most of them there."""
        best, most = 0.0, None
        for n, look in enumerate(self._looks):
            here, there = self._matches(look, now)
            fit = self._fit(look, here, there)
            best = max(best, float((np.abs(here - there).max(1, initial=0) < CLOSE).sum()) / len(look[0]))
            if fit is not None and fit.travel < MOVED:
                self._looks.insert(0, self._looks.pop(n))  # the look of this hour is tried first
                return fit, best
            if fit is not None and (most is None or fit.count > most.count):
                most = fit
        return most, best

    def _matches(self, look: _Features, now: _Features) -> tuple[np.ndarray, np.ndarray]:
        """Places (M, 2) of the features of a look, and where each is now."""
        found = [each for each in self._matcher.match(look[1], now[1]) if each.distance < ALIKE]
        return look[0][[each.queryIdx for each in found]].reshape(-1, 2), now[0][[each.trainIdx for each in found]].reshape(-1, 2)

    def _fit(self, look: _Features, here: np.ndarray, there: np.ndarray) -> _Fit | None:
        """The similarity or homography that most matches agree on; None when it could be chance."""
        if len(here) < FIT:
            return None
        least, shape = max(FIT, FIT_SHARE * len(here)), self._shape
        similar, inside = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=CLOSE, maxIters=1000, confidence=0.99)
        count = 0 if similar is None else int(inside.sum())
        standing = int((np.linalg.norm(here - there, axis=1) < CLOSE).sum())
        if standing >= least and standing * 1.3 >= count:  # what does not move at all needs no better explanation
            return _Fit(np.eye(3), standing, standing / len(here), 0.0, fading=standing < FADING * len(look[0]))
        if count < least or not SCALES[0] < np.hypot(*similar[:, 0]) < SCALES[1] or _spread(here[inside[:, 0] > 0], shape) < SPREAD:
            return None
        found = np.vstack([similar, [0, 0, 1]])
        near = np.linalg.norm(_apply(found, here) - there, axis=1) < 5 * CLOSE
        exact, agreeing = cv2.findHomography(here[near], there[near], cv2.RANSAC, CLOSE) if near.sum() >= 2 * FIT else (None, None)
        if exact is not None and agreeing.sum() > 1.1 * count and _difference(exact, found, shape) < 0.1:
            found, count = exact, int(agreeing.sum())
        return _Fit(found, count, count / len(here), _travel(found, shape), fading=count < FADING * len(look[0]))

    def _in_place(self, look: _Features, now: _Features) -> np.ndarray:
        """Indices of the features of `look` that are where they were."""
        if not len(look[0]) or not len(now[0]):
            return np.zeros(0, int)
        found = [each for each in self._matcher.match(look[1], now[1]) if each.distance < ALIKE]
        return np.array([each.queryIdx for each in found if np.abs(look[0][each.queryIdx] - now[0][each.trainIdx]).max() < CLOSE], int)

    def _learn(self, now: _Features) -> None:
        """A feature belongs to the reference when it stands still: people who pass do not."""
        if self._candidate is None:
            self._candidate, self._steady, self._tries = now, np.zeros(len(now[0])), 0
            return
        self._steady[self._in_place(self._candidate, now)] += 1
        self._tries += 1
        if self._tries < LEARN_CHECKS:
            return
        chosen = self._steady >= STEADY * self._tries
        if chosen.sum() >= LEAST:
            self._looks, self.state = [(self._candidate[0][chosen], self._candidate[1][chosen])], ViewState(learnt=True)
            self.version += 1
        else:
            self._failed += 1
            if self._failed >= HOPELESS:
                self.state = ViewState(featureless=True)
        self._candidate = None

    def _learn_look(self, now: _Features, before: _Features | None, found: np.ndarray, t: float) -> None:
        """The view is the same and looks different: keep what stands still of it too, at the places of the reference, so that errors do not add up."""
        steady = self._in_place(now, before) if before is not None else np.zeros(0, int)
        self._relearnt = t
        if len(steady) < LEAST:
            return
        self._looks.insert(0, (_apply(np.linalg.inv(found), now[0][steady]).astype(np.float32), now[1][steady]))
        del self._looks[LOOKS:]
        self.version += 1

    @property
    def _shape(self) -> tuple[int, int]:
        return self._recent[-1].shape[:2]


def reduce(image: np.ndarray) -> np.ndarray:
    """A frame as it is compared: grey uint8, 320 pixels wide. Raises BadInput."""
    image = check(image)
    height = max(16, round(WIDTH * image.shape[0] / image.shape[1]))
    return cv2.cvtColor(cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)


def _median(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Of three frames: drops, insects and passers-by are in one of them."""
    return cv2.max(cv2.min(a, b), cv2.min(cv2.max(a, b), c))


def _apply(transform: np.ndarray, points: np.ndarray) -> np.ndarray:
    return cv2.perspectiveTransform(np.asarray(points, np.float64).reshape(-1, 1, 2), np.asarray(transform, np.float64)).reshape(-1, 2)


def _corners(shape: tuple[int, int]) -> np.ndarray:
    return np.array([[0, 0], [shape[1], 0], [shape[1], shape[0]], [0, shape[0]]], float)


def _difference(a: np.ndarray, b: np.ndarray, shape: tuple[int, int]) -> float:
    """By how much of the width two transforms disagree about a corner at most."""
    return float(np.linalg.norm(_apply(a, _corners(shape)) - _apply(b, _corners(shape)), axis=1).max()) / shape[1]


def _travel(transform: np.ndarray, shape: tuple[int, int]) -> float:
    return _difference(transform, np.eye(3), shape)


def _spread(points: np.ndarray, shape: tuple[int, int]) -> float:
    """The share of the picture that points span."""
    return cv2.contourArea(cv2.convexHull(points.astype(np.float32))) / (shape[0] * shape[1]) if len(points) > 2 else 0.0


def _in_fractions(transform: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    scale = np.diag([float(shape[1]), float(shape[0]), 1.0])
    return np.linalg.inv(scale) @ transform @ scale
