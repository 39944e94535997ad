"""`up --check`: its proofs fail honestly. (That they hold is shown by running it: see CONTRIBUTING.)"""

from __future__ import annotations

import datetime
import http.server
import json
import threading

import httpx
import pytest

from infra import check
from infra.errors import ServiceError
from infra.processes import Supervisor
from infra.programs import Plan
from infra.running import Running
from tests.waiting import patience


class Portal(http.server.BaseHTTPRequestHandler):
    """A portal of which the test says what it answers, one answer after another."""

    answers: list[tuple[int, object]]
    asked: list[tuple[str, str, dict]]

    def do_GET(self):
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.asked.append((self.command, self.path, dict(self.headers)))
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def portal():
    handler = type("Handler", (Portal,), {"answers": [], "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        handler.port = server.server_port
        yield handler
        server.shutdown()


@pytest.fixture
def session(portal, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "run_quietly", lambda *_: "warning: x\nthe-session\n")
    with check.AdministratorSession(Running(Plan(tmp_path, port=portal.port), Supervisor(tmp_path), {})) as made:
        yield made


@pytest.fixture(autouse=True)
def short(monkeypatch):
    for name in ("ALERT_S", "ROUND_S", "REPORT_S"):
        monkeypatch.setattr(check, name, patience(1.0))
    monkeypatch.setattr(check, "picture", lambda: b"jpeg")


def test_an_administrator_shows_session_and_csrf_token(portal, session):
    portal.answers.append((200, {}))
    session.call("GET", "x")
    headers = {name.lower(): value for name, value in portal.asked[0][2].items()}
    assert "sessionid=the-session" in headers["cookie"]
    assert f"csrftoken={headers['x-csrftoken']}" in headers["cookie"]


def test_a_refusal_is_an_error_that_says_what_was_refused(portal, session):
    portal.answers.append((403, {"detail": "no"}))
    with pytest.raises(ServiceError, match=r"POST /api/v1/\S+ answered 403.*no"):
        check.report(session)


def test_a_report_that_never_comes_fails(portal, session):
    portal.answers += [(201, {"id": 1}), (200, {"status": "running"})]
    with pytest.raises(ServiceError, match="the report did not happen"):
        check.report(session)


def test_a_case_that_ends_without_a_report_fails(portal, session):
    portal.answers += [(201, {"id": 1}), (200, {"status": "failed", "report": None})]
    with pytest.raises(ServiceError, match="ended as failed without a report"):
        check.report(session)


def with_data(*clips):
    """The portal's answer on its agents: how many clips each has to train on."""
    return 200, {"results": [{"revoked": None, "health": {"data": {"anomaly": n}} if n else {}} for n in clips]}


def run_that(session, portal, monkeypatch, **end):
    """Ask for the proof of a run that ends like this, at one agent."""
    session.running.demo = {"agents": [{}]}
    portal.answers += [with_data(1), (200, {"anomaly": [{"sha256": "old"}]}), (201, {"id": 1}), (200, {"status": "running"}), (200, {"rounds": [], **end})]
    return check.federated_round(session)


def round_of(status="accepted", norm=0.5):
    return [{"sites": [{"status": status, "update_norm": norm}]}]


NEW = {"sha256": "new", "state": "candidate"}


def test_a_new_candidate_that_every_agent_changed_is_the_proof(portal, session, monkeypatch):
    assert run_that(session, portal, monkeypatch, status="completed", model=NEW, rounds=round_of()) > 0


@pytest.mark.parametrize(
    "end",
    [
        {"status": "failed", "model": None},
        {"status": "completed", "model": None},
        {"status": "completed", "model": {"sha256": "old", "state": "candidate"}},
        {"status": "completed", "model": {"sha256": "new", "state": "published"}},
    ],
)
def test_a_run_without_a_new_candidate_is_no_proof(portal, session, monkeypatch, end):
    with pytest.raises(ServiceError, match="without a new candidate"):
        run_that(session, portal, monkeypatch, **end)


@pytest.mark.parametrize("rounds", [[], round_of("rejected"), round_of(norm=0)])
def test_a_candidate_that_no_agent_changed_is_no_proof(portal, session, monkeypatch, rounds):
    with pytest.raises(ServiceError, match="only 0 of 1 agents changed the model"):
        run_that(session, portal, monkeypatch, status="completed", model=NEW, rounds=rounds)


def test_a_run_is_not_begun_while_an_agent_has_nothing_to_train_on(portal, session, monkeypatch):
    monkeypatch.setattr(check, "DATA_S", 0.2)
    portal.answers.append(with_data(5, 0))
    session.running.demo = {"agents": [{}, {}]}
    with pytest.raises(ServiceError, match="training data at every agent did not happen"):
        check.federated_round(session)


def test_a_portal_that_went_away_is_an_error_of_the_proof_not_of_the_check(session, portal, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "report", lambda _: httpx.get(f"http://127.0.0.1:{portal.port - 1}/", timeout=0.1))
    errors = {}
    running = Running(Plan(tmp_path, port=portal.port, demo=False), Supervisor(tmp_path), {})
    assert check.proofs_of(running, errors) == {}
    assert list(errors) == ["report_s"]


def test_one_line_of_json_closes_the_check_even_when_nothing_starts(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    assert check.prove(Plan(tmp_path / "file")) == 1
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["ok"] is False
    assert "choose another with --home" in figures["errors"]["start"]
    assert {"installation_s", "ready_s", "second_start_s", *check.PROOFS} <= set(figures)


def test_only_alerts_that_changed_since_then_count(portal, session):
    portal.answers.append((200, {"results": [{"changed": "2026-01-02T00:00:00Z"}, {"changed": "2026-01-01T00:00:00+01:00"}]}))
    assert session.alerts_since(datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC).timestamp()) == 1


MESSAGES = [({"type": "alerts", "rows": [{"id": 1}]}, True), ({"type": "alerts", "rows": []}, False), ({"type": "reload"}, False)]


@pytest.mark.parametrize(("message", "counts"), MESSAGES)
def test_only_a_row_counts_as_an_alert_in_the_browser(message, counts):
    class Socket:
        def recv(self, timeout):
            return json.dumps(message)

    assert check.brings_an_alert(Socket()) is counts
