"""What has happened that matters to people outside the page: an action publishes one typed event; pages, audit log and notifications subscribe.

    events.publish(AgentSilent(agent_id=..., ...))                   # inside the transaction of the change
    events.subscribe(AgentSilent, show)                              # in the AppConfig.ready of whoever wants to know
    events.subscribe(AgentSilent, notify, in_transaction=True)       # defers a job that must not be lost

An event is a frozen dataclass of ids and plain values, in the `events.py` of the app in which it happens. Its handlers run one after the other in the process
that published, after the commit: what takes longer than a message defers a job. A portal that is killed right after the commit has called none. What must not
be lost is written in the transaction of the change (`in_transaction`): it exists when, and only when, that commits. A handler that raises is logged; it stops
nobody, least of all the change.
"""

from __future__ import annotations

import contextlib
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
Handlers = dict[type[DomainEvent], list[Callable[[Any], None]]]
handlers: Handlers = {}  # after the commit
transaction_handlers: Handlers = {}


def subscribe(kind: type[E], handler: Callable[[E], None], *, in_transaction: bool = False) -> None:
    """Call `handler` with each event of this very class, once its transaction has committed. Subscribing twice changes nothing.

    `in_transaction`: call it inside the transaction instead, to write rows or defer jobs. What it wrote before it raised is undone, and nothing else.
    """
    if not (isinstance(kind, type) and issubclass(kind, DomainEvent)):
        raise TypeError(f"{kind!r} is no class of events")
    found = (transaction_handlers if in_transaction else handlers).setdefault(kind, [])
    if handler not in found:
        found.append(handler)


def publish(event: DomainEvent) -> None:
    """Write the event's audit row and what subscribers write in the transaction; tell the others when it has committed, and nobody when it has not."""
    if entry := event.audit_entry():
        audit.record(actor=entry.actor, verb=entry.verb, subject=entry.subject, site=entry.site, data=entry.data)
    for handler in tuple(transaction_handlers.get(type(event), ())):
        _call(handler, event, transaction.atomic())
    transaction.on_commit(lambda: _deliver(event))


def _deliver(event: DomainEvent) -> None:
    for handler in tuple(handlers.get(type(event), ())):
        _call(handler, event, contextlib.nullcontext())


def _call(handler: Callable[[Any], None], event: DomainEvent, within: contextlib.AbstractContextManager[Any]) -> None:
    try:
        with within:
            handler(event)
    except Exception:  # the change stands and the others still wait: the traceback is for us
        log.exception("%s.%s failed on %r", handler.__module__, handler.__qualname__, event)
