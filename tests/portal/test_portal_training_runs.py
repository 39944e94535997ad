"""Runs: who may start one, what is stored of it, how it ends."""

from __future__ import annotations

import pytest
from alert_scene import user
from django.core.exceptions import PermissionDenied, ValidationError
from procrastinate.contrib.django.models import ProcrastinateJob
from training_scene import administrator, agents, round_event, run, store

from federated.contract.run_events import EndedEvent
from federated.learning import control
from portal.core.models import AuditRow
from portal.training.models import Run, RunNode, RunState
from portal.training.runs import actions, queries, tasks

pytestmark = pytest.mark.django_db


def test_starting_a_run_queues_a_job_and_leaves_an_audit_row():
    agents()
    started = run(administrator(), rounds=2)
    assert ProcrastinateJob.objects.get(task_name="training.follow_run").args == {"run_id": started.pk}
    assert AuditRow.objects.get(verb="run.started").data["rounds"] == 2


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_a_guard_or_a_manager_cannot_start_a_run(role):
    agents()
    with pytest.raises(PermissionDenied):
        run(user("guard@example.org", role))
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [({"rounds": 0}, "rounds"), ({"strategy": "magic"}, "unknown strategy"), ({"min_sites": 9}, "9 cameras"), ({"strategy": "trimmed-mean"}, "at least 3")],
)
def test_a_plan_that_cannot_work_is_refused_with_a_sentence(plan, sentence):
    agents()
    with pytest.raises(ValidationError, match=sentence):
        run(administrator(), **plan)
    assert not ProcrastinateJob.objects.exists()


def test_an_unknown_task_is_refused():
    with pytest.raises(ValidationError, match="no task"):
        actions.start_run(user=administrator(), task="world-peace")


def test_a_run_without_enough_enrolled_sites_is_refused():
    agents(count=1)
    with pytest.raises(ValidationError, match="only 1"):
        run(administrator())


def test_a_round_is_stored_with_every_site_and_its_camera():
    agents()
    stored = store(run(administrator()), round_event(1, 1, n100="accepted", n101="late"))
    assert list(RunNode.objects.values_list("camera__slug", "status")) == [("c0", "accepted"), ("c1", "late")]
    assert stored.last_seq == 1


def test_the_same_event_twice_is_stored_once():
    agents()
    event = round_event(1, 1, n100="accepted")
    stored = store(run(administrator()), event, event)
    assert stored.rounds.count() == 1
    assert RunNode.objects.count() == 1


def test_waiting_is_shown_until_a_round_ends():
    agents()
    stored = store(run(administrator()), {"kind": "waiting", "seq": 1, "have": 1, "need": 2})
    assert stored.note == "1 / 2"
    assert store(stored, round_event(1, 2, n100="accepted")).note == ""


def test_a_run_whose_gate_refused_ends_failed_with_the_reason_and_no_model():
    agents()
    ended = {"kind": "ended", "seq": 3, "status": "failed", "reason": "the gate refused the result: unchanged"}
    stored = store(run(administrator()), {"kind": "gate", "seq": 2, "passed": False, "reasons": ["unchanged"], "votes": []}, ended)
    assert (stored.state, stored.gate["reasons"]) == (RunState.FAILED, ["unchanged"])
    assert not hasattr(stored, "model")


def test_a_completed_run_keeps_its_model(tmp_path):
    agents()
    (tmp_path / "model.onnx").write_bytes(b"weights")
    card = {"name": "anomaly", "version": "1"}
    result = {"kind": "result", "seq": 1, "path": str(tmp_path / "model.onnx"), "sha256": "5" * 64, "card": card}
    stored = store(run(administrator()), result, {"kind": "ended", "seq": 2, "status": "completed", "reason": ""})
    assert stored.model.state == "candidate"
    assert queries.run_state(administrator("b@example.org"), stored.pk)["model"]["version"] == "1"


def test_a_stopped_run_stays_stopped_whatever_comes_later():
    agents()
    person = administrator()
    started = run(person)
    actions.stop_run(user=person, run_id=started.pk)
    stored = store(Run.objects.get(), {"kind": "ended", "seq": 1, "status": "completed", "reason": ""})
    assert (stored.state, stored.reason) == (RunState.STOPPED, "stopped by admin")


def test_a_stopped_run_is_not_begun():
    agents()
    person = administrator()
    started = run(person)
    actions.stop_run(user=person, run_id=started.pk)
    assert actions.begin_run(run_id=started.pk) is None


def test_a_run_without_a_superlink_fails_with_the_reason():
    agents()
    started = run(administrator())
    tasks.follow_run(run_id=started.pk)
    started.refresh_from_db()
    assert started.state == RunState.FAILED
    assert "SuperLink" in started.reason


def test_a_run_left_by_a_killed_worker_is_followed_from_its_last_event(monkeypatch):
    agents()
    left = run(administrator())
    Run.objects.update(state=RunState.RUNNING, flower_id="7", last_seq=3)
    asked = []
    monkeypatch.setattr(control, "events", lambda run_id, after: asked.append((run_id, after)) or iter([EndedEvent(seq=4, status="completed")]))
    tasks.follow_run(run_id=left.pk)
    assert asked == [("7", 3)]
    assert Run.objects.get().state == RunState.COMPLETED


@pytest.mark.parametrize("identifier", ["", "x", "999", "../1"])
def test_there_is_no_state_of_a_run_that_is_not_there(identifier):
    assert queries.run_state(administrator(), identifier) is None


def test_an_operator_sees_no_run():
    agents()
    started = run(administrator())
    assert queries.run_state(user("guard@example.org", "operator"), started.pk) is None
