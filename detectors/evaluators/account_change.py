"""Judge when accounts are said to have changed hands: posts of a person and of a machine put one after the other, beside accounts that never change."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import registry, weights
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.evaluators import tweepfake
from detectors.metrics import interval
from detectors.text import changes
from detectors.text.machine import MachineText

LENGTHS = (12, 24, 40)  # posts of a made account
MADE = 300  # accounts of each length that change, and as many that never do
RESAMPLES = 500
Figures = dict[str, dict[str, float | None]]


@dataclasses.dataclass(frozen=True, slots=True)
class MadeAccount:
    """Scores of posts in order, after how many the writer changes (0: never), and the account whose posts a machine wrote or, where none did, the person's."""

    scores: np.ndarray
    place: int
    cluster: str


def make(scores: np.ndarray, rows: tweepfake.TweetRows, length: int, seed: int, *, changing: bool) -> list[MadeAccount]:
    """Made accounts of so many posts: of a person and then a machine or the other way round, or of one alone. Raises BadDataset without enough posts."""
    rng, made = np.random.default_rng(seed), []
    usable = [at for at in rows.by_account() if len(at) >= length]
    people, machines = ([at for at in usable if rows.machine[at[0]] == kind] for kind in (False, True))
    if not people or not machines:
        raise BadDataset(f"no person's or no machine's account has {length} posts; {tweepfake.EXPECTED}")
    for _ in range(MADE):
        person, machine = people[rng.integers(len(people))], machines[rng.integers(len(machines))]
        if changing:
            place = int(rng.integers(changes.LEAST_SIDE, length - changes.LEAST_SIDE + 1))
            first, second = (person, machine) if rng.integers(2) else (machine, person)
            chosen = np.concatenate([rng.choice(first, place, replace=False), rng.choice(second, length - place, replace=False)])
        else:
            place, machine = 0, (person, machine)[int(rng.integers(2))]
            chosen = rng.choice(machine, length, replace=False)
        made.append(MadeAccount(scores[chosen], place, str(rows.accounts[machine[0]])))
    return made


def figures(scores: np.ndarray, rows: tweepfake.TweetRows, seed: int = 0) -> Figures:
    """For each length: changes found, accounts that never change named all the same, how far the place is off, whether the interval holds it; and the rival.

    The rival, the means of both halves, has its threshold at 1 % of other accounts that never change. Intervals draw whole accounts again.
    """
    found: Figures = {}
    for length in LENGTHS:
        changing, never = (make(scores, rows, length, seed + n, changing=not n) for n in (0, 1))
        other = make(scores, rows, length, seed + 2, changing=False)
        answers, alarms = ([changes.find(each.scores) for each in made] for made in (changing, never))
        named = np.array([answer is not None and answer.p <= changes.LEVEL for answer in answers])
        wrong = np.array([answer is not None and answer.p <= changes.LEVEL for answer in alarms])
        off = np.array([abs(answer.place - each.place) if answer else np.nan for answer, each in zip(answers, changing, strict=True)], float)
        held = np.array([answer is not None and answer.low <= each.place <= answer.high for answer, each in zip(answers, changing, strict=True)])
        least = float(np.quantile([changes.halves_apart(each.scores) for each in other], 1 - changes.LEVEL))
        rival = np.array([changes.halves_apart(each.scores) > least for each in changing])
        found |= {
            f"found_{length}": _mean(changing, named.astype(float)),
            f"found_{length}_rival": _mean(changing, rival.astype(float)),
            f"named_though_never_{length}": _mean(never, wrong.astype(float)),
            f"posts_off_{length}": _mean(changing, np.where(named, off, np.nan)),
            f"place_in_interval_{length}": _mean(changing, np.where(named, held.astype(float), np.nan)),
        }
    return found


def _mean(made: Sequence[MadeAccount], values: np.ndarray) -> dict[str, float | None]:
    """The mean of values (nan: does not count), its interval by whole accounts."""
    clusters: dict[str, list[float]] = {}
    for each, value in zip(made, values.tolist(), strict=True):
        if not np.isnan(value):
            clusters.setdefault(each.cluster, []).append(value)
    return interval(list(clusters.values()), lambda drawn: float(np.mean(np.concatenate(drawn))) if drawn else float("nan"), resamples=RESAMPLES)


@evaluator("account-change")
def evaluate(path: Path, **_: Any) -> Evaluation:
    """A file of TweepFake's form: accounts put together from its posts, scored as accounts that nobody saw."""
    rows = tweepfake.read(path)
    built = MachineText(weights.find(str(registry.entry("machine-text").weights)))
    start = time.perf_counter()
    scores = built.unseen_score(built.features(rows.texts))
    seconds = time.perf_counter() - start
    return Evaluation(
        n=len(rows.texts),
        metrics=figures(scores, rows),
        threshold={"value": changes.LEVEL, "from": "level of a permutation test of each account's own posts: nothing was chosen"},
        model=model_of("machine-text"),
        inference_s=seconds,
        headline=("found_24", "named_though_never_24"),
        extra={"note": "the official accounts are all in train.csv: figures on accounts that nobody saw stand in docs/cards/machine-text.md"},
    )
