"""Going on from a checkpoint: what is offered, what is asked of the SuperLink, what the page then shows."""

from __future__ import annotations

import pytest
from alert_scene import user
from django.core.exceptions import PermissionDenied, ValidationError
from training_scene import administrator, agents, round_event, run, store

from federated.contract.run_events import EndedEvent
from federated.learning import control
from portal.core.models import AuditRow
from portal.training.models import Run, RunState
from portal.training.runs import actions, queries, resume, tasks

pytestmark = pytest.mark.django_db
LOST = {"kind": "ended", "status": "failed", "reason": "round 2: 1 of 3 sites accepted, 2 are needed"}


@pytest.fixture
def person():
    agents()
    return administrator()


def begun(person, flower_id="71", **plan):
    started = run(person, **{"rounds": 3, **plan})
    Run.objects.filter(pk=started.pk).update(flower_id=flower_id, state=RunState.RUNNING)
    return Run.objects.get(pk=started.pk)


def cut_off(person, **plan):
    """A run that lost its quorum in the second of three rounds."""
    stored = store(begun(person, **plan), round_event(1, 1, n100="accepted", n101="accepted"), round_event(2, 2, n100="accepted", n101="late"))
    return store(stored, {**LOST, "seq": 3})


def test_a_run_that_lost_its_quorum_can_go_on_after_its_last_good_round(person):
    left = resume.resumable(cut_off(person))
    assert (left.run.flower_id, left.round) == ("71", 1)


def test_a_run_that_was_stopped_can_go_on(person):
    stored = store(begun(person), round_event(1, 1, n100="accepted", n101="accepted"))
    actions.stop_run(user=person, run_id=stored.pk)
    assert resume.resumable(Run.objects.get(pk=stored.pk)).round == 1


def test_a_run_whose_first_round_failed_left_nothing(person):
    stored = store(begun(person), round_event(1, 1, n100="accepted", n101="rejected"), {**LOST, "seq": 2})
    assert resume.resumable(stored) is None
    with pytest.raises(ValidationError, match="no checkpoint"):
        actions.resume_run(user=person, run_id=stored.pk)


def test_a_result_that_the_gate_refused_gets_no_second_vote(person):
    stored = store(
        begun(person), round_event(1, 1, n100="accepted", n101="accepted"), {"kind": "gate", "seq": 2, "passed": False, "reasons": ["worse"], "votes": []}
    )
    assert resume.resumable(store(stored, {**LOST, "seq": 3})) is None


def test_a_running_or_completed_run_is_not_resumed(person):
    stored = store(begun(person), round_event(1, 1, n100="accepted", n101="accepted"))
    assert resume.resumable(stored) is None
    assert resume.resumable(store(stored, {"kind": "ended", "seq": 2, "status": "completed", "reason": ""})) is None


def test_resuming_queues_the_same_plan_from_the_checkpoint_and_leaves_a_row(person, monkeypatch):
    ended = cut_off(person, local_epochs=2)
    asked = []
    monkeypatch.setattr(control, "start_run", lambda config: asked.append(config) or "72")
    monkeypatch.setattr(control, "events", lambda run_id, after: iter([EndedEvent(seq=1, status="completed")]))
    again = actions.resume_run(user=person, run_id=ended.pk)
    tasks.follow_run(run_id=again.pk)
    assert (asked[0].resume, asked[0].rounds, asked[0].local_epochs) == ("71", 3, 2)
    assert AuditRow.objects.get(verb="run.resumed").data["resumes"] == ended.pk


def test_a_resumed_run_that_ends_at_once_leads_back_to_the_same_checkpoint(person):
    again = actions.resume_run(user=person, run_id=cut_off(person).pk)
    Run.objects.filter(pk=again.pk).update(flower_id="72")
    stored = store(Run.objects.get(pk=again.pk), {**LOST, "seq": 1})
    assert resume.resumable(stored).run.flower_id == "71"


def test_the_page_of_a_resumed_run_shows_every_round_that_led_to_it(person):
    again = actions.resume_run(user=person, run_id=cut_off(person).pk)
    store(again, round_event(2, 1, n100="accepted", n101="accepted", n102="accepted"))
    rounds = queries.run_state(person, again.pk)["rounds"]
    assert [(row["number"], len(row["sites"]), row["run"]) for row in rounds] == [(1, 2, again.resumes_id), (2, 3, again.pk)]


def test_only_an_administrator_resumes(person):
    with pytest.raises(PermissionDenied):
        actions.resume_run(user=user("m@example.org", "manager"), run_id=cut_off(person).pk)


def test_a_resumed_run_needs_the_same_quorum_as_before(person):
    ended = cut_off(person)
    from portal.sites.models import Agent

    Agent.objects.update(node_id="")
    with pytest.raises(ValidationError, match="only 0"):
        actions.resume_run(user=person, run_id=ended.pk)


def test_the_queue_says_how_many_are_before(person):
    first, second, third = (run(person) for _ in range(3))
    assert [queries.run_state(person, each.pk)["ahead"] for each in (first, second, third)] == [0, 1, 2]
    actions.stop_run(user=person, run_id=second.pk)
    assert queries.run_state(person, third.pk)["ahead"] == 1


def test_a_site_that_was_left_out_is_named_once_in_the_audit_log(person):
    event = round_event(1, 1, n100="accepted", n101="rejected", n102="failed")
    event["sites"][1]["reason"] = "not finite"
    store(begun(person), event, event)
    rows = AuditRow.objects.filter(verb="run.site_left_out")
    assert [(row.site, row.data["node"], row.data["status"]) for row in rows] == [("square", "101", "rejected"), ("square", "102", "failed")]
    assert rows[0].data["reason"] == "not finite"


def test_a_late_site_is_counted_and_not_accused(person):
    store(begun(person), round_event(1, 1, n100="accepted", n101="late"))
    assert not AuditRow.objects.filter(verb="run.site_left_out").exists()


def test_what_went_over_the_wire_is_kept(person):
    stored = store(begun(person), {"kind": "ended", "seq": 1, "status": "failed", "reason": "", "bytes_sent": 5_000_000_000, "bytes_received": 7})
    assert (stored.bytes_sent, stored.bytes_received) == (5_000_000_000, 7)
