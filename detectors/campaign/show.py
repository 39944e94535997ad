"""The tables and plots of the campaign tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from detectors.campaign import answers
from detectors.campaign.answers import Techniques
from detectors.campaign.view import CampaignView
from detectors.messages import Message
from detectors.persuasion.techniques import IN_TEXT
from detectors.posts import moment
from detectors.text.examined import ExaminedAccount
from detectors.types import Evidence, PlotEvidence, PlotSeries, TableEvidence

MOST_ROWS = 50  # of a table
MOST_OTHERS = 20  # accounts outside the sets that are shown, the most active
EXAMPLE = 160  # characters of a text in a table
CURVES = 3  # techniques over time
FEWEST = 5  # posts that a share of a period stands on


def shown_accounts(view: CampaignView) -> tuple[list[int], list[int]]:
    """The accounts of the sets, those with the highest lower end of their share first, and the most active others."""
    inside = sorted(view.coordination.accounts, key=lambda account: (-view.share(account)[1], view.names[account]))[:MOST_ROWS]
    counts = np.bincount(view.accounts, minlength=len(view.names))
    order = np.argsort(-counts, kind="stable").tolist()
    others = [account for account in order if view.names[account] and account not in view.coordination.accounts][:MOST_OTHERS]
    return inside, others


def evidence(view: CampaignView, scored: Mapping[int, ExaminedAccount], found: Techniques) -> tuple[Evidence, ...]:
    """Every table and plot there is something for."""
    inside, others = shown_accounts(view)
    shown: list[Evidence] = []
    if inside:
        shown.append(table("accounts", ("rank", "account", "set", "posts", "partners", "share", "machine"), _set_rows(view, inside, scored)))
    if (view.groups >= 0).any() or (view.links >= 0).any():
        columns = ("rank", "kind", "posts", "accounts", "of-found", "first-poster", "first", "last", "spread", "example")
        shown.append(table("groups", columns, _group_rows(view)))
    if (days := _days(view)) is not None:
        shown.append(days)
    shown += _techniques(view, found)
    if others:
        rows = [(view.names[each], int((view.accounts == each).sum()), machine_answer(scored.get(each))) for each in others]
        shown.append(table("others", ("account", "posts", "machine"), rows))
    return tuple(shown)


def table(name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> TableEvidence:
    """A table of the tool; what its columns are called stands in its words."""
    return TableEvidence(name, Message(f"campaign-evidence-{name}"), tuple(Message(f"campaign-{each}") for each in columns), tuple(rows))


def machine_answer(found: ExaminedAccount | None) -> Message:
    """The probability and the posts it stands on, or that nothing can be said."""
    if found is None or found.probability is None:
        return Message("campaign-machine-cannot-say")
    return Message("campaign-machine-score", {"count": len(found.posts), "probability": found.probability})


def _set_rows(view: CampaignView, inside: Sequence[int], scored: Mapping[int, ExaminedAccount]) -> list[tuple[Any, ...]]:
    pairs = [pair for pair in view.coordination.pairs if set(pair.accounts) <= view.coordination.accounts]
    partners = Counter(number for pair in pairs for number in pair.accounts)
    places = {account: place for place, members in enumerate(view.coordination.sets, 1) for account in members}
    rows = []
    for n, account in enumerate(inside, 1):
        share, low, high = view.share(account)
        words = Message("campaign-share-of", {"share": share, "low": low, "high": high})
        answer = machine_answer(scored.get(account))
        rows.append((n, view.names[account], places[account], int(view.counts[account]), partners[account], words, answer))
    return rows


def _group_rows(view: CampaignView) -> list[tuple[Any, ...]]:
    """The groups of texts and links with the most posts: how many accounts carry each, how many of those are in a set, who was first, and how long it went."""
    rows = []
    for kind, groups in (("text", view.groups), ("link", view.links)):
        for number in range(int(groups.max(initial=-1)) + 1):
            at = np.flatnonzero(groups == number)
            times, accounts = view.posts.times[at], set(view.accounts[at].tolist())
            dated = np.isfinite(times)
            between = (float(times[dated].min()), float(times[dated].max())) if dated.any() else (np.nan, np.nan)
            begins = at[np.argmin(np.where(dated, times, np.inf))]
            spread = Message("campaign-hours", {"hours": (between[1] - between[0]) / 3600}) if dated.any() else None
            named = sum(bool(view.names[account]) for account in accounts)
            first = str(view.posts.accounts[begins]) or None
            example = " ".join(view.posts.texts[begins].split())[:EXAMPLE]
            rows.append(
                (
                    Message(f"campaign-kind-{kind}"),
                    len(at),
                    named,
                    len(accounts & view.coordination.accounts),
                    first,
                    moment(between[0]),
                    moment(between[1]),
                    spread,
                    example,
                )
            )
    rows.sort(key=lambda row: (-row[1], row[-1]))
    return [(n, *row) for n, row in enumerate(rows[:MOST_ROWS], 1)]


def _days(view: CampaignView) -> PlotEvidence | None:
    """Posts a day, of all and of the accounts found; None of fewer than two days."""
    times = view.posts.times
    if not np.isfinite(times).any():
        return None
    days = np.floor((times - np.nanmin(times) // 86400 * 86400) / 86400)
    last = int(np.nanmax(days))
    if last < 1 or last > 3660:
        return None
    theirs = np.isin(view.accounts, list(view.coordination.accounts))
    curves = [("all", np.isfinite(times))] + ([("theirs", np.isfinite(times) & theirs)] if theirs.any() else [])
    axis = tuple(float(day) for day in range(last + 1))
    series = [
        PlotSeries(Message(f"campaign-{name}"), axis, tuple(np.bincount(days[rows].astype(int), minlength=last + 1).astype(float).tolist()))
        for name, rows in curves
    ]
    return PlotEvidence("days", Message("campaign-evidence-days"), Message("campaign-day"), Message("campaign-posts"), tuple(series))


def _techniques(view: CampaignView, found: Techniques) -> list[Evidence]:
    """What was found in all, and how the most frequent ones go over time, each period with the posts it stands on."""
    posts = int(found.asked.sum())
    counts = found.named.sum(0)
    order = [row for row in np.argsort(-counts, kind="stable").tolist() if counts[row]]
    if not posts or not order:
        return []
    rows = [(IN_TEXT[row].title, int(counts[row]), Message("campaign-percent", {"share": float(counts[row] / posts)})) for row in order]
    shown: list[Evidence] = [table("techniques", ("technique", "posts", "of-examined"), rows)]
    dated = found.asked & np.isfinite(view.posts.times)
    length, unit = answers.period(view.posts.times)
    at = np.floor(view.posts.times[dated] / length).astype(int)
    steps = np.unique(at)
    if len(steps) < 2:
        return shown
    top, named = order[:CURVES], found.named[dated]
    enough = [int(step) for step in steps if (at == step).sum() >= FEWEST]
    columns = (unit, Message("campaign-examined-posts"), *(IN_TEXT[row].title for row in top))
    lines = tuple(
        (moment(step * length), int((at == step).sum()), *(Message("campaign-percent", {"share": float(named[at == step, row].mean())}) for row in top))
        for step in enough[:MOST_ROWS]
    )
    if len(enough) > 1:
        axis = tuple(float(step - enough[0]) for step in enough)
        series = tuple(PlotSeries(IN_TEXT[row].title, axis, tuple(float(100 * named[at == step, row].mean()) for step in enough)) for row in top)
        shown.append(PlotEvidence("over-time", Message("campaign-evidence-over-time", {"fewest": FEWEST}), unit, Message("campaign-of-examined"), series))
    if lines:
        shown.append(TableEvidence("periods", Message("campaign-evidence-periods", {"fewest": FEWEST}), columns, lines))
    return shown
