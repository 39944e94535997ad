"""Before a WebSocket reaches a consumer: one with no address, or from no origin, is refused; Channels would fail on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

App = Callable[[Mapping[str, Any], Any, Any], Awaitable[None]]


async def nowhere(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """The end of the list of addresses: there is no such WebSocket (403)."""
    await send({"type": "websocket.close"})


def from_somewhere(app: App) -> App:
    """Refuse (403) what names an origin that is no address at all."""

    async def answer(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        origins = [value.decode("latin1") for name, value in scope["headers"] if name == b"origin"]
        return await (app if all(map(_is_address, origins)) else nowhere)(scope, receive, send)

    return answer


def _is_address(origin: str) -> bool:
    try:
        return urlsplit(origin).port != 0
    except ValueError:
        return False
