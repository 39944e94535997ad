"""The protocol in a running agent: one thread with the wires, fed by the door, silent in mode M0; what it counts is the graph that the portal shows."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from federated.contract.face_query import FaceQuery, FaceQueryAnswer
from federated.contract.heartbeat import NeighboursStatus
from federated.trust import pki
from federated.trust.staff_list import GalleryRejected, StaffEntry, unseal
from site_agents import credentials
from site_agents.config import NeighbourSettings
from site_agents.errors import MessageRefused, PeersRefused, PortalError
from site_agents.link import PortalLink, parsed
from site_agents.neighbours import peers, protocol
from site_agents.neighbours.messages import PeerMessage, checked
from site_agents.neighbours.node import Action, Decided, Lost, NodeEvent, PeerNode, Recognised, Settings, Sight, Wake, build, entries_now, hold, meet
from site_agents.neighbours.tally import PeerTally
from site_agents.neighbours.wire import Wire
from site_agents.staff_list_store import Staff, StaffListStore

SERVER = "server"
CAPACITY = 100_000.0  # comparisons a second: one is 128 multiplications, what takes time on a camera is the embedding
ANSWERS = 1_000  # decisions kept for the door to fetch
log = logging.getLogger("site_agents.neighbours")


class NeighbourService:
    """What a door has of its neighbours. `door` methods (expected, ask, answer, recognised, gone) never wait; everything else may.

    `keep` is the agent's list; `config.keep` "expected" means that this box holds names only and asks others for the rest.
    """

    def __init__(self, folder: Path, keep: StaffListStore, link: PortalLink, config: NeighbourSettings, name: str) -> None:
        self.folder, self.keep, self.link, self.config, self.name = folder, keep, link, config, name
        self.complete = config.keep == "all"
        self.tally = PeerTally()
        self._key = credentials.mend(folder / peers.KEY, pki.load_or_make_peer_key) if config.host else ""
        self._peers = peers.load(folder, keep.identity, name) if config.host else None
        self._node: PeerNode | None = None
        self._wire: Wire | None = None
        self._addresses: dict[str, peers.Address] = {}
        self._port, self._expected, self._answers = 0, (), {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._portal = concurrent.futures.ThreadPoolExecutor(2, "asks-portal")

    def start(self) -> None:
        """Begin to run; nothing is listened to until mode M1 and the portal's certificates are there."""
        running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live(running)), name="neighbours", daemon=True)
        self._thread.start()
        running.wait(10)

    def stop(self) -> None:
        """End every connection."""
        loop, self._loop = self._loop, None
        if loop is None:
            return
        loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._portal.shutdown(wait=False, cancel_futures=True)

    def status(self) -> NeighboursStatus:
        """For the heartbeat: where we listen, our key, which edition of the peers we have, and what was counted."""
        node = self._node
        return dataclasses.replace(
            self.tally.report(node),
            host=self.config.host,
            port=self._port,
            key=self._key,
            edition=self._peers.edition if self._peers else "",
            keep=self.config.keep,
            sharing=node is not None,
        )

    @property
    def neighbours(self) -> dict[str, bool]:
        """Whom this camera may ask and answer now, and whether each keeps the whole list."""
        node = self._node
        return {} if node is None else {name: name in node.peers and node.peers[name].complete for name in node.settings.neighbours}

    def take(self, document: Any) -> None:
        """Take the portal's signed list of neighbours. Nothing changes when it is not accepted."""
        try:
            self._peers = peers.accept(self.folder, document, self.keep.identity, self.name)
        except (PeersRefused, OSError) as error:
            log.error("the neighbours stay as they were: %s", error)
            return
        self._call(self._meet)

    def sync(self, allowed: bool, staff: Staff, threshold: float) -> None:
        """The door's list and threshold now; not `allowed` (mode M0): everything is forgotten and nobody answered."""
        if allowed and self._key and self._wire is None:
            self._wait(self._open())
        if not allowed and self._wire is not None:
            self._wait(self._close())
        if allowed:
            self._call(self._hold, staff, threshold)

    def expected(self) -> tuple[StaffEntry, ...]:
        """Who may come soon."""
        return self._expected

    def ask(self, key: str, probe: np.ndarray, threshold: float) -> None:
        """Whose face is this? `answer(key)` tells, later."""
        self._happen(Sight(key, np.asarray(probe, np.float32), threshold))

    def answer(self, key: str) -> Decided | None:
        """What the others said of it; None while nothing is known."""
        return self._answers.get(key)

    def recognised(self, key: str, person: str, score: float) -> None:
        """The door named somebody by itself: those to whom the person may go are told."""
        self.tally.decided("local", 0.0)
        self._happen(Recognised(key, person, score))

    def unknown(self) -> None:
        """The door's whole list does not hold this face, and nobody had to be asked."""
        self.tally.decided("local", 0.0)

    def gone(self, key: str) -> None:
        """The track has left the picture."""
        self._answers.pop(key, None)
        self._happen(Lost(key))

    async def _live(self, running: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        running.set()
        await self._over.wait()
        await self._close()

    async def _open(self) -> None:
        if self._peers is None:
            return  # the portal has not answered yet
        try:
            self._wire = Wire(peers.authority(self.folder), self._addresses, self._receive, strict=True)
            self._port = await self._listen(self._wire)
        except OSError as error:  # ssl.SSLError is one: a certificate of another key
            self._wire, self._port = None, 0
            log.error("neighbours cannot be met: %s", error)
            return
        settings = Settings(
            self.name, self.keep.identity.site, self.keep.identity.portal_public_key, (), 1.0, SERVER, complete=self.complete, capacity=CAPACITY
        )
        self._node = build(settings)
        self._meet()
        self._carry_out(protocol.start(self._node, time.time()))

    async def _listen(self, wire: Wire) -> int:
        """At the port of agent.toml, else where we listened before, else anywhere."""
        before = self.config.port or peers.last_port(self.folder)
        try:
            port = await wire.open(self.config.host, before)
        except OSError:
            if self.config.port or not before:
                raise
            port = await wire.open(self.config.host, 0)
        peers.keep_port(self.folder, port)
        return port

    async def _close(self) -> None:
        wire, self._wire, self._node, self._port = self._wire, None, None, 0
        self._expected, self._answers = (), {}
        if wire is not None:
            await wire.close()

    def _meet(self) -> None:
        if self._peers is None or self._node is None or self._wire is None:
            return
        self._addresses.clear()
        self._addresses.update({name: at.address for name, at in self._peers.peers.items()})
        meet(self._node, {name: at.whole for name, at in self._peers.peers.items()})
        self._wire.renew(peers.authority(self.folder))
        self._carry_out(protocol.greet(self._node, time.time()))

    def _hold(self, staff: Staff, threshold: float) -> None:
        if self._node is not None:
            news = staff.version != self._node.gallery.version
            hold(self._node, staff.version, staff.people, staff.entries if self.complete else (), threshold)
            self._carry_out(protocol.greet(self._node, time.time()) if news else [])
            self._expect()

    def _receive(self, message: PeerMessage) -> None:
        self.tally.received(message)
        self._handle(message)

    def _handle(self, event: NodeEvent) -> None:
        if self._node is not None:
            self._carry_out(protocol.handle(self._node, event, time.time()))
            self._expect()

    def _expect(self) -> None:
        self._expected = () if self.complete or self._node is None else tuple(entries_now(self._node, time.time()))

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Wake):
                asyncio.get_running_loop().call_later(max(0.0, action.at - time.time()), self._handle, action)
            elif isinstance(action, Decided):
                self._settle(action)
            elif action.to == SERVER:
                self.tally.sent(action, 0)
                self._portal.submit(self._ask_portal, action.message)
            elif action.to in self._addresses:
                self.tally.sent(action, self._wire.send(action.to, action.message))

    def _settle(self, decided: Decided) -> None:
        self.tally.decided(decided.where, decided.seconds)
        self._answers[decided.key] = decided
        while len(self._answers) > ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _ask_portal(self, query: PeerMessage) -> None:
        """The server of the protocol is the portal; its silence is noticed by the asker's own timer."""
        try:
            asked = FaceQuery(probe=query.body["probe"], within_s=query.body["within_s"])
            reply = parsed(FaceQueryAnswer, self.link.call("POST", "/faces", asked.to_json()))
            documents = unseal(reply.sealed, self.keep.key) if reply.sealed else [{}]
            body = {"query": query.id, "entry": documents[0], "wait_s": 0.0, "verdict": reply.verdict, "score": reply.score, "version": reply.version}
            self._call(self._receive, checked(PeerMessage("ANSWER", SERVER, f"{SERVER}-{query.id}", body)))
        except (PortalError, GalleryRejected, MessageRefused, ValueError, KeyError, IndexError, TypeError) as error:
            log.warning("the portal did not say whose face it is: %s", error)

    def _happen(self, event: NodeEvent) -> None:
        self._call(self._handle, event)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _wait(self, work: Any) -> None:
        if self._loop is None:
            work.close()
            return
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
