"""What every WebSocket of the portal does: let in who may, read again before each message, merge bursts, never trust the channel layer alone."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth import HASH_SESSION_KEY
from django.db import Error as DatabaseError
from django.utils import translation
from django.utils.crypto import constant_time_compare
from redis.exceptions import RedisError

from portal.accounts import queries, sessions
from portal.accounts.models import User

SIGNED_OUT, FORBIDDEN, TRY_AGAIN, FAILED = 4401, 4403, 1013, 1011  # close codes; socket.js comes back after any other than the first two
PAUSE_S = 0.15  # between two messages to one browser: a burst becomes one message, a first event waits for nothing
log = logging.getLogger(__name__)


class PortalConsumer(AsyncJsonWebsocketConsumer):
    """A subclass says which groups it listens to (`groups_of`), what it takes in (`take`) and what it answers (`deliver`).

    Messages only mark work as due; one task per browser does the work and waits for the socket, so a slow browser holds up nobody and
    piles up nothing: what it missed is read once, in its newest state, when it is ready.
    """

    language = "en"

    async def connect(self) -> None:
        self.due, self.listening, self.task = asyncio.Event(), set(), None
        user = await self.reader()
        if user is None:
            await self.accept()  # a browser learns a close code only from an open socket
            await self.close(SIGNED_OUT)
            return
        await self.accept()
        try:
            await self.listen(user)
        except (RedisError, OSError) as error:
            log.warning("channel layer away: %s", error)
            await self.close(TRY_AGAIN)
            return
        self.task = asyncio.create_task(self.work())

    async def disconnect(self, code: int) -> None:
        if self.task:
            self.task.cancel()
        for group in self.listening:
            try:
                await self.channel_layer.group_discard(group, self.channel_name)
            except (RedisError, OSError):
                log.info("left %s without telling the channel layer, which is away", group)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **named: Any) -> None:
        """Only texts are taken; of anything else Channels makes an exception."""
        await (super().receive(text_data, bytes_data, **named) if text_data else self.close(FORBIDDEN))

    async def receive_json(self, content: Any, **_: Any) -> None:
        if not isinstance(content, dict):
            await self.close(FORBIDDEN)
            return
        language = content.get("language")
        self.language = language if language in ("en", "it") else self.language
        self.take(content)
        self.due.set()

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        try:
            return await super().decode_json(text_data)
        except (ValueError, RecursionError):
            return None  # closed in receive_json

    async def push(self, event: dict[str, Any]) -> None:
        """A message of the channel layer: ids only."""
        self.take(event["message"])
        self.due.set()

    async def listen(self, user: User) -> None:
        """Join the groups this user may hear now, leave the others."""
        wanted = {*await database_sync_to_async(self.groups_of)(user), sessions.group_of(user)}  # the last: its sessions may be ended
        for group in wanted - self.listening:
            await self.channel_layer.group_add(group, self.channel_name)
        for group in self.listening - wanted:
            await self.channel_layer.group_discard(group, self.channel_name)
        self.listening = wanted

    async def work(self) -> None:
        """Deliver whenever something is due, to a user whose session and account are looked up again each time."""
        while True:
            await self.due.wait()
            self.due.clear()
            try:
                user = await self.reader()
                if user is None:
                    return await self.close(SIGNED_OUT)
                await self.listen(user)
                await self.deliver(user)
            except (DatabaseError, RedisError, OSError) as error:
                log.warning("a browser must come back later: %s", error)
                return await self.close(TRY_AGAIN)
            except Exception:
                log.exception("%s failed", type(self).__name__)
                return await self.close(FAILED)
            await asyncio.sleep(PAUSE_S)

    async def read(self, function: Any, *arguments: Any) -> Any:
        """Call a query in the browser's language."""

        def call() -> Any:
            with translation.override(self.language):
                return function(*arguments)

        return await database_sync_to_async(call)()

    @database_sync_to_async
    def reader(self) -> User | None:
        """The signed-in user, fresh from the database; None when signed out, closed, or not yet past what the first pages ask (password, second factor)."""
        user, session = self.scope.get("user"), self.scope.get("session")
        if user is None or not user.is_authenticated or session is None or not session.exists(session.session_key or ""):
            return None
        fresh = User.objects.filter(pk=user.pk, is_active=True, must_change_password=False).first()
        if fresh is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), fresh.get_session_auth_hash()):
            return None
        return None if queries.lacks_second_factor(fresh) else fresh

    def groups_of(self, user: User) -> set[str]:
        raise NotImplementedError

    def take(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    async def deliver(self, user: User) -> None:
        raise NotImplementedError
