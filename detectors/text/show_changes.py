"""Where an account's writing changes, as the tool for machine-written posts shows it: a table, and a plot of the scores with the place marked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from detectors.messages import Message
from detectors.posts import moment
from detectors.text import changes
from detectors.text.changes import Change
from detectors.text.examined import ExaminedAccount, ExaminedPost
from detectors.text.machine import MachineText
from detectors.types import Evidence, PlotEvidence, PlotSeries, TableEvidence

MOST_ROWS, MOST_PLOTS = 50, 3


@dataclasses.dataclass(frozen=True, slots=True)
class ChangedAccount:
    """An account whose writing changes, its posts in their order, and the change among the latest of them; `dated`: in the order of their times."""

    name: str
    posts: tuple[ExaminedPost, ...]
    change: Change
    dated: bool


def changed(accounts: Sequence[ExaminedAccount]) -> list[ChangedAccount]:
    """Those accounts of which something can be said whose scores change at one point, the surest first."""
    found = []
    for each in accounts:
        if each.probability is None:
            continue
        dated = all(np.isfinite(post.post.time) for post in each.posts)
        own = sorted(each.posts, key=lambda post: post.post.time) if dated else list(each.posts)  # a time that is missing: as they came in
        own = own[-changes.MOST_POSTS :]
        change = changes.find(np.array([post.score for post in own], float))
        if change is not None and change.p <= changes.LEVEL:
            found.append(ChangedAccount(each.name, tuple(own), change, dated))
    return sorted(found, key=lambda each: (each.change.p, -abs(each.change.before - each.change.after)))


def reason(found: Sequence[ChangedAccount]) -> tuple[Message, ...]:
    """The sentence about them; none without any."""
    return (Message("machine-text-changed", {"count": len(found), "level": changes.LEVEL}),) if found else ()


def evidence(found: Sequence[ChangedAccount], machine: MachineText) -> list[Evidence]:
    """The table of all, and plots of the first."""
    if not found:
        return []
    named = ("account", "examined", "change-after", "change-between", "change-when", "change-before", "change-now", "change-order")
    rows = tuple(_row(each, machine) for each in found[:MOST_ROWS])
    shown: list[Evidence] = [TableEvidence("changes", Message("machine-text-table-changes"), tuple(Message(f"machine-text-{name}") for name in named), rows)]
    for n, each in enumerate(found[:MOST_PLOTS], 1):
        axis, scores = tuple(float(at) for at in range(1, len(each.posts) + 1)), tuple(round(float(post.score or 0.0), 3) for post in each.posts)
        means = tuple(round(each.change.before if at <= each.change.place else each.change.after, 3) for at in axis)
        series = PlotSeries(Message("machine-text-change-scores"), axis, scores), PlotSeries(Message("machine-text-change-means"), axis, means)
        caption = Message("machine-text-plot-change", {"name": each.name}) if each.name else Message("machine-text-plot-change-all")
        labels = Message("machine-text-change-number"), Message("machine-text-change-score")
        shown.append(PlotEvidence(f"change-{n}", caption, *labels, series, ((each.change.place + 0.5, Message("machine-text-change-here")),)))
    return shown


def _row(each: ChangedAccount, machine: MachineText) -> tuple[object, ...]:
    change, scores = each.change, [post.score or 0.0 for post in each.posts]
    parts = scores[: change.place], scores[change.place :]
    chances = (Message("machine-text-percent", {"share": machine.probability(part)}) for part in parts)
    between = Message("machine-text-change-from-to", {"low": change.low, "high": change.high})
    order = Message(f"machine-text-change-{'dated' if each.dated else 'given'}")
    return (each.name, len(each.posts), change.place, between, moment(each.posts[change.place].post.time), *chances, order)
