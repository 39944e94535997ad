"""How much a request may carry, decided by its header before a byte of it is read: Django would first write it to the temporary disk, whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from portal.core.numbers import DIGITS

App = Callable[[Mapping[str, Any], Any, Any], Awaitable[None]]
MANY = 128 * 2**20  # two pictures of 50 MB and what stands beside them in a form


def bounded(app: App, pieces: Mapping[str, int]) -> App:
    """Refuse with 413 what is larger than `MANY`, or than the limit of its address (a beginning of the path), and with 411 a piece of unknown length."""

    async def answer(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        limit = next((limit for start, limit in pieces.items() if scope["path"].startswith(start)), None)
        announced = headers.get(b"content-length", b"")
        if limit is not None and b"transfer-encoding" in headers and not announced:
            return await _refuse(send, 411, b"the length of a piece must be announced")
        if announced.isdigit() and (len(announced) > DIGITS or int(announced) > (limit or MANY)):
            return await _refuse(send, 413, b"the request is too large")
        return await app(scope, receive, send)

    return answer


async def _refuse(send: Any, status: int, why: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"error": ["' + why + b'"]}'})
