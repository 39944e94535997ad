"""What the training app publishes: runs that ended, canaries that were taken back; once each, after the commit, with one audit row."""

from __future__ import annotations

import pytest
from django.db import transaction
from training_scene import administrator, agents, canary_at, model, run, store

from portal.core import events
from portal.core.models import AuditRow
from portal.training.events import CanaryTakenBack, RunEnded
from portal.training.models import ModelOutcome
from portal.training.rollout import actions as rollout_actions
from portal.training.rollout import canary, tasks
from portal.training.runs import actions

pytestmark = pytest.mark.django_db


@pytest.fixture
def received(monkeypatch):
    """What a subscriber got of both kinds of event."""
    got = []
    for kind in (RunEnded, CanaryTakenBack):
        monkeypatch.setitem(events.handlers, kind, [*events.handlers.get(kind, ()), got.append])
    return got


@pytest.fixture
def commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def ready():
    """An administrator, with agents enrolled."""
    agents()
    return administrator()


def test_a_run_that_fails_is_published_once_with_one_row(received, commit):
    begun = run(ready())
    with commit():
        for reason in ("no data", "again"):
            actions.end_run(run_id=begun.pk, state="failed", reason=reason)
    assert received == [RunEnded(run_id=begun.pk, task="anomaly", state="failed", reason="no data")]
    row = AuditRow.objects.get(verb="run.failed")
    assert (row.actor, row.subject, row.data) == ("system", f"run:{begun.pk}", {"reason": "no data"})


def test_a_run_that_completes_is_published_from_its_last_event(received, commit):
    with commit():
        ended = store(run(ready()), {"kind": "ended", "seq": 9, "status": "completed", "reason": ""})
    assert [(each.run_id, each.state) for each in received] == [(ended.pk, "completed")]


def test_who_stopped_a_run_stands_in_its_event_and_its_row(received, commit):
    person = ready()
    with commit():
        stopped = actions.stop_run(user=person, run_id=run(person).pk)
    assert [(each.run_id, each.state, each.actor) for each in received] == [(stopped.pk, "stopped", person)]
    assert AuditRow.objects.get(verb="run.stopped").actor == f"user:{person.email}"


def test_a_canary_taken_back_by_itself_is_published(received, commit):
    first, *_others = agents()
    going = canary_at(administrator(), version := model(b"one"), first)
    ModelOutcome.objects.create(agent=first, detector="anomaly", sha256=version.sha256, outcome="failed")
    with commit():
        tasks.watch_canaries(timestamp=0)
        tasks.watch_canaries(timestamp=0)
    (event,) = received
    assert (event.canary_id, event.model_id, event.detector, event.sha256) == (going.pk, version.pk, "anomaly", version.sha256)
    assert (event.automatic, event.actor) == (True, "system")
    assert AuditRow.objects.get(verb="model.canary_rolled_back").data["reason"] == event.reason


def test_a_canary_taken_back_by_a_person_is_published_and_a_published_one_is_not(received, commit):
    person, (first, second, *_others) = administrator(), agents()
    with commit():
        canary.take_back(user=person, canary_id=canary_at(person, model(b"one", "1"), first).pk, reason="night alarms")
        canary_at(person, other := model(b"two", "2"), second)
        rollout_actions.publish(user=person, model_id=other.pk)
    assert [(each.reason, each.automatic, each.actor) for each in received] == [("night alarms", False, person)]


def test_what_is_rolled_back_reaches_nobody(received, commit):
    begun = run(ready())

    @transaction.atomic
    def broken():
        actions.end_run(run_id=begun.pk, state="failed", reason="no data")
        raise ZeroDivisionError

    with commit(), pytest.raises(ZeroDivisionError):
        broken()
    assert (received, AuditRow.objects.filter(verb="run.failed").count()) == ([], 0)
