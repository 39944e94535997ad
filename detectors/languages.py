"""Which language a short text seems to be in, by its frequent words: enough to say "not English", no more."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

HITS = 2  # words of another language that are needed, and that many more than English ones
VOWELS, NOT_E = 0.75, 0.34  # of a text without frequent English words: share of words that end in a vowel, and in one other than e, as Italian ones do
LEAST_WORDS, LEAST_LETTERS = 3, 3  # words needed for that, and letters of a word that counts in it
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
ELIDED = ("dell'", "nell'", "dall'", "sull'", "quell'", "un'", "com'", "c'è")
ENDS, ENDS_NOT_E = "aeioàèéìòù", "aioàèéìòù"
HABIT = re.compile(r"https?://\S+|[@#]\w+")  # links, names and hashtags of posts
# Words that are frequent in a language and hardly in another; English ones that are frequent in posts.
FREQUENT = {
    "en": "the and to of is you that it for on with this my be have are not was we they so what your all just at but from as do if can like his her who when "
    "im i'm don't dont it's get know will now would been has there their about these how more some them than then because no yes good great thank today",
    "it": "il lo gli di che è un una per con non sono si ho ha mi ma della del dei delle nel nella alla al più anche questo questa come perché quando se "
    "tutti molto essere fare c'è oggi solo siamo loro dello degli dal dalla dai dalle nello nei nelle negli sul sulla sui sulle allo ai agli alle "
    "questi queste quel quella quello quelli nostro nostra nostri nostre vostro vostra vostri vostre suo sua suoi chi cosa noi voi ci fra poi mai "
    "ancora così senza sempre tutto tutta tutte ogni sarà hanno abbiamo avete siete stato stata fatto può vuole vogliono ieri domani prima dopo meno "
    "troppo contro basta niente nessuno dicono",
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
    """The language whose frequent words stand out ("en", "it", ...); None when none does.

    A text without any frequent English word whose words nearly all end in a vowel counts as Italian.
    """
    counted: Counter[str] = Counter()
    lowered = [word.lower().replace("’", "'") for word in words]
    for word in lowered:
        counted.update(_LANGUAGES_OF.get(word) or ({"it"} if word.startswith(ELIDED) else ()))
    best, hits = max(counted.items(), key=lambda each: (each[1], each[0] == "en"), default=("", 0))
    if best == "en":
        return "en"
    if hits >= HITS and hits >= counted["en"] + HITS:
        return best
    if counted["en"]:
        return "en"
    ends = [word[-1] for word in lowered if len(word) >= LEAST_LETTERS]
    if len(ends) >= LEAST_WORDS and sum(each in ENDS for each in ends) >= VOWELS * len(ends) and sum(each in ENDS_NOT_E for each in ends) >= NOT_E * len(ends):
        return "it"
    return None


def share_latin(text: str) -> float:
    """The share of a text's letters that are Latin ones; 0 of no letters."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter.isascii() or unicodedata.name(letter, "").startswith("LATIN") for letter in letters) / max(1, len(letters))
