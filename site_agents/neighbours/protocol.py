"""The protocol itself: recognise here, else at the idlest neighbour that has the whole list, else at the server; tell those to whom the person may go."""

from __future__ import annotations

from collections.abc import Callable

from federated.trust.staff_list import GalleryRejected, pack, unpack
from site_agents.errors import MessageRefused, StaffListRefused
from site_agents.neighbours import gallery
from site_agents.neighbours.messages import PeerMessage
from site_agents.neighbours.node import (
    Action,
    Ask,
    Decided,
    Hot,
    Lost,
    NodeEvent,
    PeerNode,
    Recognised,
    Send,
    Sight,
    Wake,
    entries_now,
    first_time,
    new_message,
    wait,
)


def start(node: PeerNode, now: float) -> list[Action]:
    """The first actions: gossip."""
    return _gossip(node, now)


def greet(node: PeerNode, now: float) -> list[Action]:
    """Tell the neighbours what this node is: they ask nobody of whom they do not know that."""
    message = new_message(node, "LOAD", wait_s=wait(node, now), complete=node.settings.complete, version=node.gallery.version)
    return [Send(name, message) for name in node.settings.neighbours]


def handle(node: PeerNode, event: NodeEvent, now: float) -> list[Action]:
    """Take one event, change the node, and say what follows. `now` is Unix seconds. A message that is not accepted changes nothing but `refused`."""
    if not node.settings.biometrics:
        return []
    if isinstance(event, Sight):
        return _sighted(node, Ask(event.key, event.probe, now, node.settings.threshold if event.threshold is None else event.threshold), now)
    if isinstance(event, Recognised):
        return _recognised(node, event, now)
    if isinstance(event, Lost):
        return _lost(node, event.key, now)
    if isinstance(event, Wake):
        return _woken(node, event, now)
    if not _is_accepted(node, event) or not first_time(node, event.id):
        return []
    try:
        actions = HANDLERS[event.kind](node, event, now)
    except (GalleryRejected, StaffListRefused, MessageRefused):
        node.refused += 1
        return []
    if event.src in node.peers:
        node.peers[event.src].silent_until = 0.0
    return actions


def _is_accepted(node: PeerNode, message: PeerMessage) -> bool:
    """Anybody of the site (its certificate proves that) may ask; only neighbours, helpers and the server may tell."""
    return message.kind == "QUERY" or message.src in node.peers


def _sighted(node: PeerNode, ask: Ask, now: float) -> list[Action]:
    """A face of our own: in our queue when it is short enough, else straight to the others."""
    node.asks[ask.key] = ask
    queued = _queue(node, ask, now, node.settings.local_wait_s)
    return queued or _ask_next(node, ask, now)


def _recognised(node: PeerNode, event: Recognised, now: float) -> list[Action]:
    entry = next((each for each in entries_now(node, now) if each.person == event.person), None)
    return _announce(node, Ask(event.key, entry.template, now, event.score), entry, event.score, now) if entry else []


def _query(node: PeerNode, message: PeerMessage, now: float) -> list[Action]:
    """A neighbour's face: into our queue, or "busy" at once, so that it loses no time."""
    ask = Ask(f"{message.src}/{message.id}", unpack(message.body["probe"]), now, node.settings.threshold, asker=message.src, waiting=message.id)
    node.asks[ask.key] = ask
    limit = min(node.settings.help_wait_s, message.body["within_s"])
    return _queue(node, ask, now, limit) or _reply(node, ask, "elsewhere" if not entries_now(node, now) else "busy", now)


def _queue(node: PeerNode, ask: Ask, now: float, limit: float) -> list[Action]:
    entries = entries_now(node, now)
    seconds = len(entries) / node.settings.capacity
    if not entries or wait(node, now) + seconds > limit:
        return []
    node.busy_until = max(node.busy_until, now) + seconds
    return [Wake(node.busy_until, "searched", ask.key)]


def _woken(node: PeerNode, wake: Wake, now: float) -> list[Action]:
    if wake.what == "gossip":
        return _gossip(node, now)
    ask = node.asks.get(wake.key)
    if ask is None:
        return []
    if wake.what == "searched":
        return _searched(node, ask, now)
    if ask.waiting != wake.key:
        return []  # it has answered meanwhile
    if peer := node.peers.get(ask.peer):  # it may have left the site meanwhile
        peer.asked, peer.silent_until = peer.asked - 1, now + node.settings.silent_s
    return _ask_next(node, ask, now)


def _searched(node: PeerNode, ask: Ask, now: float) -> list[Action]:
    entry, score = gallery.search(entries_now(node, now), ask.probe, ask.threshold, now)
    if ask.asker:
        verdict = "person" if entry else "unknown" if node.settings.complete else "elsewhere"
        return _reply(node, ask, verdict, now, score, entry)
    if entry or node.settings.complete:
        return _decide(node, ask, entry, score, "local", now)
    return _ask_next(node, ask, now)


def _reply(node: PeerNode, ask: Ask, verdict: str, now: float, score: float = -1.0, entry: gallery.StaffEntry | None = None) -> list[Action]:
    del node.asks[ask.key]
    document = entry.document if entry else {}
    message = new_message(
        node, "ANSWER", query=ask.waiting, verdict=verdict, score=float(score), entry=document, version=node.gallery.version, wait_s=wait(node, now)
    )
    return [Send(ask.asker, message)]


def _ask_next(node: PeerNode, ask: Ask, now: float) -> list[Action]:
    """Ask the next of the plan; when nobody is left or the deadline has passed, say so: that costs time, never a wrong name."""
    ask.plan = _plan(node, now) if ask.plan is None else [name for name in ask.plan if name in node.peers]
    deadline = ask.started + node.settings.deadline_s
    if not ask.plan or now >= deadline:
        return _decide(node, ask, None, -1.0, "nobody", now)
    ask.peer = ask.plan.pop(0)
    node.peers[ask.peer].asked += 1
    patience = min(node.settings.server_s if ask.peer == node.settings.server else node.settings.neighbour_s, deadline - now)
    message = new_message(node, "QUERY", probe=pack(ask.probe), within_s=patience)
    ask.waiting = message.id
    node.asks[message.id] = ask
    return [Send(ask.peer, message), Wake(now + patience, "late", message.id)]


def _plan(node: PeerNode, now: float) -> list[str]:
    """Idlest neighbour with the whole list, server, the others and helpers with the whole list, then those with a hot set; the silent ones last."""
    near = {name: node.peers[name] for name in node.settings.neighbours}
    by_idle = sorted(near, key=lambda name: (near[name].asked, near[name].wait_s, name))
    whole = [name for name in by_idle if near[name].complete and near[name].version >= node.gallery.version]
    part = [name for name in by_idle if name not in whole]
    idle = [name for name in whole if near[name].wait_s <= node.settings.help_wait_s and near[name].silent_until <= now][:1]
    server = [node.settings.server] if node.settings.server else []
    plan = list(dict.fromkeys([*idle, *server, *whole, *node.settings.helpers, *part[:2]]))
    return sorted(plan, key=lambda name: node.peers[name].silent_until > now)


def _answer(node: PeerNode, message: PeerMessage, now: float) -> list[Action]:
    """An answer is checked, not trusted: the entry must be signed, valid and match the very face; an old list's "unknown" is not final."""
    body, peer = message.body, node.peers[message.src]
    peer.wait_s, peer.version = body["wait_s"], body["version"]
    ask = node.asks.get(body["query"])
    if ask is None or (ask.waiting, ask.peer) != (body["query"], message.src):
        return []
    ask.waiting, peer.asked = "", peer.asked - 1
    where = "server" if message.src == node.settings.server else "neighbour"
    entry, score = _checked(node, ask, body, now)
    if entry:
        return _decide(node, ask, entry, score, where, now)
    if body["verdict"] == "unknown" and peer.complete and body["version"] >= node.gallery.version:
        return _decide(node, ask, None, body["score"], where, now)
    return _ask_next(node, ask, now)


def _checked(node: PeerNode, ask: Ask, body: dict, now: float) -> tuple[gallery.StaffEntry | None, float]:
    if body["verdict"] != "person":
        return None, -1.0
    try:
        entry = gallery.read_entry(body["entry"], node.gallery, now)
    except StaffListRefused:
        node.refused += 1
        return None, -1.0
    return gallery.search([entry], ask.probe, ask.threshold, now)


def _decide(node: PeerNode, ask: Ask, entry: gallery.StaffEntry | None, score: float, where: str, now: float) -> list[Action]:
    for name in [name for name, each in node.asks.items() if each is ask]:
        del node.asks[name]
    decided = Decided(ask.key, entry.person if entry else None, float(score), where, now - ask.started)
    return [decided, *_announce(node, ask, entry, score, now)] if entry else [decided]


def _announce(node: PeerNode, ask: Ask, entry: gallery.StaffEntry, score: float, now: float) -> list[Action]:
    """SEEN to those to whom the person may go, and to where the person came from, which learns the way from it."""
    settings, before = node.settings, node.hot.get(entry.person)
    via = before.origin if before and before.origin != settings.name else ""
    if before and via in settings.neighbours:
        node.transit.arrived(via, ask.started - before.since)
    _remember(node, Hot(entry, settings.name, ask.started, now + settings.stay_s + node.transit.latest(settings.name)))
    node.present[ask.key] = entry.person
    recipients = [*node.transit.likely(settings.neighbours), *([via] if via in settings.neighbours else [])]
    ttl = 2 if any(node.peers[name].silent_until > now for name in settings.neighbours) else 1
    message = new_message(node, "SEEN", entry=entry.document, t=ask.started, score=float(score), origin=settings.name, via=via, ttl=ttl)
    return [Send(name, message) for name in dict.fromkeys(recipients)]


def _seen(node: PeerNode, message: PeerMessage, now: float) -> list[Action]:
    body = message.body
    if body["via"] == node.settings.name:
        node.transit.departed(body["origin"])
    entry = gallery.read_entry(body["entry"], node.gallery, now)
    before = node.hot.get(entry.person)
    t = min(body["t"], now)
    if body["origin"] == node.settings.name or (before and before.since > t):
        return []  # our own word come back, or an older one than what we know
    _remember(node, Hot(entry, body["origin"], t, t + node.settings.stay_s + node.transit.latest(body["origin"])))
    if body["ttl"] < 2:
        return []
    further = PeerMessage("SEEN", node.settings.name, message.id, {**body, "ttl": 1})
    return [Send(name, further) for name in node.settings.neighbours if name not in (message.src, body["origin"])]


def _lost(node: PeerNode, key: str, now: float) -> list[Action]:
    person = node.present.pop(key, None)
    if person is None:
        return []
    message = new_message(node, "LEFT", person=person, t=now)
    if person in node.hot and node.hot[person].origin == node.settings.name:
        node.hot[person].since = now
    return [Send(name, message) for name in node.transit.likely(node.settings.neighbours)]


def _left(node: PeerNode, message: PeerMessage, now: float) -> list[Action]:
    hot = node.hot.get(message.body["person"])
    if hot and hot.origin == message.src:
        hot.since = min(message.body["t"], now)
        hot.until = hot.since + node.transit.latest(message.src)
    return []


def _remember(node: PeerNode, hot: Hot) -> None:
    """Into the hot set; when it is full, whoever is expected the least long goes."""
    node.hot[hot.entry.person] = hot
    if len(node.hot) > node.settings.room:
        del node.hot[min(node.hot, key=lambda person: node.hot[person].until)]


def _gossip(node: PeerNode, now: float) -> list[Action]:
    return [*greet(node, now), Wake(now + node.settings.gossip_s, "gossip")]


def _load(node: PeerNode, message: PeerMessage, now: float) -> list[Action]:
    """Whoever is behind is given what is newer: a camera cut off from the portal hears of a revocation from its neighbour."""
    peer = node.peers[message.src]
    peer.wait_s, peer.complete, peer.version = message.body["wait_s"], message.body["complete"], message.body["version"]
    if peer.version < node.gallery.version and node.gallery.documents:
        return [Send(message.src, new_message(node, "GALLERY", version=node.gallery.version, documents=node.gallery.documents))]
    return []


def _gallery(node: PeerNode, message: PeerMessage, now: float) -> list[Action]:
    """Newer lists of the portal, whoever brings them; what came as news goes on to the neighbours once."""
    news = [document for document in message.body["documents"] if gallery.apply(node.gallery, document, now)]
    if not news:
        return []
    for person in [person for person, hot in node.hot.items() if node.gallery.people.get(person) != hot.entry.version]:
        del node.hot[person]
    further = new_message(node, "GALLERY", version=node.gallery.version, documents=message.body["documents"])
    return [Send(name, further) for name in node.settings.neighbours if name != message.src]


HANDLERS: dict[str, Callable[[PeerNode, PeerMessage, float], list[Action]]] = {
    "SEEN": _seen,
    "LEFT": _left,
    "QUERY": _query,
    "ANSWER": _answer,
    "LOAD": _load,
    "GALLERY": _gallery,
}
