"""What the sites app asks of the apps above it: what they put into the answer of a heartbeat, and what an agent reports to them."""

from __future__ import annotations

from typing import Any

from federated.contract.heartbeat import LabelsHeld, NeighboursStatus
from portal.core.ports import port
from portal.sites.models import Agent, Camera


@port
def staff_list_news(camera: Camera, version: int, public: str, names: bool) -> dict[str, Any] | None:
    """What the camera's agent, which holds this version of the staff list and reads with this key, must get: `{list, sealed}`, or None; `names`: no faces."""


@port
def peers_news(agent: Agent, reported: NeighboursStatus | None) -> dict[str, Any] | None:
    """The signed neighbours of an agent that reported where it listens, when they are news to it."""


@port
def alert_labels_news(camera: Camera, held: LabelsHeld | None) -> dict[str, Any] | None:
    """The signed labels of operators for this camera's alerts that its agent has not written down yet."""


@port
def desired_models(camera: Camera) -> list[dict[str, Any]]:
    """The signed documents of the models that the agent of this camera should run."""


@port
def record_outcome(*, agent: Agent, detector: str, sha256: str, outcome: str, reason: str = "", **measured: float | None) -> Any:
    """Keep what an agent reports of a model it was asked to run. Raises ValidationError."""
