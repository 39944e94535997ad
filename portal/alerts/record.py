"""Turn what an agent sent into rows: check each event, and find the open alert it joins."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Callable
from typing import Any

from detectors.types import event_from_json, to_json
from portal.alerts.models import NO_ALERTS, Alert, Event, Kind
from portal.sites.models import Agent

JOIN = datetime.timedelta(minutes=2)  # a later event of the same kind and zone is a new occurrence
AHEAD = datetime.timedelta(minutes=10)  # a capture time further in the future, or before OLDEST, comes from a broken clock
OLDEST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
MAX_JSON = 200_000  # bytes of one event
NAMING = {Kind.RECOGNISED: "person", Kind.TAILGATING: "known"}  # the kinds of events that name one of the staff, and where
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclasses.dataclass(frozen=True, slots=True)
class Sorted:
    """A batch after the look at each event: rows ready to store in order, and what is refused, with the reason."""

    rows: list[Event]
    rejected: list[dict[str, str]]


class ForeignEvent(Exception):
    """An event speaks for a site or camera that is not the agent's own; nothing of the batch may be stored."""


def sort_out(agent: Agent, events: list[Any], *, now: datetime.datetime, sent: datetime.datetime | None) -> Sorted:
    """Check the events of a batch. Raises ForeignEvent for the whole batch; a single bad event is only refused itself."""
    site, camera = agent.camera.site.slug, agent.camera.slug
    for event in events:
        if isinstance(event, dict) and (event.get("site", site), event.get("camera", camera)) != (site, camera):
            raise ForeignEvent(f"event of {str(event.get('site'))[:60]}/{str(event.get('camera'))[:60]} sent by the agent of {site}/{camera}")
    rows, rejected = [], []
    for event in events:
        try:
            rows.append(_row(agent, event, now, sent))
        except ValueError as error:
            name = event.get("id") if isinstance(event, dict) else None
            rejected.append({"id": str(name)[:64], "reason": str(error)[:300]})
    return Sorted(sorted(rows, key=lambda row: (row.seq, row.t)), rejected)


def join(alerts: list[Alert], row: Event, *, now: datetime.datetime) -> Alert:
    """The open alert this event belongs to, brought up to date, or a new one (not stored yet), added to `alerts`."""
    zone = zone_of(row)
    fitting = [alert for alert in alerts if (alert.kind, alert.zone) == (row.kind, zone) and alert.opened - JOIN <= row.t <= alert.last_t + JOIN]
    if fitting:
        alert = max(fitting, key=lambda alert: alert.last_t)
    else:
        alert = Alert(camera_id=row.camera_id, kind=row.kind, zone=zone, opened=row.t, last_t=row.t, score=row.score)
        alerts.append(alert)
    alert.count += 1
    alert.score = max(alert.score, row.score)
    alert.false_alarm = min((each for each in (alert.false_alarm, doubt_of(row)) if each is not None), default=None)
    alert.opened = min(alert.opened, row.t)
    alert.changed = now
    if alert.last_id is None or row.t >= alert.last_t:
        alert.last, alert.last_t = row, row.t
        alert.picture = row.snapshot or alert.picture
    return alert


def forget_the_erased(batch: Sorted, nobody: Callable[[set[str]], set[str]]) -> Sorted:
    """An agent may not have heard yet that somebody was erased: such recognitions are refused, other events lose the name. `nobody`: ids -> those of nobody."""
    named = {row.pk: str(row.data.get(NAMING[row.kind]) or "") for row in batch.rows if row.kind in NAMING}
    gone = nobody({uid for uid in named.values() if _UUID.fullmatch(uid)}) if named else set()
    rows, rejected = [], list(batch.rejected)
    for row in batch.rows:
        if named.get(row.pk) in gone and row.kind == Kind.RECOGNISED:
            rejected.append({"id": str(row.pk), "reason": "the person is not on the staff list any more"})
            continue
        if named.get(row.pk) in gone:
            row.data = {name: value for name, value in row.data.items() if name != NAMING[row.kind]}
        rows.append(row)
    return Sorted(rows, rejected)


def zone_of(row: Event) -> str:
    """The zone or line an event is about, as its rule names it."""
    named = row.data.get("zone") or row.data.get("line") or ""
    return named[:60] if isinstance(named, str) else ""


def doubt_of(row: Event) -> float | None:
    """How likely the camera thinks it a false alarm, if it has learned to say; what is no probability is not shown."""
    said = row.data.get("false_alarm")
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said <= 1 else None


def raises_alert(row: Event) -> bool:
    """Whether it wants a person's eye."""
    return row.kind not in NO_ALERTS


def _row(agent: Agent, data: Any, now: datetime.datetime, sent: datetime.datetime | None) -> Event:
    if not isinstance(data, dict):
        raise ValueError("an event must be an object")
    event = event_from_json(data)
    _check(event)
    t, plain = _time(event.t), to_json(event)
    if not OLDEST < t < now + AHEAD:
        t, plain["data"] = now, {**event.data, "agent_t": event.t}  # a machine without a clock still tells the truth about what it saw
    copied = {name: plain[name] for name in ("id", "seq", "kind", "score", "legal_mode", "detections", "snapshot", "clip", "models", "data")}
    _check_storable(copied)
    return Event(camera=agent.camera, agent=agent, t=t, sent=sent, received=now, **copied)


def _check(event: Any) -> None:
    for name in ("snapshot", "clip"):
        value = getattr(event, name)
        if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
            raise ValueError(f"{name}: not a sha256")
    if not isinstance(event.kind, str) or not _KIND.fullmatch(event.kind):
        raise ValueError("kind: small letters, digits and _ only, at most 40")
    if event.legal_mode not in ("M0", "M1", "M2", "M3"):
        raise ValueError("legal_mode: M0, M1, M2 or M3")
    if not 0 <= event.score <= 1:
        raise ValueError("score: a number from 0 to 1")
    if not 0 <= event.seq < 2**63:
        raise ValueError("seq: a whole number from 0")
    if not isinstance(event.data, dict) or not isinstance(event.models, dict):
        raise ValueError("data and models must be objects")


def _check_storable(copied: dict[str, Any]) -> None:
    """PostgreSQL's jsonb takes no NaN, no NUL and no half surrogate; `json.dumps` and `encode` raise ValueErrors for the first and the last."""
    text = json.dumps(copied, allow_nan=False, ensure_ascii=False).encode()
    if len(text) > MAX_JSON or b"\\u0000" in text:
        raise ValueError(f"an event holds at most {MAX_JSON} bytes and no NUL")


def _time(seconds: float) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("t: not a time in Unix seconds") from error
