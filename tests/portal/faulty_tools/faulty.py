"""Desk tools that go wrong in every way a tool can: they hang, eat memory, crash, leave, raise."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from detectors.messages import Message
from detectors.registry import tool
from detectors.types import ModelCard, Progress, Report

WORDS = {
    "title": {"en": "Faulty", "it": "Guasto"},
    "about": {"en": "Goes wrong.", "it": "Si guasta."},
    "faulty-working": {"en": "working", "it": "al lavoro"},
}
CARD = {"version": "1", "licence": "Apache-2.0", "source": "", "preprocessing": {}, "thresholds": {}, "data": "none", "metrics": {}, "limits": "a fault"}


class Faulty:
    """Goes wrong once it has begun."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card = card

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """Never comes to its end."""
        progress(0.1, Message("faulty-working"))
        self.fail()
        raise AssertionError("it went well")

    def fail(self) -> None:
        """What goes wrong."""


def faulty(name: str):
    """A tool of this name that reads a text."""
    return tool(name, family="faulty", media=("text",), words=WORDS, card=CARD)


@faulty("faulty-hangs")
class Hangs(Faulty):
    report = Faulty.report

    def fail(self) -> None:
        threading.Event().wait()


@faulty("faulty-eats")
class Eats(Faulty):
    report = Faulty.report

    def fail(self) -> None:
        eaten = []
        while True:
            eaten.append(bytearray(2**24))


@faulty("faulty-crashes")
class Crashes(Faulty):
    report = Faulty.report

    def fail(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)
        threading.Event().wait()


@faulty("faulty-leaves")
class Leaves(Faulty):
    report = Faulty.report

    def fail(self) -> None:
        os._exit(0)


@faulty("faulty-raises")
class Raises(Faulty):
    report = Faulty.report

    def fail(self) -> None:
        raise RuntimeError("a fault of the tool")
