"""What the alerts app asks of the people app: who is on a staff list, and where recognitions are kept."""

from __future__ import annotations

from collections.abc import Iterable

from portal.accounts.models import User
from portal.alerts.models import Event
from portal.core.ports import port
from portal.sites.models import Site


@port
def nobody(uids: set[str]) -> set[str]:
    """Those of these ids of people who stand on no staff list: erased, or never on one."""


@port
def record_recognitions(events: Iterable[Event]) -> int:
    """Write fresh events of kind "recognised" into the face log, inside their transaction; how many made sense."""


@port
def open_case(*, user: User, site: Site | None, title: str, name: str, sha256: str) -> str:
    """Lay a picture of the media store on the analysis desk, for whoever examines it there; the case's number. Raises PermissionDenied, ValidationError."""
