"""Progress of one training run or one analysis case: the whole state is read again at each message and sent as one JSON object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.accounts.models import User
from portal.analysis.queries import case_state
from portal.live.base import FORBIDDEN, PortalConsumer
from portal.training.runs.queries import run_state


class StateConsumer(PortalConsumer):
    """`query` is a function (user, id) -> dict or None; None, also after a role was taken away, closes the socket."""

    prefix = ""
    query: Callable[[User, str], dict[str, Any] | None]

    async def connect(self) -> None:
        self.id = self.scope["url_route"]["kwargs"]["id"]
        await super().connect()
        self.due.set()

    def groups_of(self, user: User) -> set[str]:
        return {f"{self.prefix}-{self.id}"}

    def take(self, message: dict[str, Any]) -> None:
        """Every message means the same: something changed."""

    async def deliver(self, user: User) -> None:
        state = await self.read(self.query, user, self.id)
        if state is None:
            await self.close(FORBIDDEN)
        else:
            await self.send_json({"type": "state", "state": state})


class RunConsumer(StateConsumer):
    prefix = "run"
    query = staticmethod(run_state)


class CaseConsumer(StateConsumer):
    prefix = "case"
    query = staticmethod(case_state)
