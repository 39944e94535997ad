"""The desk tool for many posts at once. It names accounts that post in time with each other; it never says who is behind them, or that they lie."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import posts
from detectors.campaign import coordination
from detectors.campaign.view import CampaignView, look
from detectors.campaign.words import CARD, WORDS
from detectors.messages import Message
from detectors.registry import tool
from detectors.reports import names_in
from detectors.types import Evidence, ModelCard, PlotEvidence, PlotSeries, Progress, Report, ReportField, ReportPart, TableEvidence, Verdict

MOST_ROWS = 50  # of a table
EXAMPLE = 160  # characters of a text in a table
FEWEST_ACCOUNTS, FEWEST_POSTS = 3, 10  # with a time, below which nothing can be concluded


@tool("campaign", family="campaign", media=("table", "text"), inputs=1, words=WORDS, card=CARD)
class CampaignCheck:
    """What a table or list of posts shows as a whole."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card = card

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on one file of posts. Raises BadInput with the line and the reason."""
        progress(0.0, Message("campaign-reading"))
        read = posts.read(paths[0])
        progress(0.1, Message("campaign-grouping"))
        view = look(read, on_grouped=lambda: progress(0.5, Message("campaign-timing")))
        verdict, parts, evidence = _conclude(view), _parts(view), _evidence(view)
        return Report(verdict, parts, evidence=evidence, names=names_in((verdict, parts, evidence), view.names))


def _conclude(view: CampaignView) -> Verdict:
    found, timed = view.coordination, int(view.usable.sum())
    reasons, silent = [], _silent(view)
    if found.sets:
        reasons.append(Message("campaign-sets", {"count": len(found.sets), "largest": len(found.sets[0])}))
        pair = next(each for each in found.pairs if set(each.accounts) <= found.accounts)
        first, second = (view.names[number] for number in pair.accounts)
        facts = {"first": first, "second": second, "together": pair.together, "expected": pair.expected, "window": coordination.WINDOW}
        reasons.append(Message("campaign-best-pair", facts))
    reasons.append(Message("campaign-repeats", {"count": int(view.groups.max(initial=-1) + view.links.max(initial=-1) + 2)}))
    reasons += [silent] if silent else [Message("campaign-null", {"minutes": coordination.JITTER / 60, "draws": coordination.DRAWS})]
    if not silent and timed < len(view.posts):
        reasons.append(Message("campaign-untimed", {"count": len(view.posts) - timed}))
    if view.posts.dropped:
        reasons.append(Message("campaign-dropped", {"count": view.posts.dropped}))
    reasons.append(Message("campaign-errs", {"least": coordination.LEAST}))
    if found.sets:
        return Verdict(Message("campaign-found", {"count": len(found.accounts)}), None, None, "suspicious", tuple(reasons))
    return Verdict(Message("campaign-cannot-say" if silent else "campaign-none"), None, None, "unsure", tuple(reasons))


def _silent(view: CampaignView) -> Message | None:
    """Why nothing can be said of coordination; None when something can."""
    accounts, timed = len(set(view.accounts[view.usable].tolist())), int(view.usable.sum())
    if not (view.posts.accounts != "").any():
        return Message("campaign-no-accounts")
    if not np.isfinite(view.posts.times).any():
        return Message("campaign-no-times")
    return Message("campaign-few", {"accounts": accounts, "posts": timed}) if accounts < FEWEST_ACCOUNTS or timed < FEWEST_POSTS else None


def _parts(view: CampaignView) -> tuple[ReportPart, ...]:
    read, times = view.posts, view.posts.times[np.isfinite(view.posts.times)]
    named = {name for name in view.names if name}
    about: dict[str, Any] = {"posts": len(read), "accounts": len(named)}
    about |= {"first": _moment(times.min()), "last": _moment(times.max())} if len(times) else {}
    about |= {f"column-{role}": read.columns.get(role) for role in ("text", "account", "time")}
    grouped = int((view.groups >= 0).sum())
    repeats = {"groups": int(view.groups.max(initial=-1)) + 1, "in-groups": grouped, "links": int(view.links.max(initial=-1)) + 1}
    parts = [_part("posts", about), _part("repeats", repeats)]
    if _silent(view) is None:
        parts.append(_part("timing", {"tested": view.coordination.tested, "pairs": len(view.coordination.pairs)}))
    return tuple(parts)


def _part(name: str, values: dict[str, Any]) -> ReportPart:
    fields = tuple(ReportField(key, Message(f"campaign-{key}"), value) for key, value in values.items())
    return ReportPart(name, Message(f"campaign-part-{name}"), fields)


def _evidence(view: CampaignView) -> tuple[Evidence, ...]:
    shown: list[Evidence] = []
    if view.coordination.sets:
        shown.append(_table("accounts", ("rank", "account", "set", "posts", "partners", "share"), _account_rows(view)))
    if (view.groups >= 0).any() or (view.links >= 0).any():
        shown.append(_table("groups", ("rank", "posts", "accounts", "first", "last", "example"), _group_rows(view)))
    if (days := _days(view)) is not None:
        shown.append(days)
    return tuple(shown)


def _table(name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> TableEvidence:
    return TableEvidence(name, Message(f"campaign-evidence-{name}"), tuple(Message(f"campaign-{each}") for each in columns), tuple(rows))


def _account_rows(view: CampaignView) -> list[tuple[Any, ...]]:
    """The accounts of the sets, those with the highest lower end of their share first."""
    inside = [pair for pair in view.coordination.pairs if set(pair.accounts) <= view.coordination.accounts]
    partners = Counter(number for pair in inside for number in pair.accounts)
    rows = []
    for place, members in enumerate(view.coordination.sets, 1):
        for account in members:
            share, low, high = view.share(account)
            words = Message("campaign-share-of", {"share": share, "low": low, "high": high})
            rows.append((low, view.names[account], place, int(view.counts[account]), partners[account], words))
    rows.sort(key=lambda row: (-row[0], row[1]))
    return [(n, *row[1:]) for n, row in enumerate(rows[:MOST_ROWS], 1)]


def _group_rows(view: CampaignView) -> list[tuple[Any, ...]]:
    """The groups of texts and links with the most posts."""
    rows = []
    for groups in (view.groups, view.links):
        for number in range(int(groups.max(initial=-1)) + 1):
            at = np.flatnonzero(groups == number)
            times = view.posts.times[at][np.isfinite(view.posts.times[at])]
            between = (_moment(times.min()), _moment(times.max())) if len(times) else (None, None)
            accounts = len({name for name in view.posts.accounts[at].tolist() if name})
            rows.append((len(at), accounts, *between, " ".join(view.posts.texts[at[0]].split())[:EXAMPLE]))
    rows.sort(key=lambda row: (-row[0], row[4]))
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


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(float(seconds), datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
