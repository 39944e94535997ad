"""Posts that carry nearly the same text, or the same link: MinHash over character shingles (Broder 1997), found by locality-sensitive hashing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

SHINGLE = 5  # characters
PERMUTATIONS = 64
ALIKE = 0.7  # Jaccard similarity of the shingles from which two texts count as nearly the same
SHORTEST = 25  # characters after cleaning: shorter ones ("good morning!") are alike by themselves
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?:^|(?<=\s))(?:rt\s+)?@\w+:?", re.IGNORECASE)


def cleaned(text: str) -> str:
    """The text as it is compared: composed, in small letters, without links, mentions, invisible characters and doubled blanks; every digit is 0."""
    plain = unicodedata.normalize("NFKC", LINK.sub(" ", text)).casefold()
    plain = "".join(each for each in plain if unicodedata.category(each) not in ("Cf", "Cc") or each in "\n\t")
    return " ".join(re.sub(r"\d", "0", MENTION.sub(" ", plain)).split())


def links_of(text: str) -> list[str]:
    """The addresses in a text, without what follows a question mark or hash and without the final punctuation."""
    return [re.split(r"[?#]", each.lower().rstrip(".,;:!?)»”\"'"))[0].rstrip("/") for each in LINK.findall(text)]


def text_groups(texts: Sequence[str]) -> np.ndarray:
    """The number of the group (N,) of nearly equal texts that each belongs to; -1 for one that is alone or too short."""
    from datasketch import MinHash, MinHashLSH  # only the desk needs it
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    plain = [cleaned(each) for each in texts]
    unique = sorted({each for each in plain if len(each) >= SHORTEST})
    place = {each: n for n, each in enumerate(unique)}
    hashes = list(MinHash.generator((_shingles(each) for each in unique), num_perm=PERMUTATIONS)) if unique else []
    index, pairs = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS), []
    for n, each in enumerate(hashes):
        near = [(n, other) for other in index.query(each) if each.jaccard(hashes[other]) >= ALIKE]
        if not near:  # only the first text of a group is laid against later ones: thousands of variants of one text are not compared with one another
            index.insert(n, each)
        pairs += near
    rows, columns = (np.array(each, int) for each in zip(*pairs, strict=True)) if pairs else (np.zeros(0, int), np.zeros(0, int))
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), (len(unique), len(unique)))
    _, labels = connected_components(graph, directed=False)
    return _without_lonely(np.array([int(labels[place[each]]) if each in place else -1 for each in plain], int))


def link_groups(texts: Sequence[str], links: Sequence[str] = ()) -> np.ndarray:
    """The same of the first link of each text, or, where there is none, of what its column of links holds."""
    first = [next(iter(links_of(each)), "") for each in texts]
    if links:
        others = (next(iter(links_of(each)), each.lower()) for each in links)
        first = [own or other for own, other in zip(first, others, strict=True)]
    place = {each: n for n, each in enumerate(sorted(set(first) - {""}))}
    return _without_lonely(np.array([place.get(each, -1) for each in first], int))


def _shingles(text: str) -> set[bytes]:
    return {text[n : n + SHINGLE].encode() for n in range(len(text) - SHINGLE + 1)}


def _without_lonely(groups: np.ndarray) -> np.ndarray:
    """Groups of at least two, numbered anew in the order in which they come."""
    numbers, counts = np.unique(groups[groups >= 0], return_counts=True)
    kept = {int(each) for each in numbers[counts > 1]}
    fresh: dict[int, int] = {}
    return np.array([fresh.setdefault(int(each), len(fresh)) if int(each) in kept else -1 for each in groups], int)
