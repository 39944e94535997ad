"""Train the detector of machine-written posts: `python -m detectors.train.text FOLDER --out FOLDER [--seed 0]` on train.csv and validation.csv of TweepFake.

Needs scikit-learn (`pip install scikit-learn`), which the product does not: what is written is read with numpy alone. About ten minutes on one thread.
Everything is learned on train.csv; validation.csv is only judged on, and gives the shortest length of which something is said.

Trees on top see each post as models judged it that had not learned from it (folds by account and kind). Accounts that nobody saw are judged in folds that
never part a machine from whom it imitates (found by their words and names); folds by account alone would let it learn who is the other one of a pair.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors.deepfake.logistic import folds_of
from detectors.evaluators import tweepfake as judging
from detectors.files import replacing
from detectors.text import measures, tables, trees
from detectors.text.machine import COLUMNS, QUESTIONS, SURE, VIEWS, unseen_score
from detectors.text.ngrams import BITS, NGrams
from detectors.train.text_personas import personas
from detectors.weights import sha256_of

NAME = "machine-text-1.npz"
COSTS = {"characters": 0.5, "words": 0.5, "shapes": 0.2}  # of an error on the wrong side, as in LinearSVC
SEEN_FOLDS, UNSEEN_FOLDS = 5, 8
WEIGHTS = np.array([1, 0.5, 1, 3]) / 5.5  # of characters, words, shapes and style where an account is new: tried in a handful of ways on train.csv's folds
STAGES = (1, 2, 3, 5, 10, 20)  # numbers of posts
SEEN_TREES = {"max_iter": 600, "learning_rate": 0.03, "max_leaf_nodes": 16, "min_samples_leaf": 40, "l2_regularization": 5.0, "max_features": 0.3}
STYLE_TREES = {"max_iter": 150, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 100, "l2_regularization": 5.0, "max_features": 0.3}
VOTES = 3  # seeds of the trees on top


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """The n-grams of N texts in one view, as a sparse matrix of 1 + log count, and the n-grams themselves."""

    grams: list[NGrams]
    counts: Any

    def only(self, rows: np.ndarray) -> Any:
        """The rows of the matrix."""
        return self.counts[rows]


def counted(texts: Sequence[str], view: Callable[[str], NGrams]) -> Counted:
    """Every text's n-grams, counted."""
    from scipy import sparse

    grams = [view(text) for text in texts]
    rows = [np.unique(each.places, return_counts=True) for each in grams]
    ends = np.cumsum([0, *(len(places) for places, _ in rows)])
    data = np.concatenate([1 + np.log(counts) for _, counts in rows]).astype(np.float32)
    return Counted(grams, sparse.csr_matrix((data, np.concatenate([places for places, _ in rows]), ends), shape=(len(texts), 1 << BITS)))


def idf_of(counts: Any) -> np.ndarray:
    """log((1 + texts) / (1 + texts that have it)) + 1, and 0 for what only one text has."""
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.where(having >= 2, np.log((1 + counts.shape[0]) / (1 + having)) + 1, 0).astype(np.float32)


def weighed(counts: Any, idf: np.ndarray) -> Any:
    """Rows of length 1."""
    from scipy import sparse

    scaled = (counts @ sparse.diags(idf)).tocsr()
    lengths = np.sqrt(np.asarray(scaled.multiply(scaled).sum(1)).ravel())
    scaled = (sparse.diags((1 / np.maximum(lengths, 1e-9)).astype(np.float32)) @ scaled).tocsr().astype(np.float32)
    scaled.eliminate_zeros()
    return scaled


def learn_table(counts: Any, answers: Sequence[np.ndarray], cost: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(idf, weights (P, Q), biases, ratios (P, Q)): a linear support vector machine and a naive Bayes for each question."""
    from sklearn.svm import LinearSVC

    idf = idf_of(counts)
    rows = weighed(counts, idf)
    fitted = [LinearSVC(C=cost, tol=1e-2, random_state=0).fit(rows, answer) for answer in answers]
    weights = np.stack([each.coef_[0] for each in fitted], 1).astype(np.float32)
    ratios = np.stack([log_ratios(counts, answer) for answer in answers], 1) * (idf > 0)[:, None]
    return idf, weights, np.array([each.intercept_[0] for each in fitted]), ratios


def log_ratios(counts: Any, answer: np.ndarray) -> np.ndarray:
    """The logarithm (P,) of each place's share among the rows of class 1 over its share among the others, half a row added to both."""
    shares = []
    for rows in (counts[answer], counts[~answer]):
        having = np.bincount(rows.indices, minlength=counts.shape[1]) + 0.5
        shares.append(np.log(having / having.sum()))
    return (shares[0] - shares[1]).astype(np.float32)


def decide(counts: Any, learned: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """What NGramTable.decisions gives for each row, without the rounding: (N, 3 Q)."""
    idf, weights, bias, ratios = learned
    scaled = weighed(counts, idf)
    present = scaled.sign()
    sums = present @ ratios
    return np.concatenate([scaled @ weights + bias, sums, sums / np.maximum(1, np.diff(present.indptr))[:, None]], 1)


def grow(rows: np.ndarray, machine: np.ndarray, shape: dict[str, Any], seed: int, weight: np.ndarray | None = None) -> trees.Trees:
    """Boosted trees of scikit-learn as plain arrays."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    grown = HistGradientBoostingClassifier(random_state=seed, **shape).fit(rows, machine, sample_weight=weight)
    nodes = [each[0].nodes for each in grown._predictors]
    size = max(map(len, nodes))
    arrays = {name: np.zeros((len(nodes), size), kind) for name, kind in zip(trees.FIELDS, (np.int16, np.float64, np.int16, np.int16, np.float32), strict=True)}
    for n, each in enumerate(nodes):
        itself, leaf, end = np.arange(len(each)), each["is_leaf"].astype(bool), len(each)
        arrays["feature"][n, :end] = np.where(leaf, 0, each["feature_idx"])
        arrays["threshold"][n, :end] = np.where(leaf, 0, each["num_threshold"])
        arrays["left"][n, :end] = np.where(leaf, itself, each["left"])
        arrays["right"][n, :end] = np.where(leaf, itself, each["right"])
        arrays["value"][n, :end] = each["value"]
    return trees.Trees(**arrays, base=float(np.ravel(grown._baseline_prediction)[0]))


def voted(rows: np.ndarray, machine: np.ndarray, seed: int) -> trees.Trees:
    """Several seeds as one: their leaves over their number."""
    grown = [grow(rows, machine, SEEN_TREES, seed + n) for n in range(VOTES)]
    size = max(each.value.shape[1] for each in grown)

    def stacked(name: str) -> np.ndarray:
        return np.concatenate([np.pad(getattr(each, name), ((0, 0), (0, size - getattr(each, name).shape[1]))) for each in grown])

    arrays = {name: stacked(name) for name in trees.FIELDS}
    arrays["value"] = (arrays["value"] / VOTES).astype(np.float32)
    return trees.Trees(**arrays, base=float(np.mean([each.base for each in grown])))


@dataclasses.dataclass(frozen=True, slots=True)
class Learned:
    """What is needed of train.csv: labels, accounts and kinds, the three views, and the plain measures."""

    rows: judging.TweetRows
    views: dict[str, Counted]
    plain: np.ndarray

    def answers(self) -> list[np.ndarray]:
        """Of each question the rows of class 1."""
        return [self.rows.machine, *(self.rows.kinds == kind for kind in QUESTIONS[1:])]

    def account_weights(self) -> np.ndarray:
        """Each account weighs as the root of its posts."""
        _, which, counts = np.unique(self.rows.accounts, return_inverse=True, return_counts=True)
        weight = 1 / np.sqrt(counts[which])
        return weight / weight.mean()

    def style(self, idf: dict[str, np.ndarray], at: np.ndarray) -> np.ndarray:
        """The measures of some rows, rarity by these frequencies."""
        letters, words = self.views["characters"].grams, self.views["words"].grams
        rare = np.stack([measures.rarity(letters[n], words[n], idf["characters"], idf["words"]) for n in at])
        return np.concatenate([self.plain[at], rare], 1)


def read(path: Path, change: Callable[[str], str] = str) -> Learned:
    """Read and measure a file; `change` makes another text of each first."""
    rows = judging.read(path)
    rows = dataclasses.replace(rows, texts=[change(text) for text in rows.texts])
    return Learned(rows, {name: counted(rows.texts, view) for name, view in VIEWS.items()}, np.stack([measures.measure(text) for text in rows.texts]))


def held_out(data: Learned, folds: np.ndarray, questions: int) -> tuple[np.ndarray, np.ndarray]:
    """Decisions (N, 9 x questions) and style (N, M) of each row by tables that learned from the other folds only."""
    width = 3 * questions
    decisions = np.zeros((len(folds), len(VIEWS) * width))
    style = np.zeros((len(folds), len(measures.names())), np.float32)
    for fold in range(folds.max() + 1):
        rest, aside, idf = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold), {}
        for n, (name, view) in enumerate(data.views.items()):
            learned = learn_table(view.only(rest), [each[rest] for each in data.answers()[:questions]], COSTS[name])
            idf[name] = learned[0]
            decisions[aside, n * width : (n + 1) * width] = decide(view.only(aside), learned)
        style[aside] = data.style(idf, aside)
    return decisions, style


def unseen(data: Learned, folds: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The unseen score (N,) of each row by parts that never saw its fold, and the parts' means, deviations and weights (4, 3)."""
    decisions, _ = held_out(data, folds, 1)
    style = np.zeros(len(folds))
    for fold in range(folds.max() + 1):
        rest, aside = folds != fold, folds == fold
        style[aside] = grow(data.plain[rest], data.rows.machine[rest], STYLE_TREES, seed, data.account_weights()[rest]).score(data.plain[aside])
    distances = decisions[:, ::3]
    parts = np.stack([*distances.T, style], 1)
    described = np.stack([parts.mean(0), parts.std(0), WEIGHTS], 1)
    return unseen_score(np.repeat(distances, COLUMNS, 1), style, described), described


def unseen_folds(data: Learned, seed: int) -> tuple[dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], float]:
    """(scores, parts, folds) of both kinds of folds that hold accounts out: "imitated" with whom they imitate, "account" alone; and the seconds it took."""
    start, found = time.perf_counter(), {}
    for name, groups in (("imitated", personas(data.rows, data.views["words"].counts)), ("account", data.rows.accounts)):
        split = folds_of(groups, UNSEEN_FOLDS, seed)
        found[name] = (*unseen(data, split, seed), split)
    return found, time.perf_counter() - start


def seen_folds(rows: judging.TweetRows, seed: int) -> np.ndarray:
    """Folds (N,) in which every account has its share."""
    order, fold = np.random.default_rng(seed).permutation(len(rows.texts)), np.zeros(len(rows.texts), int)
    for account in sorted(set(rows.accounts)):
        chosen = order[rows.accounts[order] == account]
        fold[chosen] = (np.arange(len(chosen)) + len(account)) % SEEN_FOLDS
    return fold


def logistic(scores: np.ndarray, machine: np.ndarray) -> tuple[float, float]:
    """Slope and bias of the probability that a score stands for."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e3).fit(scores[:, None], machine)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def stages(scores: np.ndarray, rows: judging.TweetRows, seed: int) -> np.ndarray:
    """For each number of posts: that number, slope, bias, and the shares of Stage, accounts weighing alike (S, 6)."""
    from sklearn.linear_model import LogisticRegression

    found = []
    for posts in STAGES:
        means, machine, weight = judging.grouped(scores, rows, posts, seed)
        fitted = LogisticRegression(C=10.0).fit(means[:, None], machine, sample_weight=weight)
        chance = fitted.predict_proba(means[:, None])[:, 1]

        def share(true: np.ndarray, among: np.ndarray, weight: np.ndarray = weight) -> float:
            return float((true * weight)[among].sum() / weight[among].sum())

        shares = share((chance > 0.5) != machine, weight > 0), share(chance >= SURE, ~machine), share(chance >= SURE, machine)
        found.append([posts, fitted.coef_[0, 0], fitted.intercept_[0], *shares])
    return np.array(found)


def seen_scores(data: Learned, seed: int) -> dict[str, np.ndarray]:
    """What the trees on top see of every row, `together`, and what they answer, `stacked`, in folds by account and kind."""
    folds = seen_folds(data.rows, seed)
    together = np.concatenate(held_out(data, folds, len(QUESTIONS)), 1)
    stacked = np.zeros(len(folds))
    for fold in range(SEEN_FOLDS):
        stacked[folds == fold] = voted(together[folds != fold], data.rows.machine[folds != fold], seed).score(together[folds == fold])
    return {"together": together, "stacked": stacked}


def unseen_scores(data: Learned, seed: int) -> dict[str, np.ndarray]:
    """What `unseen_folds` gives, by kind of folds and part."""
    found, _ = unseen_folds(data, seed)
    return {f"{name}-{part}": value for name, each in found.items() for part, value in zip(("scores", "parts", "folds"), each, strict=True)}


def kept(file: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that an earlier run left in a file, or made now and kept in it."""
    if not file.exists():
        with replacing(file) as opened:
            np.savez(opened, **make())
    with np.load(file) as stored:
        return {name: stored[name] for name in stored.files}


def fit(folder: Path, out: Path, seed: int) -> dict[str, Any]:
    """Learn, write the weights, and give the figures of both kinds of folds."""
    start = time.perf_counter()

    def note(what: str) -> None:
        print(f"{time.perf_counter() - start:6.0f} s  {what}", flush=True)

    data = read(folder / "train.csv")
    note(f"{len(data.rows.texts)} posts of {len(set(data.rows.accounts))} accounts read")
    out.mkdir(parents=True, exist_ok=True)
    seen = kept(out / f"seen-{seed}.npz", lambda: seen_scores(data, seed))
    note("judged in folds by account and kind")
    unseen = kept(out / f"unseen-{seed}.npz", lambda: unseen_scores(data, seed))
    note("judged in folds by account, and by account and whom it imitates")
    arrays = parts_of_file(data, seen["together"], seed) | {
        "calibration": np.array(logistic(seen["stacked"], data.rows.machine)),
        "parts": unseen["imitated-parts"],
        "stages": stages(unseen["imitated-scores"], data.rows, seed),
        "usual": np.median(seen["together"][:, len(VIEWS) * COLUMNS :], 0),
    }
    with replacing(out / NAME) as file:
        np.savez_compressed(file, **arrays)
    note(f"{NAME}: {(out / NAME).stat().st_size:,} bytes, sha256 {sha256_of(out / NAME)}")
    figures: dict[str, Any] = {"seen accounts, train.csv, 5 folds": judging.metrics(seen["stacked"], data.rows)}
    for name in ("imitated", "account"):
        figures[f"unseen accounts, folds by {name}"] = judging.unseen_metrics(unseen[f"{name}-scores"], data.rows, unseen[f"{name}-folds"])
    return figures | {"stages (posts, slope, bias, error, false alarms, found)": np.round(arrays["stages"], 4).tolist()}


def parts_of_file(data: Learned, together: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The tables on all of train.csv, and both kinds of trees."""
    arrays: dict[str, np.ndarray] = {}
    for name, view in data.views.items():
        arrays |= tables.packed(*learn_table(view.counts, data.answers(), COSTS[name])).arrays(name)
    arrays |= voted(together, data.rows.machine, seed).arrays("trees")
    style = np.concatenate([data.plain, np.zeros((len(data.plain), len(measures.RARITY)), np.float32)], 1)
    return arrays | grow(style, data.rows.machine, STYLE_TREES, seed, data.account_weights()).arrays("style-trees")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    figures = fit(given.folder, given.out, given.seed)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
