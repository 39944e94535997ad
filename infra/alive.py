"""When the worker and each camera's agent last reported, as the portal answers: what its tables look like is no business of infra's."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

TIMEOUT_S = 5


def ask(home: Path, address: str) -> dict[str, Any]:
    """`{"worker": Unix seconds or null, "agents": {camera: Unix seconds}}`. Empty while the portal does not answer.

    The portal shows it only to who can read its home folder: the token lies there, in a file of mode 0600.
    """
    try:
        token = (home / "secrets" / "supervisor.key").read_text()
        request = urllib.request.Request(f"{address}/healthz/programs", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError, TypeError):  # also a damaged key, or an answer that is no object
        return {}


def worker_since(home: Path, address: str, since: float) -> bool:
    """Whether a worker has reported since then (Unix seconds)."""
    return (ask(home, address).get("worker") or 0.0) > since


def agent_since(home: Path, address: str, camera: str, since: float) -> bool:
    """Whether this camera's agent has sent a heartbeat since then (Unix seconds)."""
    return ask(home, address).get("agents", {}).get(camera, 0.0) > since
