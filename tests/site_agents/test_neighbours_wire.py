"""Real sockets and real certificates: who is not of the site is not heard, and nobody speaks for another."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from neighbours_lab import load

from federated.trust.pki import ensure_peer
from site_agents.neighbours.messages import HEADER, LARGEST, PeerMessage, decode, encode
from site_agents.neighbours.wire import Wire, contexts

HELLO = PeerMessage("LOAD", "hall", "hall-1", load())


@contextlib.asynccontextmanager
async def gate(folder: Path) -> AsyncIterator[tuple[asyncio.Queue[PeerMessage], int]]:
    """The gate's open wire: what it heard, and its port."""
    received: asyncio.Queue[PeerMessage] = asyncio.Queue()
    wire = Wire(ensure_peer(folder, "gate"), {}, received.put_nowait)
    try:
        yield received, await wire.open("127.0.0.1", 0)
    finally:
        await wire.close()


async def soon(received: asyncio.Queue[PeerMessage]) -> PeerMessage:
    return await asyncio.wait_for(received.get(), 10)


async def call(folder: Path, port: int, name: str = "hall", asks_for: str = "gate") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, ssl=contexts(ensure_peer(folder, name))[1], server_hostname=asks_for)


async def is_hung_up_on(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 10) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def framed(content: bytes) -> bytes:
    return len(content).to_bytes(HEADER, "big") + content


def test_a_message_arrives_and_is_the_one_that_was_sent(tmp_path):
    async def play() -> PeerMessage:
        async with gate(tmp_path) as (received, port):
            hall = Wire(ensure_peer(tmp_path, "hall"), {"gate": ("127.0.0.1", port)}, print)
            size = hall.send("gate", HELLO)
            assert size == len(encode(HELLO)) + HEADER
            message = await soon(received)
            await hall.close()
            return message

    assert asyncio.run(play()) == HELLO


def test_nobody_speaks_for_another(tmp_path):
    async def play() -> tuple[bool, bool]:
        async with gate(tmp_path) as (received, port):
            reader, writer = await call(tmp_path, port, "yard")
            writer.write(framed(encode(HELLO)))
            return await is_hung_up_on(reader), received.empty()

    assert asyncio.run(play()) == (True, True)


@pytest.mark.parametrize(
    "content", [framed(b"not json"), (LARGEST + 1).to_bytes(HEADER, "big"), framed(b'{"kind":"LOAD"}')], ids=["no json", "too large", "half a message"]
)
def test_whoever_says_nonsense_is_hung_up_on(tmp_path, content):
    async def play() -> tuple[bool, bool]:
        async with gate(tmp_path) as (received, port):
            reader, writer = await call(tmp_path, port)
            writer.write(content)
            return await is_hung_up_on(reader), received.empty()

    assert asyncio.run(play()) == (True, True)


def test_a_certificate_of_another_site_is_not_heard(tmp_path):
    async def play() -> bool:
        async with gate(tmp_path / "ours") as (received, port):
            foreign, ours = contexts(ensure_peer(tmp_path / "theirs", "hall"))[1], ensure_peer(tmp_path / "ours", "gate")
            foreign.load_verify_locations(ours.ca)  # it believes us; we do not believe it
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=foreign, server_hostname="gate")
            with contextlib.suppress(ConnectionError):
                writer.write(framed(encode(HELLO)))
            return await is_hung_up_on(reader) and received.empty()

    assert asyncio.run(play())


def test_without_a_certificate_nobody_is_heard(tmp_path):
    async def play() -> bool:
        async with gate(tmp_path) as (received, port):
            bare = ssl.create_default_context(cafile=ensure_peer(tmp_path, "gate").ca)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=bare, server_hostname="gate")
            with contextlib.suppress(ConnectionError):
                writer.write(framed(encode(HELLO)))
            return await is_hung_up_on(reader) and received.empty()

    assert asyncio.run(play())


def test_whoever_answers_at_the_address_must_be_the_one_meant(tmp_path):
    async def play() -> None:
        async with gate(tmp_path) as (_, port):
            with pytest.raises(ssl.SSLCertVerificationError, match="yard"):
                await call(tmp_path, port, asks_for="yard")

    asyncio.run(play())


def test_a_peer_that_is_away_loses_messages_and_hears_again_when_it_is_back(tmp_path):
    async def play() -> PeerMessage:
        addresses: dict[str, tuple[str, int]] = {"gate": ("127.0.0.1", 1)}
        hall = Wire(ensure_peer(tmp_path, "hall"), addresses, print)
        hall.send("gate", HELLO)
        async with gate(tmp_path) as (received, port):
            addresses["gate"] = ("127.0.0.1", port)
            message = await _sent_until_received(lambda: hall.send("gate", PeerMessage("LOAD", "hall", "hall-2", load())), received)
            await hall.close()
            return message

    assert asyncio.run(play()).id == "hall-2"


def test_a_message_is_not_lost_in_a_connection_that_the_peer_has_ended(tmp_path):
    """A camera that does not know its neighbours yet ends the connection of the first greeting; what is sent after that must arrive."""

    async def play() -> list[PeerMessage]:
        received: list[PeerMessage] = []
        ended: asyncio.Queue[None] = asyncio.Queue()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            size = int.from_bytes(await reader.readexactly(HEADER), "big")
            received.append(decode(await reader.readexactly(size)))
            writer.close()
            await writer.wait_closed()  # TLS: the other end has answered the goodbye
            ended.put_nowait(None)

        server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=contexts(ensure_peer(tmp_path, "gate"))[0])
        hall = Wire(ensure_peer(tmp_path, "hall"), {"gate": ("127.0.0.1", server.sockets[0].getsockname()[1])}, print)
        for message in (HELLO, PeerMessage("LOAD", "hall", "hall-2", load()), PeerMessage("LOAD", "hall", "hall-3", load())):
            hall.send("gate", message)
            await asyncio.wait_for(ended.get(), 10)
        await hall.close()
        server.close()
        return received

    assert [message.id for message in asyncio.run(play())] == ["hall-1", "hall-2", "hall-3"]


async def _sent_until_received(send: Callable[[], int], received: asyncio.Queue[PeerMessage]) -> PeerMessage:
    for _ in range(100):
        send()
        with contextlib.suppress(TimeoutError):
            message = await asyncio.wait_for(received.get(), 0.2)
            if message.id == "hall-2":
                return message
    raise AssertionError("never heard")
