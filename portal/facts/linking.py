"""Names of facts in a text: whole words, whatever their case and accents, the longest name first. A silently wrong link is worse than none.

Not linked: a single word of everyday speech (portal/facts/common_words.py) or of fewer than three letters, unless its alias asks for exact case; a name that
runs over the end of a sentence; a person's surname with another first name before it; a name that stands for more facts than a reader can weigh
(`MOST_MEANT`).
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from portal.facts.common_words import COMMON

MOST_WORDS = 40  # of one name: slogans and lines of songs are long
MOST_MEANT = 3  # facts that one name may stand for and still be shown
SHORTEST = 3  # letters of a single word that is linked in any case
# Before a surname they are no first name.
_titles = "mr mrs ms dr sir comrade senator chancellor premier general marshal signor onorevole compagno generale maresciallo cancelliere"
TITLES = frozenset(_titles.split())
# Letters and digits with the marks that are laid over them, and signs that are not seen at all, within a word.
_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff])+")
_END = re.compile(r"[.!?…;:]|\n\s*\n")  # between two words: the end of a sentence, or what may be one


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: where it stands, as it is compared (`plain` keeps its case, `key` does not), and whether a sentence may end before it."""

    start: int
    end: int
    plain: str
    key: str
    after_end: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Name:
    """A name of a fact, as FactAlias keeps it."""

    fact: int
    text: str
    exact: bool = False
    person: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Mention:
    """Characters `start` to `end` (exclusive) of the text, and the facts that the name there stands for: more than one means that it is not certain which."""

    start: int
    end: int
    facts: tuple[int, ...]


def words_of(text: str) -> list[Word]:
    """The words of a text in their order; what holds no letter or digit that is seen is none."""
    found, last = [], 0
    for each in _WORD.finditer(text):
        plain = _plain(each[0])
        if plain:
            found.append(Word(each.start(), each.end(), plain, plain.casefold(), bool(found) and bool(_END.search(text, last, each.start()))))
            last = each.end()
    return found


def key_of(name: str) -> str:
    """How a name is looked up: its words without case and accents, with one blank between them; "" for a name without words."""
    return " ".join(word.key for word in words_of(name))


def linkable(name: str, *, exact: bool) -> bool:
    """Whether a name is linked at all, wherever it stands."""
    words = words_of(name)
    if not 1 <= len(words) <= MOST_WORDS:
        return False
    if exact:
        return True
    if len(words) == 1:
        return len(words[0].key) >= SHORTEST and words[0].key not in COMMON and not words[0].key.isdecimal()
    return not all(word.key in COMMON or len(word.key) < SHORTEST for word in words) or len(words) > 2


def link(words: list[Word], names: Iterable[Name]) -> list[Mention]:
    """Where the names stand, in the text's order and never over one another: of two that overlap the longer one counts, of equal ones the earlier."""
    meant: dict[str, list[tuple[Name, list[Word]]]] = defaultdict(list)
    for name in names:
        spelled = words_of(name.text)
        meant[" ".join(word.key for word in spelled)].append((name, spelled))
    lengths = {len(spelled) for each in meant.values() for _, spelled in each if 0 < len(spelled) <= len(words)}
    keys = [word.key for word in words]
    taken, mentions = [False] * len(words), []
    for length in sorted(lengths, reverse=True):
        for start in range(len(words) - length + 1):
            here = slice(start, start + length)
            found = meant.get(" ".join(keys[here])) if not any(taken[here]) else None
            if found and length == 1 and start and _has_first_name(words[start - 1], words[start]):
                found = [each for each in found if each[0].exact or not each[0].person]
            facts = tuple(sorted({name.fact for name, spelled in found or () if _stands(words[here], name, spelled)}))
            if facts:
                taken[here] = [True] * length
                if len(facts) <= MOST_MEANT:
                    mentions.append(Mention(words[start].start, words[start + length - 1].end, facts))
    return sorted(mentions, key=lambda each: each.start)


def _stands(words: list[Word], name: Name, spelled: list[Word]) -> bool:
    """Whether this run of words is the name: its case where that counts, and no end of a sentence within it that the name does not have too."""
    if name.exact and any(word.plain != other.plain for word, other in zip(words, spelled, strict=True)):
        return False
    return not any(word.after_end and not other.after_end for word, other in zip(words[1:], spelled[1:], strict=True))


def _has_first_name(before: Word, surname: Word) -> bool:
    """Whether a surname that stands alone among our names has a first name or an initial before it: then it may be of somebody else."""
    if surname.plain.isupper() or surname.start - before.end > 2:
        return False
    if len(before.plain) == 1:
        return before.plain.isupper()
    return before.plain.istitle() and not surname.after_end and surname.start - before.end == 1 and before.key not in COMMON | TITLES


def _plain(word: str) -> str:
    """A word without marks over its letters and without signs that are not seen, its case kept."""
    return "".join(each for each in unicodedata.normalize("NFKD", word) if unicodedata.category(each) not in ("Mn", "Cf"))
