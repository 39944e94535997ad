"""What a set of posts looks like as a whole: items that come again, accounts that post them in time with each other, and how each account keeps time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from detectors.campaign import coordination, duplicates
from detectors.campaign.coordination import Coordination
from detectors.metrics import wilson
from detectors.posts import Posts


@dataclasses.dataclass(frozen=True, slots=True)
class CampaignView:
    """`names` of the accounts in the order of their numbers; `groups` of nearly equal texts and `links` (N,), -1 for none.

    `usable` (N,): posts with account and time.
    """

    posts: Posts
    names: tuple[str, ...]
    accounts: np.ndarray
    groups: np.ndarray
    links: np.ndarray
    usable: np.ndarray
    coordination: Coordination

    @property
    def counts(self) -> np.ndarray:
        """Posts of each account with a time."""
        return np.bincount(self.accounts[self.usable], minlength=len(self.names))

    def share(self, account: int) -> tuple[float, float, float]:
        """Of the account's posts those in time with its set, with a 95 % interval (Wilson)."""
        count = int(self.counts[account])
        share = int(self.coordination.joined[account]) / max(1, count)
        return share, *wilson(share, count)


def look(posts: Posts, seed: int = 0, on_grouped: Callable[[], None] = lambda: None) -> CampaignView:
    """Group texts and links, and find who posts them together beyond chance; `on_grouped` is called between the two."""
    names, accounts = np.unique(posts.accounts, return_inverse=True)
    groups, links = duplicates.text_groups(posts.texts), duplicates.link_groups(posts.texts, posts.links)
    on_grouped()
    usable = np.isfinite(posts.times) & (posts.accounts != "")
    numbered = np.arange(len(posts))
    items = np.concatenate([groups, np.where(links >= 0, links + groups.max(initial=-1) + 1, -1)])
    rows = np.flatnonzero((items >= 0) & np.concatenate([usable, usable]))
    at = np.concatenate([numbered, numbered])[rows]
    found = coordination.find(items[rows], accounts[at], posts.times[at], at, seed=seed)
    if len(found.joined) < len(names):
        found = dataclasses.replace(found, joined=np.pad(found.joined, (0, len(names) - len(found.joined))))
    return CampaignView(posts, tuple(names.tolist()), accounts, groups, links, usable, found)
