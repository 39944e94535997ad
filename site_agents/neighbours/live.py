"""The protocol in a running agent: one thread with the wires, fed by the door, silent in mode M0; what it counts is the graph that the portal shows."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from federated.trust import pki
from federated.trust.staff_list import Entry, GalleryRejected, unseal
from site_agents.config import Neighbours
from site_agents.errors import CircleRefused, MessageRefused, PortalError
from site_agents.gallery import Keep, Staff
from site_agents.link import Link
from site_agents.neighbours import circle, protocol
from site_agents.neighbours.messages import Message, checked
from site_agents.neighbours.node import Decided, Event, Known, Lost, Node, Order, Settings, Sight, Wake, build, entries_now, hold, meet
from site_agents.neighbours.tally import Tally
from site_agents.neighbours.wire import Wire

SERVER = "server"
CAPACITY = 100_000.0  # comparisons a second: one is 128 multiplications, what takes time on a camera is the embedding
ANSWERS = 1_000  # decisions kept for the door to fetch
log = logging.getLogger("site_agents.neighbours")


class Company:
    """What a door has of its neighbours. `door` methods (expected, ask, answer, recognised, gone) never wait; everything else may.

    `keep` is the agent's list; `config.keep` "expected" means that this box holds names only and asks others for the rest.
    """

    def __init__(self, folder: Path, keep: Keep, link: Link, config: Neighbours, name: str) -> None:
        self.folder, self.keep, self.link, self.config, self.name = folder, keep, link, config, name
        self.complete = config.keep == "all"
        self.tally = Tally()
        self._key = pki.load_or_make_peer_key(folder / circle.KEY) if config.host else ""
        self._circle = circle.load(folder, keep.seat, name) if config.host else None
        self._node: Node | None = None
        self._wire: Wire | None = None
        self._addresses: dict[str, circle.Address] = {}
        self._port, self._expected, self._answers = 0, (), {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._portal = concurrent.futures.ThreadPoolExecutor(2, "asks-portal")

    def start(self) -> None:
        """Begin to run; nothing is listened to until mode M1 and the portal's papers are there."""
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

    def status(self) -> dict[str, Any]:
        """For the heartbeat: where we listen, our key, which edition of the circle we have, and what was counted."""
        node = self._node
        known = {"edition": self._circle.edition if self._circle else "", "keep": self.config.keep, "sharing": node is not None}
        return {"host": self.config.host, "port": self._port, "key": self._key, **known, **self.tally.report(node)}

    def take(self, said: Any) -> None:
        """Believe the portal's word who the neighbours are. Nothing changes when it is not believed."""
        try:
            self._circle = circle.believe(self.folder, said, self.keep.seat, self.name)
        except (CircleRefused, OSError) as error:
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

    def expected(self) -> tuple[Entry, ...]:
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
        self._happen(Known(key, person, score))

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
        if self._circle is None:
            return  # the portal has not answered yet
        try:
            self._wire = Wire(circle.papers(self.folder), self._addresses, self._hear, strict=True)
            self._port = await self._listen(self._wire)
        except OSError as error:  # ssl.SSLError is one: papers of another key
            self._wire, self._port = None, 0
            log.error("neighbours cannot be met: %s", error)
            return
        settings = Settings(self.name, self.keep.seat.site, self.keep.seat.portal_public_key, (), 1.0, SERVER, complete=self.complete, capacity=CAPACITY)
        self._node = build(settings)
        self._meet()
        self._carry_out(protocol.start(self._node, time.time()))

    async def _listen(self, wire: Wire) -> int:
        """At the port of agent.toml, else where we listened before, else anywhere."""
        before = self.config.port or circle.last_port(self.folder)
        try:
            port = await wire.open(self.config.host, before)
        except OSError:
            if self.config.port or not before:
                raise
            port = await wire.open(self.config.host, 0)
        circle.keep_port(self.folder, port)
        return port

    async def _close(self) -> None:
        wire, self._wire, self._node, self._port = self._wire, None, None, 0
        self._expected, self._answers = (), {}
        if wire is not None:
            await wire.close()

    def _meet(self) -> None:
        if self._circle is None or self._node is None or self._wire is None:
            return
        self._addresses.clear()
        self._addresses.update({name: at.address for name, at in self._circle.peers.items()})
        meet(self._node, {name: at.whole for name, at in self._circle.peers.items()})
        self._wire.renew(circle.papers(self.folder))
        self._carry_out(protocol.greet(self._node, time.time()))

    def _hold(self, staff: Staff, threshold: float) -> None:
        if self._node is not None:
            news = staff.version != self._node.gallery.version
            hold(self._node, staff.version, staff.people, staff.entries if self.complete else (), threshold)
            self._carry_out(protocol.greet(self._node, time.time()) if news else [])
            self._expect()

    def _hear(self, message: Message) -> None:
        self.tally.heard(message)
        self._handle(message)

    def _handle(self, event: Event) -> None:
        if self._node is not None:
            self._carry_out(protocol.handle(self._node, event, time.time()))
            self._expect()

    def _expect(self) -> None:
        self._expected = () if self.complete or self._node is None else tuple(entries_now(self._node, time.time()))

    def _carry_out(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, Wake):
                asyncio.get_running_loop().call_later(max(0.0, order.at - time.time()), self._handle, order)
            elif isinstance(order, Decided):
                self._settle(order)
            elif order.to == SERVER:
                self.tally.sent(order, 0)
                self._portal.submit(self._ask_portal, order.message)
            elif order.to in self._addresses:
                self.tally.sent(order, self._wire.send(order.to, order.message))

    def _settle(self, decided: Decided) -> None:
        self.tally.decided(decided.where, decided.seconds)
        self._answers[decided.key] = decided
        while len(self._answers) > ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _ask_portal(self, query: Message) -> None:
        """The server of the protocol is the portal; its silence is noticed by the asker's own timer."""
        try:
            said = self.link.call("POST", "/faces", {"probe": query.body["probe"], "within_s": query.body["within_s"]}).json()
            documents = unseal(said["sealed"], self.keep.key) if said.get("sealed") else [{}]
            body = {"query": query.id, "entry": documents[0], "wait_s": 0.0, **{key: said[key] for key in ("verdict", "score", "version")}}
            self._call(self._hear, checked(Message("ANSWER", SERVER, f"{SERVER}-{query.id}", body)))
        except (PortalError, GalleryRejected, MessageRefused, ValueError, KeyError, IndexError, TypeError) as error:
            log.warning("the portal did not say whose face it is: %s", error)

    def _happen(self, event: Event) -> None:
        self._call(self._handle, event)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def _wait(self, work: Any) -> None:
        if self._loop is None:
            work.close()
            return
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
