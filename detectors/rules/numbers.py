"""The numbers of a rule: each with its words, its default and its limits, for the form that asks for it and the rule that uses it."""

from __future__ import annotations

import dataclasses
from typing import Any

from detectors.messages import LANGUAGES, Words


@dataclasses.dataclass(frozen=True, slots=True)
class RuleNumber:
    """One number. `label` asks for it in a form; `short` shows it in a list, with {value}; without it: label and value."""

    name: str
    label: Words
    default: float
    least: float
    most: float
    step: float
    short: Words | None = None

    def __post_init__(self) -> None:
        check_words(self.name, self.label)
        if not self.least <= self.default <= self.most:
            raise ValueError(f"the default of {self.name} is outside its limits")

    def read(self, value: Any) -> float:
        """The value as a number. Raises ValueError when it is none or outside the limits."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.least <= value <= self.most:
            raise ValueError(f"{self.name} must be a number from {self.least:g} to {self.most:g}, not {value!r}")
        return value


def check_words(what: str, words: Words) -> None:
    """Raises ValueError when a language is missing."""
    if missing := [language for language in LANGUAGES if not words.get(language)]:
        raise ValueError(f"{what} has no words in {', '.join(missing)}")


def in_language(words: Words, language: str) -> str:
    """The words in a language ("it", "it-IT"), in English when there are none."""
    return str(words.get(language.replace("_", "-").split("-")[0].lower()) or words["en"])


def after(default: float, least: float, most: float, step: float) -> RuleNumber:
    """How long it must last before the rule fires."""
    return RuleNumber("min_s", {"en": "after seconds", "it": "dopo secondi"}, default, least, most, step, {"en": "after {value} s", "it": "dopo {value} s"})


def score(default: float, least: float, most: float, step: float) -> RuleNumber:
    """The score from which the rule fires."""
    words, short = {"en": "from score", "it": "dal punteggio"}, {"en": "from score {value}", "it": "dal punteggio {value}"}
    return RuleNumber("threshold", words, default, least, most, step, short)


COOLDOWN = RuleNumber("cooldown_s", {"en": "pause in seconds", "it": "pausa in secondi"}, 10, 0, 3600, 1, {"en": "pause {value} s", "it": "pausa {value} s"})
