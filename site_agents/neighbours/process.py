"""One agent of the protocol as a real process, started by `processes`: `python -m site_agents.neighbours.process FOLDER NAME --parent PID`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from detectors.files import write_durably
from federated.learning.process import die_with
from federated.trust.pki import Authority
from site_agents.neighbours import gallery, protocol
from site_agents.neighbours.messages import PeerMessage
from site_agents.neighbours.node import Action, Decided, Lost, NodeEvent, PeerNode, Send, Settings, Sight, Wake, build
from site_agents.neighbours.report import SimulationRun
from site_agents.neighbours.simulate import GRACE_S
from site_agents.neighbours.wire import Wire

POLL_S = 0.05


def main() -> int:
    """Live through the plan in the folder and write what was counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--parent", type=int, required=True)
    options = parser.parse_args()
    die_with(options.parent)
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(SimulatedAgent(options.folder, options.name).live())
    return 0


class SimulatedAgent:
    """Drives one node with a real clock and real wires."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.plan: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
        settings = self.plan["settings"]
        self.node: PeerNode = build(Settings(**{**settings, "neighbours": tuple(settings["neighbours"]), "helpers": tuple(settings["helpers"])}))
        gallery.apply(self.node.gallery, json.loads((folder / "gallery.json").read_text()), time.time())
        self.run = SimulationRun({})

    async def live(self) -> None:
        """Listen, wait for the word to go, do what the plan says, write the result."""
        addresses: dict[str, tuple[str, int]] = {}
        pki = self.folder / "pki"
        authority = Authority(pki / "ca.crt", pki / "peers" / f"{self.name}.crt", pki / "peers" / f"{self.name}.key")
        self.wire = Wire(authority, addresses, self._receive)
        _write(self.folder / f"{self.name}.port", await self.wire.open("127.0.0.1", 0))
        while not (self.folder / "go").exists():
            await asyncio.sleep(POLL_S)
        go = json.loads((self.folder / "go").read_text())
        addresses.update({name: ("127.0.0.1", port) for name, port in go["ports"].items()})
        self.run.since = go["start"] + self.plan["since"]
        self._carry_out(protocol.start(self.node, time.time()))
        for visit in self.plan["visits"]:
            self._at(go["start"] + visit["t"], Sight(visit["key"], np.array(visit["probe"], np.float32)))
            self._at(go["start"] + visit["until"], Lost(visit["key"]))
        await asyncio.sleep(max(0.0, go["start"] + self.plan["end"] + GRACE_S - time.time()))
        await self.wire.close()
        _write(self.folder / f"{self.name}.result", self._result())

    def _receive(self, message: PeerMessage) -> None:
        self.run.received(self.name, message.kind, time.time())
        self._happen(message)

    def _happen(self, event: NodeEvent) -> None:
        self._carry_out(protocol.handle(self.node, event, time.time()))

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self.run.sent(action.message.kind, self.wire.send(action.to, action.message), time.time())
            elif isinstance(action, Wake):
                self._at(action.at, action)
            elif isinstance(action, Decided):
                self.run.decided[action.key] = action

    def _at(self, t: float, event: NodeEvent) -> None:
        asyncio.get_running_loop().call_later(max(0.0, t - time.time()), self._happen, event)

    def _result(self) -> dict[str, Any]:
        decided = [[each.key, each.person, each.score, each.where, each.seconds] for each in self.run.decided.values()]
        counted = {"messages": self.run.messages, "bytes": self.run.bytes, "asked_server": self.run.asked_server, "refused": self.node.refused}
        return {"decided": decided, **counted}


def _write(path: Path, content: object) -> None:
    write_durably(path, json.dumps(content))


if __name__ == "__main__":
    sys.exit(main())
