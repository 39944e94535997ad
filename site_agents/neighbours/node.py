"""One agent's part in the recognition protocol as a pure state machine: no clock, no socket; `handle(node, event, now)` says what to send and when to wake."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np

from site_agents.neighbours.gallery import PeerGallery, StaffEntry
from site_agents.neighbours.messages import PeerMessage
from site_agents.neighbours.transit import Transit

REMEMBERED = 2_000  # ids of messages, so that one that comes twice is done once


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What an agent is told about itself. Times in seconds, `capacity` in comparisons a second, `room` in people of the hot set.

    `helpers`: cameras farther away that keep the whole gallery, asked only when the server is silent.
    `complete`: it keeps the whole gallery, so its "unknown" is final. `biometrics` False (mode M0): it takes no gallery, looks at no face, answers nobody.
    """

    name: str
    site: str
    public: str
    neighbours: tuple[str, ...]
    threshold: float
    server: str | None = "server"
    helpers: tuple[str, ...] = ()
    complete: bool = False
    capacity: float = 2_000.0
    room: int = 64
    biometrics: bool = True
    local_wait_s: float = 0.3
    help_wait_s: float = 0.3
    neighbour_s: float = 0.5
    server_s: float = 1.0
    deadline_s: float = 4.0
    stay_s: float = 60.0
    transit_s: float = 300.0
    gossip_s: float = 30.0
    silent_s: float = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Sight:
    """Event: a new track `key` has a face; `probe` (128,) is its normalised embedding, `threshold` the cosine it needs when not the node's own."""

    key: str
    probe: np.ndarray
    threshold: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Recognised:
    """Event: the door itself recognised the track `key` as `person`; there is nothing to decide, only to tell."""

    key: str
    person: str
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Lost:
    """Event: the track `key` has left the picture."""

    key: str


@dataclasses.dataclass(frozen=True, slots=True)
class Wake:
    """Both the action to be woken and, when the driver gives it back at `at`, the event."""

    at: float
    what: str
    key: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Send:
    """Action: send the message to `to`; nobody promises that it arrives."""

    to: str
    message: PeerMessage


@dataclasses.dataclass(frozen=True, slots=True)
class Decided:
    """Action: tell the door. `person` None is unknown; `where` is local, neighbour, server, or nobody: then the deadline passed and nothing is known."""

    key: str
    person: str | None
    score: float
    where: str
    seconds: float


NodeEvent = PeerMessage | Sight | Recognised | Lost | Wake
Action = Send | Wake | Decided


@dataclasses.dataclass(slots=True)
class Hot:
    """Somebody who may come soon: from where, when they were there or left, and until when they are expected."""

    entry: StaffEntry
    origin: str
    since: float
    until: float


@dataclasses.dataclass(slots=True)
class Peer:
    """What is known of a neighbour or the server: from LOAD and from its answers, or from their absence."""

    wait_s: float = 0.0
    complete: bool = False
    version: int = 0
    asked: int = 0
    silent_until: float = 0.0


@dataclasses.dataclass(slots=True)
class Ask:
    """A face on its way to a decision; `asker` is set when it is a neighbour's; `waiting` is the id of the QUERY not answered yet: by `peer`, or by us."""

    key: str
    probe: np.ndarray
    started: float
    threshold: float
    asker: str = ""
    plan: list[str] | None = None
    peer: str = ""
    waiting: str = ""


@dataclasses.dataclass(slots=True)
class PeerNode:
    """All that one agent remembers. In RAM only; faces of unknown people live here until they are decided, and no longer."""

    settings: Settings
    gallery: PeerGallery
    transit: Transit
    hot: dict[str, Hot] = dataclasses.field(default_factory=dict)
    peers: dict[str, Peer] = dataclasses.field(default_factory=dict)
    asks: dict[str, Ask] = dataclasses.field(default_factory=dict)
    present: dict[str, str] = dataclasses.field(default_factory=dict)
    seen_ids: OrderedDict[str, None] = dataclasses.field(default_factory=OrderedDict)
    busy_until: float = 0.0
    spoken: int = 0
    refused: int = 0


def build(settings: Settings) -> PeerNode:
    """A node that knows nothing yet."""
    peers = {name: Peer() for name in settings.neighbours} | {name: Peer(complete=True) for name in (*settings.helpers, settings.server) if name}
    return PeerNode(settings, PeerGallery(settings.site, settings.public, settings.complete), Transit(settings.transit_s), peers=peers)


def meet(node: PeerNode, neighbours: Mapping[str, bool]) -> None:
    """These are the neighbours from now on, and whether each keeps the whole list; what is known of those who stay stays, who left is asked no more."""
    node.settings = dataclasses.replace(node.settings, neighbours=tuple(neighbours))
    whole = {name: True for name in (*node.settings.helpers, node.settings.server) if name}
    whole.update(neighbours)
    node.peers = {name: node.peers.get(name) or Peer(complete=complete) for name, complete in whole.items()}


def hold(node: PeerNode, version: int, people: Mapping[str, int], entries: Iterable[StaffEntry], threshold: float) -> None:
    """The door's list is this one now; who is not on it is expected no more."""
    node.settings = dataclasses.replace(node.settings, threshold=threshold)
    node.gallery.version, node.gallery.people, node.gallery.entries = version, dict(people), {entry.person: entry for entry in entries}
    for person in [person for person, hot in node.hot.items() if people.get(person) != hot.entry.version]:
        del node.hot[person]


def new_message(node: PeerNode, kind: str, **body: object) -> PeerMessage:
    """A new message of this node."""
    node.spoken += 1
    return PeerMessage(kind, node.settings.name, f"{node.settings.name}-{node.spoken}", body)


def wait(node: PeerNode, now: float) -> float:
    """Seconds of comparisons in the queue."""
    return max(0.0, node.busy_until - now)


def first_time(node: PeerNode, name: str) -> bool:
    """Whether this message id is new; it is remembered."""
    if name in node.seen_ids:
        return False
    node.seen_ids[name] = None
    if len(node.seen_ids) > REMEMBERED:
        node.seen_ids.popitem(last=False)
    return True


def entries_now(node: PeerNode, now: float) -> list[StaffEntry]:
    """Whom this node can compare with: the whole gallery, or who may come soon."""
    if node.settings.complete:
        return list(node.gallery.entries.values())
    for person in [person for person, hot in node.hot.items() if hot.until <= now or hot.entry.expires <= now]:
        del node.hot[person]
    return [hot.entry for hot in node.hot.values()]
