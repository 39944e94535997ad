"""Where the tool has nothing to say of a text: no words, too few, another script or language than English.

Of Italian it was measured, and finds too little: its report gives the figures, beside those of a rival that always names the same techniques.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from detectors.languages import HABIT, language_of, share_latin, words_of
from detectors.messages import Message, Param, declare

FEWEST_WORDS = 3
LATIN = 0.6  # share of letters below which a text is of another script
declare(
    {
        "persuasion-no-words": {"en": "There are no words in it.", "it": "Non contiene parole."},
        "persuasion-few-words": {
            "en": ("It has {count} word: nothing can be said of fewer than {least}.", "It has {count} words: nothing can be said of fewer than {least}."),
            "it": ("Ha {count} parola: sotto le {least} non si può dire nulla.", "Ha {count} parole: sotto le {least} non si può dire nulla."),
        },
        "persuasion-other-script": {
            "en": "It is not in Latin letters: the tool was trained on English only.",
            "it": "Non è in lettere latine: lo strumento è stato addestrato solo sull'inglese.",
        },
        "persuasion-other-language": {
            "en": "It does not look like English, on which alone the tool was trained.",
            "it": "Non sembra inglese, la sola lingua su cui lo strumento è stato addestrato.",
        },
        "persuasion-italian": {
            "en": "It looks like Italian. On {texts} Italian sentences the tool reached an F1 of {found:.2f}; always naming the same techniques reaches "
            "{rival:.2f}. That is too little, so it does not speak of Italian.",
            "it": "Sembra italiano. Su {texts} frasi italiane lo strumento ha ottenuto un F1 di {found:.2f}; indicando sempre le stesse tecniche si ottiene "
            "{rival:.2f}. È troppo poco, perciò sull'italiano non si pronuncia.",
        },
    }
)


def outside(text: str, italian: Mapping[str, Param] | None = None) -> Message | None:
    """Why nothing can be said of a text, or None. `italian`: what was measured on it (`texts`; micro F1 `found` and of the `rival`), for the reason."""
    bare = unicodedata.normalize("NFKC", HABIT.sub(" ", text))
    words = words_of(bare)
    if not words:
        return Message("persuasion-no-words")
    if share_latin(bare) < LATIN:
        return Message("persuasion-other-script")
    if len(words) < FEWEST_WORDS:
        return Message("persuasion-few-words", {"count": len(words), "least": FEWEST_WORDS})
    language = language_of(words)
    if language == "it" and italian is not None:
        return Message("persuasion-italian", italian)
    return Message("persuasion-other-language") if language not in (None, "en") else None
