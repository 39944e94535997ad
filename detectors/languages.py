"""Which language a short text seems to be in, by its frequent words: enough to say "not English", no more."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

HITS = 2  # words of another language that are needed, and that many more than English ones
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
HABIT = re.compile(r"https?://\S+|[@#]\w+")  # links, names and hashtags of posts
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


def words_of(text: str) -> list[str]:
    """The words of a text, without links, names and hashtags."""
    return WORD.findall(HABIT.sub(" ", text))


def language_of(words: Sequence[str]) -> str | None:
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


def share_latin(text: str) -> float:
    """The share of a text's letters that are Latin ones; 0 of no letters."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter.isascii() or unicodedata.name(letter, "").startswith("LATIN") for letter in letters) / max(1, len(letters))
