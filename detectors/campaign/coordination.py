"""Who posts the same in time with whom, and whether chance would do that too.

Two accounts post together when posts of theirs carry the same item (nearly the same text, or the same link) within WINDOW seconds (as in Pacheco et al.,
*Uncovering coordinated networks on social media*, ICWSM 2021). How often that happens is set against a null model: every post is moved by up to JITTER seconds
and all else stays (interval jitter, Amarasingham et al., J. Neurophysiology 2012). So people who write the same slogans on the same evening are expected to
meet as often as they do, and accounts that one hand moves are not.
"""

from __future__ import annotations

import dataclasses

import numpy as np

WINDOW, JITTER = 60.0, 1800.0  # seconds
DRAWS = 200
LEAST = 3  # times two accounts must have posted together
OVERLAP = 0.4  # of what the one with fewer carries of the items: people who cheer at the same goals share less than that, accounts moved by one hand more
FALSE_SHARE = 0.01  # of the pairs that are named, how many may be there by chance (Benjamini and Hochberg 1995)
SMALLEST = 3  # accounts of a coordinated set: two may be one person with two devices
REACH = 100  # posts of one item after each post that are looked at: of a storm of thousands within a minute not every pair is counted


@dataclasses.dataclass(frozen=True, slots=True)
class AccountPair:
    """Two accounts: how often they posted together, how often chance does that, and the chance of as many or more."""

    accounts: tuple[int, int]
    together: int
    expected: float
    p: float


@dataclasses.dataclass(frozen=True, slots=True)
class Coordination:
    """`pairs` beyond chance; `sets` (numbers of accounts each, the largest first); of each account how many of its posts were in time with one of its set."""

    pairs: tuple[AccountPair, ...]
    sets: tuple[tuple[int, ...], ...]
    joined: np.ndarray
    tested: int

    @property
    def accounts(self) -> frozenset[int]:
        """All coordinated accounts."""
        return frozenset(number for each in self.sets for number in each)


@dataclasses.dataclass(frozen=True, slots=True)
class _Meetings:
    """Pairs of accounts as one number each, ascending, and how often each met; `posts` are rows (pair, post) that took part."""

    pairs: np.ndarray
    counts: np.ndarray
    posts: np.ndarray


def find(items: np.ndarray, accounts: np.ndarray, times: np.ndarray, posts: np.ndarray, *, seed: int = 0, draws: int = DRAWS) -> Coordination:
    """Of R rows: `items` that a post carries, numbers of `accounts`, `times` in seconds (all finite), `posts` (a post with two items has two rows)."""
    count = int(accounts.max()) + 1 if len(accounts) else 0
    here = _meetings(items, accounts, times, posts, count)
    candidate = (here.counts >= LEAST) & (here.counts >= OVERLAP * _fewer(here.pairs, accounts, posts, count))
    expected, chances = np.zeros(len(here.pairs)), np.ones(len(here.pairs))  # a pair that cannot be named anyway needs no draws
    expected[candidate] = _expected(here.pairs[candidate], items, accounts, times, posts, np.random.default_rng(seed), draws)
    chances[candidate] = _poisson_tail(here.counts[candidate], expected[candidate])
    named = candidate & (chances <= _bound(chances))
    pairs = [AccountPair((int(n) // count, int(n) % count), int(many), float(mean), float(p)) for n, many, mean, p in _rows(here, expected, chances, named)]
    sets = _sets([each.accounts for each in pairs], count)
    return Coordination(tuple(sorted(pairs, key=lambda each: each.p)), sets, _joined(here, named, sets, accounts, posts, count), len(here.pairs))


def _meetings(items: np.ndarray, accounts: np.ndarray, times: np.ndarray, posts: np.ndarray, count: int) -> _Meetings:
    order = np.lexsort((times, items))
    items, accounts, times, posts = items[order], accounts[order], times[order], posts[order]
    found = []
    for step in range(1, min(REACH, len(items) - 1) + 1):
        near = (items[step:] == items[:-step]) & (times[step:] - times[:-step] <= WINDOW)
        if not near.any():
            break
        first, second = np.flatnonzero(near), np.flatnonzero(near) + step
        apart = accounts[first] != accounts[second]
        found.append(np.stack([first[apart], second[apart]]))
    if not found:
        return _Meetings(np.zeros(0, np.int64), np.zeros(0, int), np.zeros((0, 2), np.int64))
    first, second = np.concatenate(found, axis=1)
    swap = accounts[first] > accounts[second]
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    pairs = accounts[first].astype(np.int64) * count + accounts[second]
    beyond = int(posts.max()) + 1  # a pair and a post as one number: much faster to tell apart than rows of two
    own, others = (np.stack(np.divmod(np.unique(pairs * beyond + posts[each]), beyond), 1) for each in (first, second))
    numbers, of_own = np.unique(own[:, 0], return_counts=True)
    _, of_others = np.unique(others[:, 0], return_counts=True)
    return _Meetings(numbers, np.minimum(of_own, of_others), np.concatenate([own, others]))


def _expected(
    pairs: np.ndarray, items: np.ndarray, accounts: np.ndarray, times: np.ndarray, posts: np.ndarray, rng: np.random.Generator, draws: int
) -> np.ndarray:
    """How often chance lets each of these pairs post together, (len(pairs),): the mean over the draws, in which only their own posts are moved."""
    count = int(accounts.max()) + 1 if len(accounts) else 0
    own = np.isin(accounts, np.concatenate([pairs // max(1, count), pairs % max(1, count)]))
    items, accounts, times, posts = items[own], accounts[own], times[own], posts[own]
    numbers, place = np.unique(posts, return_inverse=True)
    sums = np.zeros(len(pairs))
    for _ in range(draws if len(pairs) else 0):
        drawn = _meetings(items, accounts, times + rng.uniform(-JITTER, JITTER, len(numbers))[place], posts, count)
        _, at, met = np.intersect1d(pairs, drawn.pairs, assume_unique=True, return_indices=True)
        sums[at] += drawn.counts[met]
    return (sums + 1) / (draws + 1)


def _fewer(pairs: np.ndarray, accounts: np.ndarray, posts: np.ndarray, count: int) -> np.ndarray:
    """Of each pair the number of posts that carry an item, of the account with fewer."""
    carried = np.bincount(accounts[np.unique(posts, return_index=True)[1]], minlength=count)
    return np.minimum(carried[pairs // max(1, count)], carried[pairs % max(1, count)])


def _rows(here: _Meetings, expected: np.ndarray, chances: np.ndarray, named: np.ndarray) -> zip:
    return zip(here.pairs[named], here.counts[named], expected[named], chances[named], strict=True)


def _poisson_tail(counts: np.ndarray, means: np.ndarray) -> np.ndarray:
    from scipy.stats import poisson  # only the desk needs it

    return poisson.sf(counts - 1, means) if len(counts) else np.zeros(0)


def _bound(chances: np.ndarray) -> float:
    """The largest chance that is named, by Benjamini and Hochberg."""
    ordered = np.sort(chances)
    under = np.flatnonzero(ordered <= FALSE_SHARE * np.arange(1, len(ordered) + 1) / max(1, len(ordered)))
    return float(ordered[under[-1]]) if len(under) else -1.0


def _sets(pairs: list[tuple[int, int]], count: int) -> tuple[tuple[int, ...], ...]:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not pairs:
        return ()
    rows, columns = np.array(pairs).T
    _, labels = connected_components(coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), (count, count)), directed=False)
    numbers, sizes = np.unique(labels, return_counts=True)
    sets = [tuple(np.flatnonzero(labels == number).tolist()) for number in numbers[sizes >= SMALLEST]]
    return tuple(sorted(sets, key=lambda each: (-len(each), each)))


def _joined(here: _Meetings, named: np.ndarray, sets: tuple[tuple[int, ...], ...], accounts: np.ndarray, posts: np.ndarray, count: int) -> np.ndarray:
    """(count,) posts of each account that took part in a meeting of a named pair of one set."""
    inside = np.zeros(count, bool)
    inside[[number for each in sets for number in each]] = True
    chosen = np.unique(here.posts[np.isin(here.posts[:, 0], here.pairs[named])][:, 1]) if len(here.posts) else np.zeros(0, int)
    owners = dict(zip(posts.tolist(), accounts.tolist(), strict=True))
    found = np.zeros(count, int)
    for post in chosen.tolist():
        found[owners[post]] += inside[owners[post]]
    return found
