"""What the sites app asks of the apps above it: what they put into the answer of a heartbeat, what an agent reports to them, and what they count."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from typing import Any

from federated.contract.heartbeat import LabelsHeld, NeighboursStatus
from portal.accounts.models import User
from portal.core.ports import port
from portal.sites.models import Agent, Camera, Site


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
def desired_versions(cameras: Collection[Camera]) -> dict[int, dict[str, str]]:
    """What the agents of these cameras should run: detector -> sha256 by the camera's number; one question for all of them, and nothing is signed."""


@port
def record_outcome(*, agent: Agent, detector: str, sha256: str, outcome: str, reason: str = "", **measured: float | None) -> Any:
    """Keep what an agent reports of a model it was asked to run. Raises ValidationError."""


@port
def open_alerts(user: User) -> dict[int, int]:
    """How many alerts are not resolved, by the site's number, at the reader's sites."""


@port
def camera_records(camera: Camera) -> dict[str, int]:
    """What goes with a camera that is deleted: {"alerts", "open", "events", "files"} (pictures and clips)."""


@port
def delete_camera_records(camera: Camera) -> set[str]:
    """Delete a camera's alerts and events, in the caller's transaction; the files (sha256) that they named, to be released after it."""


@port
def face_log_of(camera: Camera) -> dict[str, int]:
    """What stays of a deleted camera for the law's sake, and who stands in its way: {"rows" of the face log, "only" here: people of the staff list}."""


@port
def leave_door(camera: Camera) -> None:
    """Take a door that is deleted off the staff list's entries, in the caller's transaction."""


@port
def records_of_site(site: Site) -> dict[str, int]:
    """What must end before a site can be deleted, as the people app counts it: {"staff", "face_log"}."""


@port
def cases_of_site(site: Site) -> int:
    """How many cases of the analysis desk belong to a site: without the site nobody could read them."""


@port
def visitor_flow(site: Site, first: datetime.date | None = None, last: datetime.date | None = None, *, hours: int = 0) -> dict[str, Any]:
    """How many people crossed each line in some days, the last hours or today, as portal/alerts/flow.py describes it."""
