"""Faces of a clip put together by whose they are, and what the clip's verdict is when its people have one score each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ALIKE = 0.4  # cosine of SFace embeddings from which on two faces are joined; 0.363 is OpenCV's for one person, a little more keeps look-alikes apart
LEAST_SHARE = 0.2  # of the frames: people who are there more briefly than this are passers-by, unless nobody else is there


def group(embeddings: np.ndarray, frames: Sequence[int], alike: float = ALIKE, least_share: float = LEAST_SHARE) -> list[list[int]]:
    """The faces of each person: connected components on (N, 128) unit vectors, the most frequent first. Two faces of one frame are never joined directly."""
    count, frames = len(embeddings), np.asarray(frames)
    joined = (embeddings @ embeddings.T >= alike) & (frames[:, None] != frames[None])
    left, people = set(range(count)), []
    while left:
        found, edge = set(), {min(left)}
        while edge:
            found |= edge
            edge = {int(n) for at in edge for n in np.flatnonzero(joined[at])} - found
        left -= found
        people.append(sorted(found))
    people.sort(key=lambda each: (-len(each), each[0]))
    total = len(set(frames.tolist()))
    return [each for each in people if len(each) >= least_share * total] or people[:1]


def vote(scores: Sequence[float], threshold: float) -> float:
    """The voting rule (Coccomini et al., ICIAP 2022): the highest score when any person's is above the threshold, else the mean over people."""
    return max(scores) if max(scores) > threshold else float(np.mean(scores))
