"""Where the tool has nothing to say of a text: no words, too few, another script or language than the English it was trained and measured on."""

from __future__ import annotations

import unicodedata

from detectors.languages import HABIT, language_of, share_latin, words_of
from detectors.messages import Message, declare

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
    bare = unicodedata.normalize("NFKC", HABIT.sub(" ", text))
    words = words_of(bare)
    if not words:
        return Message("persuasion-no-words")
    if share_latin(bare) < LATIN:
        return Message("persuasion-other-script")
    if len(words) < FEWEST_WORDS:
        return Message("persuasion-few-words", {"count": len(words), "least": FEWEST_WORDS})
    return Message("persuasion-other-language") if language_of(words) not in (None, "en") else None
