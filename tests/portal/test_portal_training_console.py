"""Comparing, exporting, the nodes' inventory, the nightly page and the numbers for Prometheus."""

from __future__ import annotations

import csv
import io

import pytest
from alert_scene import user
from django.core.cache import cache
from django.urls import reverse
from training_scene import administrator, agents, beat, round_event, run, store

from federated.learning import control
from portal.core.models import AuditRow
from portal.sites.models import Site
from portal.training import metrics
from portal.training.models import Run, Schedule

pytestmark = pytest.mark.django_db
FORM = {"task": "anomaly", "strategy": "fedavg", "rounds": 1, "local_epochs": 1, "min_sites": 2, "deadline_s": 60}


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


@pytest.fixture
def admin(client):
    client.person = administrator()
    client.force_login(client.person)
    agents()
    return client


@pytest.fixture
def two_runs(admin):
    first = store(run(admin.person, rounds=1), round_event(1, 1, n100="accepted", n101="accepted"))
    votes = [{"node": "100", "before": 0.4, "after": 0.2}, {"node": "101", "before": 0.6, "after": 0.4}]
    second = run(admin.person, rounds=2, strategy="median", min_sites=3)
    return first, store(second, round_event(1, 1, n100="accepted", n101="late"), {"kind": "gate", "seq": 2, "passed": True, "reasons": [], "votes": votes})


def words(client, name, *arguments, **query):
    answer = client.get(reverse(name, args=arguments), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_two_runs_stand_side_by_side_with_what_differs(admin, two_runs):
    page = words(admin, "training:compare", run=[each.pk for each in two_runs])
    assert [name for name in ("strategy", "rounds", "min_sites") if f"<code>{name}</code>" not in page] == []
    assert "<code>deadline_s</code>" not in page
    assert "0.50000 → <strong>0.30000</strong>" in page


@pytest.mark.parametrize("asked", [[], ["x"], ["4711"], ["1", "1", "1", "1", "1"]])
def test_comparing_nonsense_is_no_error(admin, asked):
    assert admin.get(reverse("training:compare"), {"run": asked}).status_code == 200


def test_the_csv_has_a_line_for_each_site_and_round(admin, two_runs):
    text = words(admin, "training:export", two_runs[1].pk, "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["node"], row["status"], row["bytes_up"]) for row in rows] == [("100", "accepted", "20"), ("101", "late", "20")]


def test_no_reason_of_a_site_becomes_a_formula(admin):
    event = round_event(1, 1, n100="rejected")
    event["sites"][0]["reason"] = "=HYPERLINK(1)"
    stored = store(run(admin.person), event)
    assert "'=HYPERLINK(1)" in words(admin, "training:export", stored.pk, "csv")


def test_the_json_is_what_the_page_shows(admin, two_runs):
    answer = admin.get(reverse("training:export", args=[two_runs[0].pk, "json"]))
    assert answer.json()["rounds"][0]["sites"][0]["node"] == "100"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="run-{two_runs[0].pk}.json"'


def test_a_run_that_is_not_there_has_no_export(admin):
    assert admin.get(reverse("training:export", args=[4711, "csv"])).status_code == 404


def test_an_operator_gets_no_export_and_no_inventory(client):
    client.force_login(user("o@example.org", "operator"))
    for address in (reverse("training:export", args=[1, "csv"]), reverse("training:nodes"), reverse("training:compare"), reverse("training:night")):
        assert client.get(address).status_code == 403


def test_the_form_sends_a_run_to_the_chosen_sites_only(admin):
    admin.post(reverse("training:console"), {**FORM, "sites": ["100", "102"]})
    assert Run.objects.get().plan["sites"] == ["100", "102"]


def test_a_site_that_is_not_enrolled_cannot_be_chosen(admin):
    assert admin.post(reverse("training:console"), {**FORM, "sites": ["100", "999"]}).status_code == 422


def test_fewer_chosen_sites_than_must_answer_are_refused_with_the_reason(admin):
    answer = admin.post(reverse("training:console"), {**FORM, "sites": ["100"]})
    assert "only 1 may take part" in answer.content.decode()


def test_every_strategy_is_explained_for_every_number_of_sites(admin):
    offers = admin.get(reverse("training:console")).context["offers"]
    assert [next(each["works"] for each in offer if each["name"] == "median") for offer in offers["anomaly"]] == [False, False, False, True]


def test_the_resume_button_leads_to_the_new_run(admin):
    stored = store(run(admin.person), round_event(1, 1, n100="accepted", n101="accepted"))
    Run.objects.update(flower_id="71", state="failed")
    answer = admin.post(reverse("training:resume", args=[stored.pk]))
    assert answer.url == reverse("training:run", args=[Run.objects.first().pk])
    assert admin.post(reverse("api:resume-run", args=[stored.pk])).status_code == 201


def test_without_a_checkpoint_the_page_says_so(admin):
    stored = run(admin.person)
    assert "no checkpoint" in admin.post(reverse("training:resume", args=[stored.pk]), follow=True).content.decode()
    assert admin.post(reverse("api:resume-run", args=[stored.pk])).status_code == 400


def test_the_form_offers_first_what_is_recommended_for_so_many_sites(admin):
    strategy = lambda: admin.get(reverse("training:console")).context["form"]["strategy"].value()  # noqa: E731
    assert strategy() == "fedavg"
    agents("museum", 4)
    assert strategy() == "median"


def node(identifier, state):
    return control.NodeInfo(identifier, state, "", 0.0, "")


def test_the_inventory_tells_data_versions_last_round_disk_and_link(admin, monkeypatch, two_runs):
    from portal.sites.models import Agent

    beat(Agent.objects.get(node_id="100"), data={"anomaly": 31}, versions={"torch": "2.13.0", "secret": "x"}, disk_free=3 * 2**30, mains=False)
    monkeypatch.setattr(control, "nodes", lambda: [node("100", "online"), node("101", "offline")])
    page = words(admin, "training:nodes")
    assert [
        word for word in ("anomaly: 31", "torch 2.13.0", "3.0", "on battery", 'data-link="online"', 'data-link="offline"', "round 1") if word not in page
    ] == []
    assert "secret" not in page


def test_an_inventory_without_a_superlink_says_that_nobody_knows(admin):
    page = words(admin, "training:nodes")
    assert "The SuperLink does not answer" in page
    assert 'data-link="unknown"' in page


def test_the_inventory_shows_the_readers_sites_only(client):
    agents()
    client.force_login(user("m@example.org", "manager", Site.objects.create(slug="other", name="Other")))
    assert "Camera 0" not in words(client, "training:nodes")


def test_the_inventory_asks_a_fixed_number_of_questions(admin, django_assert_max_num_queries):
    agents("museum", 8)
    with django_assert_max_num_queries(17):
        admin.get(reverse("training:nodes"))


def test_the_nightly_page_saves_and_says_so(admin):
    page = admin.post(reverse("training:night"), {**FORM, "hour": 3, "enabled": "on"}, follow=True).content.decode()
    assert "anomaly trains each night from 3:00 on." in page
    assert (Schedule.objects.get().hour, AuditRow.objects.filter(verb="run.scheduled").count()) == (3, 1)


def test_the_nightly_page_refuses_an_hour_that_is_none(admin):
    assert admin.post(reverse("training:night"), {**FORM, "hour": 25}).status_code == 422


def test_prometheus_reads_with_the_token_and_nobody_without(client):
    address = reverse("training:metrics")
    assert client.get(address).status_code == 403
    assert client.get(address, headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert client.get(address, headers={"Authorization": f"Bearer {metrics.token()}"}).status_code == 200


def test_the_metrics_are_numbers_in_prometheus_format(admin, two_runs):
    from portal.sites.models import Agent

    beat(Agent.objects.get(node_id="100"), camera={"dropped": 7})
    text = words(admin, "training:metrics")
    assert 'specola_runs{state="queued"} 2' in text
    assert 'specola_round_sites_total{status="late"} 1' in text
    assert 'specola_frames_dropped_total{site="square",camera="c0"} 7' in text
    assert all(line.startswith("#") or line.rsplit(" ", 1)[1].replace(".", "", 1).isdecimal() for line in text.splitlines())


def test_an_operator_who_is_signed_in_reads_no_metrics(client):
    client.force_login(user("o@example.org", "operator"))
    assert client.get(reverse("training:metrics")).status_code == 403
