"""The live wall's socket: asks the agents for frames while somebody looks, and passes on the newest frame of each camera."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from portal.accounts.models import User
from portal.live import queries
from portal.live.base import PAUSE_S, PortalConsumer

WATCH_S = 10  # how long one "somebody looks" lasts; the browser repeats it
POLL_S = 0.5
MOST = 500  # cameras on one screen
HEAD = struct.Struct(">I")  # before each JPEG: the camera's number


class WallConsumer(PortalConsumer):
    """The browser says `{visible: true, cameras: [...]}` every few seconds while its page shows; without that nothing is asked of any agent.

    `cameras` are those on its screen: only their frames are asked for and sent; without it all of them. States are sent of every camera.

    Frames go out as binary messages (4 bytes camera number, then the JPEG) after a JSON message with each camera's state and the age of its frame.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.looked, self.sent, self.shown = 0.0, {}, None

    def groups_of(self, user: User) -> set[str]:
        return set()

    def take(self, message: dict[str, Any]) -> None:
        if isinstance(numbers := message.get("cameras"), list):
            self.shown = {number for number in numbers[:MOST] if isinstance(number, int)}
        if message.get("visible") is True:
            self.looked = asyncio.get_running_loop().time()
        elif "visible" in message:
            self.looked, self.sent = 0.0, {}

    async def deliver(self, user: User) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self.looked > WATCH_S:
            return
        cameras, frames = await self.read(look, user, self.shown)
        await self.send_json({"type": "wall", "now": timezone.now().timestamp(), "cameras": cameras})
        for camera in cameras:
            frame = frames.get(camera["id"])
            mark = frame and hashlib.blake2b(frame, digest_size=16).digest()
            if frame and self.sent.get(camera["id"]) != mark:
                await self.send(bytes_data=HEAD.pack(camera["id"]) + frame)
                self.sent[camera["id"]] = mark
        loop.call_later(POLL_S - PAUSE_S, self.due.set)


def look(user: User, shown: set[int] | None = None) -> tuple[list[dict[str, Any]], dict[int, bytes]]:
    """The cameras the user may see with their state, and the newest frames of those that are shown; tells their agents that somebody looks."""
    cameras = queries.wall(user)
    ids = [camera["id"] for camera in cameras if shown is None or camera["id"] in shown]
    cache.set_many({f"watch:{pk}": True for pk in ids}, timeout=WATCH_S)
    found = cache.get_many([f"frame:{pk}" for pk in ids])
    return cameras, {pk: bytes(found[f"frame:{pk}"]) for pk in ids if f"frame:{pk}" in found}
