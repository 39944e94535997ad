"""A run while it goes on: which camera works on what and what time is left; and a gate that is amber when most cameras do better alone."""

from __future__ import annotations

import time

import pytest
from django.urls import reverse
from training_scene import administrator, agents, model, round_event, run, store

from portal.training.models import ModelState, Run
from portal.training.runs import actions, queries, vote_comparison

PROGRESS = {"kind": "progress", "seq": 1, "phase": "round", "round": 1, "rounds": 3, "asked": ["100", "101"], "answered": ["101"], "seconds": 4.0}
ALONE = [{"node": "100", "before": 0.9, "alone": 0.2, "after": 0.4}, {"node": "101", "before": 0.8, "alone": 0.2, "after": 0.3}]
OWN = [{**vote, "own": 0.1} for vote in ALONE]


def gate(votes, seq=3):
    return {"kind": "gate", "seq": seq, "passed": True, "reasons": [], "warnings": [], "votes": votes}


@pytest.fixture
def going(db):
    """A run of two cameras in its first round; the first one's agent reports that it trains."""
    first = agents(count=2)[0]
    begun = run(administrator(), rounds=3)
    Run.objects.filter(pk=begun.pk).update(flower_id="77")
    actions.begin_run(run_id=begun.pk)
    step = {"task": "anomaly", "run": "77", "phase": "training", "step": 3, "of": 12}
    first.health = {"t": time.time(), "contract": "1.2", "training_step": step}
    first.save()
    begun.refresh_from_db()
    return store(begun, {**PROGRESS, "t": time.time()})


def activity(of):
    return queries.run_state(of.started_by, of.pk)["activity"]


def test_each_camera_is_followed_within_a_round(going):
    found = activity(going)
    assert found["title"] == "Round 1 of 3: the cameras train"
    assert [(row["name"], row["state"], row["share"]) for row in found["nodes"]] == [
        ("Camera 0", "training: step 3 of 12", 0.25),
        ("Camera 1", "has answered", 1.0),
    ]
    assert time.time() - found["since"] == pytest.approx(4, abs=3)
    assert found["left"] is None  # nothing has been measured yet


def test_the_time_left_is_known_after_a_round_and_a_step_of_another_run_is_none_of_this(going):
    Run.objects.filter(pk=going.pk).update(flower_id="78")
    going.refresh_from_db()
    found = activity(store(going, round_event(1, 2, n100="accepted"), {**PROGRESS, "seq": 3, "round": 2, "t": time.time()}))
    assert found["nodes"][0]["state"] == "fetching the weights, or sending its answer"
    assert found["left"] > 0


def test_a_run_that_is_over_does_nothing(going):
    actions.end_run(run_id=going.pk, state="stopped")
    going.refresh_from_db()
    assert activity(going) is None


@pytest.mark.parametrize(("votes", "amber"), [(ALONE, {"n": 2, "of": 2}), (OWN, None)], ids=["alone", "own"])
def test_the_gate_is_amber_when_most_cameras_do_better_alone_than_with_what_they_would_run(going, votes, amber):
    stored = store(going, gate(votes))
    assert vote_comparison.amber(stored) == amber
    found = vote_comparison.compare(stored)
    assert found["most_alone"] == bool(amber)
    assert found["own_better"] == (0 if amber else 2)


def test_the_question_before_publishing_repeats_the_amber_gate_and_a_canary_is_offered_first(client, going):
    candidate = model(b"weights")
    store(candidate.run, gate(ALONE))
    client.force_login(going.started_by)
    page = client.get(reverse("training:models"), headers={"accept-language": "en"}).content.decode()
    assert 'data-ask="2 of 2 cameras do better alone than with this version. Let every agent run it all the same?"' in page
    assert '<details class="canary-start" open>' in page
    store(candidate.run, gate(OWN, seq=4))
    page = client.get(reverse("training:models"), headers={"accept-language": "en"}).content.decode()
    assert "do better alone" not in page


def test_after_publishing_each_agent_is_followed(client, going):
    candidate = model(b"weights")
    candidate.state = ModelState.PUBLISHED
    candidate.save()
    client.force_login(going.started_by)
    page = client.get(reverse("training:models"), headers={"accept-language": "en"}).content.decode()
    assert "is fetching it and testing it on itself" in page
    agent = queries.nodes(going.started_by)[0]["agent"]
    agent.health = {"t": time.time(), "contract": "1.2", "models": {"anomaly": candidate.sha256}, "own_weights": {"anomaly": "a" * 64}}
    agent.save()
    page = client.get(reverse("training:models"), headers={"accept-language": "en"}).content.decode()
    assert "is fetching it and testing it on itself" not in page
    assert "with its own weights" in page


def test_the_plan_offers_what_measures_best_and_plain_names(client, going):
    client.force_login(going.started_by)
    page = client.get(reverse("training:console"), headers={"accept-language": "en"}).content.decode()
    assert "What is unusual in the picture (anomaly)</option>" in page
    assert '<option value="fine-tune" selected>' in page
    assert going.plan["personal"] == "fine-tune"
