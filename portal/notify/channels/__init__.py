"""How the portal reaches people and programs outside of it: a channel is one file of this folder with one decorated dataclass; everything else finds it.

    @channel("webhook")
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Webhook:
        "Posts the message as signed JSON to one address."

        url: str  # each field is a key of the table [webhook] in channels.toml; one without a default must stand there

        def __post_init__(self) -> None: ...                # raise BadOption("url", "...") for a value that cannot work
        def send(self, notification: Notification) -> None: ...       # raise Undelivered("...") when it did not arrive: the job queue tries again

Exceptions::

    ChannelError
    +-- DuplicateChannel   two files register a channel of the same name
    +-- NoChannel          a file of this folder registers none
    +-- BadOption          a value in channels.toml that the channel cannot work with; `key` names it
    +-- Undelivered        the message did not arrive; str() says why, without a secret
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable
from typing import Protocol, TypeVar


class ChannelError(Exception):
    """A channel cannot be used."""


class DuplicateChannel(ChannelError):
    """Two files register the same name."""


class NoChannel(ChannelError):
    """A file registers no channel."""


class BadOption(ChannelError):
    """A value of `channels.toml` that cannot work."""

    def __init__(self, key: str, problem: str):
        super().__init__(f"{key} {problem}")
        self.key = key


class Undelivered(ChannelError):
    """It did not arrive, or nobody confirmed that it did."""


@dataclasses.dataclass(frozen=True, slots=True)
class Notification:
    """What is sent: ids and plain words, never a person's name or picture. Its receivers drop a second one of the same id."""

    id: str  # a UUID, the same for every attempt
    kind: str  # what has happened, like "alert.raised"
    t: str  # when, ISO 8601 in UTC
    site: str  # slug; "" when it concerns no single site
    camera: str  # slug; "" when it concerns no single camera
    link: str  # the portal's page about it
    data: dict[str, str | int]  # ids, and the words that the kind defines (docs/operations.md)


class Channel(Protocol):
    """What a registered class must offer."""

    def send(self, notification: Notification) -> None: ...


C = TypeVar("C", bound=type)
registered: dict[str, type] = {}


def channel(name: str) -> Callable[[C], C]:
    """Register a dataclass as the channel `name`. Raises DuplicateChannel, and TypeError when it is no dataclass."""

    def register(kind: C) -> C:
        if not dataclasses.is_dataclass(kind):
            raise TypeError(f"the channel {name!r} ({kind.__module__}) is no dataclass")
        if name in registered and registered[name].__module__ != kind.__module__:
            raise DuplicateChannel(f"two channels are called {name!r}: {registered[name].__module__} and {kind.__module__}")
        registered[name] = kind
        return kind

    return register


def discover() -> dict[str, type]:
    """Import every file of this folder. Raises DuplicateChannel and NoChannel, so that a mistake stops the start."""
    for module in pkgutil.iter_modules(__path__):
        name = f"{__name__}.{module.name}"
        importlib.import_module(name)
        if name not in {kind.__module__ for kind in registered.values()}:
            raise NoChannel(f"{name} registers no channel")
    return registered
