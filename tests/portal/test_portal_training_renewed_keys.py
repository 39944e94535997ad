"""An agent that renews its keys gets another node number: runs, schedules, the inventory and refusals find it under each of them."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from training_scene import administrator, agents, round_event, run, store

from federated.learning import control
from portal.sites import nodes as numbers
from portal.sites.models import Agent, FormerKeys
from portal.training.models import RunNode, Schedule
from portal.training.runs import following, nightly, nodes
from tests.portal.test_portal_training_nightly import at, calm

pytestmark = pytest.mark.django_db


@pytest.fixture
def square(monkeypatch):
    """Three agents; the first has renewed its keys: its node was 100, is 100 until the worker has settled it, and then 200."""
    monkeypatch.setattr(control, "nodes", list)
    found = agents()
    FormerKeys.objects.create(agent=found[0], public_key="before", node_id="100")
    Agent.objects.filter(pk=found[0].pk).update(next_node_id="200")
    return found


def settled(square):
    Agent.objects.filter(pk=square[0].pk).update(node_id="200", next_node_id="")


@pytest.mark.parametrize("number", ["100", "200"])
@pytest.mark.parametrize("when", [lambda square: None, settled], ids=["renewing", "renewed"])
def test_a_round_names_the_camera_under_both_numbers(square, number, when):
    when(square)
    begun = run(administrator())
    store(begun, round_event(1, 1, **{f"n{number}": "accepted"}))
    assert RunNode.objects.get().camera_id == square[0].camera_id


def test_a_plan_of_the_old_number_is_started_with_the_new_one(square):
    settled(square)
    assert list(run(administrator(), sites=["100", "101"]).plan["sites"]) == ["200", "101"]


def test_a_run_that_starts_in_between_reaches_the_site_under_either_number(square):
    begun = run(administrator(), sites=["100", "101"])
    assert following.config_for(begun).sites == ("100", "101", "200")
    settled(square)
    assert following.config_for(begun).sites == ("200", "101")


def test_a_plan_without_chosen_sites_stays_open_to_all(square):
    assert following.config_for(run(administrator())).sites == ()


def test_a_nightly_run_goes_on_with_the_new_number(square):
    for agent in square:
        calm(agent, mains=True)
    nightly.save(user=administrator(), task="anomaly", hour=2, enabled=True, rounds=1, sites=["100", "101"])
    settled(square)
    (started,) = nightly.start_due(at(2, minute=5))
    assert sorted(started.plan["sites"]) == ["101", "200"]
    assert Schedule.objects.get().note == ""


def test_the_inventory_still_knows_what_the_agent_did_last(square):
    person = administrator()
    store(run(person), round_event(1, 1, n100="accepted"))
    settled(square)
    rows, _trouble = nodes.inventory(person)
    assert {row.agent.node_id: row.last and row.last.node for row in rows} == {"200": "100", "101": None, "102": None}


@pytest.mark.parametrize(("old", "new", "shown"), [("online", "registered", "online"), ("offline", "online", "online"), ("offline", "registered", "offline")])
def test_the_inventory_shows_whichever_of_both_nodes_is_online(square, monkeypatch, old, new, shown):
    cache.clear()
    monkeypatch.setattr(control, "nodes", lambda: [control.Node("100", old, "", 0.0, ""), control.Node("200", new, "", 0.0, "")])
    rows, _trouble = nodes.inventory(administrator())
    assert {row.agent.node_id: row.link for row in rows}["100"] == shown


def test_what_is_nobodys_stays_as_it_is(square):
    assert numbers.present(["7", "100"]) == ["7", "100"]


@pytest.mark.parametrize("number", ["100", "200", 100, 200])
@pytest.mark.parametrize("when", [lambda square: None, settled], ids=["renewing", "renewed"])
def test_the_camera_behind_a_number_is_found_under_every_number_its_agent_had(square, number, when):
    when(square)
    assert numbers.camera_of(number) == square[0].camera


def test_a_number_that_is_nobodys_has_no_camera_and_many_cost_two_queries(square, django_assert_num_queries):
    with django_assert_num_queries(2):
        found = numbers.cameras_of(["100", "101", "102", "999"])
        assert {number: camera.site.slug + camera.slug for number, camera in found.items()} == {
            number: agent.camera.site.slug + agent.camera.slug for number, agent in zip(("100", "101", "102"), square, strict=True)
        }
    assert numbers.camera_of("999") is None
