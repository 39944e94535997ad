"""An agent that renews its keys gets another node number: runs, schedules, the inventory and refusals find it under each of them."""

from __future__ import annotations

import csv
import importlib
import io
import json
import time

import pytest
from django.apps import apps
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from training_scene import CARD, administrator, agents, round_event, run, store

from federated.learning import control
from federated.trust import verify
from federated.trust.signing import public_text
from portal.core import audit
from portal.core.models import AuditRow
from portal.sites import actions as sites_actions
from portal.sites import key_actions, tasks
from portal.sites import nodes as numbers
from portal.sites.config import portal_key
from portal.sites.models import Agent, Camera, FormerKeys, Site
from portal.training import node_names
from portal.training.models import Run, RunNode, Schedule
from portal.training.rollout import actions as rollout_actions
from portal.training.runs import actions, following, nightly, nodes, queries
from tests.portal.keys_scene import Renewal, enrolled
from tests.portal.test_portal_training_nightly import at, calm

pytestmark = pytest.mark.django_db
OLD = ("7001000000000000001", "7001000000000000002", "7001000000000000003")
NEW = ("8002000000000000001", "8002000000000000002", "8002000000000000003")


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
    monkeypatch.setattr(control, "nodes", lambda: [control.NodeInfo("100", old, "", 0.0, ""), control.NodeInfo("200", new, "", 0.0, "")])
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


@pytest.mark.parametrize("by", ["another key", "the same key", "the same key, before the worker came to it", "nobody"])
def test_the_camera_behind_the_number_of_a_revoked_agent_is_found_whoever_enrolled_after_it(monkeypatch, by):
    camera = Camera.objects.create(site=Site.objects.create(slug="square", name="Square"), slug="gate", name="Gate")
    registered = iter(("7001", "7002"))
    monkeypatch.setattr(control, "register_node", lambda key: next(registered))
    monkeypatch.setattr(control, "unregister_node", lambda number: None)
    before = enrolled(camera)
    tasks.register_node(agent_id=str(before.agent.pk))
    sites_actions.revoke(user="system", agent=before.agent)
    if "before" not in by:
        tasks.unregister_node(agent_id=str(before.agent.pk))
    assert numbers.camera_of("7001") == camera
    if by != "nobody":
        after = enrolled(camera, before.key if "same" in by else None)
        assert (after.agent.pk == before.agent.pk) == ("same" in by)
        tasks.register_node(agent_id=str(after.agent.pk))
        assert numbers.cameras_of(["7001", "7002"]) == numbers.cameras_of() == {"7001": camera, "7002": camera}
        assert numbers.present(["7001"]) == (["7002"] if "same" in by else ["7001"]), "a schedule goes on with the agent that is still there"


def test_a_revoked_agent_that_enrols_again_leaves_its_number_on_the_card(renewed, client):
    """Revoked and enrolled anew instead of renewed."""
    for agent in Agent.objects.all():
        FormerKeys.objects.filter(agent=agent).delete()
        agent.node_id, agent.next_node_id = OLD[int(agent.camera.slug[1:])], ""
        agent.save()
        sites_actions.revoke(user="system", agent=agent)
        tasks.unregister_node(agent_id=str(agent.pk))
        enrolled(agent.camera)
    shown = renewed.get(client, "card", renewed.model.pk)
    assert [number for number in OLD if number in shown] == []


def test_numbers_that_an_older_portal_let_go_come_back_from_the_audit_log():
    (agent,) = agents()[:1]
    FormerKeys.objects.create(agent=agent, public_key="before", node_id="98")
    for number in ("97", "98", "97", agent.node_id):
        AuditRow.objects.create(
            seq=audit.head()[0] + 1,
            t=timezone.now(),
            actor="system",
            verb="agent.node_unregistered",
            subject=f"agent:{agent.pk}",
            data={"node": number},
            previous="",
            hash=f"{AuditRow.objects.count():064}",
        )
    importlib.import_module("portal.sites.migrations.0009_former_node_ids").fill(apps, None)
    agent.refresh_from_db()
    assert agent.former_node_ids == ["97"]


class Renewed:
    """A run of three cameras; since then every agent has renewed its keys, through the portal's own door, and its old node is gone."""

    def __init__(self):
        self.person, site = administrator(), Site.objects.create(slug="square", name="Site square")
        cameras = [Camera.objects.create(site=site, slug=f"c{n}", name=f"Camera {n}") for n in range(3)]
        machines = [enrolled(camera) for camera in cameras]
        for n, each in enumerate(machines):
            self.register(each.agent, OLD[n])
        votes = [{"node": node, "before": 0.9, "alone": 0.5, "after": 0.25} for node in OLD]
        left_out = f"worse than before on the held-back data of 1 of 3 sites: {OLD[1]}"
        gate = {"kind": "gate", "seq": 2, "passed": False, "reasons": [left_out], "warnings": [], "votes": votes}
        round_ = round_event(1, 1, **{f"n{OLD[0]}": "accepted", f"n{OLD[1]}": "failed", f"n{OLD[2]}": "accepted"})
        round_["sites"][1]["reason"] = f"a second reply of {OLD[1]}"
        self.run = store(run(self.person), round_, gate)
        metrics = {"samples": dict.fromkeys(OLD, 90)}
        self.model = rollout_actions.keep_model(run=self.run, content=b"weights", card={**CARD, "metrics": metrics})
        reason = f"round 1: 2 of 3 sites accepted, 3 are needed ({OLD[1]} failed: no data; {OLD[2]} late: no answer)"
        self.failed = actions.end_run(run_id=run(self.person).pk, state="failed", reason=reason)
        for n, each in enumerate(machines):
            renewal = Renewal(each)
            assert renewal.send().status_code == 200
            assert renewal.new.send("POST", "heartbeat", {"t": time.time(), "config_version": 1}).status_code == 200
            self.register(each.agent, NEW[n])
            key_actions.forget_node(agent_id=str(each.agent.pk), node_id=OLD[n])
        assert [agent.node_id for agent in Agent.objects.order_by("camera__name")] == list(NEW)

    @staticmethod
    def register(agent, number):
        agent.refresh_from_db()
        assert key_actions.keep_node(agent_id=str(agent.pk), key=agent.node_public_key, node_id=number)

    def get(self, client, name, *arguments, **query):
        client.force_login(self.person)
        answer = client.get(reverse(f"training:{name}", args=arguments), query)
        assert answer.status_code == 200
        return answer.content.decode()


@pytest.fixture
def renewed(monkeypatch):
    cache.clear()
    monkeypatch.setattr(control, "nodes", list)
    monkeypatch.setattr(control, "unregister_node", lambda number: None)
    return Renewed()


def test_the_card_names_cameras_after_their_keys_were_renewed(renewed, client):
    shown = renewed.get(client, "card", renewed.model.pk)
    for n in range(3):
        assert OLD[n] not in shown
        assert shown.count(f"Site square / Camera {n}") == 2  # its samples and its vote


def test_the_signed_document_names_the_camera_of_every_node_in_its_card(renewed, client):
    document = json.loads(renewed.get(client, "document", renewed.model.pk))
    assert document["cameras"] == {OLD[n]: f"Site square / Camera {n}" for n in range(3)}
    assert document["card"] == renewed.model.card
    assert "signed by this key" in verify.verify(document, public_text(portal_key()), b"weights")


def test_the_vote_comparison_names_cameras_after_their_keys_were_renewed(renewed):
    rows = queries.run_state(renewed.person, renewed.run.pk)["three"]["rows"]
    assert [(row["name"], row["site"]) for row in rows] == [(f"Camera {n}", "Site square") for n in range(3)]


def test_no_reason_on_a_runs_page_is_about_a_number(renewed):
    for begun in (renewed.run, renewed.failed):
        state = queries.run_state(renewed.person, begun.pk)
        reasons = [state["reason"], *(state["gate"].get("reasons") or ()), *(site["reason"] for row in state["rounds"] for site in row["sites"])]
        assert not [reason for reason in reasons for node in (*OLD, *NEW) if node in reason]
    assert "Site square / Camera 1 failed: no data; Site square / Camera 2 late" in queries.run_state(renewed.person, renewed.failed.pk)["reason"]


@pytest.mark.parametrize("name", ["console", "compare"])
def test_the_result_of_a_failed_run_names_cameras(renewed, client, name):
    shown = renewed.get(client, name, **({"run": renewed.failed.pk} if name == "compare" else {}))
    assert "3 are needed (Site square / Camera 1 failed" in shown
    assert OLD[1] not in shown


def test_a_vote_under_the_new_number_stands_on_the_cameras_line_of_the_export(renewed, client):
    """The keys were renewed between the last round and the vote."""
    Run.objects.filter(pk=renewed.run.pk).update(gate={"votes": [{"node": NEW[0], "before": 0.75, "alone": 0.5, "after": 0.25}]})
    (line,) = [row for row in csv.DictReader(io.StringIO(renewed.get(client, "export", renewed.run.pk, "csv"))) if row["name"] == "Camera 0"]
    assert (line["held_back_before"], line["held_back_alone"], line["held_back_after"]) == ("0.75", "0.5", "0.25")


def test_what_is_left_out_under_an_old_number_stands_under_its_camera_in_the_audit_log(renewed):
    row = AuditRow.objects.get(verb="run.site_left_out")
    assert (row.site, row.data["camera"]) == ("square", "c1")


def test_a_number_that_is_only_a_figure_is_not_taken_for_a_node(renewed):
    cameras = numbers.cameras_of(OLD)
    assert (
        node_names.worded("1 of 3 sites, loss 7001000000000000001.5, x7001000000000000001", cameras)
        == "1 of 3 sites, loss 7001000000000000001.5, x7001000000000000001"
    )
