"""What a tool says, as codes with parameters: worded in the reader's language where it is read, never parsed from a sentence.

A tool's own file holds its words (`@tool(..., words={...})`), a shared module declares its own with `declare`::

    {"faces-found": {"en": ("{count} face was found.", "{count} faces were found."), "it": ("È stato trovato {count} volto.", "... trovati {count} volti.")}}

A pair is chosen by the parameter `count`: the first for exactly 1. A number may carry a format (`{ratio:+.1f}`, `{pairs:,}`); Italian gets decimal
commas. Codes are one list for the whole program, so start a tool's own with its name when another could mean something else by it.
"""

from __future__ import annotations

import dataclasses
import re
import string
from collections.abc import Mapping
from typing import Any

LANGUAGES = ("en", "it")
TEXT = "text"  # the code of a sentence that exists in one language only, such as those of reports made before there were codes
BOTH = "both"  # the code of what people wrote in English and in Italian
DECIMAL_COMMA = str.maketrans(",.", ".,")

Param = str | int | float
Words = Mapping[str, str | tuple[str, str]]  # language -> a text, or the texts for one and for any other count

_CODE = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_words: dict[str, Words] = {}  # filled while modules are imported, then only read


class UnknownMessage(LookupError):
    """A code has no words, or its words ask for a parameter that the message does not have: a fault of the tool that made it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """A sentence or a label as a code and its parameters (texts and numbers).

    `english` is set on a message that was read back from JSON: what it said when it was made, for the day when its tool is gone.
    """

    code: str
    params: Mapping[str, Param] = dataclasses.field(default_factory=dict, hash=False)
    english: str = dataclasses.field(default="", compare=False)


def text(words: str) -> Message:
    """A message that says these words in every language: a name, a number with its unit, a sentence that came in one language only."""
    return Message(TEXT, {"text": words})


def bilingual(en: str, it: str) -> Message:
    """A message that says these words in English and those in Italian: what people wrote in both, such as a fact's name."""
    return Message(BOTH, {"en": en, "it": it})


def declare(words: Mapping[str, Words]) -> None:
    """Take these words in. Raises ValueError for a wrong code, a code with other words already, no English, or languages that name other parameters."""
    for code, each in words.items():
        if not _CODE.fullmatch(code):
            raise ValueError(f"the code {code!r} is not made of small letters, digits, dots and dashes")
        if "en" not in each or not set(each) <= set(LANGUAGES):
            raise ValueError(f"the words of {code!r} are in {', '.join(each) or 'no language'}: English is needed, and {', '.join(LANGUAGES)} are understood")
        if _words.get(code, each) != each:
            raise ValueError(f"the code {code!r} has other words already: {_words[code]['en']!r}")
        if len({frozenset(_params(forms)) for forms in each.values()}) > 1:
            raise ValueError(f"the words of {code!r} name other parameters in one language than in another")
    _words.update(words)


def withdraw(codes: Mapping[str, Words]) -> None:
    """Forget words that `declare` took in: for tools that come and go, as in a test."""
    for code in codes:
        _words.pop(code, None)


def declared() -> dict[str, Words]:
    """Every code with its words."""
    return dict(_words)


def worded(message: Message, language: str = "en") -> str:
    """The message in a language ("it", "it-IT"; English when there are no words in it). Raises UnknownMessage.

    A message read back from JSON never raises: it says its English of the day it was made when its words are gone or ask for something else now.
    """
    try:
        forms, spoken = _forms(message.code, language)
        form = forms if isinstance(forms, str) else forms[0 if message.params.get("count") == 1 else 1]
        return "".join(literal + (_shown(message.params[name], spec or "", spoken) if name else "") for literal, name, spec, _ in _parsed(form))
    except (LookupError, ValueError) as error:
        if message.english:
            return message.english
        raise UnknownMessage(f"the message {message.code!r} with {dict(message.params)} cannot be worded: {error!r}") from error


def shown(value: Any, language: str = "en") -> str:
    """A value of a report as a person reads it: a message in words, numbers and yes or no in the language, several joined, nothing as a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, Message):
        return worded(value, language)
    if isinstance(value, bool):
        return worded(Message("yes" if value else "no"), language)
    if isinstance(value, list | tuple):
        return "; ".join(shown(each, language) for each in value) or "–"
    return _shown(value, "", language)


def message_to_json(message: Message) -> dict[str, Any]:
    """{"code", "params", "text" (its English words)}. Raises UnknownMessage."""
    return {"code": message.code, "params": dict(message.params), "text": worded(message)}


def message_from_json(data: Any) -> Message:
    """Read a message back; what was stored as a plain sentence, before there were codes, stays that sentence."""
    if isinstance(data, Mapping):
        params = {str(name): value for name, value in data.get("params", {}).items()}
        return Message(str(data.get("code", TEXT)), params, str(data.get("text", "")) or "–")
    return text(str(data))


def _forms(code: str, language: str) -> tuple[str | tuple[str, str], str]:
    """The words of a code in this language, or in English, and the language they are in."""
    spoken = language.replace("_", "-").split("-")[0].lower()
    words = _words[code]
    return (words[spoken], spoken) if spoken in words else (words["en"], "en")


def _shown(value: Param, spec: str, language: str) -> str:
    if isinstance(value, str):
        return value
    formatted = format(value, spec or ("d" if isinstance(value, int) else ".6g"))
    return formatted.translate(DECIMAL_COMMA) if language.startswith("it") else formatted


def _parsed(form: str) -> list[tuple[str, str | None, str | None, str | None]]:
    return list(string.Formatter().parse(form))


def _params(forms: str | tuple[str, str]) -> set[str]:
    """The parameters that words ask for; "one face" need not repeat its count. Raises ValueError for anything but plain names."""
    names = {name for form in ((forms,) if isinstance(forms, str) else forms) for _, name, _, _ in _parsed(form) if name is not None}
    if not all(name.isidentifier() for name in names):
        raise ValueError(f"parameters are plain names, not {', '.join(sorted(names))}")
    return names if isinstance(forms, str) else names - {"count"}


declare(
    {
        TEXT: {"en": "{text}", "it": "{text}"},
        "yes": {"en": "yes", "it": "sì"},
        "no": {"en": "no", "it": "no"},
    }
)
_words[BOTH] = {"en": "{en}", "it": "{it}"}  # the one code whose languages show different parameters: `declare` would refuse it
