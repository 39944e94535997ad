"""A state that has a name for code, words for people, and a class for the style sheet."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar


@dataclasses.dataclass(frozen=True, slots=True)
class Worded:
    """`words` of a subclass: name -> (words as a lazy translation, CSS class)."""

    words: ClassVar[Mapping[str, tuple[Any, str]]]
    name: str

    @property
    def label(self) -> str:
        """The state in the reader's language."""
        return str(self.words[self.name][0])

    @property
    def style(self) -> str:
        """The CSS class of the state."""
        return self.words[self.name][1]
