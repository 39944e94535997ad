"""The nightly run: when it starts, with whom, and when it is given up."""

from __future__ import annotations

import datetime

import pytest
from alert_scene import user
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from training_scene import administrator, agents, beat

from portal.alerts import actions as alerts
from portal.core.models import AuditRow
from portal.training.models import Run, Schedule
from portal.training.runs import nightly
from tests.portal.wire import event

pytestmark = pytest.mark.django_db


def at(hour, day=24, minute=0):
    return datetime.datetime(2026, 11, day, hour, minute, tzinfo=timezone.get_default_timezone())


def calm(agent, **health):
    beat(agent, camera={"state": "live", "last_frame_t": timezone.now().timestamp(), "people": 0, **health.pop("camera", {})}, **health)


@pytest.fixture
def square():
    found = agents()
    for agent in found:
        calm(agent, mains=True)
    return found


@pytest.fixture
def person():
    return administrator()


def scheduled(person, hour=2, **plan):
    return nightly.save(user=person, task="anomaly", hour=hour, enabled=True, rounds=1, **plan)


def test_it_starts_once_in_a_night_with_every_idle_site(square, person):
    scheduled(person)
    assert nightly.start_due(at(1, minute=55)) == []
    (started,) = nightly.start_due(at(2, minute=5))
    assert (sorted(started.plan["sites"]), started.started_by) == (["100", "101", "102"], person)
    Run.objects.update(state="completed")
    assert nightly.start_due(at(3)) == []
    assert len(nightly.start_due(at(2, day=25))) == 1


@pytest.mark.parametrize("hour", [0, 9, 14, 22])
def test_at_any_hour_one_window_starts_one_run(square, person, hour):
    scheduled(person, hour=hour)
    for minutes in range(0, 24 * 60, 30):
        nightly.start_due(at(hour) + datetime.timedelta(minutes=minutes))
        Run.objects.update(state="completed")
    assert Run.objects.count() == 1


def busy_with_people(agent):
    calm(agent, camera={"people": 2})


def on_battery(agent):
    calm(agent, mains=False)


def silent(agent):
    beat(agent, ago=datetime.timedelta(minutes=1))


def alarmed(agent):
    alerts.record_events(agent=agent, events=[event(agent.camera.site.slug, agent.camera.slug, kind="anomaly", data={})])


@pytest.mark.parametrize("trouble", [busy_with_people, on_battery, silent, alarmed])
def test_a_site_that_has_something_else_to_do_is_left_in_peace(square, person, trouble):
    trouble(square[1])
    scheduled(person)
    assert sorted(nightly.start_due(at(2))[0].plan["sites"]) == ["100", "102"]


def test_counting_passers_by_is_no_reason_to_wait(square):
    sent = event("square", "c1", kind="line_crossed", data={})
    alerts.record_events(agent=square[1], events=[sent])
    assert square[1] in nightly.idle(square)


def test_too_few_idle_sites_wait_and_then_the_night_is_given_up_with_a_row(square, person):
    for agent in square[:2]:
        on_battery(agent)
    scheduled(person)
    assert nightly.start_due(at(2)) == []
    assert "1 of the 2 cameras" in Schedule.objects.get().note
    assert nightly.start_due(at(7)) == []
    assert nightly.start_due(at(7, minute=30)) == []
    assert AuditRow.objects.filter(verb="run.night_skipped").count() == 1


def test_it_waits_while_another_run_goes_on(square, person):
    scheduled(person)
    Run.objects.create(task="anomaly", started_by=person)
    assert nightly.start_due(at(2)) == []


def test_only_the_chosen_sites_take_part(square, person):
    scheduled(person, sites=["100", "101"])
    assert sorted(nightly.start_due(at(2))[0].plan["sites"]) == ["100", "101"]


def test_switched_off_it_never_starts(square, person):
    scheduled(person)
    nightly.save(user=person, task="anomaly", hour=2, enabled=False)
    assert nightly.start_due(at(2)) == []
    assert Schedule.objects.count() == 1


def test_a_plan_made_by_somebody_who_lost_the_role_is_not_started(square, person):
    scheduled(person)
    person.memberships.all().delete()
    assert nightly.start_due(at(2)) == []
    assert Schedule.objects.get().note


NONSENSE = [(24, {}, "between 0 and 23"), (2, {"strategy": "magic"}, "unknown strategy"), (2, {"sites": ["100", "7"]}, "not enrolled")]


@pytest.mark.parametrize(("hour", "plan", "sentence"), NONSENSE)
def test_a_schedule_that_cannot_work_is_refused(square, person, hour, plan, sentence):
    with pytest.raises(ValidationError, match=sentence):
        nightly.save(user=person, task="anomaly", hour=hour, enabled=True, **plan)


def test_only_an_administrator_sets_it(square):
    with pytest.raises(PermissionDenied):
        scheduled(user("m@example.org", "manager"))
