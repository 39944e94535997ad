"""A grid in this process: the real client application and the real rounds with no network, for tests, attacks and simulations (0.2 s a round)."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flwr.app import Context, Error, Message, RecordDict
from flwr.app.exception import AppExitException as AppExitException  # what Flower's own strategies raise on replies that do not fit
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

FIRST_NODE = 100
Tamper = Callable[[Message], Message | None]


class LocalGrid(Grid):
    """One node a folder, numbered from 100. `offline` nodes are not there, `silent` ones never answer, `tamper` maps a node to what it does to its replies."""

    def __init__(self, app: ClientApp, folders: Iterable[Path], run_config: Mapping[str, Any], run_id: int = 1):
        self.app, self.run_id, self.box = app, run_id, dict[str, Message]()
        self.offline, self.silent, self.tamper = set[int](), set[int](), dict[int, Tamper]()
        contexts = (Context(run_id, FIRST_NODE + index, {"folder": str(folder)}, RecordDict(), dict(run_config)) for index, folder in enumerate(folders))
        self.contexts = {context.node_id: context for context in contexts}
        TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, run_id, 1

    def set_run(self, run: Any) -> None:
        """Part of Flower's interface; a local run needs none."""

    @property
    def run(self) -> Any:
        """The run, as far as anybody asks."""
        return SimpleNamespace(run_id=self.run_id)

    def create_message(self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None) -> Message:
        """Part of Flower's interface."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        """Who is online."""
        return [node for node in self.contexts if node not in self.offline]

    def get_nodes(self) -> list[Any]:
        """Who is online, as Flower's records."""
        from flwr.proto.node_pb2 import NodeInfo

        return [NodeInfo(node_id=node) for node in self.get_node_ids()]

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Let each node work at once and keep its reply until it is pulled."""
        return [self._deliver(message) for message in messages]

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """The replies to these messages that have come."""
        return [self.box.pop(each) for each in list(message_ids) if each in self.box]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """Both in one."""
        return self.pull_messages(self.push_messages(messages))

    def _deliver(self, message: Message) -> str:
        message = copy.deepcopy(message)  # nodes share no memory
        identifier, node = uuid.uuid4().hex, message.metadata.dst_node_id
        message.metadata.__dict__.update(_message_id=identifier, _run_id=self.run_id, _src_node_id=1)
        if node not in self.silent:
            reply = self.tamper.get(node, lambda same: same)(self.work(message, node))
            if reply is not None:
                self.box[identifier] = reply
        return identifier

    def work(self, message: Message, node: int) -> Message:
        try:
            return self.app(message, self.contexts[node])
        except Exception as error:  # noqa: BLE001 - the edge of a node: Flower's own runtime turns every exception into an error reply
            return Message(Error(code=2, reason=str(error)), reply_to=message)
