"""Judge the detector of machine-written posts on a file of TweepFake's form, beside the plainest rival (length) and its own first step (letters alone)."""

from __future__ import annotations

import csv
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from detectors import registry, weights
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import auc, interval
from detectors.posts import unescape
from detectors.text import hygiene
from detectors.text.machine import MachineText

COLUMNS = ("text", "label", "account", "kind")
KINDS = ("human", "gpt2", "rnn", "others")
POSTS = 10  # of an account, judged together
RESAMPLES = 500
EXPECTED = f"expected columns {','.join(COLUMNS)}"


@dataclasses.dataclass(frozen=True, slots=True)
class TweetRows:
    """N posts: clean texts, whether a machine wrote each, accounts, kinds, and of each account the rows."""

    texts: list[str]
    machine: np.ndarray
    accounts: np.ndarray
    kinds: np.ndarray

    def by_account(self) -> list[np.ndarray]:
        """The rows of each account, accounts by name."""
        return [np.flatnonzero(self.accounts == name) for name in sorted(set(self.accounts))]


def read(path: Path) -> TweetRows:
    """The posts of a file, or of the only .csv of a folder, cleaned. Raises BadDataset that names file, line and columns."""
    if path.is_dir():
        found_files = sorted(path.glob("*.csv"))
        if len(found_files) != 1:
            raise BadDataset(f"{path.name}/*.csv, line 1: there must be one such file, not {len(found_files)}: name the file; {EXPECTED}")
        path = found_files[0]
    if not path.is_file():
        raise BadDataset(f"{path.name}, line 1: this is no file; {EXPECTED}")
    found: list[dict[str, str]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (reader.fieldnames or [])]:
                raise BadDataset(f"{path.name}, line 1: column {missing[0]} is missing; {EXPECTED}")
            begin = reader.line_num + 1
            for row in reader:
                found.append(_checked(row, f"{path.name}, line {begin}"))
                begin = reader.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{path.name}, line 1: this is no CSV text in UTF-8 ({error}); {EXPECTED}") from error
    if not found:
        raise BadDataset(f"{path.name}, line 2: there are no rows; {EXPECTED}")
    texts = [hygiene.clean(unescape(row["text"])).text for row in found]
    return TweetRows(
        texts,
        np.array([row["label"] == "bot" for row in found]),
        np.array([row["account"] for row in found]),
        np.array([row["kind"] for row in found]),
    )


def _checked(row: dict[str, str | None], where: str) -> dict[str, str]:
    given = {name: row[name] for name in COLUMNS}
    if absent := [name for name, value in given.items() if value is None]:
        raise BadDataset(f"{where}: {absent[0]} is missing in this row; {EXPECTED}")
    if given["label"] not in ("human", "bot"):
        raise BadDataset(f"{where}: label cannot be {given['label']!r}, only human or bot; {EXPECTED}")
    if given["kind"] not in KINDS or (given["kind"] == "human") != (given["label"] == "human"):
        raise BadDataset(f"{where}: kind cannot be {given['kind']!r} where label is {given['label']}, only {', '.join(KINDS)}; {EXPECTED}")
    if not given["account"]:
        raise BadDataset(f"{where}: account is empty; {EXPECTED}")
    return {name: str(value) for name, value in given.items()}


@evaluator("tweepfake")
def evaluate(path: Path, **_: Any) -> Evaluation:
    """Accuracy, AUC, recall per kind, AUC over ten posts of an account; intervals by account; the same of length alone and of letter n-grams alone."""
    rows = read(path)
    built = MachineText(weights.find(str(registry.entry("machine-text").weights)))
    start = time.perf_counter()
    found = built.features(rows.texts)
    scores = built.log_odds(found)
    seconds = time.perf_counter() - start
    letters, lengths = found.decisions[:, 0], -np.array([float(len(text)) for text in rows.texts])
    unseen = built.unseen_score(found)
    file = weights.find("machine-text-1")
    return Evaluation(
        n=len(rows.texts),
        metrics=metrics(scores, rows),
        threshold={"value": 0.0, "from": "log-odds 0: calibrated in folds of train.csv by account and kind, none of this file"},
        model=model_of("machine-text"),
        inference_s=seconds,
        headline=("accuracy", "auc"),
        extra={
            "accounts": len(set(rows.accounts)),
            "model_bytes": file.stat().st_size,
            "rivals": {
                "length_alone": {name: each for name, each in metrics(lengths - _middle(lengths), rows).items() if "auc" in name},
                "letters_alone": metrics(letters, rows),
                "score_for_unseen_accounts": {name: each for name, each in metrics(unseen, rows).items() if "auc" in name},
            },
            "note": "the accounts of the official files are all in train.csv: accounts that nobody saw stand in docs/results/text.md",
        },
    )


def _middle(values: np.ndarray) -> float:
    return float(np.median(values))


def metrics(scores: np.ndarray, rows: TweetRows, seed: int = 0) -> dict[str, dict[str, float | None]]:
    """All metrics of scores whose border is 0, with intervals by account."""
    right = (scores > 0) == rows.machine

    def measured(measure: Callable[[np.ndarray], float]) -> dict[str, float | None]:
        return interval(rows.by_account(), lambda drawn: measure(np.concatenate(drawn)), resamples=RESAMPLES, seed=seed)

    found = {"accuracy": measured(lambda at: float(right[at].mean())), "auc": measured(lambda at: auc(scores[at], rows.machine[at]))}
    for kind in KINDS:
        found[f"recall_{kind}"] = measured(lambda at, kind=kind: _mean(right[at][rows.kinds[at] == kind]))
    return found | {f"auc_account_{POSTS}": account_auc(scores, rows, POSTS, seed)}


def account_auc(scores: np.ndarray, rows: TweetRows, posts: int, seed: int = 0) -> dict[str, float | None]:
    """AUC of the mean over so many posts of an account, drawn without putting back; accounts that have fewer give none. Intervals by account."""
    rng, clusters = np.random.default_rng(seed), []
    for at in rows.by_account():
        chosen = rng.permutation(at)[: len(at) // posts * posts].reshape(-1, posts)
        if len(chosen):
            clusters.append((scores[chosen].mean(1), rows.machine[chosen[:, 0]]))

    def measure(drawn: list[tuple[np.ndarray, np.ndarray]]) -> float:
        return auc(np.concatenate([each for each, _ in drawn]), np.concatenate([each for _, each in drawn]))

    return interval(clusters, measure, resamples=RESAMPLES, seed=seed) if clusters else {"value": None, "low": None, "high": None}


def grouped(scores: np.ndarray, rows: TweetRows, posts: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over so many posts of an account, whether a machine wrote them, and weights by which accounts count alike."""
    rng, means, machine, weight = np.random.default_rng(seed), [], [], []
    for at in rows.by_account():
        chosen = rng.permutation(at)[: len(at) // posts * posts].reshape(-1, posts)
        means += scores[chosen].mean(1).tolist()
        machine += rows.machine[chosen[:, 0]].tolist()
        weight += [1 / max(1, len(chosen))] * len(chosen)
    return np.array(means), np.array(machine), np.array(weight)


def unseen_metrics(scores: np.ndarray, rows: TweetRows, folds: np.ndarray, seed: int = 0) -> dict[str, dict[str, float | None] | list[float]]:
    """AUC over all posts and over ten of an account, each account judged by models that never saw it; and the mean of the folds' own AUCs."""

    def of_folds(posts: int) -> list[float]:
        found = []
        for fold in range(folds.max() + 1):
            at = np.flatnonzero(folds == fold)
            part = TweetRows([], rows.machine[at], rows.accounts[at], rows.kinds[at])
            value = account_auc(scores[at], part, posts, seed)["value"] if posts > 1 else auc(scores[at], rows.machine[at])
            if value is not None and not np.isnan(value):
                found.append(round(value, 4))
        return found

    single = interval(rows.by_account(), lambda drawn: auc(scores[at := np.concatenate(drawn)], rows.machine[at]), resamples=RESAMPLES, seed=seed)
    return {
        "auc": single,
        f"auc_account_{POSTS}": account_auc(scores, rows, POSTS, seed),
        "auc_of_folds": of_folds(1),
        f"auc_account_{POSTS}_of_folds": of_folds(POSTS),
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
