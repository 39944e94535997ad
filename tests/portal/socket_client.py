"""A WebSocket client inside the test process (Channels' own needs daphne, which is not installed)."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator


def in_one_loop(test: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    """Let pytest call an async test as an ordinary one."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> Any:
        return async_to_sync(test)(*arguments, **named)

    return run


class SocketClient(ApplicationCommunicator):
    """Talks to one consumer; `user` and `session` are what the portal's middleware would have put into the scope."""

    def __init__(self, consumer: type, user: Any, session: Any, **kwargs: str):
        scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "subprotocols": []}
        super().__init__(consumer.as_asgi(), {**scope, "user": user, "session": session, "url_route": {"kwargs": kwargs}})

    async def connect(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(5))["type"] == "websocket.accept"

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)

    async def send_message(self, message: dict[str, Any]) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive_message(self) -> Any:
        """The next message: decoded JSON, or bytes."""
        message = await self.receive_output(5)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"]) if message.get("text") else message["bytes"]

    async def close_code(self) -> int:
        """The code the socket is closed with, whatever was said before."""
        while (message := await self.receive_output(5))["type"] != "websocket.close":
            pass
        return message["code"]
