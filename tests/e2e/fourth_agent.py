"""A fourth camera box beside the demo's three: enrolled by a code that a person copied from the page, run as a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.demo import FOOTAGE, write_config
from infra.state import MARK
from tests.e2e.up_process import Up
from tests.waiting import patience

ROOT = Path(__file__).resolve().parent.parent.parent
FPS = 5


def environment_of(up: Up) -> dict[str, str]:
    """What `up` tells its own programs, so that none is left behind unseen."""
    environment = json.loads((up.home / "run" / "state.json").read_text())["environment"]
    return {**os.environ, **environment, MARK: str(up.home)}


def enrol(up: Up, slug: str, command: str) -> Path:
    """Do what the page says on a machine of its own: write agent.toml, run the command with its code. Returns the agent's folder."""
    folder = up.home / "agents" / slug
    write_config(folder, slug, up.address, {"kind": "file", "path": str(FOOTAGE / "square.webm"), "telemetry": ""})
    code = re.search(r"--code (\S+)", command)[1]
    arguments = [sys.executable, "-m", "site_agents", "enrol", "--config", str(folder / "agent.toml"), "--code", code]
    subprocess.run(arguments, cwd=ROOT, env=environment_of(up), check=True, capture_output=True, timeout=patience(60))
    return folder


@contextmanager
def running(up: Up, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The enrolled agent at work; ended with SIGTERM."""
    with (up.home / "logs" / f"agent-{folder.name}.log").open("wb") as log:
        command = [sys.executable, "-m", "site_agents", "run", "--config", str(folder / "agent.toml")]
        agent = subprocess.Popen(command, cwd=ROOT, env=environment_of(up), stdout=log, stderr=log)
        try:
            yield agent
        finally:
            agent.terminate()
            agent.wait(patience(30))
