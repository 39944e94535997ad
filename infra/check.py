"""`up --check`: prove with a running Specola that alerts, pages, federation and reports work, and write down how long each took."""

from __future__ import annotations

import dataclasses
import json
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import httpx
import psycopg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from infra import bootstrap, demo
from infra.errors import InfraError, ServiceError
from infra.programs import Plan
from infra.running import Running, manage, run_quietly
from infra.up import started

ROOT = Path(__file__).resolve().parent.parent
ALERT_S, DATA_S, ROUND_S, REPORT_S = 120, 180, 300, 120
TICK_S = 0.05
PROOFS = ("first_alert_db_s", "first_alert_browser_s", "report_s", "federated_round_s")
FAILURES = (InfraError, OSError, httpx.HTTPError, psycopg.Error, WebSocketException, KeyError, ValueError)
# An account of its own, so that the one-time password stays unused; it goes with the check.
SESSION = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from portal.accounts.models import Membership, User
user, _ = User.objects.get_or_create(email="check@localhost", defaults={"must_change_password": False})
user.set_unusable_password()
user.must_change_password, user.is_active = False, True
user.save()
for role in ("administrator", "operator", "manager"):
    Membership.objects.get_or_create(user=user, role=role, site=None)
session = SessionStore()
session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""
ALERTED = "SELECT count(*) FROM alerts_event WHERE alert_id IS NOT NULL AND received > to_timestamp(%s)"
WITH_DATA = "SELECT count(*) FROM sites_agent WHERE revoked IS NULL AND (health -> 'data' ->> 'anomaly')::float > 0"
FORGET = 'from portal.accounts.models import User; User.objects.filter(email="check@localhost").update(is_active=False)'


def prove(plan: Plan) -> int:
    """Start, prove, stop, start again; the last line printed is the JSON object. 0 when every proof holds."""
    figures: dict[str, Any] = {"ok": False, "installation_s": bootstrap.read_stamp(ROOT).get("seconds"), "ready_s": None}
    figures |= dict.fromkeys((*PROOFS, "second_start_s"))
    errors: dict[str, str] = {}
    try:
        with started(plan) as running:
            figures["ready_s"] = round(running.ready_s, 2)
            figures |= proofs_of(running, errors)
        with started(dataclasses.replace(plan)) as again:
            figures["second_start_s"] = round(again.ready_s, 2)
    except InfraError as error:
        errors["start"] = str(error)
    except KeyboardInterrupt:
        errors["start"] = "interrupted"
    figures["ok"] = not errors
    print(json.dumps({**figures, "errors": errors}), flush=True)
    return 0 if figures["ok"] else 1


def proofs_of(running: Running, errors: dict[str, str]) -> dict[str, float | None]:
    """Every proof with its seconds, or None and an entry in `errors`."""
    figures: dict[str, float | None] = {}
    with Person(running) as person:
        proofs: list[tuple[str, Callable[[], dict[str, float]]]] = [("report_s", lambda: {"report_s": report(person)})]
        if running.plan.demo:
            proofs.insert(0, ("first_alert_browser_s", lambda: first_alert(person)))
            proofs.append(("federated_round_s", lambda: {"federated_round_s": federated_round(person)}))
        for name, proof in proofs:
            try:
                with bootstrap.progress(f"[check] {name.removesuffix('_s').replace('_', ' ')}"):
                    figures |= {key: round(value, 2) for key, value in proof().items()}
            except FAILURES as error:
                errors[name] = f"{type(error).__name__}: {error}"
                print(errors[name], file=sys.stderr, flush=True)
    return figures


class Person:
    """A signed-in administrator: HTTP with session and CSRF token, and the same session for WebSockets."""

    def __init__(self, running: Running) -> None:
        self.running, self.address = running, running.plan.address
        self.session = run_quietly(running, "check-session", manage("shell", "-v", "0", "-c", SESSION)).strip().splitlines()[-1]
        token = secrets.token_hex(16)
        self.cookies = {"sessionid": self.session, "csrftoken": token}
        self.http = httpx.Client(base_url=self.address, cookies=self.cookies, headers={"X-CSRFToken": token, "Origin": self.address}, timeout=30)

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        run_quietly(self.running, "check-session", manage("shell", "-v", "0", "-c", FORGET))

    def call(self, method: str, path: str, **options: Any) -> Any:
        """An API call. Raises ServiceError when it is refused."""
        answer = self.http.request(method, f"/api/v1/{path}", **options)
        if answer.is_error:
            raise ServiceError(f"{method} /api/v1/{path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def wait(self, condition: Callable[[], Any], deadline_s: float, what: str) -> Any:
        """Wait for a condition while the programs are kept running. Raises ServiceError after the deadline."""
        until = time.monotonic() + deadline_s
        while not (found := condition()):
            if time.monotonic() > until:
                raise ServiceError(f"{what} did not happen within {deadline_s:.0f} s")
            self.running.supervisor.restart_dead()
            time.sleep(TICK_S)
        return found

    def count(self, query: str, *values: float) -> int:
        """What a counting query says, read past the portal."""
        with psycopg.connect(self.running.environment["DATABASE_URL"]) as connection:
            return connection.execute(query, values).fetchone()[0]


def first_alert(person: Person) -> dict[str, float]:
    """An agent's next event with an alert: seconds until it stands in PostgreSQL, and until a WebSocket brought the row to a signed-in session.

    It may join an open alert of the same kind and place: that changes the row and is pushed all the same.
    """
    began, since, seconds = time.monotonic(), time.time(), {}
    url = person.address.replace("http", "ws", 1) + "/ws/alerts/"
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items())}
    with connect(url, additional_headers=cookie, origin=person.address) as socket:
        socket.send(json.dumps({"filters": {}, "language": "en"}))

        def both_came() -> bool:
            if _brings_an_alert(socket):
                seconds.setdefault("first_alert_browser_s", time.monotonic() - began)
            if "first_alert_db_s" not in seconds and person.count(ALERTED, since):
                seconds["first_alert_db_s"] = time.monotonic() - began
            return len(seconds) == 2

        person.wait(both_came, ALERT_S, "an alert in PostgreSQL and over the WebSocket")
    return seconds


def report(person: Person) -> float:
    """A picture goes to the analysis desk; seconds until its report is there."""
    began = time.monotonic()
    case = person.call("POST", "cases", files={"file": ("check.jpg", picture(), "image/jpeg")})
    done = person.wait(lambda: _ended(person.call("GET", f"cases/{case['id']}")), REPORT_S, "the report")
    if not done.get("report"):
        raise ServiceError(f"the case ended as {done.get('status')} without a report: {json.dumps(done)[:300]}")
    return time.monotonic() - began


def federated_round(person: Person) -> float:
    """One round of real training at the three agents; seconds until a candidate stands whose weights no version before it had."""
    agents = len(person.running.demo["agents"])
    person.wait(lambda: person.count(WITH_DATA) >= agents, DATA_S, "training data at every agent")
    known = {model["sha256"] for models in person.call("GET", "models").values() for model in models}
    began = time.monotonic()
    run = person.call("POST", "runs", json={"task": "anomaly", "rounds": 1, "min_sites": agents})
    done = person.wait(lambda: _ended(person.call("GET", f"runs/{run['id']}")), ROUND_S, "the end of the run")
    model = done.get("model") or {}
    if done.get("status") != "completed" or model.get("state") != "candidate" or model.get("sha256") in known:
        raise ServiceError(f"the run ended as {done.get('status')} without a new candidate: {json.dumps(done)[:600]}")
    trained = [site for row in done["rounds"] for site in row["sites"] if site["status"] == "accepted" and site["update_norm"]]
    if len(trained) < agents:
        raise ServiceError(f"only {len(trained)} of {agents} agents changed the model: {json.dumps(done['rounds'])[:600]}")
    return time.monotonic() - began


def picture() -> bytes:
    """A JPEG with a scene in it: a frame of the gate's clip."""
    source = next(iter(demo.clips_for(["gate"], None).values()))["path"]
    clip = cv2.VideoCapture(source)
    read, image = clip.read()
    clip.release()
    if not read:
        raise ServiceError(f"no frame could be read from {source}")
    return bytes(cv2.imencode(".jpg", image)[1])


def _brings_an_alert(socket: Any) -> bool:
    try:
        message = json.loads(socket.recv(timeout=TICK_S))
    except TimeoutError:
        return False
    return message.get("type") == "alerts" and bool(message.get("rows"))


def _ended(state: dict[str, Any]) -> dict[str, Any] | None:
    return state if state.get("status") not in ("waiting", "queued", "open", "pending", "running", "starting", None) else None
