"""Made-up footage, homes and live federations for the federated tests."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from federated_wire import Tap

from federated.learning import control, process
from federated.trust import pki
from tests.waiting import wait_for


def make_footage(folder: Path, seed: int, frames: int = 80) -> Path:
    """A grey scene with sensor noise and a block that walks through it, as an agent would have kept it."""
    rng = np.random.default_rng(seed)
    clip = np.full((frames, 160, 240), 90, np.uint8) + rng.integers(0, 3, (frames, 160, 240), dtype=np.uint8)
    for index in range(frames):
        left = (index * 3 + seed * 40) % 220
        clip[index, 60:100, left : left + 16] = 200
    kept = folder / "training" / "anomaly"
    kept.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(kept / "000.npz", frames=clip)
    return folder


class Federation:
    """A real SuperLink and real SuperNodes on loopback TLS; everything ends with `close`."""

    def __init__(self, root: Path):
        self.root, self.home = root, root / "home"
        self.control, self.fleet = f"127.0.0.1:{process.free_port()}", f"127.0.0.1:{process.free_port()}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ids: dict[str, str] = {}
        self.tap: Tap | None = None

    def start_superlink(self) -> control.ControlLink:
        """Start (or start again) and wait until it answers."""
        self.spawn("superlink", ["federated.learning.superlink", "--home", str(self.home), "--control", self.control, "--fleet", self.fleet])
        wait_for(self.answers, "the SuperLink")
        self.link = control.ControlLink.of(self.home)
        self.tap = self.tap or Tap(self.home / "pki", self.fleet)
        return self.link

    def add_site(self, name: str, *, register: bool = True, tapped: bool = False) -> Path:
        """An enrolled agent's folder with footage; everything a tapped one says goes through `tap`."""
        folder = make_footage(self.root / name, len(self.ids))
        public = pki.make_node_key(folder / "node.key")
        portal = {"fleet": {"address": self.tap.address if tapped else self.fleet, "ca_pem": (self.home / "pki" / "ca.crt").read_text()}}
        (folder / "portal.json").write_text(json.dumps(portal))
        if register:
            self.ids[name] = control.register_node(public, link=self.link)
        return folder

    def start_node(self, name: str) -> None:
        """Start a site's SuperNode and executor."""
        self.spawn(name, ["federated.learning.node", "--home", str(self.root / name)])

    def online(self) -> set[str]:
        """Names of the sites that are there."""
        there = {node.id for node in control.nodes(link=self.link) if node.state == "online"}
        return {name for name, node in self.ids.items() if node in there}

    def log(self, name: str) -> str:
        """What a process has written so far."""
        return (self.root / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        """Stop everything."""
        process.stop(list(self.processes.values()), grace_s=8)
        if self.tap:
            self.tap.close()

    def answers(self) -> bool:
        assert self.processes["superlink"].poll() is None, self.log("superlink")
        with contextlib.suppress(control.FederationError):
            control.nodes(link=control.ControlLink.of(self.home, self.control))
            return True
        return False

    def spawn(self, name: str, arguments: list[str]) -> None:
        with (self.root / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen([sys.executable, "-m", *arguments], env=process.calm_environment(), stdout=log, stderr=log)


@contextlib.contextmanager
def federation(root: Path, sites: int = 3) -> Iterator[Federation]:
    """A SuperLink with so many sites, all online."""
    live = Federation(root)
    try:
        live.start_superlink()
        for index in range(sites):
            live.add_site(f"site{index}", tapped=index == 1)
            live.start_node(f"site{index}")
        wait_for(lambda: len(live.online()) == sites, "the sites", 40)
        yield live
    finally:
        live.close()
