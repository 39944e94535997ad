"""A version's card page: data, sites, strategy, privacy, intervals, time, signature, and what can be verified elsewhere."""

from __future__ import annotations

import pytest
from alert_scene import user
from django.urls import reverse
from training_scene import CARD, administrator, agents, canary_at
from training_scene import run as begin

from federated.trust import verify
from federated.trust.signing import public_text
from portal.sites.config import portal_key
from portal.sites.models import Agent
from portal.training.models import ModelVersion
from portal.training.node_names import CameraNames
from portal.training.rollout import actions, cards

pytestmark = pytest.mark.django_db
METRICS = {"strategy": "median", "privacy": "none beyond keeping the data at the sites", "samples": {"100": 90, "101": 60, "102": 30}, "onnx_difference": 1e-6}
VOTES = [{"node": "100", "before": 1.0, "after": 0.8}, {"node": "101", "before": 1.0, "after": 0.9}, {"node": "102", "before": 1.0, "after": 0.7}]


@pytest.fixture
def person():
    return administrator()


def made(person, votes=VOTES, **metrics):
    """A version of a run in which three agents took part."""
    agents()
    run = begin(person, strategy="median", min_sites=3)
    run.gate = {"passed": True, "reasons": [], "votes": votes}  # as a release before may have left it: whatever stands there, the card is shown
    run.save()
    return actions.keep_model(run=run, content=b"weights", card={**CARD, "metrics": {**METRICS, **metrics}})


def page(client, person, model):
    client.force_login(person)
    return client.get(reverse("training:card", args=[model.pk])).content.decode()


def test_the_interval_is_students_t_over_the_sites():
    found = cards.interval([-0.2, -0.1, -0.3])
    assert (found.n, found.few) == (3, True)
    assert found.mean == pytest.approx(-0.2)
    assert (found.low, found.high) == (pytest.approx(-0.4484, abs=1e-4), pytest.approx(0.0484, abs=1e-4))


def test_one_site_has_a_mean_and_no_interval():
    found = cards.interval([-0.2])
    assert (found.mean, found.low, found.high) == (-0.2, None, None)


def test_nobody_has_no_mean():
    assert cards.interval([]) is None


@pytest.mark.parametrize(("n", "t"), [(2, 12.706), (31, 2.042), (200, 2.042)])
def test_more_sites_make_the_interval_narrower(n, t):
    changes = [(-1.0) ** k for k in range(n)]
    found = cards.interval(changes)
    spread = (sum((each - found.mean) ** 2 for each in changes) / (n - 1)) ** 0.5
    assert found.high - found.mean == pytest.approx(t * spread / n**0.5)
    assert found.few is (n < cards.FEW)


def test_the_page_says_what_a_regulator_asks(person, client):
    shown = page(client, person, made(person))
    for text in ("median", "none beyond keeping the data", "Site square / Camera 0", "180", "Apache-2.0", "none known", "-0.2000 (-0.4484 … 0.0484)"):
        assert text in shown
    assert "Only 3 cameras have voted" in shown


def test_with_one_vote_it_says_that_there_is_no_interval(person, client):
    assert "there is no interval" in page(client, person, made(person, votes=VOTES[:1]))


def test_without_votes_and_samples_it_says_so(person, client):
    shown = page(client, person, made(person, votes=[], samples={}))
    assert "No camera has measured this version" in shown
    assert "does not state how many samples" in shown


def test_the_cards_own_losses_stand_in_for_a_run_that_is_gone(person):
    model = made(person, loss_before={"100": 1.0}, loss_after={"100": 0.5})
    model.run.delete()
    (vote,) = cards.votes(ModelVersion.objects.get(), CameraNames(None))
    assert (vote.place, vote.change) == ("Site square / Camera 0", -0.5)


@pytest.mark.parametrize("votes", [[{"node": "1", "before": None, "after": 0.5}], [{"node": "1", "before": "x", "after": 1}], ["nonsense"], "nonsense"])
def test_votes_that_are_no_numbers_are_left_out(person, votes):
    assert cards.votes(made(person, votes=votes), CameraNames(None)) == []


def test_privacy_settings_of_plan_and_card_are_shown_whatever_they_are_called(person, client):
    shown = page(client, person, made(person, epsilon=4.0, noise_multiplier=1.1))
    assert "epsilon" in shown
    assert "noise_multiplier" in shown


def test_the_time_at_each_camera_and_the_trial_are_shown(person, client):
    model = made(person)
    agent = Agent.objects.get(node_id="100")
    canary_at(person, model, agent)
    actions.record_outcome(agent=agent, detector="anomaly", sha256=model.sha256, outcome="installed", ms=12.5, budget_ms=200.0)
    actions.record_outcome(agent=agents("museum")[0], detector="anomaly", sha256=model.sha256, outcome="refused", ms=250.0, budget_ms=200.0)
    shown = page(client, person, model)
    assert "12.5" in shown
    assert "in time" in shown
    assert "too slow" in shown
    assert "/training/trials/" in shown


def test_the_parent_is_named_and_linked(person, client):
    model = made(person)
    actions.publish(user=person, model_id=model.pk)
    child = actions.keep_model(run=begin(person, min_sites=2), content=b"child", card={**CARD, "version": "2"})
    assert reverse("training:card", args=[model.pk]) in page(client, person, child)


def test_the_download_is_the_signed_document_and_verifies_with_the_key_on_the_page(person, client):
    model = made(person)
    key = public_text(portal_key())
    assert key in page(client, person, model)
    answer = client.get(reverse("training:document", args=[model.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="anomaly-{model.sha256[:12]}.json"'
    assert "its card and its file were signed" in verify.verify(answer.json(), key, b"weights")
    with pytest.raises(ValueError, match="sha256"):
        verify.verify(answer.json(), key, b"other weights")


@pytest.mark.parametrize("name", ["training:card", "training:document"])
def test_who_may_read_models_may_read_cards_and_nobody_else(person, client, name):
    address = reverse(name, args=[made(person).pk])
    client.force_login(user("o@example.org", "operator"))
    assert client.get(address).status_code == 403
    client.force_login(user("m@example.org", "manager"))
    assert client.get(address).status_code == 200
    assert client.get(reverse(name, args=[4711])).status_code == 404


def test_the_registry_links_to_the_card(person, client):
    model = made(person)
    client.force_login(person)
    assert reverse("training:card", args=[model.pk]) in client.get(reverse("training:models")).content.decode()


def test_a_card_costs_the_same_few_queries_for_any_number_of_sites(person, client, django_assert_max_num_queries):
    model = made(person)
    client.force_login(person)
    with django_assert_max_num_queries(18):
        client.get(reverse("training:card", args=[model.pk]))
