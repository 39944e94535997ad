"""The desk tool for many posts at once. It names accounts that post in time with each other; it never says who is behind them, or that they lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors import posts, registry
from detectors.campaign import answers, coordination, show
from detectors.campaign.answers import Techniques
from detectors.campaign.view import CampaignView, look
from detectors.campaign.words import CARD, WORDS
from detectors.messages import Message
from detectors.posts import ROLES
from detectors.registry import tool
from detectors.reports import names_in
from detectors.types import ModelCard, Progress, Report, ReportField, ReportPart, Verdict

FEWEST_ACCOUNTS, FEWEST_POSTS = 3, 10  # with a time, below which nothing can be concluded


@tool("campaign", family="campaign", media=("table", "text"), inputs=1, words=WORDS, card=CARD, columns=True)
class CampaignCheck:
    """What a table or list of posts shows as a whole."""

    def __init__(self, opened: None, card: ModelCard, columns: Mapping[str, str] | None = None) -> None:
        self.card, self.columns = card, columns

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on one file of posts. Raises BadInput with the line and the reason."""
        progress(0.0, Message("campaign-reading"))
        read = posts.read(paths[0], chosen=self.columns)
        progress(0.05, Message("campaign-grouping"))
        view = look(read, on_grouped=lambda: progress(0.2, Message("campaign-timing")))
        inside, others = show.shown_accounts(view)
        scored = answers.machine(view, [*inside, *others], step=lambda share: progress(0.3 + 0.1 * share, Message("campaign-scoring")))
        found = answers.techniques(view, step=lambda share: progress(0.4 + 0.59 * share, Message("campaign-techniques-reading")))
        verdict, parts, evidence = _conclude(view), _parts(view, found), show.evidence(view, scored, found)
        cards = [registry.card(name) for name in ("machine-text", "persuasion-check")]
        models = {each.name: each.sha256 for each in cards}
        return Report(verdict, parts, evidence=evidence, models=models, names=names_in((verdict, parts, evidence), view.names))


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


def _parts(view: CampaignView, found: Techniques) -> tuple[ReportPart, ...]:
    read, times = view.posts, view.posts.times[np.isfinite(view.posts.times)]
    named = {name for name in view.names if name}
    about: dict[str, Any] = {"posts": len(read), "accounts": len(named)}
    about |= {"first": posts.moment(times.min()), "last": posts.moment(times.max())} if len(times) else {}
    grouped = int((view.groups >= 0).sum())
    repeats = {"groups": int(view.groups.max(initial=-1)) + 1, "in-groups": grouped, "links": int(view.links.max(initial=-1)) + 1}
    columns = tuple(ReportField(f"column-{role}", Message(f"posts-column-{role}"), read.columns.get(role)) for role in (ROLES if read.head else ()))
    columns += (ReportField("columns", Message("posts-columns"), read.head),) if read.head else ()
    first = _part("posts", about)
    parts = [dataclasses.replace(first, fields=(*first.fields, *columns)), _part("repeats", repeats)]
    if _silent(view) is None:
        parts.append(_part("timing", {"tested": view.coordination.tested, "pairs": len(view.coordination.pairs)}))
    examined = {"different": found.different, "drawn": found.texts, "cannot-say-texts": found.outside, "examined-posts": int(found.asked.sum())}
    return (*parts, _part("techniques", examined))


def _part(name: str, values: dict[str, Any]) -> ReportPart:
    fields = tuple(ReportField(key, Message(f"campaign-{key}"), value) for key, value in values.items())
    return ReportPart(name, Message(f"campaign-part-{name}"), fields)
