"""A canary: who runs it, what it is measured by, and how it goes back."""

from __future__ import annotations

import datetime

import pytest
from alert_scene import user
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from training_scene import administrator, agents, beat, canary_at, model

from portal.alerts import actions as alerts
from portal.core.models import AuditRow
from portal.training.models import Canary, ModelVersion, Sample
from portal.training.rollout import actions, canary, canary_figures, queries, tasks
from tests.portal.wire import event

pytestmark = pytest.mark.django_db
MINUTE, DAY = datetime.timedelta(minutes=1), datetime.timedelta(days=1)


@pytest.fixture
def person():
    return administrator()


def wanted(agent):
    return [document["version"] for document in queries.desired_models(agent.camera)]


def state(version="1"):
    return ModelVersion.objects.get(version=version).state


def raise_alerts(agent, count, ago=MINUTE):
    t = (timezone.now() - ago).timestamp()
    site = agent.camera.site.slug
    rows = [event(site, agent.camera.slug, kind="anomaly", t=t + n / 100, seq=int(t * 1000) % 10**9 + n, data={}) for n in range(count)]
    assert len(alerts.record_events(agent=agent, events=rows).accepted) == count


def test_only_the_chosen_cameras_are_asked_to_run_it(person):
    first, second, third = agents()
    canary_at(person, model(b"one", "1"), first, third)
    assert [wanted(each) for each in (first, second, third)] == [["1"], [], ["1"]]


def test_the_others_stay_with_the_published_version(person):
    first, second, _ = agents()
    actions.publish(user=person, model_id=model(b"one", "1").pk)
    canary_at(person, model(b"two", "2"), first)
    assert [wanted(first), wanted(second)] == [["2"], ["1"]]


def test_a_camera_of_an_earlier_trial_is_not_asked_again(person):
    first, second, _ = agents()
    one = model(b"one", "1")
    canary.take_back(user=person, canary_id=canary_at(person, one, first).pk)
    canary_at(person, one, second)
    assert [wanted(first), wanted(second)] == [[], ["1"]]


def test_publishing_ends_the_trial_well(person):
    first, second, _ = agents()
    started = canary_at(person, model(b"one", "1"), first)
    actions.publish(user=person, model_id=started.model_id)
    started.refresh_from_db()
    assert (started.outcome, state(), wanted(second)) == ("published", "published", ["1"])
    assert AuditRow.objects.get(verb="model.published").data["canary"] is True


def test_one_click_takes_it_back_and_the_cameras_return(person):
    first = agents()[0]
    actions.publish(user=person, model_id=model(b"one", "1").pk)
    started = canary_at(person, model(b"two", "2"), first)
    canary.take_back(user=person, canary_id=started.pk, reason="too many alerts at night")
    canary.take_back(user=person, canary_id=started.pk)
    assert (state("2"), wanted(first)) == ("rolled back", ["1"])
    assert AuditRow.objects.get(verb="model.canary_rolled_back").data["reason"] == "too many alerts at night"


def test_two_versions_of_a_detector_are_not_tried_at_once(person):
    first = agents()[0]
    canary_at(person, model(b"one", "1"), first)
    other = model(b"two", "2")
    for act in (lambda: canary_at(person, other, first), lambda: actions.publish(user=person, model_id=other.pk)):
        with pytest.raises(ValidationError, match="is a canary"):
            act()


def test_a_trial_needs_a_camera_with_an_agent(person):
    first = agents()[0]
    first.revoked = timezone.now()
    first.save()
    with pytest.raises(ValidationError, match="at least one camera"):
        canary_at(person, model(b"one", "1"), first)


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_only_an_administrator_starts_and_ends_a_trial(person, role):
    first, one, somebody = agents()[0], model(b"one", "1"), user("x@example.org", role)
    with pytest.raises(PermissionDenied):
        canary_at(somebody, one, first)
    started = canary_at(person, one, first)
    with pytest.raises(PermissionDenied):
        canary.take_back(user=somebody, canary_id=started.pk)
    assert state() == "canary"


def test_the_clock_of_a_camera_starts_when_its_agent_runs_the_version(person):
    first, second, _ = agents()
    started = canary_at(person, model(b"one", "1"), first, second)
    beat(first, models={"anomaly": started.model.sha256})
    canary.note_installed(started)
    assert [row.installed is not None for row in started.cameras.all()] == [True, False]


def test_every_minute_keeps_a_sample_of_each_agent_that_is_heard():
    first, second, third = agents()
    beat(first, camera={"stages_ms": {"people": 10.5, "rules": 0.5}, "dropped": 4, "fps": 5}, started=100.0)
    beat(second, camera="nonsense", started=True)
    beat(third, ago=datetime.timedelta(minutes=5))
    tasks.watch_canaries(timestamp=0)
    rows = {sample.agent_id: (sample.latency_ms, sample.dropped, sample.started) for sample in Sample.objects.all()}
    assert rows == {first.pk: (11.0, 4, 100.0), second.pk: (None, None, None)}


def test_samples_nobody_looks_at_any_more_are_forgotten():
    Sample.objects.create(agent=agents()[0], t=timezone.now() - 2 * DAY)
    tasks.watch_canaries(timestamp=0)
    assert not Sample.objects.exists()


def sampled(agent, when, **fields):
    Sample.objects.create(agent=agent, t=when, **{"latency_ms": 20.0, "started": 1.0, **fields})


@pytest.fixture
def running(person):
    """A trial at one camera that began, and was installed, an hour ago; a quiet day with ten samples lies before it."""
    agent = agents()[0]
    type(agent).objects.update(enrolled=timezone.now() - 3 * DAY)
    started = canary_at(person, model(b"one", "1"), agent)
    began = timezone.now() - 60 * MINUTE
    Canary.objects.update(began=began)
    started.cameras.update(installed=began)
    for n in range(10):
        sampled(agent, began - n * MINUTE)
        sampled(agent, began + n * MINUTE)
    started.refresh_from_db()
    return started


def test_a_trial_like_the_day_before_goes_on(running):
    assert canary.watch_all() == []
    assert canary_figures.before(running).hours == pytest.approx(24)
    assert canary_figures.during(running).hours == pytest.approx(1, abs=0.01)


def test_a_version_that_cries_wolf_is_taken_back_by_itself(running):
    raise_alerts(running.cameras.get().camera.agents.get(), 9)
    (ended,) = canary.watch_all()
    assert (ended.automatic, ended.reason) == (True, "9 alerts, where 0 to 3 were to be expected")
    row = AuditRow.objects.get(verb="model.canary_rolled_back")
    assert (row.actor, row.data["automatic"]) == ("system", True)


def test_a_version_that_makes_the_camera_slow_is_taken_back_by_itself(running):
    Sample.objects.filter(t__gt=running.began).update(latency_ms=31.0)
    assert "31 ms" in canary.watch_all()[0].reason


def test_an_agent_that_starts_again_and_again_has_its_version_taken_back(running):
    agent = running.cameras.get().camera.agents.get()
    for n in range(3):
        sampled(agent, running.began + (20 + n) * MINUTE, started=float(n + 5))
    assert canary.watch_all()[0].reason.startswith("3 restarts")


@pytest.mark.parametrize("outcome", ["refused", "failed"])
def test_a_refusal_or_a_failure_at_work_ends_the_trial_at_once(running, outcome):
    agent = running.cameras.get().camera.agents.get()
    actions.record_outcome(agent=agent, detector="anomaly", sha256=running.model.sha256, outcome=outcome, reason="no finite score")
    assert "given back by 1" in canary.watch_all()[0].reason
    assert wanted(agent) == []


def test_going_back_on_request_is_no_failure(running):
    agent = running.cameras.get().camera.agents.get()
    actions.record_outcome(agent=agent, detector="anomaly", sha256=running.model.sha256, outcome="rolled back")
    assert canary.watch_all() == []


def test_an_ended_trial_is_judged_no_more(running, person):
    canary.take_back(user=person, canary_id=running.pk)
    raise_alerts(running.cameras.get().camera.agents.get(), 9)
    assert canary.watch_all() == []


def test_the_cameras_that_stayed_are_told_beside(running):
    agent = running.cameras.get().camera.agents.get()
    other = type(agent).objects.exclude(pk=agent.pk).first()
    raise_alerts(other, 4)
    was, now = canary_figures.others(running)
    assert (was.alerts, now.alerts, canary_figures.during(running).alerts) == (0, 4, 0)
