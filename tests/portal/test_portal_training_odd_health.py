"""An agent whose stored heartbeat makes no sense, and a row that breaks a job: no page and no other agent suffers from either."""

from __future__ import annotations

import logging

import pytest
from django.urls import reverse
from django.utils import timezone
from training_scene import administrator, agents, beat, canary_at, model

from portal.sites.models import Agent
from portal.training import metrics
from portal.training.models import Canary, ModelOutcome, Run, Sample, Schedule
from portal.training.rollout import canary, tasks
from portal.training.runs import nightly
from tests.portal.test_portal_training_nightly import at, calm

pytestmark = pytest.mark.django_db
ODD = [
    5,
    None,
    [],
    "much",
    {"models": 5},
    {"data": 5},
    {"models": [1]},
    {"terms": 5},
    {"camera": 5},
    {"camera": {"stages_ms": 5}},
    {"trials": 5},
    {"versions": 5},
]
ODD += [{"started": "noon"}, {"mains": 5}, {"disk_free": "much"}, {"training": 5}, {"data": {"anomaly": "many"}}, {"camera": {"dropped": 1e300}}]


@pytest.fixture
def square():
    return agents()


def stored(agent, health):
    """Straight into the database, as an older portal may have left it."""
    Agent.objects.filter(pk=agent.pk).update(health=health, last_seen=timezone.now())


@pytest.mark.parametrize("health", ODD, ids=repr)
def test_no_page_of_training_breaks_over_an_odd_heartbeat(square, client, health):
    client.force_login(administrator())
    version = model(b"one")
    going = canary_at(administrator("b@example.org"), version, *square)
    stored(square[0], health if health is not None else {})
    for name, arguments in (("console", []), ("nodes", []), ("night", []), ("models", []), ("card", [version.pk]), ("canary", [going.pk])):
        assert client.get(reverse(f"training:{name}", args=arguments)).status_code == 200
    assert "specola_frames_dropped_total" in metrics.text()


@pytest.mark.parametrize("health", ODD, ids=repr)
def test_an_odd_heartbeat_does_not_stop_the_canary_watcher(square, health):
    """The version failed at the third camera: that must take it back, whatever the first one's heartbeat holds."""
    going = canary_at(administrator(), version := model(b"one"), *square)
    stored(square[0], health if health is not None else {})
    beat(square[1], models={"anomaly": version.sha256})
    ModelOutcome.objects.create(agent=square[2], detector="anomaly", sha256=version.sha256, outcome="failed")
    tasks.watch_canaries(timestamp=0)
    assert Canary.objects.get(pk=going.pk).outcome == "rolled back"
    assert going.cameras.get(camera=square[1].camera_id).installed
    assert Sample.objects.count() == 2  # of both that called


@pytest.mark.parametrize("health", ODD, ids=repr)
def test_an_odd_heartbeat_starts_no_night_and_stops_none(square, health):
    for agent in square:
        calm(agent, mains=True)
    nightly.save(user=administrator(), task="anomaly", hour=2, enabled=True, rounds=1, min_sites=2)
    stored(square[0], health if health is not None else {})
    (started,) = nightly.start_due(at(2, minute=5))
    assert set(started.plan["sites"]) >= {"101", "102"}


def test_one_canary_that_cannot_be_judged_does_not_stop_the_next(square, monkeypatch, caplog):
    person = administrator()
    broken, fine = two(person, square)
    look = canary.note_installed
    monkeypatch.setattr(canary, "note_installed", lambda each: 1 / 0 if each.pk == broken.pk else look(each))
    ModelOutcome.objects.create(agent=square[1], detector="people", sha256=fine.model.sha256, outcome="failed")
    with caplog.at_level(logging.ERROR):
        tasks.watch_canaries(timestamp=0)
    assert Canary.objects.get(pk=fine.pk).outcome == "rolled back"
    assert Canary.objects.get(pk=broken.pk).ended is None
    assert "ZeroDivisionError" in caplog.text


def two(person, square):
    """Canaries of two detectors."""
    one, other = model(b"one", "1"), model(b"two", "2")
    type(other).objects.filter(pk=other.pk).update(detector="people")
    other.refresh_from_db()
    return canary_at(person, one, square[0]), canary_at(person, other, square[1])


def test_samples_that_cannot_be_taken_do_not_stop_the_watching(square, monkeypatch):
    going = canary_at(administrator(), version := model(b"one"), square[0])
    monkeypatch.setattr(tasks.canary_figures, "take_samples", lambda: 1 / 0)
    ModelOutcome.objects.create(agent=square[0], detector="anomaly", sha256=version.sha256, outcome="failed")
    tasks.watch_canaries(timestamp=0)
    assert Canary.objects.get(pk=going.pk).outcome == "rolled back"


def test_a_schedule_whose_plan_is_broken_does_not_stop_another(square):
    for agent in square:
        calm(agent, mains=True)
    person = administrator()
    Schedule.objects.create(task="aaa", plan={"min_sites": None}, hour=2, by=person)
    nightly.save(user=person, task="anomaly", hour=2, enabled=True, rounds=1, min_sites=2)
    assert [each.task for each in nightly.start_due(at(2, minute=5))] == ["anomaly"]
    assert Run.objects.count() == 1
