"""Models: signed when kept, at most one published, always a way back."""

from __future__ import annotations

import pytest
from alert_scene import user
from django.core.exceptions import PermissionDenied, ValidationError
from training_scene import administrator, agents, model

from federated.trust.signing import public_text, verify_document
from portal.core import media
from portal.core.models import AuditRow
from portal.sites.config import portal_key
from portal.training.models import ModelOutcome, ModelVersion
from portal.training.rollout import actions, queries

pytestmark = pytest.mark.django_db


def states():
    return dict(ModelVersion.objects.values_list("version", "state"))


def test_a_kept_model_is_signed_and_its_file_is_here():
    kept = model(b"one")
    actions.publish(user=administrator(), model_id=kept.pk)
    (document,) = queries.desired_models(agents()[0].camera)
    assert verify_document(document, public_text(portal_key()))["sha256"] == kept.sha256
    assert media.path(kept.sha256).read_bytes() == b"one"


def test_a_candidate_is_wanted_of_no_agent():
    model(b"one")
    assert queries.desired_models(agents()[0].camera) == []


def test_publishing_retires_the_version_before():
    person, first, second = administrator(), model(b"one", "1"), model(b"two", "2")
    actions.publish(user=person, model_id=first.pk)
    actions.publish(user=person, model_id=second.pk)
    assert states() == {"1": "retired", "2": "published"}


def test_publishing_twice_changes_nothing():
    person, first = administrator(), model(b"one", "1")
    actions.publish(user=person, model_id=first.pk)
    actions.publish(user=person, model_id=first.pk)
    assert AuditRow.objects.filter(verb="model.published").count() == 1


def test_rolling_back_brings_the_version_before_back():
    person, first, second = administrator(), model(b"one", "1"), model(b"two", "2")
    for each in (first, second):
        actions.publish(user=person, model_id=each.pk)
    assert actions.roll_back(user=person, detector="anomaly") == first
    assert states() == {"1": "published", "2": "rolled back"}


def test_rolling_back_the_only_version_goes_back_to_what_the_agents_were_shipped_with():
    person, first = administrator(), model(b"one", "1")
    actions.publish(user=person, model_id=first.pk)
    assert actions.roll_back(user=person, detector="anomaly") is None
    assert queries.desired_models(agents()[0].camera) == []


def test_a_rolled_back_version_does_not_come_back_by_the_next_roll_back():
    person = administrator()
    for number in ("1", "2", "3"):
        actions.publish(user=person, model_id=model(number.encode(), number).pk)
    actions.roll_back(user=person, detector="anomaly")
    actions.roll_back(user=person, detector="anomaly")
    assert states() == {"1": "published", "2": "rolled back", "3": "rolled back"}


def test_there_is_nothing_to_roll_back_before_something_is_published():
    with pytest.raises(ValidationError, match="shipped"):
        actions.roll_back(user=administrator(), detector="anomaly")


def test_a_model_whose_file_is_gone_is_not_published():
    kept = model(b"one")
    media.path(kept.sha256).unlink()
    with pytest.raises(ValidationError, match="missing"):
        actions.publish(user=administrator(), model_id=kept.pk)


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_only_an_administrator_publishes_and_rolls_back(role):
    person, kept = user("x@example.org", role), model(b"one")
    with pytest.raises(PermissionDenied):
        actions.publish(user=person, model_id=kept.pk)
    with pytest.raises(PermissionDenied):
        actions.roll_back(user=person, detector="anomaly")


def test_what_an_agent_says_of_a_model_is_kept_and_audited():
    agent = agents()[0]
    actions.record_outcome(agent=agent, detector="anomaly", sha256="a" * 64, outcome="refused", reason="wrong signature")
    assert ModelOutcome.objects.get().reason == "wrong signature"
    assert AuditRow.objects.get(verb="model.refused").actor == f"agent:{agent.pk}"


def test_an_outcome_nobody_knows_is_refused():
    with pytest.raises(ValidationError, match="outcome"):
        actions.record_outcome(agent=agents()[0], detector="anomaly", sha256="a" * 64, outcome="exploded")
