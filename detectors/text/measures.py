"""Numbers that describe how a post is written, whatever it is about: shape of words, marks, function words, repetition, how well it packs, how rare it is."""

from __future__ import annotations

import itertools
import re
import zlib
from collections import Counter

import numpy as np

from detectors.text import ngrams
from detectors.text.function_words import GROUPS

MARKS = ".,!?:;\"'-()…&*/#@"
_GROUP_OF = {word: at for at, words in enumerate(GROUPS.values()) for word in words.split()}
_URL = re.compile(r"https?://\S+|www\.\S+|\S+\.(?:com|org|it)/\S*")
_MENTION, _HASHTAG = re.compile(r"(?<!\w)@\w+"), re.compile(r"(?<!\w)#\w+")
_WORD, _SENTENCE_END, _EMOJI = (
    re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*"),
    re.compile(r"[.!?…]+(?:\s|$)|\n+"),
    re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]"),
)
_LENGTH, _WORDS = 300.0, 60.0  # of a long post: what counts are divided by


RARITY = ("rare-words", "rare-words-most", "new-words", "rare-pairs", "new-pairs", "rare-letters", "rare-letters-most", "new-letters", "new-letters-run")


# The measures by what they look at, each by the beginnings of its names: what a report can speak of.
SIGNALS = {
    "length": ("length", "words", "log-length"),
    "vocabulary": ("word-length", "short-words", "different-words", "once-only"),
    "case": ("upper-", "capital-", "all-lower", "begins-lower"),
    "marks": ("mark-", "ends-with-mark", "ends-with-letter", "open-", "space-before", "double-spaces", "entities", "digits", "non-ascii"),
    "habits": ("urls", "ends-with-url", "mentions", "begins-with-mention", "hashtags", "ends-with-hashtag", "repost", "emoji", "line-ends"),
    "function-words": ("function-",),
    "repetition": ("again-", "most-frequent", "same-letters", "packed"),
    "rhythm": ("sentence", "burstiness", "first-sentence", "last-sentence"),
    "rarity": ("rare-", "new-"),
}


def signals() -> dict[str, list[int]]:
    """Of each signal the places of its measures; every measure belongs to one."""
    found: dict[str, list[int]] = {name: [] for name in SIGNALS}
    for at, measure_name in enumerate(names()):
        exact = [name for name, begins in SIGNALS.items() if measure_name in begins]
        found[(exact or [name for name, begins in SIGNALS.items() if measure_name.startswith(begins)])[0]].append(at)
    return found


def names() -> tuple[str, ...]:
    """The names of the measures in their order, those of `rarity` last."""
    return (*_plain(""), *RARITY)


def measure(text: str) -> np.ndarray:
    """The plain measures of one text, (M,) float32."""
    return np.array(list(_plain(text).values()), np.float32)


def rarity(characters: ngrams.NGrams, words: ngrams.NGrams, idf_characters: np.ndarray, idf_words: np.ndarray) -> np.ndarray:
    """How rare words, pairs and runs of five characters are in what the detector learned from: (9,) float32.

    `idf_*` give each place's inverse document frequency, 0 where it was never met.
    """
    letters, single, pairs = idf_characters[characters.of_length(5)], idf_words[words.of_length(1)], idf_words[words.of_length(2)]
    return np.array([*_rare(single), *_rare(pairs)[::2], *_rare(letters), _longest_run(letters == 0) / 50], np.float32)


def _rare(values: np.ndarray) -> tuple[float, float, float]:
    met = values[values > 0]
    return (float(met.mean()) / 10, float(met.max()) / 10, float((values == 0).mean())) if len(met) else (1.0, 1.0, float(len(values) > 0))


def _plain(text: str) -> dict[str, float]:
    urls, size = _URL.findall(text), max(1, len(text))
    bare = _URL.sub(" ", text)
    words = _WORD.findall(bare)
    lower = [word.lower().replace("’", "'") for word in words]
    count = max(1, len(words))
    found = {"length": len(text) / _LENGTH, "words": len(words) / _WORDS, "log-length": float(np.log1p(len(text))) / 6}
    found |= _shape(bare, words, lower, size)
    found |= {f"mark-{mark}": bare.count(mark) / count for mark in MARKS}
    found |= _habits(text, bare, urls)
    groups = Counter(_GROUP_OF[word] for word in lower if word in _GROUP_OF)
    found |= {f"function-{name}": groups[at] / count for at, name in enumerate(GROUPS)}
    found["function-all"] = sum(groups.values()) / count
    return found | _repetition(bare, lower) | _burstiness(bare)


def _shape(bare: str, words: list[str], lower: list[str], size: int) -> dict[str, float]:
    count = max(1, len(words))
    lengths = np.array([len(word) for word in words] or [0])
    letters = max(1, sum(lengths))
    return {
        "word-length": float(lengths.mean()) / 10,
        "word-length-deviation": float(lengths.std()) / 5,
        "word-length-most": float(lengths.max()) / 20,
        "short-words": float((lengths <= 2).mean()),
        "upper-letters": sum(letter.isupper() for letter in bare) / letters,
        "upper-words": sum(len(word) > 1 and word.isupper() for word in words) / count,
        "capital-words": sum(word[0].isupper() and not word.isupper() for word in words) / count,
        "all-lower": float(bare == bare.lower()),
        "begins-lower": float(bare[:1].islower()),
        "digits": sum(letter.isdigit() for letter in bare) / size,
        "non-ascii": sum(ord(letter) > 127 for letter in bare) / size,
        "different-words": len(set(lower)) / count,
        "once-only": sum(n == 1 for n in Counter(lower).values()) / count,
    }


def _habits(text: str, bare: str, urls: list[str]) -> dict[str, float]:
    mentions, tags = _MENTION.findall(text), _HASHTAG.findall(text)
    stripped = text.rstrip()
    return {
        "urls": len(urls) / 3,
        "ends-with-url": float(bool(urls) and stripped.endswith(urls[-1])),
        "mentions": len(mentions) / 3,
        "begins-with-mention": float(text.startswith("@")),
        "hashtags": len(tags) / 3,
        "ends-with-hashtag": float(bool(tags) and stripped.endswith(tags[-1])),
        "repost": float(text.startswith("RT ")),
        "emoji": len(_EMOJI.findall(text)) / 3,
        "line-ends": text.count("\n") / 3,
        "double-spaces": bare.count("  ") / 3,
        "space-before-mark": len(re.findall(r"\s[.,!?;:]", bare)) / 3,
        "entities": len(re.findall(r"&\w+;", text)) / 3,
        "ends-with-mark": float(bare.rstrip()[-1:] in tuple(".!?…")),
        "ends-with-letter": float(bare.rstrip()[-1:].isalnum()),
        "open-quotes": float(bare.count('"') % 2 + (bare.count("“") != bare.count("”"))),
        "open-brackets": float(bare.count("(") != bare.count(")")),
    }


def _repetition(bare: str, lower: list[str]) -> dict[str, float]:
    pairs, triples = list(itertools.pairwise(lower)), list(zip(lower, lower[1:], lower[2:], strict=False))
    packed = len(zlib.compress(bare.encode("utf-8", "replace"), 9))
    return {
        "again-pairs": 1 - len(set(pairs)) / max(1, len(pairs)) if pairs else 0.0,
        "again-triples": 1 - len(set(triples)) / max(1, len(triples)) if triples else 0.0,
        "again-at-once": sum(a == b for a, b in pairs) / max(1, len(pairs)),
        "most-frequent": max(Counter(lower).values(), default=0) / max(1, len(lower)),
        "same-letters": max((len(each.group()) for each in re.finditer(r"(.)\1*", bare)), default=0) / 10,
        "packed": packed / max(20, len(bare.encode("utf-8", "replace"))),
    }


def _burstiness(bare: str) -> dict[str, float]:
    """Sentences of very different lengths are how people write; (deviation - mean) / (deviation + mean) is Goh and Barabasi's measure."""
    sentences = [len(_WORD.findall(each)) for each in _SENTENCE_END.split(bare) if each.strip()] or [0]
    mean, deviation = float(np.mean(sentences)), float(np.std(sentences))
    return {
        "sentences": len(sentences) / 6,
        "sentence-length": mean / 20,
        "sentence-deviation": deviation / 10,
        "burstiness": (deviation - mean) / (deviation + mean) if deviation + mean else 0.0,
        "first-sentence": sentences[0] / 20,
        "last-sentence": sentences[-1] / 20,
    }


def _longest_run(flags: np.ndarray) -> int:
    """How many true values stand in a row at the most."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
