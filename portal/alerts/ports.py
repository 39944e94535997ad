"""What the alerts app asks of the people app: who is on a staff list, and where recognitions are kept."""

from __future__ import annotations

from collections.abc import Iterable

from portal.alerts.models import Event
from portal.core.ports import port


@port
def nobody(uids: set[str]) -> set[str]:
    """Those of these ids of people who stand on no staff list: erased, or never on one."""


@port
def record_recognitions(events: Iterable[Event]) -> int:
    """Write fresh events of kind "recognised" into the face log, inside their transaction; how many made sense."""
