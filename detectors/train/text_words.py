"""The plain methods of TweepFake: logistic regression, random forest and a support vector machine, on a bag of words or on an encoder's features.

Needs scikit-learn (`pip install scikit-learn`). As published: words of the post in lower case, hashtags left out, names and links as one word each, weighed by
TF-IDF; the strength of each classifier is searched, here on a tenth of the training posts. The support vector machine is linear here.
"""

from __future__ import annotations

import dataclasses
import pickle
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

WORD = re.compile(r"https?://\S+|@\w+|#\w+|\w+(?:['’-]\w+)*|[^\w\s]+")
COSTS = {"LR": (0.3, 1.0, 3.0, 10.0, 30.0), "SVC": (0.01, 0.03, 0.1, 0.3, 1.0)}
TREES, ASIDE = 200, 10  # trees of a forest; one post of so many is kept aside for the search
Features = Callable[[Sequence[str]], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class PlainModel:
    """Features of texts, and a classifier on them. `carried`: bytes of what makes the features."""

    features: Features
    classifier: Any
    carried: int

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Distances or log-odds (N,): above 0 where a machine is the likelier author."""
        return decided(self.classifier, self.features(texts))

    @property
    def charged(self) -> float:
        """Seconds that kept features stand for."""
        return getattr(self.features, "charged", 0.0)

    @property
    def size(self) -> int:
        """Bytes of both."""
        return self.carried + len(pickle.dumps(self.classifier))


def words(text: str) -> list[str]:
    """The words and signs of a post, in lower case; `@` for a name, `http` for a link, nothing for a hashtag."""
    found = WORD.findall(text.lower())
    return ["@" if each[0] == "@" and len(each) > 1 else "http" if each.startswith("http") else each for each in found if each[0] != "#" or len(each) == 1]


def bag_of_words(texts: Sequence[str]) -> tuple[Features, int]:
    """Texts to TF-IDF rows over the words of these texts, and the bytes it takes."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    fitted = TfidfVectorizer(analyzer=words, min_df=2, dtype=np.float32).fit(texts)
    return fitted.transform, len(pickle.dumps((fitted.vocabulary_, fitted.idf_)))


def decided(classifier: Any, rows: Any) -> np.ndarray:
    """A fitted classifier's distance or log-odds of each row."""
    if hasattr(classifier, "decision_function"):
        return classifier.decision_function(rows)
    chance = np.clip(classifier.predict_proba(rows)[:, 1], 1e-6, 1 - 1e-6)
    return np.log(chance / (1 - chance))


def fit(name: str, features: Features, carried: int, texts: Sequence[str], machine: np.ndarray, seed: int) -> PlainModel:
    """LR, RF or SVC. Of LR's and SVC's COSTS the one that is right most often on a tenth of the posts; then fitted on all of them."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = features(texts)
    aside = np.random.default_rng(seed).permutation(len(texts)) % ASIDE == 0

    def made(cost: float) -> Any:
        classifier = _classifier(name, cost, seed)
        return make_pipeline(StandardScaler(), classifier) if isinstance(rows, np.ndarray) else classifier

    def right(cost: float) -> float:
        return float(((decided(made(cost).fit(rows[~aside], machine[~aside]), rows[aside]) > 0) == machine[aside]).mean())

    best = max(COSTS[name], key=right) if name in COSTS else 0.0
    return PlainModel(features, made(best).fit(rows, machine), carried)


def _classifier(name: str, cost: float, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if name == "LR":
        return LogisticRegression(C=cost, max_iter=300)
    return RandomForestClassifier(TREES, random_state=seed) if name == "RF" else LinearSVC(C=cost, tol=1e-3, random_state=seed)
