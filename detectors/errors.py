"""What can go wrong in the detectors.

Tree::

    DetectorError           everything below; the message is a sentence for a person
    ├── UnknownDetector     no detector of this name is registered
    ├── WeightsError        weights cannot be found, fetched or opened
    │   └── WrongHash       a file is not the one in the lock; both hashes are named
    ├── BadInput            this picture, clip or array cannot be judged, and why
    ├── StreamShared        two threads gave frames of one camera at once: a fault of the program, never of the input
    └── BadDataset          a data set is not in the format an evaluator expects: file, line, expected columns
"""

from __future__ import annotations

from detectors.messages import Message, text, worded


class DetectorError(Exception):
    """Something in the detectors failed."""


class UnknownDetector(DetectorError, LookupError):
    """No detector of this name is registered."""


class WeightsError(DetectorError):
    """Weights cannot be found, fetched or opened."""


class WrongHash(WeightsError):
    """A file is not the one the lock names."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: sha256 is {found}, but the lock says {expected}")
        self.expected, self.found = expected, found


class BadInput(DetectorError, ValueError):
    """This picture, clip, text or array cannot be judged: `message` says why, as the end of "... cannot be examined: ...", in the reader's language."""

    def __init__(self, why: Message | str) -> None:
        self.message = why if isinstance(why, Message) else text(why)
        super().__init__(worded(self.message))

    def __reduce__(self) -> tuple[type, tuple[Message]]:
        return type(self), (self.message,)  # so that it reaches another process with its code


class StreamShared(DetectorError, RuntimeError):
    """Two threads gave frames of one camera at once."""


class BadDataset(DetectorError, ValueError):
    """A data set is not in the format an evaluator expects."""
