"""What a frame costs at each camera: kept as a number, shown on the card, and a reason not to publish."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from training_scene import administrator, agents, canary_at, model

from federated.trust.signing import public_text
from portal.training.models import Canary, ModelOutcome, ModelVersion
from portal.training.rollout import actions, budget, tasks
from tests.portal.signed_client import send_in_process

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return administrator()


@pytest.fixture
def one():
    return model(b"one", "1")


def measure(agent, version, ms, allowed=200.0, outcome="installed"):
    """What an agent says after its self-test."""
    return actions.record_outcome(agent=agent, detector="anomaly", sha256=version.sha256, outcome=outcome, reason="", ms=ms, budget_ms=allowed)


def test_an_agents_own_words_are_kept_as_numbers(one):
    agent, key = agents()[0], Ed25519PrivateKey.generate()
    agent.public_key = public_text(key)
    agent.save()
    payload = {"detector": "anomaly", "sha256": one.sha256, "outcome": "installed", "reason": "self-test", "ms": 12.5, "budget_ms": 200.0}
    assert send_in_process("POST", "/api/v1/agents/models", json.dumps(payload).encode(), key, str(agent.pk)).status_code == 204
    row = ModelOutcome.objects.get()
    assert (row.ms, row.budget_ms) == (12.5, 200.0)


@pytest.mark.parametrize("ms", [-1, "fast"])
def test_a_time_that_is_none_is_refused(one, ms):
    agent, key = agents()[0], Ed25519PrivateKey.generate()
    agent.public_key = public_text(key)
    agent.save()
    payload = {"detector": "anomaly", "sha256": one.sha256, "outcome": "installed", "ms": ms}
    assert send_in_process("POST", "/api/v1/agents/models", json.dumps(payload).encode(), key, str(agent.pk)).status_code == 400


def test_an_agent_of_before_says_no_time_and_is_not_judged(person, one):
    actions.record_outcome(agent=agents()[0], detector="anomaly", sha256=one.sha256, outcome="installed", reason="self-test: 900 ms a frame")
    assert budget.measured(one) == []
    assert actions.publish(user=person, model_id=one.pk).state == "published"


def test_a_version_too_slow_for_a_camera_on_trial_is_not_published(person, one):
    first = agents()[0]
    canary_at(person, one, first)
    measure(first, one, 250.4)
    with pytest.raises(ValidationError, match=r"Camera 0 measured 250\.4 ms a frame and allows 200\.0 ms"):
        actions.publish(user=person, model_id=one.pk)
    assert ModelVersion.objects.get().state == "canary"


def test_the_page_says_why_it_was_not_published(person, one, client):
    first = agents()[0]
    canary_at(person, one, first)
    measure(first, one, 250.4)
    client.force_login(person)
    assert "Too slow for all: Camera 0" in client.post(reverse("training:publish", args=[one.pk]), follow=True).content.decode()


def test_the_last_self_test_counts(person, one):
    first = agents()[0]
    measure(first, one, 250.0)
    measure(first, one, 20.0)
    assert [(each.ms, each.over) for each in budget.measured(one)] == [(20.0, False)]
    actions.publish(user=person, model_id=one.pk)


def test_an_agent_that_is_believed_no_more_does_not_stand_in_the_way(person, one):
    first = agents()[0]
    measure(first, one, 250.0)
    first.revoked = timezone.now()
    first.save()
    actions.publish(user=person, model_id=one.pk)


def test_another_version_is_another_matter(person, one):
    measure(agents()[0], model(b"two", "2"), 250.0)
    actions.publish(user=person, model_id=one.pk)


def test_each_agent_is_judged_by_its_own_budget(one):
    first, second, _ = agents()
    measure(first, one, 90.0, allowed=100.0)
    measure(second, one, 90.0, allowed=40.0)
    assert [each.over for each in budget.measured(one)] == [False, True]


def test_a_camera_that_refuses_it_for_its_time_takes_it_back(person, one):
    first = agents()[0]
    started = canary_at(person, one, first)
    measure(first, one, 250.0, outcome="refused")
    tasks.watch_canaries(timestamp=0)
    started = Canary.objects.get(pk=started.pk)
    assert (started.outcome, started.automatic, started.model.state) == ("rolled back", True, "rolled back")
    assert "refused" in started.reason


def test_a_fixed_number_of_questions_for_any_number_of_agents(one, django_assert_num_queries):
    for agent in agents():
        measure(agent, one, 10.0)
    with django_assert_num_queries(1):
        assert len(budget.measured(one)) == 3
