"""Tricks with Unicode by which a post escapes a detector of machine-written text: each a function from the text to its disguise."""

from __future__ import annotations

from collections.abc import Callable

from detectors.text.confusables import IDENTICAL

EVERY = 3  # letters between two hidden characters
_LOOKALIKE = {latin: letter for letter, latin in reversed(IDENTICAL.items())}


def _after_letters(hidden: str) -> Callable[[str], str]:
    def disguise(text: str) -> str:
        count, made = 0, []
        for letter in text:
            made.append(letter)
            count += letter.isalpha()
            if letter.isalpha() and count % EVERY == 0:
                made.append(hidden)
        return "".join(made)

    return disguise


def _shifted(capital: int, small: int) -> Callable[[str], str]:
    """ASCII letters as those of another alphabet that begins at these numbers."""

    def disguise(text: str) -> str:
        return "".join(
            chr((capital if letter.isupper() else small) + ord(letter.lower()) - 97) if letter.isascii() and letter.isalpha() else letter for letter in text
        )

    return disguise


def _backwards(text: str) -> str:
    """Every line stored backwards and shown forwards."""
    return "\n".join(f"\u202e{line[::-1]}\u202c" for line in text.split("\n"))


TRICKS: dict[str, Callable[[str], str]] = {
    "soft hyphens": _after_letters("\u00ad"),
    "zero-width spaces": _after_letters("\u200b"),
    "zero-width joiners": _after_letters("\u200d"),
    "direction marks": _after_letters("\u200e"),
    "homoglyphs": lambda text: "".join(_LOOKALIKE.get(letter, letter) for letter in text),
    "mathematical letters": _shifted(0x1D5A0, 0x1D5BA),
    "full-width letters": _shifted(0xFF21, 0xFF41),
    "strokes through letters": _after_letters("\u0336"),
    "stored backwards": _backwards,
}
