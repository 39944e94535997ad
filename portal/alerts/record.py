"""Turn what an agent sent into rows: check each event, and find the open alert it joins."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from detectors.rules import registry
from federated.contract.events import EVENT_BYTES, AgentEvent
from federated.contract.message import VERSION, ContractError
from portal.alerts import kinds
from portal.alerts.models import Alert, AlertState, Event
from portal.sites.models import Agent

AHEAD = datetime.timedelta(minutes=10)  # a capture time further in the future, or before OLDEST, comes from a broken clock
SLOW = datetime.timedelta(seconds=10)  # so long may a batch be on its way; more, and the agent's clock is wrong
OLDEST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclasses.dataclass(frozen=True, slots=True)
class Sorted:
    """A batch after the look at each event: rows ready to store in order, and what is refused, with the reason."""

    rows: list[Event]
    rejected: list[dict[str, str]]


class ForeignEvent(Exception):
    """An event speaks for a site or camera that is not the agent's own; nothing of the batch may be stored."""


def sort_out(agent: Agent, events: Sequence[Any], *, now: datetime.datetime, sent: datetime.datetime | None, version: str = VERSION) -> Sorted:
    """Parse the events of a batch, in this version of the contract. Raises ForeignEvent for the whole batch; a bad event is only refused itself."""
    site, camera = agent.camera.site.slug, agent.camera.slug
    for event in events:
        if isinstance(event, dict) and (event.get("site", site), event.get("camera", camera)) != (site, camera):
            raise ForeignEvent(f"event of {str(event.get('site'))[:60]}/{str(event.get('camera'))[:60]} sent by the agent of {site}/{camera}")
    rows, rejected = [], []
    for event in events:
        try:
            rows.append(_row(agent, event, now, sent, version))
        except ContractError as error:
            name = event.get("id") if isinstance(event, dict) else None
            rejected.append({"id": str(name)[:64], "reason": str(error)[:300]})
    return Sorted(sorted(rows, key=lambda row: (row.seq, row.t)), rejected)


@dataclasses.dataclass(frozen=True, slots=True)
class Joinable:
    """The open alerts of a camera that an event may join; `join` adds those it makes.

    `visitors`: of acknowledged alerts by number, who was in them ("track 7") and when last. `lasting`: alerts whose cause the portal itself sees go on.
    `severities`: of the camera's rules by kind and zone or line. `started`: since when the agent runs, whose tracks are numbered anew then.
    """

    alerts: list[Alert]
    visitors: Mapping[int, dict[str, datetime.datetime]] = dataclasses.field(default_factory=dict)
    lasting: Collection[int] = ()
    severities: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    started: datetime.datetime | None = None


def join(open_alerts: Joinable, row: Event, *, now: datetime.datetime) -> Alert:
    """The open alert this event belongs to, brought up to date, or a new one (not stored yet)."""
    zone = zone_of(row)
    fitting = [alert for alert in open_alerts.alerts if (alert.kind, alert.zone) == (row.kind, zone) and _fits(open_alerts, alert, row)]
    if fitting:
        alert = max(fitting, key=lambda alert: alert.last_t)
    else:
        severity = open_alerts.severities.get((row.kind, zone), kinds.severity_of(row.kind))
        alert = Alert(camera_id=row.camera_id, kind=row.kind, zone=zone, opened=row.t, last_t=row.t, score=row.score, severity=severity)
        open_alerts.alerts.append(alert)
    alert.count += 1
    alert.score = max(alert.score, row.score)
    alert.false_alarm = min((each for each in (alert.false_alarm, doubt_of(row)) if each is not None), default=None)
    alert.opened = min(alert.opened, row.t)
    alert.changed = now
    if alert.last_id is None or row.t >= alert.last_t:
        alert.last, alert.last_t = row, row.t
        if alert.state == AlertState.NEW or not alert.picture:  # what somebody has acknowledged is what they saw
            alert.picture = row.snapshot or alert.picture
    return alert


def _fits(open_alerts: Joinable, alert: Alert, row: Event) -> bool:
    """Whether the event is more of the same occurrence: near in time, within the limits of its kind, and nobody new once it was acknowledged."""
    if alert.pk in open_alerts.lasting:
        return True
    limits = kinds.joining(row.kind)
    if not alert.opened - limits.quiet <= row.t <= alert.last_t + limits.quiet or alert.count >= limits.most_events:
        return False
    if max(row.t, alert.last_t) - min(row.t, alert.opened) > max(limits.span, alert.last_t - alert.opened):
        return False
    visitor = visitor_of(row)
    if alert.state == AlertState.NEW or not visitor:
        return True
    seen, started = open_alerts.visitors.get(alert.pk, {}).get(visitor), open_alerts.started
    return seen is not None and (started is None or seen >= started or row.t < started)


def forget_the_erased(batch: Sorted, nobody: Callable[[set[str]], set[str]]) -> Sorted:
    """An agent may not have heard yet that somebody was erased: such recognitions are refused, other events lose the name. `nobody`: ids -> those of nobody."""
    naming = registry.naming()
    named = {row.pk: str(row.data.get(naming[row.kind]) or "") for row in batch.rows if row.kind in naming}
    gone = nobody({uid for uid in named.values() if _UUID.fullmatch(uid)}) if named else set()
    rows, rejected = [], list(batch.rejected)
    for row in batch.rows:
        if named.get(row.pk) in gone and row.kind == registry.RECOGNISED:
            rejected.append({"id": str(row.pk), "reason": "the person is not on the staff list any more"})
            continue
        if named.get(row.pk) in gone:
            row.data = {name: value for name, value in row.data.items() if name != naming[row.kind]}
        rows.append(row)
    return Sorted(rows, rejected)


def zone_of(row: Event) -> str:
    """The zone or line an event is about, as its rule names it."""
    named = row.data.get("zone") or row.data.get("line") or ""
    return named[:60] if isinstance(named, str) else ""


def visitor_of(row: Event) -> str:
    """Who the event is about, as the camera numbers them: a visit at a door, else a track; "" when it is about nobody in particular."""
    for name in ("visit", "track"):
        number = row.data.get(name)
        if isinstance(number, int | str) and not isinstance(number, bool) and number != "":
            return f"{name} {number}"[:80]
    return ""


def doubt_of(row: Event) -> float | None:
    """How likely the camera thinks it a false alarm, if it has learned to say; what is no probability is not shown."""
    doubt = row.data.get("false_alarm")
    return float(doubt) if isinstance(doubt, int | float) and not isinstance(doubt, bool) and 0 <= doubt <= 1 else None


def _row(agent: Agent, data: Any, now: datetime.datetime, sent: datetime.datetime | None, version: str) -> Event:
    event = AgentEvent.parse(data, version=version)
    if event.kind in kinds.HOUSE:
        raise ContractError("kind", "the portal itself raises these alerts")
    t, found = _put_right(_time(event.t), event.data, now, sent)
    if not OLDEST < t < now + AHEAD:
        t, found = now, {**found, "agent_t": found.get("agent_t", event.t)}  # a machine without a clock still saw what it saw
    row = Event(
        id=event.id,
        camera=agent.camera,
        agent=agent,
        t=t,
        sent=sent,
        received=now,
        seq=event.seq,
        kind=event.kind,
        score=event.score,
        legal_mode=event.legal_mode,
        detections=[each.to_json() for each in event.detections],
        snapshot=event.snapshot,
        clip=event.clip,
        models=event.models,
        data=found,
    )
    if len(msgspec.json.encode((row.detections, row.models, row.data))) > EVENT_BYTES:
        raise ContractError("", f"an event holds at most {EVENT_BYTES} bytes")
    return row


def _put_right(t: datetime.datetime, data: dict[str, Any], now: datetime.datetime, sent: datetime.datetime | None) -> tuple[datetime.datetime, dict[str, Any]]:
    """The event's time by our clock, from when the agent says that it sent the batch; `agent_t` keeps the agent's own. Who knows our time has corrected it."""
    off = datetime.timedelta() if sent is None or "clock_corrected_s" in data else now - sent
    if abs(off) <= SLOW:
        return t, data
    try:
        return t + off, {**data, "agent_t": t.timestamp(), "clock_corrected_s": round(off.total_seconds(), 1)}
    except OverflowError:
        return t, data


def _time(seconds: float) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ContractError("t", "not a time in Unix seconds") from error
