"""What happens in the people app that others subscribe to."""

from __future__ import annotations

import dataclasses

from portal.core.events import AuditEntry, DomainEvent


@dataclasses.dataclass(frozen=True, slots=True)
class PeopleExpiring(DomainEvent):
    """People of one owner at one site whose end date comes within thirty days or has come; `uids` by end date."""

    site: str
    owner_id: int
    owner: str
    uids: tuple[str, ...]

    def audit_entry(self) -> AuditEntry:
        return AuditEntry("people.ending", f"site:{self.site}", self.site, {"owner": self.owner, "people": len(self.uids)})
