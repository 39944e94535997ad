"""The six messages that agents of one site say to each other, and how they look on the wire."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from federated.trust.signing import canonical
from site_agents.errors import MessageRefused

LARGEST = 4_000_000  # bytes of one message: a gallery of some 6,000 people
LONGEST = 1_000  # characters of one text
HEADER = 4  # bytes before each message that say its length
NUMBER, TEXT = (int, float), (str,)
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "SEEN": {"entry": (dict,), "t": NUMBER, "score": NUMBER, "origin": TEXT, "via": TEXT, "ttl": (int,)},
    "LEFT": {"person": TEXT, "t": NUMBER},
    "QUERY": {"probe": TEXT, "within_s": NUMBER},
    "ANSWER": {"query": TEXT, "verdict": TEXT, "score": NUMBER, "entry": (dict,), "version": (int,), "wait_s": NUMBER},
    "LOAD": {"wait_s": NUMBER, "complete": (bool,), "version": (int,)},
    "GALLERY": {"version": (int,), "documents": (list,)},
}
ANSWERS = ("person", "unknown", "elsewhere", "busy")


@dataclasses.dataclass(frozen=True, slots=True)
class PeerMessage:
    """What `src` says; `id` is unique at a site, so that a message that comes twice is noticed."""

    kind: str
    src: str
    id: str
    body: dict[str, Any]


def encode(message: PeerMessage) -> bytes:
    """The bytes of a message, without the header."""
    return canonical({"kind": message.kind, "src": message.src, "id": message.id, **message.body})


def decode(content: bytes) -> PeerMessage:
    """The opposite of `encode`. Raises MessageRefused for anything that is not exactly one of the six."""
    if len(content) > LARGEST:
        raise MessageRefused(f"a message of {len(content)} bytes is too large")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MessageRefused("a message is not JSON") from error
    if not isinstance(found, dict) or found.get("kind") not in list(FIELDS):
        raise MessageRefused("a message of a kind that is not known")
    kind, src, name = found.pop("kind"), found.pop("src", None), found.pop("id", None)
    if not all(isinstance(each, str) and 0 < len(each) <= 100 and each.isprintable() for each in (src, name)):
        raise MessageRefused(f"{kind} without a sender or an id")
    return checked(PeerMessage(kind, src, name, found))


def checked(message: PeerMessage) -> PeerMessage:
    """The message, when its body is that of its kind. Raises MessageRefused."""
    _check(message.kind, message.body)
    return message


def _check(kind: str, body: dict[str, Any]) -> None:
    wanted = FIELDS[kind]
    if set(body) != set(wanted):
        raise MessageRefused(f"{kind} with other fields than {', '.join(wanted)}")
    for name, types in wanted.items():
        if not isinstance(body[name], types) or not _sound(body[name], types):
            raise MessageRefused(f"{kind}: {name} is of a wrong type")
    if kind == "ANSWER" and body["verdict"] not in ANSWERS:
        raise MessageRefused("ANSWER with an unknown verdict")


def _sound(value: Any, types: tuple[type, ...]) -> bool:
    """What the type alone does not say: true is no number, a number is finite, a text can be said again, a list holds documents."""
    if isinstance(value, str):
        return len(value) <= LONGEST and value.isprintable()
    if isinstance(value, list):
        return all(isinstance(each, dict) for each in value)
    return isinstance(value, dict) or (isinstance(value, bool) == (types == (bool,)) and abs(value) < 1e15)
