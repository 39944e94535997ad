"""Names of files as people give them: shown in sentences and tables, never used as a path."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

LONGEST = 200
# Marks that turn the direction of what follows them: "photo\u202egpj.exe" is shown as "photoexe.jpg". The words of a right-to-left name need none of them.
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def shown_name(name: str | None) -> str:
    """The last part of a path, composed (NFC), without control characters and turning marks, at most 200 characters with its ending kept; "?" for none."""
    clean = "".join(each for each in name or "" if each not in TURNING and unicodedata.category(each) not in ("Cc", "Cs"))
    found = PurePath(unicodedata.normalize("NFC", clean).replace("\\", "/"))
    if len(found.name) > LONGEST:
        ending = found.suffix[:20]
        return found.stem[: LONGEST - 1 - len(ending)] + "…" + ending
    return (found.name.strip(".") and found.name) or "?"
