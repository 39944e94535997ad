"""What has happened that matters to people outside the page: an action publishes one typed event; pages, audit log and notifications subscribe.

    events.publish(AgentSilent(agent_id=..., ...))          # inside the transaction of the change
    events.subscribe(AgentSilent, notify)                   # in the AppConfig.ready of whoever wants to know

An event is a frozen dataclass of ids and plain values, in the `events.py` of the app in which it happens. Its handlers run after the commit, one after
the other, in the process that published: what takes longer than a message defers a job. A handler that raises is logged and stops nobody.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import transaction

from portal.core import audit

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class AuditEntry:
    """How the audit log names an event: the arguments of `audit.record`."""

    verb: str
    subject: str
    site: str = ""
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    actor: Any = "system"


@dataclasses.dataclass(frozen=True, slots=True)
class DomainEvent:
    """The base of every event."""

    def audit_entry(self) -> AuditEntry | None:
        """The row that is written in the publisher's transaction; None when the action that led here writes its own."""
        return None


E = TypeVar("E", bound=DomainEvent)
handlers: dict[type[DomainEvent], list[Callable[[Any], None]]] = {}


def subscribe(kind: type[E], handler: Callable[[E], None]) -> None:
    """Call `handler` with each event of this very class, once its transaction has committed. Subscribing twice changes nothing."""
    if not (isinstance(kind, type) and issubclass(kind, DomainEvent)):
        raise TypeError(f"{kind!r} is no class of events")
    found = handlers.setdefault(kind, [])
    if handler not in found:
        found.append(handler)


def publish(event: DomainEvent) -> None:
    """Write the event's audit row now; tell the subscribers when the transaction has committed, and nobody when it has not."""
    if entry := event.audit_entry():
        audit.record(actor=entry.actor, verb=entry.verb, subject=entry.subject, site=entry.site, data=entry.data)
    transaction.on_commit(lambda: _deliver(event))


def _deliver(event: DomainEvent) -> None:
    for handler in tuple(handlers.get(type(event), ())):
        try:
            handler(event)
        except Exception:  # the change is done and the others still wait: the traceback is for us
            log.exception("%s.%s failed on %r", handler.__module__, handler.__qualname__, event)
