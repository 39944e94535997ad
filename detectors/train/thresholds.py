"""Calibrate thresholds by face size: how alike strangers are to a person's template, at each probe size, as a table of false match rates for the cards.

`python -m detectors.train.thresholds FOLDER` prints {detector: {size: [[rate, cosine], ...]}} for the cards' `thresholds.tails`. Nobody in gallery.csv or
probes.csv is looked at, so that the rate which results can be measured on them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import detectors
from detectors.errors import BadDataset, DetectorError
from detectors.faces.embed import SIDE
from detectors.faces.identify import enrol
from detectors.portraits import degrade
from detectors.sized import NETS, mean_of
from detectors.train.small_faces import people_to_learn_from

SIZES = {"student": (8, 12, 16, 20, 24), "plain": (28, 32, 48, 64, SIDE)}
RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
ENROLLED = 5  # pictures of a person that make the template, at the most
LEAST = 20  # people from whom a table is made

People = dict[str, list[np.ndarray]]
Tail = list[tuple[float, float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables as one JSON object; 2 when the folder is wrong."""
    parser = argparse.ArgumentParser(prog="python -m detectors.train.thresholds", description=__doc__)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args(arguments)
    try:
        print(json.dumps(tabulate(people_to_learn_from(asked.folder))))
    except DetectorError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def tabulate(people: People, sizes: dict[str, Sequence[int]] = SIZES) -> dict[str, dict[str, Tail]]:
    """The table of every detector and probe size. Raises BadDataset below 20 people."""
    if len(people) < LEAST:
        raise BadDataset(f"{len(people)} people are too few to set a threshold by: {LEAST} at the least")
    embed = {net: detectors.load(name).embed_crop for net, name in NETS.items()}
    sharp = {net: {name: [embed[net](crop) for crop in crops] for name, crops in people.items()} for net in sizes}
    if "student" in sharp:
        plain = sharp.get("plain") or {name: [embed["plain"](crop) for crop in crops] for name, crops in people.items()}
        sharp["student"] = {name: [mean_of(*pair) for pair in zip(plain[name], vectors, strict=True)] for name, vectors in sharp["student"].items()}
    return {
        NETS[net]: {str(size): tail(sharp[net], {name: [embed[net](degrade(crop, size)) for crop in crops] for name, crops in people.items()}) for size in some}
        for net, some in sizes.items()
    }


def tail(templates: People, probes: People, rates: Sequence[float] = RATES) -> Tail:
    """For each rate the cosine which that share of comparisons with other people's templates exceeds; each probe person weighs the same."""
    centroids = enrol({name: vectors[:ENROLLED] for name, vectors in templates.items()}).centroids
    owner = np.array([n for n, vectors in enumerate(probes.values()) for _ in vectors])
    scores = np.concatenate([np.stack(vectors) for vectors in probes.values()]) @ centroids.T
    others = owner[:, None] != np.arange(len(centroids))[None]
    weights = np.broadcast_to(1 / np.bincount(owner)[owner][:, None], scores.shape)[others]
    order = np.argsort(-scores[others])
    passed = weights[order].cumsum() / weights.sum()
    at = np.minimum(np.searchsorted(passed, rates), len(order) - 1)
    return [(rate, round(float(cosine), 4)) for rate, cosine in zip(rates, scores[others][order[at]], strict=True)]


if __name__ == "__main__":
    sys.exit(main())
