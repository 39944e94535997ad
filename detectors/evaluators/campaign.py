"""Judge the campaign view on posts of accounts of known kind, beside the plainest rivals: the same item thrice as others, at any time or in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import datasets, posts
from detectors.campaign import coordination
from detectors.campaign.view import CampaignView, look
from detectors.errors import BadDataset
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import interval

COLUMNS = {"account": str, "kind": str}
WANTED = "campaign"  # the kind of the accounts that should be found; all other kinds should not


@evaluator("campaign")
def evaluate(folder: Path, **_: Any) -> Evaluation:
    """FOLDER has posts.csv (text, account, time) and accounts.csv (account, kind): precision, recall and F1 of the accounts found, share found of each kind."""
    kinds = {row["account"]: row["kind"] for row in datasets.read_table(folder / "accounts.csv", COLUMNS)}
    if WANTED not in kinds.values() or len(set(kinds.values())) < 2:
        raise BadDataset(f"accounts.csv, line 2: there must be accounts of the kind {WANTED!r} and of another; expected columns {','.join(COLUMNS)}")
    start = time.perf_counter()
    view = look(posts.read(folder / "posts.csv"))
    seconds = time.perf_counter() - start
    if unnamed := sorted(set(view.names) - set(kinds) - {""}):
        raise BadDataset(f"accounts.csv, line {len(kinds) + 1}: the account {unnamed[0]!r} of posts.csv has no kind")
    names = [name for name in view.names if name]
    found = {view.names[number] for number in view.coordination.accounts}
    rivals = {"same_item_any_time": _meeting(view, math.inf), "same_item_in_time": _meeting(view, coordination.WINDOW)}
    return Evaluation(
        n=len(view.posts),
        metrics=_metrics(names, kinds, found),
        threshold={"value": coordination.FALSE_SHARE, "from": "the card: share of false pairs allowed, chosen on sets of other seeds"},
        model=model_of("campaign"),
        inference_s=seconds,
        headline=("precision", "recall"),
        extra={
            "accounts": len(names),
            "sets": [len(each) for each in view.coordination.sets],
            "rivals": {n: _metrics(names, kinds, each) for n, each in rivals.items()},
        },
    )


def _metrics(names: Sequence[str], kinds: dict[str, str], found: set[str]) -> dict[str, dict[str, float | None]]:
    """Intervals draw accounts again."""

    def share(of: Callable[[str], bool], among: Callable[[str], bool]) -> Callable[[Sequence[str]], float]:
        def measured(drawn: Sequence[str]) -> float:
            chosen = [name for name in drawn if among(name)]
            return sum(map(of, chosen)) / len(chosen) if chosen else math.nan

        return measured

    def f1(drawn: Sequence[str]) -> float:
        hits, both = sum(kinds[n] == WANTED and n in found for n in drawn), sum(kinds[n] == WANTED for n in drawn) + sum(n in found for n in drawn)
        return 2 * hits / both if both else math.nan

    metrics = {
        "precision": interval(names, share(lambda n: kinds[n] == WANTED, lambda n: n in found)),
        "recall": interval(names, share(lambda n: n in found, lambda n: kinds[n] == WANTED)),
        "f1": interval(names, f1),
    }
    others = sorted(set(kinds.values()) - {WANTED})
    return metrics | {f"found_{kind}": interval(names, share(lambda n: n in found, lambda n, kind=kind: kinds[n] == kind)) for kind in others}


def _meeting(view: CampaignView, window: float) -> set[str]:
    """The plain rival: accounts that at least LEAST times carried an item that another account carried within the window."""
    counts = np.zeros(len(view.names), int)
    for items in (view.groups, view.links):
        order = np.lexsort((view.posts.times, items))
        order = order[view.usable[order] & (items[order] >= 0)]
        for number in np.unique(items[order]).tolist():
            rows = order[items[order] == number]
            times, accounts = view.posts.times[rows], view.accounts[rows]
            first, last = np.searchsorted(times, times - window), np.searchsorted(times, times + window, side="right")
            for n, account in enumerate(accounts.tolist()):
                counts[account] += bool((accounts[first[n] : last[n]] != account).any())
    return {view.names[n] for n in np.flatnonzero(counts >= coordination.LEAST).tolist()}
