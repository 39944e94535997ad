"""Privacy on the plan, the run, the nodes and in the API; sites that do not take part are told before a run starts."""

from __future__ import annotations

import json
import re

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from training_scene import CARD, administrator, agents, beat, round_event, run, store

from federated.learning import privacy
from portal.training.models import Run, Schedule
from portal.training.rollout import actions as rollout_actions
from portal.training.runs import nightly, plans, queries, terms
from portal.training.runs.forms import PlanForm

pytestmark = pytest.mark.django_db
FORM = {"task": "anomaly", "strategy": "fedavg", "rounds": 1, "local_epochs": 1, "min_sites": 2, "deadline_s": 60}
SPENT = {
    "kind": "local",
    "epsilon": 2.5,
    "wanted": 4.0,
    "delta": 1e-5,
    "sigma": 1.2,
    "clip": 1.0,
    "unit": "one training sample of one site",
    "covers": "the weights",
}
RECORD = {
    "task": "anomaly",
    "data": "ped2",
    "metric": "frame AUC",
    "sites": 4,
    "seeds": 3,
    "rows": [
        {"kind": "untrained", "wanted": 0.0, "value": 0.9, "low": 0.9, "high": 0.9},
        {"kind": "none", "wanted": 0.0, "value": 0.96, "low": 0.95, "high": 0.97},
        {"kind": "local", "wanted": 4.0, "value": 0.94, "low": 0.93, "high": 0.95},
    ],
}


@pytest.fixture
def admin(client):
    client.person = administrator()
    client.force_login(client.person)
    client.agents = agents()
    return client


def page(client, name, *arguments):
    answer = client.get(reverse(name, args=arguments))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, ("none", 0.0)),
        ({"privacy": "none", "epsilon": 8}, ("none", 0.0)),
        ({"privacy": "local", "epsilon": 4}, ("local", 4.0)),
        ({"privacy": "central", "epsilon": "1.5"}, ("central", 1.5)),
    ],
)
def test_the_form_starts_a_run_with_the_chosen_privacy(admin, fields, kept):
    assert admin.post(reverse("training:console"), {**FORM, **fields}).status_code == 302
    plan = Run.objects.get().plan
    assert (plan["privacy"], plan["epsilon"]) == kept


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"privacy": "local", "epsilon": ""}, "epsilon must lie between"),
        ({"privacy": "local", "epsilon": "x"}, "field-problem"),
        ({"privacy": "local", "epsilon": 99}, "field-problem"),
        ({"privacy": "magic", "epsilon": 4}, "field-problem"),
        ({"privacy": "central", "epsilon": 4, "strategy": "median", "min_sites": 3}, "choose fedavg or fedprox"),
        ({"privacy": "local", "epsilon": 4, "task": "face_adapter"}, "cannot train with local privacy"),
    ],
)
def test_a_pair_that_cannot_work_is_refused_with_a_sentence(admin, fields, why):
    answer = admin.post(reverse("training:console"), {**FORM, **fields})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Run.objects.exists()


def test_a_nightly_run_keeps_its_privacy(admin):
    admin.post(reverse("training:night"), {**FORM, "privacy": "local", "epsilon": 2, "hour": 3, "enabled": "on"})
    assert Schedule.objects.get().plan["epsilon"] == 2.0


def test_the_api_takes_privacy_and_refuses_an_unknown_kind(admin):
    ask = lambda **fields: admin.post("/api/v1/runs", json.dumps({"task": "anomaly", **fields}), content_type="application/json")  # noqa: E731
    assert ask(privacy="magic", epsilon=1).status_code == 400
    assert ask(privacy="central", epsilon=1, strategy="median", min_sites=3).status_code == 400
    assert ask(privacy="central", epsilon=1, delta=1e-6, clip=0.5).status_code == 201
    assert Run.objects.get().plan["delta"] == 1e-6


def test_the_plan_says_what_was_measured_for_each_epsilon(admin, monkeypatch, tmp_path):
    (tmp_path / "privacy-anomaly.json").write_text(json.dumps(RECORD))
    monkeypatch.setattr(privacy, "FIGURES", tmp_path)
    shown = page(admin, "training:console")
    assert "Measured on ped2 with 4 nodes: frame AUC 0.960 without, 0.940 with epsilon 4, 0.900 before any training." in shown
    assert "Interval over 3 deals of the data: 0.930 to 0.950." in shown
    assert 'data-kind="local" data-epsilon="4.0"' in shown


def test_the_plan_offers_secure_aggregation_as_closed_and_says_why(admin):
    shown = page(admin, "training:console")
    assert '<option value="" disabled>secure aggregation' in shown
    assert "Either the guard" in shown


def test_in_italian_too(admin):
    admin.cookies["django_language"] = "it"
    assert "O la guardia, che deve vedere" in page(admin, "training:console")


def test_a_run_shows_what_each_round_has_spent(admin):
    begun = run(admin.person, privacy="local", epsilon=4.0)
    store(begun, {**round_event(1, 1, n100="accepted"), "privacy": SPENT})
    state = queries.run_state(admin.person, begun.pk)
    assert state["privacy"] == SPENT
    assert 'id="epsilon"' in page(admin, "training:run", begun.pk)


def test_a_run_without_privacy_shows_no_epsilon(admin):
    begun = store(run(admin.person), round_event(1, 1, n100="accepted"))
    assert queries.run_state(admin.person, begun.pk)["privacy"] == {}
    assert 'id="epsilon"' not in page(admin, "training:run", begun.pk)


def test_what_a_site_spent_is_kept_and_exported(admin):
    event = round_event(1, 1, n100="accepted")
    event["sites"][0]["epsilon"] = 1.25
    begun = store(run(admin.person, privacy="local", epsilon=4.0), event)
    assert queries.run_state(admin.person, begun.pk)["rounds"][0]["sites"][0]["epsilon"] == 1.25
    assert "1.25" in page(admin, "training:export", begun.pk, "csv")


def test_a_models_card_shows_its_privacy(admin):
    card = {**CARD, "metrics": {"privacy": {**SPENT, "covers": "the weights"}}}
    model = rollout_actions.keep_model(run=run(admin.person), content=b"onnx", card=card)
    shown = page(admin, "training:card", model.pk)
    assert "<code>epsilon</code> 2.5" in shown
    assert "one training sample of one camera (its node)" in shown


@pytest.mark.parametrize(("kind", "old"), [("central", "one site"), ("local", "one training sample of one site")])
def test_an_older_card_that_promised_it_to_a_site_is_shown_with_the_true_unit(admin, kind, old):
    statement = {**SPENT, "kind": kind, "unit": old, "covers": "the weights of this run; not the losses and counts that sites report"}
    model = rollout_actions.keep_model(run=run(admin.person), content=b"onnx", card={**CARD, "metrics": {"privacy": statement}})
    privacy_row = page(admin, "training:card", model.pk).split("<dt>Privacy</dt>")[1].split("</dd>")[0]
    assert f"<code>unit</code> {privacy.UNITS[kind]}<" in privacy_row
    assert "one site" not in privacy_row


def test_form_and_run_page_name_one_camera_as_what_is_protected(admin):
    form = page(admin, "training:console").split('id="privacy-plan"')[1].split("</fieldset>")[0]
    assert "The promise is for one camera (its node)." in form
    assert re.findall(r"\b(?:a|one|each|every|of the) sites?\b", form) == []
    begun = store(run(admin.person, privacy="central", epsilon=4.0), round_event(1, 1, n100="accepted"))
    assert "for one camera (its node)" in page(admin, "training:run", begun.pk)


# Sites with terms of their own.


def test_a_night_goes_on_without_a_site_that_does_not_take_part(admin, monkeypatch):
    admin.post(reverse("training:night"), {**FORM, "hour": 3, "enabled": "on"})
    beat(admin.agents[0], terms={"tasks": ["face_adapter"], "most_epsilon": 0})
    monkeypatch.setattr(nightly, "idle", lambda agents: agents)
    nightly.try_night(Schedule.objects.get().pk, timezone.localtime())
    assert Run.objects.get().plan["sites"] == ["101", "102"]


def test_the_console_and_the_nodes_say_who_does_not_take_part(admin):
    beat(admin.agents[0], terms={"tasks": ["face_adapter"], "most_epsilon": 0}, data={"anomaly": 7})
    beat(admin.agents[1], terms={"tasks": [], "most_epsilon": 4})
    shown = page(admin, "training:console")
    assert "not taking part</small>" in shown
    assert "local privacy, epsilon ≤ 4 only" in shown
    assert "local privacy, epsilon ≤ 4 only" in page(admin, "training:nodes")


def test_a_chosen_site_that_would_refuse_is_named_before_the_start(admin):
    beat(admin.agents[0], terms={"tasks": ["face_adapter"], "most_epsilon": 0})
    with pytest.raises(ValidationError, match="Camera 0: this camera takes part in face_adapter only"):
        run(admin.person, sites=["100", "101"])
    assert list(run(admin.person, sites=["101", "102"]).plan["sites"]) == ["101", "102"]


def test_a_run_for_which_too_few_would_take_part_is_not_started(admin):
    for agent in admin.agents[:2]:
        beat(agent, terms={"tasks": [], "most_epsilon": 2})
    with pytest.raises(ValidationError, match=r"only 1 take part in such a run \(Camera 0: this camera trains with local"):
        run(admin.person)
    assert run(admin.person, privacy="local", epsilon=2.0)


@pytest.mark.parametrize("fields", [None, 3, "x", [], {"tasks": 3, "most_epsilon": "x"}, {"tasks": [], "most_epsilon": -1}])
def test_nonsense_of_an_agent_is_no_demand(admin, fields):
    beat(admin.agents[0], terms=fields)
    assert terms.as_json(admin.agents[0]) == {"tasks": [], "most_epsilon": 0.0}


def test_every_field_of_a_plan_that_concerns_privacy_can_be_chosen():
    assert {"privacy", "epsilon", "delta", "clip"} <= set(plans.CHOSEN)
    assert {"privacy", "epsilon"} <= set(PlanForm.base_fields)
