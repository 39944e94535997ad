"""Progress of one training run or one analysis case: the whole state is read again at each message and sent as one JSON object."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from portal.accounts.models import User
from portal.live.base import FORBIDDEN, PortalConsumer


class StateConsumer(PortalConsumer):
    """`query` names a function (user, id) -> dict or None; None, also after a role was taken away, closes the socket."""

    prefix = ""
    query = ("", "")

    async def connect(self) -> None:
        self.id = self.scope["url_route"]["kwargs"]["id"]
        await super().connect()
        self.due.set()

    def groups_of(self, user: User) -> set[str]:
        return {f"{self.prefix}-{self.id}"}

    def take(self, message: dict[str, Any]) -> None:
        """Every message means the same: something changed."""

    async def deliver(self, user: User) -> None:
        module, name = self.query
        state = await self.read(getattr(import_module(module), name), user, self.id)
        if state is None:
            await self.close(FORBIDDEN)
        else:
            await self.send_json({"type": "state", "state": state})


class RunConsumer(StateConsumer):
    prefix = "run"
    query = ("portal.training.runs.queries", "run_state")


class CaseConsumer(StateConsumer):
    prefix = "case"
    query = ("portal.analysis.queries", "case_state")
