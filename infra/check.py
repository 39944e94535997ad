"""`up --check`: prove with a running Specola that alerts, pages, federation and reports work, and write down how long each took."""

from __future__ import annotations

import dataclasses
import datetime
import json
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from infra import bootstrap, demo
from infra.errors import InfraError, ServiceError
from infra.programs import Plan
from infra.running import Running, manage, run_quietly
from infra.start import started

ROOT = Path(__file__).resolve().parent.parent
ALERT_S, DATA_S, ROUND_S, REPORT_S = 120, 180, 300, 120
LONG_WAIT_S = 1.0  # between two looks at what takes a minute: ten a second kept the portal busy with answers, for which training waited
TICK_S = 0.05
PROOFS = ("first_alert_db_s", "first_alert_browser_s", "report_s", "federated_round_s")
FAILURES = (InfraError, OSError, httpx.HTTPError, WebSocketException, KeyError, ValueError)


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
    with AdministratorSession(running) as session:
        proofs: list[tuple[str, Callable[[], dict[str, float]]]] = [("report_s", lambda: {"report_s": report(session)})]
        if running.plan.demo:
            proofs.insert(0, ("first_alert_browser_s", lambda: first_alert(session)))
            proofs.append(("federated_round_s", lambda: {"federated_round_s": federated_round(session)}))
        for name, proof in proofs:
            try:
                with bootstrap.progress(f"[check] {name.removesuffix('_s').replace('_', ' ')}"):
                    figures |= {key: round(value, 2) for key, value in proof().items()}
            except FAILURES as error:
                errors[name] = f"{type(error).__name__}: {error}"
                print(errors[name], file=sys.stderr, flush=True)
    return figures


class AdministratorSession:
    """A signed-in administrator: HTTP with session and CSRF token, and the same session for WebSockets."""

    def __init__(self, running: Running) -> None:
        self.running, self.address = running, running.plan.address
        key = run_quietly(running, "check-session", manage("check_session", "open")).strip().splitlines()[-1]
        token = secrets.token_hex(16)
        self.cookies = {"sessionid": key, "csrftoken": token}
        self.http = httpx.Client(base_url=self.address, cookies=self.cookies, headers={"X-CSRFToken": token, "Origin": self.address}, timeout=30)

    def __enter__(self) -> AdministratorSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        run_quietly(self.running, "check-session", manage("check_session", "close"))

    def call(self, method: str, path: str, **options: Any) -> Any:
        """An API call. Raises ServiceError when it is refused."""
        answer = self.http.request(method, f"/api/v1/{path}", **options)
        if answer.is_error:
            raise ServiceError(f"{method} /api/v1/{path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def wait(self, condition: Callable[[], Any], deadline_s: float, what: str, *, every_s: float = TICK_S) -> Any:
        """Wait for a condition while the programs are kept running, asking no oftener than `every_s`. Raises ServiceError after the deadline."""
        until = time.monotonic() + deadline_s
        while not (found := condition()):
            if time.monotonic() > until:
                raise ServiceError(f"{what} did not happen within {deadline_s:.0f} s")
            self.running.supervisor.restart_dead()
            time.sleep(every_s)
        return found

    def agents_with_data(self, task: str = "anomaly") -> int:
        """How many agents have reported training data for this task."""
        agents = self.call("GET", "agents")["results"]
        return sum(not agent["revoked"] and (agent["health"].get("data") or {}).get(task, 0) > 0 for agent in agents)

    def alerts_since(self, since: float) -> int:
        """How many of the latest alerts were raised, or had an event join them, since then (Unix seconds)."""
        alerts = self.call("GET", "alerts")["results"]
        return sum(datetime.datetime.fromisoformat(alert["changed"]).timestamp() > since for alert in alerts)


def first_alert(session: AdministratorSession) -> dict[str, float]:
    """An agent's next event with an alert: seconds until it stands in PostgreSQL, and until a WebSocket brought the row to a signed-in session.

    It may join an open alert of the same kind and place: that changes the row and is pushed all the same.
    """
    began, since, seconds = time.monotonic(), time.time(), {}
    url = session.address.replace("http", "ws", 1) + "/ws/alerts/"
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in session.cookies.items())}
    with connect(url, additional_headers=cookie, origin=session.address) as socket:
        socket.send(json.dumps({"filters": {}, "language": "en"}))

        def both_came() -> bool:
            if brings_an_alert(socket):
                seconds.setdefault("first_alert_browser_s", time.monotonic() - began)
            if "first_alert_db_s" not in seconds and session.alerts_since(since):
                seconds["first_alert_db_s"] = time.monotonic() - began
            return len(seconds) == 2

        session.wait(both_came, ALERT_S, "an alert in PostgreSQL and over the WebSocket")
    return seconds


def report(session: AdministratorSession) -> float:
    """A picture goes to the analysis desk; seconds until its report is there."""
    began = time.monotonic()
    case = session.call("POST", "cases", files={"file": ("check.jpg", picture(), "image/jpeg")})
    done = session.wait(lambda: _ended(session.call("GET", f"cases/{case['id']}")), REPORT_S, "the report")
    if not done.get("report"):
        raise ServiceError(f"the case ended as {done.get('status')} without a report: {json.dumps(done)[:300]}")
    return time.monotonic() - began


def federated_round(session: AdministratorSession) -> float:
    """One round of real training at the three agents that train; seconds until a candidate stands whose weights no version before it had."""
    agents = sum(agent.get("trains", True) for agent in session.running.demo["agents"])
    session.wait(lambda: session.agents_with_data() >= agents, DATA_S, "training data at every agent", every_s=LONG_WAIT_S)
    versions = {model["sha256"] for models in session.call("GET", "models").values() for model in models}
    began = time.monotonic()
    run = session.call("POST", "runs", json={"task": "anomaly", "rounds": 1, "min_sites": agents})
    done = session.wait(lambda: _ended(session.call("GET", f"runs/{run['id']}")), ROUND_S, "the end of the run", every_s=LONG_WAIT_S)
    model = done.get("model") or {}
    if done.get("status") != "completed" or model.get("state") != "candidate" or model.get("sha256") in versions:
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


def brings_an_alert(socket: Any) -> bool:
    try:
        message = json.loads(socket.recv(timeout=TICK_S))
    except TimeoutError:
        return False
    return message.get("type") == "alerts" and bool(message.get("rows"))


def _ended(state: dict[str, Any]) -> dict[str, Any] | None:
    return state if state.get("status") not in ("waiting", "queued", "open", "pending", "running", "starting", None) else None
