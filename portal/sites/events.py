"""What happens in the sites app that others subscribe to."""

from __future__ import annotations

import dataclasses
import datetime

from portal.core.events import AuditEntry, DomainEvent


@dataclasses.dataclass(frozen=True, slots=True)
class AgentSilent(DomainEvent):
    """An agent has missed its heartbeats for a minute: nobody watches its camera. Once for each silence; `since`: its last heartbeat, or its enrolment."""

    agent_id: str
    site: str
    camera_id: int
    camera: str
    since: datetime.datetime

    def audit_entry(self) -> AuditEntry:
        return AuditEntry("agent.silent", f"agent:{self.agent_id}", self.site, {"camera": self.camera, "since": self.since.isoformat()})
