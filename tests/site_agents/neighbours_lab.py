"""A small site for the tests of the neighbours' protocol: a portal's key, three staff, and nodes that know the list."""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.trust.signing import public_text
from federated.trust.staff_list import pack, sign_entry
from site_agents.neighbours import gallery, protocol
from site_agents.neighbours.messages import PeerMessage
from site_agents.neighbours.node import Action, Decided, NodeEvent, PeerNode, Send, Settings, Wake, build

KEY = Ed25519PrivateKey.generate()
STRANGER_KEY = Ed25519PrivateKey.generate()
PUBLIC = public_text(KEY)
SITE, NOW = "square", 1_000.0


def face(n: int) -> np.ndarray:
    """The n-th of 128 faces that have nothing in common."""
    return np.eye(128, dtype=np.float32)[n]


def entry(person: str, n: int, *, expires: float = 1e9, version: int = 1, site: str = SITE, key: Ed25519PrivateKey = KEY) -> dict:
    return sign_entry(site, person, face(n), expires, version, key)


def document(version: int = 1, base: int = 0, people: dict[str, int] | None = None, removed: tuple[str, ...] = (), **changes: object) -> dict:
    people = {"anna": 0, "bruno": 1, "carla": 2} if people is None else people
    entries = [entry(person, n, version=version, **changes) for person, n in people.items()]
    return gallery.sign_gallery(SITE, base, version, entries, removed, KEY)


def node(name: str = "gate", neighbours: tuple[str, ...] = ("hall", "yard"), *, listed: bool = True, **changes: object) -> PeerNode:
    made = build(Settings(name, SITE, PUBLIC, neighbours, 0.5, **changes))
    if listed and made.settings.biometrics:
        gallery.apply(made.gallery, document(), NOW)
    return made


def deliver(to: PeerNode, kind: str, src: str, now: float = NOW, *, id: str = "", **body: object) -> list[Action]:
    to.spoken += 1
    return protocol.handle(to, PeerMessage(kind, src, id or f"{src}-m{to.spoken}", body), now)


def seen(person: str = "anna", n: int = 0, *, origin: str = "hall", t: float = NOW, via: str = "", ttl: int = 1, **changes: object) -> dict:
    return {"entry": entry(person, n, **changes), "t": t, "score": 0.9, "origin": origin, "via": via, "ttl": ttl}


def answer(query: str, verdict: str, document: dict | None = None, *, version: int = 1) -> dict:
    return {"query": query, "verdict": verdict, "score": 0.9, "entry": document or {}, "version": version, "wait_s": 0.0}


def query(n: int = 0, within_s: float = 1.0) -> dict:
    return {"probe": pack(face(n)), "within_s": within_s}


def load(*, complete: bool = True, wait_s: float = 0.0, version: int = 1) -> dict:
    return {"complete": complete, "wait_s": wait_s, "version": version}


def sent(actions: list[Action], kind: str) -> list[tuple[str, PeerMessage]]:
    return [(each.to, each.message) for each in actions if isinstance(each, Send) and each.message.kind == kind]


def decided(actions: list[Action]) -> list[Decided]:
    return [each for each in actions if isinstance(each, Decided)]


def wakes(actions: list[Action]) -> list[Wake]:
    return [each for each in actions if isinstance(each, Wake)]


def follow(to: PeerNode, event: NodeEvent, now: float = NOW) -> list[Action]:
    """The event and the node's own search after it."""
    actions = protocol.handle(to, event, now)
    for wake in [each for each in wakes(actions) if each.what == "searched"]:
        actions = actions + protocol.handle(to, wake, wake.at)
    return actions
