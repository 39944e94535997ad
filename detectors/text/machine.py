"""How much a post reads as if a machine had written it: linear models over hashed n-grams, measures of style, and boosted trees on top; numpy alone.

Two answers from the same numbers: `log_odds` for accounts as those it learned from (what the published figures of TweepFake measure), and
`unseen_log_odds` for accounts that it never saw, which is every account of a real site: no trees on top, which would learn who writes instead of what.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from detectors.errors import WeightsError
from detectors.files import BAD_ARCHIVE
from detectors.text import measures, ngrams, tables, trees
from detectors.text.ngrams import NGrams

VIEWS: dict[str, Callable[[str], NGrams]] = {"characters": ngrams.characters, "words": ngrams.words, "shapes": ngrams.shapes}
QUESTIONS = ("machine", "gpt2", "rnn", "others")  # what each table answers: any machine, or this kind against all others
COLUMNS = 3 * len(QUESTIONS)  # of each table: distances, sums of ratios, means of ratios
SURE = 0.9  # the probability from which posts are called machine-written, and below 1 - SURE written by a person


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """How sure a number of posts of one account makes: probability = logistic(slope x mean score + bias).

    On accounts that the detector never saw, accounts weighing alike: `error` of the answers at 0.5 are wrong; at `SURE` `false_alarms` of the people's
    are flagged and `found` of the machines'.
    """

    posts: int
    slope: float
    bias: float
    error: float
    false_alarms: float
    found: float


@dataclasses.dataclass(frozen=True, slots=True)
class TextFeatures:
    """Of N clean texts: `decisions` (N, 36) of the tables and questions, `style` (N, M) the measures; as one (N, 36 + M) in `together`."""

    decisions: np.ndarray
    style: np.ndarray

    @property
    def together(self) -> np.ndarray:
        """What the trees see."""
        return np.concatenate([self.decisions, self.style], 1)


class MachineText:
    """The detector, opened from its weights."""

    def __init__(self, path: Path) -> None:
        """Raises WeightsError when the file is not what it should be."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
                self._read(arrays)
        except BAD_ARCHIVE as error:
            raise WeightsError(f"{path.name} holds no detector of machine-written text: {error!r}") from error

    def _read(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.tables = {name: tables.read(arrays, name) for name in VIEWS}
        self.idf = {name: self.tables[name].idf() for name in ("characters", "words")}
        self.trees, self.style_trees = trees.read(arrays, "trees"), trees.read(arrays, "style-trees")
        self.calibration = arrays["calibration"]  # slope, bias
        self.parts = arrays["parts"]  # (4, 3): mean, deviation and weight (in all 1) of characters, words, shapes, style on unseen accounts
        self.usual = arrays["usual"]  # (M,): the median of each measure
        self.stages = tuple(Stage(int(row[0]), *map(float, row[1:])) for row in arrays["stages"])

    def features(self, texts: Sequence[str]) -> TextFeatures:
        """What is measured on clean texts (detectors/text/hygiene.py)."""
        found = [self._one(text) for text in texts]
        decisions = np.array([each[0] for each in found]).reshape(len(found), len(VIEWS) * COLUMNS)
        return TextFeatures(decisions, np.array([each[1] for each in found], np.float32).reshape(len(found), len(measures.names())))

    def _one(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        grams = {name: view(text) for name, view in VIEWS.items()}
        decisions = np.concatenate([self.tables[name].decisions(each) for name, each in grams.items()])
        rare = measures.rarity(grams["characters"], grams["words"], self.idf["characters"], self.idf["words"])
        return decisions, np.concatenate([measures.measure(text), rare])

    def log_odds(self, found: TextFeatures) -> np.ndarray:
        """Log-odds (N,) that a machine wrote each text, for accounts as those it learned from."""
        return self.calibration[0] * self.trees.score(found.together) + self.calibration[1]

    def unseen_score(self, found: TextFeatures) -> np.ndarray:
        """A score (N,) of each text for accounts that it never saw; `probability` makes a probability of the mean over an account's posts."""
        return unseen_score(found.decisions, self.style_trees.score(found.style), self.parts)

    def stage(self, posts: int) -> Stage:
        """The stage of this number of posts: the largest one that is not above it."""
        return max((each for each in self.stages if each.posts <= max(1, posts)), key=lambda each: each.posts)

    def probability(self, scores: Sequence[float] | np.ndarray) -> float:
        """The probability that a machine writes an unseen account, from the `unseen_score` of each of its posts (one or more)."""
        stage = self.stage(len(scores))
        return float(1 / (1 + np.exp(-(stage.slope * float(np.mean(scores)) + stage.bias))))

    def characters_moved(self, text: str) -> np.ndarray:
        """How much each character of a clean text moves the unseen score, by the n-grams it is part of."""
        moved = np.zeros(len(text))
        for n, (name, view) in enumerate(VIEWS.items()):
            if text and self.parts[n, 2]:
                share = self.parts[n, 2] / self.parts[n, 1]
                moved += share * self.tables[name].contributions(view(text), 0, len(text))
        return moved

    def tables_moved(self, found: TextFeatures) -> np.ndarray:
        """How far the three tables together move the unseen score of each text, (N,)."""
        each = found.decisions[:, ::COLUMNS]
        return ((each - self.parts[:3, 0]) / self.parts[:3, 1] * self.parts[:3, 2]).sum(1)

    def style_moved(self, found: TextFeatures, groups: Mapping[str, Sequence[int]]) -> list[dict[str, float]]:
        """For each text: how far the unseen score would fall or rise if the measures of a group were as in the usual post (the sign turned)."""
        share = self.parts[3, 2] / self.parts[3, 1]
        actual = self.style_trees.score(found.style)
        moved = {}
        for name, places in groups.items():
            changed = found.style.copy()
            changed[:, list(places)] = self.usual[list(places)]
            moved[name] = share * (actual - self.style_trees.score(changed))
        return [{name: float(values[n]) for name, values in moved.items()} for n in range(len(actual))]


def unseen_score(decisions: np.ndarray, style: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The weighted mean of the parts, each less its mean and over its deviation: the tables' first question, and the trees on style alone."""
    each = np.concatenate([decisions[:, ::COLUMNS], style[:, None]], 1)
    return ((each - parts[:, 0]) / parts[:, 1] * parts[:, 2]).sum(1)
