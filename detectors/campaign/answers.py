"""What the desk's two other text tools answer about the posts of a set: each account's machine score, and persuasion techniques over time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from detectors import registry
from detectors.campaign import duplicates
from detectors.campaign.view import CampaignView
from detectors.messages import Message
from detectors.persuasion.domain import outside
from detectors.persuasion.techniques import IN_TEXT
from detectors.posts import PostedText
from detectors.text.examined import ExaminedAccount

POSTS_EACH = 20  # of an account that are scored, evenly over its posts: more say little more
MOST_TEXTS = 2000  # different texts that are asked for techniques, drawn by chance where there are more
HOUR, DAY, WEEK = 3600, 86400, 7 * 86400
MOST_PERIODS = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Techniques:
    """Of N posts: `asked` (N,) those whose text, or one nearly equal to it, was examined, `named` (N, techniques) what was found there.

    `texts` different texts were drawn out of `different`; of `outside` of them nothing can be said (another language, too short).
    """

    asked: np.ndarray
    named: np.ndarray
    texts: int
    different: int
    outside: int


def machine(view: CampaignView, accounts: Sequence[int], step: Callable[[float], None] = lambda share: None) -> dict[int, ExaminedAccount]:
    """The machine score of these accounts (numbers of `view.names`), each by up to POSTS_EACH of its posts."""
    numbers = {view.names[account]: account for account in accounts}
    given = []
    for account in accounts:
        at = np.flatnonzero(view.accounts == account)
        at = at[np.unique(np.linspace(0, len(at) - 1, min(POSTS_EACH, len(at))).round().astype(int))]
        given += [PostedText(view.posts.texts[n], view.names[account], view.posts.lines[n] if view.posts.lines else n + 1) for n in at.tolist()]
    if not given:
        return {}
    tool = registry.shared("machine-text")
    return {numbers[each.name]: each for each in tool.accounts(given, lambda share, _: step(share))}


def techniques(view: CampaignView, seed: int = 0, step: Callable[[float], None] = lambda share: None) -> Techniques:
    """Techniques of the different texts, or of MOST_TEXTS of them drawn by chance; nearly equal texts are asked once."""
    plain = [f"\n{group}" if group >= 0 else duplicates.cleaned(text) for group, text in zip(view.groups.tolist(), view.posts.texts, strict=True)]
    first: dict[str, int] = {}
    number = np.array([first.setdefault(each, len(first)) for each in plain])
    begins = np.unique(number, return_index=True)[1]
    drawn = np.sort(np.random.default_rng(seed).choice(len(first), min(MOST_TEXTS, len(first)), replace=False))
    tool = registry.shared("persuasion-check")
    named, asked, silent = np.zeros((len(first), len(IN_TEXT)), bool), np.zeros(len(first), bool), 0
    for n, each in enumerate(drawn.tolist()):
        text = view.posts.texts[begins[each]]
        if outside(text, tool.italian):
            silent += 1
        else:
            asked[each], named[each] = True, tool.chances(text) >= tool.thresholds[1]
        if n % 20 == 0:
            step(n / len(drawn))
    return Techniques(asked[number], named[number], len(drawn), len(first), silent)


def period(times: np.ndarray) -> tuple[float, Message]:
    """How long the steps are in which so much time is shown, in seconds, and their name."""
    seconds = float(np.nanmax(times) - np.nanmin(times)) if np.isfinite(times).any() else 0.0
    for length, name in ((HOUR, "hour"), (DAY, "day")):
        if seconds <= MOST_PERIODS * length:
            return length, Message(f"campaign-{name}")
    return max(WEEK, -(-seconds // (MOST_PERIODS * WEEK)) * WEEK), Message("campaign-week")
