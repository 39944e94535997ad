"""The protocol's wires between real processes: messages with a length before them, over mutual TLS; a wire that breaks loses messages and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Mapping

from federated.trust.pki import Authority
from site_agents.errors import MessageRefused
from site_agents.neighbours.messages import HEADER, LARGEST, PeerMessage, decode, encode

WAITING, PATIENCE_S = 1_000, 5.0  # messages that wait for one peer, seconds for one connection
log = logging.getLogger("site_agents.neighbours")


def contexts(authority: Authority) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the listening and for the calling end: both show their own certificate and accept only the site's authority. TLS 1.3 only."""
    listening, calling = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in (listening, calling):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
        context.load_cert_chain(authority.certificate, authority.key)
    return listening, calling


class Wire:
    """One agent's listener and its connections to the peers in `addresses` (name to host and port); every message that came goes to `hear`.

    `strict`: only who has an address is heard; a certificate alone is not enough any more.
    """

    def __init__(self, authority: Authority, addresses: Mapping[str, tuple[str, int]], receive: Callable[[PeerMessage], None], strict: bool = False) -> None:
        self._listening, self._calling = contexts(authority)
        self._addresses, self._receive, self._strict = addresses, receive, strict
        self._waiting: dict[str, asyncio.Queue[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._incoming: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    def renew(self, authority: Authority) -> None:
        """Show a newer certificate from the next connection on."""
        for context in (self._listening, self._calling):
            context.load_verify_locations(authority.ca)
            context.load_cert_chain(authority.certificate, authority.key)

    async def open(self, host: str, port: int) -> int:
        """Listen; the port that it is (0: any)."""
        self._server = await asyncio.start_server(self._take, host, port, ssl=self._listening, ssl_handshake_timeout=PATIENCE_S)
        return int(self._server.sockets[0].getsockname()[1])

    def send(self, to: str, message: PeerMessage) -> int:
        """Put a message on its way and return its size in bytes; when too many wait for a dead peer, it is dropped."""
        content = encode(message)
        framed = len(content).to_bytes(HEADER, "big") + content
        if to not in self._waiting:
            self._waiting[to] = asyncio.Queue(WAITING)
            self._tasks.add(asyncio.create_task(self._carry(to, self._waiting[to])))
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting[to].put_nowait(framed)
        return len(framed)

    async def close(self) -> None:
        """End every connection."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._incoming.values():
            writer.transport.abort()  # its reader ends by itself: a cancelled one would fill the log
        await asyncio.gather(*self._tasks, *self._incoming, return_exceptions=True)

    async def _carry(self, to: str, queue: asyncio.Queue[bytes]) -> None:
        """Messages to one peer, over one connection as long as it holds; what cannot be sent is dropped: the asker's timer does the rest."""
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        try:
            while True:
                framed = await queue.get()
                try:
                    if reader and reader.at_eof():  # the peer hung up: a first write into such a connection is lost without an error
                        writer = _ended(writer)
                    if writer is None:
                        reader, writer = await self._call(to)
                    writer.write(framed)
                    await writer.drain()
                except (OSError, TimeoutError) as error:
                    log.info("%s cannot be reached: %s", to, error)
                    writer = _ended(writer)
        finally:
            _ended(writer)

    async def _call(self, to: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._addresses[to]
        async with asyncio.timeout(PATIENCE_S):  # wait_for of Python 3.11 can swallow that we are being closed
            return await asyncio.open_connection(host, port, ssl=self._calling, server_hostname=to)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Messages of one peer, until it ends or sends something that is not accepted."""
        names = {name for kind, name in writer.get_extra_info("peercert").get("subjectAltName", ()) if kind == "DNS"}
        self._incoming[task := asyncio.current_task()] = writer
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(HEADER), "big")
                if size > LARGEST:
                    raise MessageRefused(f"a message of {size} bytes is too large")
                message = decode(await reader.readexactly(size))
                if message.src not in names:
                    raise MessageRefused(f"{', '.join(names)} speaks for {message.src}")
                if self._strict and message.src not in self._addresses:
                    raise MessageRefused(f"{message.src} is none of ours any more")
                self._receive(message)
        except (MessageRefused, asyncio.IncompleteReadError, OSError) as error:
            log.info("a connection of %s ends: %s", ", ".join(names), error)
        finally:
            del self._incoming[task]
            _ended(writer)


def _ended(writer: asyncio.StreamWriter | None) -> None:
    if writer:
        writer.close()
