"""What happens to runs and canaries and matters outside the training pages."""

from __future__ import annotations

import dataclasses
from typing import Any

from portal.core.events import AuditEntry, DomainEvent


@dataclasses.dataclass(frozen=True, slots=True)
class RunEnded(DomainEvent):
    """A run is over: `state` is "completed", "failed" or "stopped". `actor`: the User who stopped it, or "system"."""

    run_id: int
    task: str
    state: str
    reason: str
    actor: Any = "system"

    def audit_entry(self) -> AuditEntry:
        """One row; who stopped a run is its actor already, so the reason is the system's only."""
        data = {"reason": self.reason} if self.actor == "system" else {}
        return AuditEntry(f"run.{self.state}", f"run:{self.run_id}", data=data, actor=self.actor)


@dataclasses.dataclass(frozen=True, slots=True)
class CanaryTakenBack(DomainEvent):
    """A canary's cameras return to the version before; `automatic`: because a figure left its limits, and `actor` is "system"."""

    canary_id: int
    model_id: int
    detector: str
    sha256: str
    reason: str
    automatic: bool
    actor: Any = "system"

    def audit_entry(self) -> AuditEntry:
        """One row on the model."""
        data = {"detector": self.detector, "sha256": self.sha256, "reason": self.reason, "automatic": self.automatic}
        return AuditEntry("model.canary_rolled_back", f"model:{self.model_id}", data=data, actor=self.actor)
