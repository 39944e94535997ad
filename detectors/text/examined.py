"""What the tool for machine-written posts found out about a post and about an account."""

from __future__ import annotations

import dataclasses

from detectors.messages import Message
from detectors.posts import PostedText
from detectors.text.hygiene import CleanText


@dataclasses.dataclass(frozen=True, slots=True)
class ExaminedPost:
    """A post, its clean text, why nothing can be said of it (or None), and its score and probability where something can."""

    post: PostedText
    clean: CleanText
    outside: Message | None
    score: float | None = None
    probability: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ExaminedAccount:
    """An account ("" where none is named): its posts that were examined, and the probability that a machine writes it, None without any."""

    name: str
    posts: tuple[ExaminedPost, ...]
    probability: float | None
