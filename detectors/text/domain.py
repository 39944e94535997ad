"""Where the detector has nothing to say: another language than English, long texts, quotations, code, posts without words. Each answer with its reason."""

from __future__ import annotations

import re

from detectors.languages import HABIT, language_of, share_latin, words_of
from detectors.messages import Message, declare

LONGEST = 600  # characters; posts of the training data have 320 at the most, but for a few
FEWEST_WORDS = 3
QUOTED, CODE_MARKS, LATIN = 0.6, 0.06, 0.6  # shares from which a text is a quotation or code, and below which it is of another script
_QUOTE = re.compile(r'"[^"\n]{12,}"|“[^”]{12,}”|«[^»]{12,}»|^>.*$', re.MULTILINE)
_CODE = re.compile(
    r"^\s*(?:def |class |import |from \w+ import|#include|function |var |let |const |public |SELECT |</?\w+[ >/])|[;{}]\s*$|\w\(\w*\)", re.MULTILINE
)

NAMES = {
    "it": ("Italian", "italiano"),
    "es": ("Spanish", "spagnolo"),
    "fr": ("French", "francese"),
    "de": ("German", "tedesco"),
    "pt": ("Portuguese", "portoghese"),
    "nl": ("Dutch", "olandese"),
}
declare(
    {
        "text-too-short": {
            "en": "shorter than {least} characters: below that more than {rate:.0%} of people's posts are misread",
            "it": "più corto di {least} caratteri: al di sotto più del {rate:.0%} dei post di persone è letto male",
        },
        "text-too-long": {
            "en": "{length:,} characters: this is made for posts, not for texts of more than {most}",
            "it": "{length:,} caratteri: lo strumento è fatto per i post, non per testi di più di {most}",
        },
        "text-no-words": {"en": "hardly any words: links, names, emoji or numbers", "it": "quasi nessuna parola: link, nomi, emoji o numeri"},
        "text-quotation": {"en": "mostly a quotation: the words are somebody else's", "it": "per lo più una citazione: le parole sono di altri"},
        "text-plain": {
            "en": "no link, name or hashtag in any post: without them people's posts are mostly taken for a machine's",
            "it": "nessun link, nome o hashtag in alcun post: senza di essi i post di persone sono per lo più scambiati per quelli di una macchina",
        },
        "text-code": {"en": "this looks like program code or markup", "it": "sembra codice o markup"},
        "text-other-script": {"en": "not in Latin letters: only English was learned", "it": "non in lettere latine: è stato imparato solo l'inglese"},
        "text-unlike": {
            "en": "unlike any English that was learned: another language, or made-up words",
            "it": "diverso dall'inglese imparato: un'altra lingua, o parole inventate",
        },
        **{
            f"text-language-{code}": {"en": f"this looks like {english}: only English was learned", "it": f"sembra {italian}: è stato imparato solo l'inglese"}
            for code, (english, italian) in NAMES.items()
        },
    }
)


def outside(text: str, *, least: int, rate: float) -> Message | None:
    """Why nothing can be said of a (clean) text, or None. `least`: characters below which more than `rate` of the posts of people are misread."""
    bare = HABIT.sub(" ", text)
    words = words_of(text)
    if len(words) < FEWEST_WORDS:
        return Message("text-no-words")
    if len(text) < least:
        return Message("text-too-short", {"least": least, "rate": rate})
    if len(text) > LONGEST:
        return Message("text-too-long", {"length": len(text), "most": LONGEST})
    if share_latin(bare) < LATIN:
        return Message("text-other-script")
    if (language := language_of(words)) and language != "en":
        return Message(f"text-language-{language}")
    if sum(len(each.group()) for each in _QUOTE.finditer(text)) > QUOTED * len(text):
        return Message("text-quotation")
    if _is_code(bare):
        return Message("text-code")
    return None


def has_habits(text: str) -> bool:
    """Whether there is a link, a name or a hashtag in it."""
    return HABIT.search(text) is not None


def without_habits(text: str) -> str:
    """The text without links, names and hashtags."""
    return " ".join(HABIT.sub(" ", text).split())


def _is_code(text: str) -> bool:
    marks = sum(text.count(mark) for mark in "{}[]<>;=()_$\\|")
    return marks > CODE_MARKS * len(text) and len(_CODE.findall(text)) >= 2
