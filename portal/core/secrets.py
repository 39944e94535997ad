"""No secret in a text that others read: passwords and tokens in addresses or beside their name are found, refused with a sentence, or masked.

What is found: `rtsp://user:password@camera`, `?pwd=...` and its relatives also outside an address, "password: ...", `Bearer ...`, private keys. A secret that
looks like any other word ("the gate's is swordfish") cannot be found: the forms say who reads what is typed.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MASK = "***"
_WORDS = (
    "pass(?:wor[dt]|wd|phrase|code|key)?|pwd|psw|passwort|kennwort|parola[ _-]?d[ _-]?ordine|"
    "(?:access|auth|api|session|refresh|secret|private)[_-]?(?:token|key)|token|secret|client[_-]?secret|apikey"
)
_USER = re.compile(r"(?P<keep>(?<![a-z0-9+.-])[a-z0-9+.-]{1,40}://[^\s/:@?#]{0,200}:)(?!\d{1,5}(?:[/?#]|\s|$))(?P<secret>\S{1,500})(?=@[^\s@])", re.IGNORECASE)
_NAMED = re.compile(rf"(?<![a-z])(?P<keep>(?:{_WORDS})(?:=|%3d|\s+=\s+))(?P<secret>[^\s&;,\"'<>]+)", re.IGNORECASE)
_WRITTEN = re.compile(rf"(?<![a-z])(?P<keep>(?!pass\s*:)(?:{_WORDS})\s*:\s*)(?P<secret>(?=\S{{0,100}}[\d!$%^*+@#_~])[^\s;,\"'<>]+)", re.IGNORECASE)
_BEARER = re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)(?P<secret>[a-z0-9+/_=-]{16,}(?:\.[a-z0-9+/_=-]+)*)", re.IGNORECASE)
_KEY = re.compile(r"(?P<keep>-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(?P<secret>.*?)(?=-----END|\Z)", re.DOTALL)
PATTERNS = (_USER, _NAMED, _WRITTEN, _BEARER, _KEY)


def holds_secret(text: str) -> bool:
    """Whether a text holds a password, a token or a key, also one that is percent-encoded."""
    return any(found["secret"] != MASK for each in {text, unquote(text)} for pattern in PATTERNS for found in pattern.finditer(each))


def refuse_secret(text: str) -> str:
    """The text itself when anybody may read it. Raises ValidationError that says what to do instead."""
    if holds_secret(text):
        raise ValidationError(
            _("This text holds a password or a key, and others read it. Leave it out: a camera's address and password have a field of their own."),
            code="secret",
        )
    return text


def mask_secrets(text: str) -> str:
    """The text with *** where a secret stood."""
    for pattern in PATTERNS:
        text = pattern.sub(lambda found: f"{found['keep']}{MASK}", text)
    return text if not holds_secret(text) else MASK  # it stood there percent-encoded: what is left of the text cannot be told apart from it


def mask_data(data: Any) -> Any:
    """Plain JSON data with every text in it masked."""
    if isinstance(data, str):
        return mask_secrets(data)
    if isinstance(data, dict):
        return {name: mask_data(each) for name, each in data.items()}
    return [mask_data(each) for each in data] if isinstance(data, list) else data
