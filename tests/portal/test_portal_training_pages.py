"""The training console, run page, registry and their API, for those who may and those who may not."""

from __future__ import annotations

import pytest
from alert_scene import user
from django.urls import reverse
from training_scene import administrator, agents, model, run

from portal.training.models import ModelVersion, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    person = administrator()
    client.force_login(person)
    client.person = person
    return client


def signed_in(client, role):
    client.force_login(user(f"{role}@example.org", role))
    return client


@pytest.mark.parametrize("name", ["training:console", "training:models"])
def test_pages_exist_when_nothing_was_ever_trained(admin, name):
    assert admin.get(reverse(name)).status_code == 200


def test_the_console_names_what_each_agent_could_train_on(admin):
    agent = agents()[0]
    agent.health = {"data": {"anomaly": 31}}
    agent.save()
    assert b"31" in admin.get(reverse("training:console")).content


def test_starting_by_the_form_leads_to_the_run(admin):
    agents()
    form = {"task": "anomaly", "strategy": "fedavg", "rounds": 1, "local_epochs": 1, "min_sites": 2, "deadline_s": 60}
    answer = admin.post(reverse("training:console"), form)
    assert answer.url == reverse("training:run", args=[Run.objects.get().pk])
    assert admin.get(answer.url).status_code == 200


def test_a_plan_that_cannot_work_comes_back_with_the_reason(admin):
    form = {"task": "anomaly", "strategy": "fedavg", "rounds": 1, "local_epochs": 1, "min_sites": 2, "deadline_s": 60}
    answer = admin.post(reverse("training:console"), form)
    assert answer.status_code == 422
    assert "only 0 are enrolled" in answer.content.decode()


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_a_guard_without_the_administrator_role_starts_no_run_by_page_or_api(client, role):
    agents()
    guard = signed_in(client, role)
    form = {"task": "anomaly", "strategy": "fedavg", "rounds": 1, "local_epochs": 1, "min_sites": 2, "deadline_s": 60}
    assert guard.post(reverse("training:console"), form).status_code == 403
    assert guard.post(reverse("api:runs"), {"task": "anomaly"}, content_type="application/json").status_code == 403
    assert not Run.objects.exists()


def test_an_operator_may_not_even_look(client):
    assert signed_in(client, "operator").get(reverse("training:console")).status_code == 403


def test_a_stranger_is_asked_to_sign_in(client):
    assert client.get(reverse("training:models")).status_code == 302
    assert client.get(reverse("api:runs")).status_code in (401, 403)


def test_the_api_starts_shows_and_stops_a_run(admin):
    agents()
    started = admin.post(reverse("api:runs"), {"task": "anomaly", "rounds": 1}, content_type="application/json")
    assert (started.status_code, started.json()["status"]) == (201, "queued")
    assert admin.post(reverse("api:stop-run", args=[started.json()["id"]])).json()["status"] == "stopped"
    assert admin.get(reverse("api:runs")).json()[0]["status"] == "stopped"


@pytest.mark.parametrize("body", [{}, {"task": "nope"}, {"task": "anomaly", "rounds": "many"}, {"task": "anomaly", "rounds": -1}])
def test_the_api_answers_a_bad_plan_with_400(admin, body):
    agents()
    assert admin.post(reverse("api:runs"), body, content_type="application/json").status_code == 400


def test_the_api_publishes_and_rolls_back(admin):
    kept = model(b"one")
    assert admin.post(reverse("api:publish-model", args=[kept.pk])).json()["state"] == "published"
    back = admin.post(reverse("api:roll-back-model", args=["anomaly"]))
    assert back.json() == {"model": None}


def test_pages_publish_and_roll_back_and_say_so(admin):
    kept = model(b"one")
    shown = admin.post(reverse("training:publish", args=[kept.pk]), follow=True).content.decode()
    assert "is published" in shown
    assert "shipped" in admin.post(reverse("training:roll_back"), {"detector": "anomaly"}, follow=True).content.decode()
    assert ModelVersion.objects.get().state == "rolled back"


@pytest.mark.parametrize(("name", "method"), [("training:run", "get"), ("training:stop", "post"), ("training:publish", "post"), ("api:run", "get")])
def test_what_is_not_there_is_404(admin, name, method):
    assert getattr(admin, method)(reverse(name, args=[4711])).status_code == 404


def test_the_registry_asks_the_database_a_fixed_number_of_questions(admin, django_assert_max_num_queries):
    for number in range(8):
        model(str(number).encode(), str(number))
    with django_assert_max_num_queries(17):
        admin.get(reverse("training:models"))


def test_a_run_page_asks_a_fixed_number_of_questions(admin, django_assert_max_num_queries):
    agents()
    started = run(admin.person)
    with django_assert_max_num_queries(17):
        admin.get(reverse("training:run", args=[started.pk]))
