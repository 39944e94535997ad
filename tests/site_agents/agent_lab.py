"""Agents for tests: folders, configurations, events, made-up scenes, and waiting for a condition."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import detectors
from detectors import onnxfile, weights
from detectors.files import write_durably
from detectors.types import Frame, uuid7
from federated.contract.events import AgentEvent
from federated.contract.heartbeat import HeartbeatAnswer
from federated.trust import csr, pki, signing
from site_agents import credentials
from site_agents.clock import Clock
from site_agents.link import PortalLink
from site_agents.signed_config import Identity
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
FOOTAGE = ROOT / "infra" / "footage"
PLACE = {"site": "miracles", "camera": "square"}
CELLS = [(x / 4, y / 4) for x in range(4) for y in range(4)]
GRID = [{"name": f"{x}/{y}", "polygon": [[x, y], [x + 0.25, y], [x + 0.25, y + 0.25], [x, y + 0.25]]} for x, y in CELLS]
RULES = [{"kind": "person_in_zone", "zone": each["name"], "min_s": 0, "cooldown_s": 0} for each in GRID]


def write_config(folder: Path, portal: str, *, path: str = "square.webm", **source: Any) -> Path:
    """An agent.toml; `source` are further keys of [source]."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"kind": "file", "path": path if "://" in path else str(FOOTAGE / path), "loop": True, **source}
    lines = [
        f"name = {json.dumps(folder.name)}",
        f"portal = {json.dumps(portal)}",
        "[source]",
        *(f"{key} = {json.dumps(value)}" for key, value in values.items()),
    ]
    (folder / "agent.toml").write_text("\n".join(lines) + "\n")
    return folder / "agent.toml"


def enrolled(folder: Path, peer: Any) -> PortalLink:
    """Keys and portal.json as enrolment leaves them, known to the peer."""
    from portal_peer import AGENT

    folder.mkdir(parents=True, exist_ok=True)
    key = signing.load_or_make_key(folder / "key.pem")
    pki.make_node_key(folder / "node.key")
    peer.agent_key = signing.public_text(key)
    portal = {"agent_id": AGENT, **PLACE, "portal_public_key": peer.public, "fleet": None}
    (folder / "portal.json").write_text(json.dumps(portal))
    write_durably(folder / credentials.CERTIFICATE, peer.certificate(csr.make(key, AGENT))["certificate"])
    return PortalLink("http://127.0.0.1:1", key, AGENT, Clock())


def identity(peer: Any) -> Identity:
    return Identity(**PLACE, portal_public_key=peer.public)


def event(t: float | None = None, **changes: Any) -> AgentEvent:
    """An event as the agent makes it, before the outbox gave it its number."""
    t = time.time() if t is None else t
    made = AgentEvent(id=uuid7(t), site="miracles", camera="square", t=t, seq=0, kind="person_in_zone", score=0.7, legal_mode="M0", data={"zone": "steps"})
    return dataclasses.replace(made, **changes)


def heartbeat_answer(fields: dict[str, Any]) -> HeartbeatAnswer:
    """A portal's answer, as the agent parses it."""
    return HeartbeatAnswer.parse({"now": time.time(), **fields})


def jpeg(shade: int = 0, side: int = 32) -> bytes:
    """A small JPEG; each shade is another picture."""
    picture = np.full((side, side, 3), shade % 256, np.uint8)
    picture[0, 0] = (shade // 256) % 256
    cv2.putText(picture, str(shade), (0, 20), cv2.FONT_HERSHEY_PLAIN, 0.7, (255, 255, 255))
    return cv2.imencode(".jpg", picture)[1].tobytes()


def other_weights(name: str = "anomaly", note: str = "published") -> bytes:
    """The release's own weights with another sha256: a remark is added to the file, as one field more of its protobuf."""
    text = note.encode()
    return weights.find(detectors.entry(name).weights).read_bytes() + onnxfile.key(6, 2) + onnxfile.varint(len(text)) + text


def numbers_of(model: bytes) -> Iterator[bytes]:
    """The raw weights inside an ONNX file."""
    graph = next(value for number, value, _ in onnxfile.fields(model) if number == 7)
    for tensor in (value for number, value, _ in onnxfile.fields(graph) if number == 5):
        yield from (bytes(value) for number, value, _ in onnxfile.fields(tensor) if number == 9)


def senseless_weights() -> bytes:
    """An anomaly net that opens and runs, and gives NaN."""
    model = other_weights()
    largest = max(numbers_of(model), key=len)
    return model.replace(largest, b"\xff\x7e" * (len(largest) // 2))


def perturbed_weights(share: float, seed: int = 1) -> bytes:
    """An anomaly net whose every weight is off by about this share: 0.3 sees what the release sees, 3 is blind."""
    rng, model = np.random.default_rng(seed), other_weights()
    for raw in numbers_of(model):
        values = np.frombuffer(raw, np.float32)
        model = model.replace(raw, (values * (1 + share * rng.standard_normal(values.shape))).astype(np.float32).tobytes(), 1)
    return model


def lively(count: int = 60, loud: range = range(30, 45), *, start: int = 0) -> Iterator[Frame]:
    """What `keep_footage` keeps as ordinary, with wild movement at the frames `loud`."""
    rng = np.random.default_rng(9)
    for n in range(start, start + count):
        image = rng.integers(90, 100, (160, 240), dtype=np.uint8)
        image[60:80, 2 * n % 200 : 2 * n % 200 + 20] = 200
        if n in loud:
            image[100:140, 15 * n % 180 : 15 * n % 180 + 50] = rng.integers(0, 255, (40, 50))
        yield Frame(np.repeat(image[:, :, None], 3, 2), "square", 1000 + n * 0.2, n)


def keep_footage(folder: Path, clips: int = 1, frames: int = 50) -> None:
    """Small grey frames of a camera's normal life, as training keeps them: a little noise, and a block that wanders."""
    rng, target = np.random.default_rng(5), folder / "training" / "anomaly"
    target.mkdir(parents=True, exist_ok=True)
    for number in range(clips):
        kept = rng.integers(90, 100, (frames, 160, 240), dtype=np.uint8)
        for n in range(frames):
            kept[n, 60:80, 2 * n : 2 * n + 20] = 200
        np.savez_compressed(target / f"{number:015d}.npz", frames=kept)


def scene(n: int = 0, *, t: float | None = None, size: tuple[int, int] = (96, 128), seed: int = 1) -> Frame:
    """A textured frame that differs a little from its neighbours."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 255, (size[0] // 8, size[1] // 8, 3), dtype=np.uint8), size[::-1])
    image[:8, n % (size[1] - 8) : n % (size[1] - 8) + 8] = 255
    return Frame(image, "square", 1000.0 + n * 0.2 if t is None else t, n)


class Program:
    """An agent in a process of its own."""

    def __init__(self, config: Path, *arguments: str) -> None:
        self.log = config.parent / "agent.log"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "site_agents", *(arguments or ("run",)), "--config", str(config)]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=config.parent)

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 20) -> int:
        """As systemd would."""
        self.process.terminate()
        return self.process.wait(seconds)

    def text(self) -> str:
        return self.log.read_text(errors="replace")


def events(peer: Any, count: int, program: Program) -> list[dict[str, Any]]:
    """At least so many events; the agent's own words when they do not come."""
    try:
        return wait_for(lambda: list(peer.events) if len(peer.events) >= count else None, f"{count} events")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{program.text()}") from error
