"""Where the detector has nothing to say: another language than English, long texts, quotations, code, posts without words. Each answer with its reason."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from detectors.messages import Message, declare

LONGEST = 600  # characters; posts of the training data have 320 at the most, but for a few
FEWEST_WORDS = 3
QUOTED, CODE_MARKS, LATIN = 0.6, 0.06, 0.6  # shares from which a text is a quotation or code, and below which it is of another script
HITS = 2  # words of another language that are needed, and that many more than English ones
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_STRIP = re.compile(r"https?://\S+|[@#]\w+")
_QUOTE = re.compile(r'"[^"\n]{12,}"|“[^”]{12,}”|«[^»]{12,}»|^>.*$', re.MULTILINE)
_CODE = re.compile(
    r"^\s*(?:def |class |import |from \w+ import|#include|function |var |let |const |public |SELECT |</?\w+[ >/])|[;{}]\s*$|\w\(\w*\)", re.MULTILINE
)

# Words that are frequent in a language and hardly in another; English ones that are frequent in posts.
FREQUENT = {
    "en": "the and to of is you that it for on with this my be have are not was we they so what your all just at but from as do if can like his her who when "
    "im i'm don't dont it's get know will now would been has there their about these how more some them than then because no yes good great thank today",
    "it": "il lo gli di che è un una per con non sono si ho ha mi ma della del dei delle nel nella alla al più anche questo questa come perché quando se tutti "
    "molto essere fare c'è dell'arte oggi solo siamo loro",
    "es": "el los las de que y en un una por con no es se lo para como pero más su está muy todo cuando porque hay también esto ser nos qué sí ya hoy",
    "fr": "le les des et est un une pour dans que qui pas ce sur avec au plus nous vous je il elle c'est mais sont aux cette être ont fait très tout j'ai",
    "de": "der die das und ist nicht ein eine ich zu mit auf für den dem von sie es auch wie aber wir sind war so haben noch nur wenn bei oder kann heute",
    "pt": "o os as de que e em um uma para com não é se do da no na mais por como mas ao ele muito você está são isso também já foi tem hoje",
    "nl": "de het een en van ik is dat op te in niet zijn voor met aan maar je er wat ook naar als nog wel bij deze dit kan om",
}
_LANGUAGES_OF: dict[str, set[str]] = {}
for _language, _list in FREQUENT.items():
    for _each in _list.split():
        _LANGUAGES_OF.setdefault(_each, set()).add(_language)

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
    bare = _STRIP.sub(" ", text)
    words = _WORD.findall(bare)
    if len(words) < FEWEST_WORDS:
        return Message("text-no-words")
    if len(text) < least:
        return Message("text-too-short", {"least": least, "rate": rate})
    if len(text) > LONGEST:
        return Message("text-too-long", {"length": len(text), "most": LONGEST})
    if _share_latin(bare) < LATIN:
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
    return _STRIP.search(text) is not None


def without_habits(text: str) -> str:
    """The text without links, names and hashtags."""
    return " ".join(_STRIP.sub(" ", text).split())


def language_of(words: list[str]) -> str | None:
    """The language whose frequent words stand out ("en", "it", ...); None when none does."""
    counted: Counter[str] = Counter()
    for word in words:
        counted.update(_LANGUAGES_OF.get(word.lower().replace("’", "'"), ()))
    if not counted:
        return None
    best, hits = max(counted.items(), key=lambda each: (each[1], each[0] == "en"))
    if best == "en":
        return "en"
    return best if hits >= HITS and hits >= counted["en"] + HITS else ("en" if counted["en"] else None)


def _share_latin(text: str) -> float:
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter.isascii() or unicodedata.name(letter, "").startswith("LATIN") for letter in letters) / max(1, len(letters))


def _is_code(text: str) -> bool:
    marks = sum(text.count(mark) for mark in "{}[]<>;=()_$\\|")
    return marks > CODE_MARKS * len(text) and len(_CODE.findall(text)) >= 2
