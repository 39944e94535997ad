"""Before, alone, together: what the run's page, its files and the API show of the three numbers, and of the lab's."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from alert_scene import user
from django.urls import reverse
from training_scene import administrator, agents, round_event, run, store

from federated.learning import task
from portal.training.models import Run
from portal.training.node_names import CameraNames
from portal.training.runs import queries, vote_comparison

NUMBERS = {"value", "low", "high"}
VOTES = [
    {"node": "100", "before": 0.9, "alone": 0.5, "after": 0.25},
    {"node": "101", "before": 0.8, "alone": 0.2, "after": 0.4},
    {"node": "102", "before": 0.7, "alone": None, "after": 0.1},
]
GATE = {"kind": "gate", "seq": 2, "passed": True, "reasons": [], "warnings": [], "votes": VOTES}


@pytest.fixture
def voted(db):
    """A run of three sites whose gate has spoken."""
    admin = administrator()
    agents()
    return store(run(admin), round_event(1, 1, n100="accepted", n101="accepted", n102="accepted"), GATE)


def page(client, stored, language="en"):
    client.force_login(stored.started_by)
    answer = client.get(reverse("training:run", args=[stored.pk]), headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_site_has_its_row_and_only_whole_ones_count(voted):
    found = vote_comparison.compare(voted, CameraNames(None))
    assert [(row["name"], row["before"], row["alone"], row["after"]) for row in found["rows"]] == [
        ("Camera 0", 0.9, 0.5, 0.25),
        ("Camera 1", 0.8, 0.2, 0.4),
        ("Camera 2", 0.7, None, 0.1),
    ]
    assert found["mean"] == pytest.approx({"before": 0.85, "alone": 0.35, "after": 0.325})
    assert (found["better"], found["of"]) == (1, 2)


def test_before_the_vote_there_is_nothing_to_compare(db):
    agents()
    begun = run(administrator())
    assert vote_comparison.compare(begun, CameraNames(None)) is None
    assert queries.run_state(begun.started_by, begun.pk)["three"] is None


def test_a_run_of_an_older_version_has_votes_without_the_third_number(voted):
    voted.gate = {"votes": [{"node": "100", "before": 0.9, "after": 0.2}]}
    found = vote_comparison.compare(voted, CameraNames(None))
    assert (found["rows"][0]["alone"], found["mean"], found["better"], found["of"]) == (None, None, 0, 0)


def test_a_site_that_nobody_knows_any_more_keeps_its_number(voted):
    voted.gate = {"votes": [{"node": "4711", "before": 0.9, "alone": 0.3, "after": 0.2}]}
    assert vote_comparison.compare(voted, CameraNames(None))["rows"][0]["name"] == "4711"


def test_names_are_read_in_two_queries(voted, django_assert_num_queries):
    with django_assert_num_queries(2):
        vote_comparison.compare(voted, CameraNames(None))


def test_the_page_holds_the_numbers_and_says_that_central_must_not_exist(client, voted):
    text = page(client, voted)
    state = json.loads(re.search(r'<script id="state" type="application/json">(.*?)</script>', text, re.DOTALL)[1])
    assert state["three"]["better"] == 1
    assert "such a place must not exist" in text
    assert "Was it worth it?" in text


def test_the_page_speaks_italian(client, voted):
    text = page(client, voted, "it")
    assert "Ne è valsa la pena?" in text
    assert "un tale luogo non deve esistere" in text


def test_the_labs_three_numbers_stand_on_the_page_of_their_task(client, voted):
    Run.objects.update(task="face_adapter")
    voted.refresh_from_db()
    text, lab = page(client, voted), vote_comparison.lab("face_adapter")
    for each in lab["ways"]:
        assert f"{each['value']:.3f}" in text
        assert f"{each['low']:.3f} – {each['high']:.3f}" in text


def test_a_task_that_was_not_measured_says_so(client, voted, monkeypatch, tmp_path):
    monkeypatch.setattr(vote_comparison, "FIGURES", tmp_path)
    vote_comparison.lab.cache_clear()
    assert "This task has not been measured in the lab yet." in page(client, voted)
    vote_comparison.lab.cache_clear()


@pytest.mark.parametrize("file", sorted(vote_comparison.FIGURES.glob("triple-*.json")), ids=lambda file: file.stem)
def test_every_figure_says_how_it_was_made_and_is_named_after_its_task(file):
    content = json.loads(file.read_text())
    name = file.stem.removeprefix("triple-")
    assert name in task.names()
    assert content["result"]["task"] == name
    assert f"--task {name}" in content["command"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", content["date"])
    assert file.stat().st_size < 10_000
    for way in vote_comparison.WAYS:
        value = content["result"][way]
        assert set(value) == NUMBERS
        assert 0 <= value["low"] <= value["value"] <= value["high"] <= 1
    assert [row["site"] for row in content["result"]["per_site"]] == list(range(content["result"]["sites"]))


def test_the_csv_has_the_three_numbers_on_each_line_of_a_site(client, voted):
    client.force_login(voted.started_by)
    text = client.get(reverse("training:export", args=[voted.pk, "csv"])).content.decode()
    rows = {row["node"]: row for row in csv.DictReader(io.StringIO(text))}
    assert [rows["100"][f"held_back_{name}"] for name in vote_comparison.NUMBERS] == ["0.9", "0.5", "0.25"]
    assert rows["102"]["held_back_alone"] == ""


def test_the_json_and_the_api_have_them_too(client, voted):
    client.force_login(voted.started_by)
    file = client.get(reverse("training:export", args=[voted.pk, "json"])).json()
    assert file["three"]["mean"]["alone"] == pytest.approx(0.35)
    assert file["gate"]["votes"][0]["alone"] == 0.5
    assert queries.run_state(voted.started_by, voted.pk)["three"] == file["three"]


def test_runs_side_by_side_show_what_was_reached_alone(client, voted):
    client.force_login(voted.started_by)
    text = client.get(reverse("training:compare"), {"run": [voted.pk]}).content.decode()
    assert "Held-back loss alone" in text
    assert "0.35000" in text


def test_a_warning_of_the_gate_is_kept(voted):
    stored = store(voted, {**GATE, "seq": 3, "warnings": ["together is worse than alone on the held-back data of 2 of 3 sites: 100, 101"]})
    assert queries.run_state(stored.started_by, stored.pk)["gate"]["warnings"][0].startswith("together is worse than alone")


@pytest.mark.parametrize(("given", "kept"), [({}, 1.0), ({"share": ""}, 1.0), ({"share": "0.2"}, 0.2)])
def test_the_form_takes_a_share_of_the_sites(client, db, given, kept):
    client.force_login(administrator())
    agents()
    form = {"task": "anomaly", "strategy": "fedavg", "rounds": 1, "local_epochs": 1, "min_sites": 2, "deadline_s": 60, "compare": "on", **given}
    assert client.post(reverse("training:console"), form).status_code == 302
    assert (Run.objects.get().plan["share"], Run.objects.get().plan["compare"]) == (kept, True)


@pytest.mark.parametrize("share", ["0", "1.5", "-1", "x"])
def test_a_share_that_means_nothing_is_said_in_the_form(client, db, share):
    client.force_login(administrator())
    agents()
    form = {"task": "anomaly", "strategy": "fedavg", "rounds": 1, "local_epochs": 1, "min_sites": 2, "deadline_s": 60, "share": share}
    assert client.post(reverse("training:console"), form).status_code == 422
    assert not Run.objects.exists()


def test_a_run_from_the_api_compares_unless_it_says_otherwise(client, db):
    client.force_login(administrator())
    agents()
    for changes, kept in (({}, True), ({"compare": False, "share": 0.5}, False)):
        answer = client.post("/api/v1/runs", {"task": "anomaly", **changes}, content_type="application/json")
        assert answer.status_code == 201, answer.content
        assert answer.json()["plan"]["compare"] is kept


def test_nobody_without_the_role_reads_the_numbers(client, voted):
    client.force_login(user("op@example.org", "operator"))
    assert client.get(reverse("training:run", args=[voted.pk])).status_code in (403, 404)
    assert queries.run_state(user("op2@example.org", "operator"), voted.pk) is None
