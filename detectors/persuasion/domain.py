"""Where the tool has nothing to say of a text: no words, too few, another script or language than the English it was trained and measured on."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from detectors.messages import Message, declare

FEWEST_WORDS = 3
LATIN = 0.6  # share of letters below which a text is of another script
HITS = 2  # frequent words of another language that are needed, and by how many they must lead
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_STRIP = re.compile(r"https?://\S+|[@#]\w+")
# Words that are frequent in a language and rare in the others.
FREQUENT = {
    "en": "the and to of is you that it for on with this my be have are not was we they so what your all just at but from as do if can like his her who when "
    "it's don't will now would been has there their about how more some them than then because no yes why she he our us out up only want did get make people",
    "it": "il lo gli di che è un una per con non sono si ho ha mi della del dei delle nel nella alla al più anche questo questa come perché quando se",
    "es": "el los las de que y en un una por con no es se lo para como pero más su está muy todo cuando porque hay también esto",
    "fr": "le les des et est un une pour dans que qui pas ce sur avec au plus nous vous je il elle c'est mais sont aux cette",
    "de": "der die das und ist nicht ein eine ich zu mit auf für den dem von sie es auch wie aber wir sind",
    "pt": "o os as de que e em um uma para com não é se do da na mais por como mas ao ele muito você",
    "nl": "de het een en van ik is dat op te in niet zijn voor met aan maar je er wat ook",
}
_LANGUAGES_OF: dict[str, set[str]] = {}
for _language, _list in FREQUENT.items():
    for _each in _list.split():
        _LANGUAGES_OF.setdefault(_each, set()).add(_language)

declare(
    {
        "persuasion-no-words": {"en": "There are no words in it.", "it": "Non contiene parole."},
        "persuasion-few-words": {
            "en": ("It has {count} word: nothing can be said of fewer than {least}.", "It has {count} words: nothing can be said of fewer than {least}."),
            "it": ("Ha {count} parola: sotto le {least} non si può dire nulla.", "Ha {count} parole: sotto le {least} non si può dire nulla."),
        },
        "persuasion-other-script": {
            "en": "It is not in Latin letters: the tool was trained and measured on English only.",
            "it": "Non è in lettere latine: lo strumento è stato addestrato e misurato solo sull'inglese.",
        },
        "persuasion-other-language": {
            "en": "It does not look like English, on which alone the tool was trained and measured.",
            "it": "Non sembra inglese, la sola lingua su cui lo strumento è stato addestrato e misurato.",
        },
    }
)


def outside(text: str) -> Message | None:
    """Why nothing can be said of a text, or None."""
    bare = unicodedata.normalize("NFKC", _STRIP.sub(" ", text))
    words = _WORD.findall(bare)
    if not words:
        return Message("persuasion-no-words")
    letters = [letter for letter in bare if letter.isalpha()]
    if sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters) < LATIN * len(letters):
        return Message("persuasion-other-script")
    if len(words) < FEWEST_WORDS:
        return Message("persuasion-few-words", {"count": len(words), "least": FEWEST_WORDS})
    counted: Counter[str] = Counter()
    for word in words:
        counted.update(_LANGUAGES_OF.get(word.lower().replace("’", "'"), ()))
    others = max((hits for language, hits in counted.items() if language != "en"), default=0)
    return Message("persuasion-other-language") if others >= HITS and others >= counted["en"] + HITS else None
