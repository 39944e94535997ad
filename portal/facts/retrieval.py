"""Which facts a text leans on: those it names, then those it shares rare words with; what neither finds is "not in our sources".

Names are exact (portal/facts/linking.py). Shared words are weak: at least `FEWEST_WORDS` different ones that few facts have, within one short passage, as
PostgreSQL's dictionaries of the text's language stem them. The embeddings of detectors/persuasion/encoder.py are not used: docs/facts.md has the figures.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db import connection

from detectors import languages
from portal.facts import linking
from portal.facts.linking import Mention, Name, Word
from portal.facts.models import Fact, FactAlias, FactKind

MOST = 5  # facts of one text that are shown
LONGEST_TEXT = 50_000  # characters that are looked at
PASSAGE = 40  # words that belong together, at most
FEWEST_WORDS = 3
RARE_SHARE, RARE_ALWAYS = 0.03, 3  # a word is rare that this share of the facts has, or so few facts
CONFIGS = {"en": ("english", "search_en"), "it": ("italian", "search_it")}


@dataclasses.dataclass(frozen=True, slots=True)
class FoundFact:
    """A fact in use that a text leans on. `spans` are the characters (start, end) of the text that it was found by.

    `by` is "name"; "name-of-several" when these words name other facts too; "words" when only rare words are shared.
    """

    fact: Fact
    by: str
    spans: tuple[tuple[int, int], ...]
    score: float


def find(text: str, most: int = MOST) -> list[FoundFact]:
    """The facts that a text leans on, the surest first; nothing when our sources have none."""
    text = text[:LONGEST_TEXT]
    words = linking.words_of(text)
    named = _by_name(words)
    left = most - len(named)
    shared = _by_words(words, text, without={each.fact.pk for each in named})[:left] if left > 0 else []
    return [*named[:most], *shared]


def count_in_use() -> int:
    """How many facts the answer is taken from."""
    return Fact.objects.filter(current__isnull=False, retired=None).count()


def _by_name(words: Sequence[Word]) -> list[FoundFact]:
    rows = FactAlias.objects.filter(first__in={word.key for word in words}).values_list("fact_id", "text", "exact", "fact__current__kind")
    mentions = linking.link(list(words), [Name(pk, alias, exact, kind == FactKind.PERSON) for pk, alias, exact, kind in rows])
    by_fact: dict[int, list[Mention]] = defaultdict(list)
    for mention in mentions:
        for fact in mention.facts:
            by_fact[fact].append(mention)
    facts = _in_use(by_fact)
    found = []
    for pk, here in by_fact.items():
        sure = [each for each in here if len(each.facts) == 1]
        spans = tuple((each.start, each.end) for each in sure or here)
        longest = max(end - start for start, end in spans)
        found.append(FoundFact(facts[pk], "name" if sure else "name-of-several", spans, float(longest)))
    return sorted(found, key=lambda each: (each.by != "name", -each.score, each.spans[0], each.fact.pk))


def _by_words(words: Sequence[Word], text: str, without: set[int]) -> list[FoundFact]:
    """Facts that share rare words with one passage of the text, the most telling first."""
    config, column = CONFIGS.get(languages.language_of(languages.words_of(text)) or "en", CONFIGS["en"])
    lexemes = _lexemes(config, {word.key for word in words})
    holders = _holders(column, {each for found in lexemes.values() for each in found})
    total = count_in_use()
    few = max(RARE_ALWAYS, RARE_SHARE * total)
    holding: dict[str, list[int]] = defaultdict(list)
    for pk, held in holders.items():
        for lexeme in held:
            holding[lexeme].append(pk)
    rare = {lexeme: facts for lexeme, facts in holding.items() if len(facts) <= few}
    best: dict[int, tuple[float, list[Word]]] = {}
    for passage in _passages(words):
        shared: dict[int, dict[str, Word]] = defaultdict(dict)
        for word in passage:
            for lexeme in lexemes.get(word.key, ()):
                for pk in rare.get(lexeme, ()):
                    shared[pk].setdefault(lexeme, word)
        for pk, by in shared.items():
            score = sum(math.log((total + 1) / len(rare[lexeme])) for lexeme in by)
            if pk not in without and len({word.start for word in by.values()}) >= FEWEST_WORDS and score > best.get(pk, (0.0, []))[0]:
                best[pk] = (score, list(by.values()))
    facts = _in_use(best)
    found = [FoundFact(facts[pk], "words", tuple(sorted({(word.start, word.end) for word in by})), score) for pk, (score, by) in best.items()]
    return sorted(found, key=lambda each: (-each.score, each.fact.pk))


def _passages(words: Sequence[Word]) -> Iterable[list[Word]]:
    """The text's sentences, short ones together and long ones cut, of at most PASSAGE words."""
    passage: list[Word] = []
    sentence: list[Word] = []
    for word in (*words, None):
        if word is None or word.after_end or len(sentence) >= PASSAGE:
            if len(passage) + len(sentence) > PASSAGE:
                yield passage
                passage = []
            passage, sentence = passage + sentence, []
        if word is not None:
            sentence.append(word)
    if passage:
        yield passage


def _in_use(facts: Iterable[int]) -> dict[int, Fact]:
    return {fact.pk: fact for fact in Fact.objects.filter(pk__in=list(facts), retired=None).select_related("current")}


def _lexemes(config: str, words: set[str]) -> dict[str, list[str]]:
    """What the dictionary makes of each word; words that hold sentences together become nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT word, tsvector_to_array(to_tsvector(%s::regconfig, word)) FROM unnest(%s::text[]) AS word", [config, sorted(words)])
        return {word: lexemes for word, lexemes in cursor.fetchall() if lexemes}


def _holders(column: str, lexemes: set[str]) -> dict[int, set[str]]:
    """The facts that have any of these, with which of them each has."""
    if not lexemes:
        return {}
    query = " | ".join("'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'" for lexeme in sorted(lexemes))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, tsvector_to_array({column}) FROM facts_fact WHERE {column} @@ %s::tsquery", [query])
        return {pk: set(held) & lexemes for pk, held in cursor.fetchall()}
