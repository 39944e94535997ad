"""Refusals of the SuperLink, of sites and of agents: each leaves exactly one row that names who, where and why."""

from __future__ import annotations

import pytest
from django.utils import timezone
from training_scene import agents

from federated.learning import refusals
from federated.trust import pki
from portal.core.models import AuditRow
from portal.sites.models import FormerKeys
from portal.training.runs import refused, tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(settings, tmp_path):
    """What the SuperLink writes when it refuses."""
    settings.HOME = tmp_path
    (tmp_path / "superlink").mkdir()
    kept = refusals.Refusals(tmp_path / "superlink")
    return lambda path, key=b"", status=404: kept.note(scope(path, key), "fleet", status)


def scope(path, key):
    import base64

    return {"path": path, "client": ("10.0.0.7", 1), "headers": [(refusals.KEY_HEADER, base64.b64encode(key))] if key else []}


def rows():
    return list(AuditRow.objects.filter(verb="federation.refused").order_by("id"))


def test_a_start_of_a_run_from_an_agents_network_is_one_row(door):
    door("/v1/control/start-run")
    tasks.audit_refusals(timestamp=0)
    tasks.audit_refusals(timestamp=0)
    (row,) = rows()
    assert (row.actor, row.subject, row.data["address"], row.data["status"]) == ("unknown", "/v1/control/start-run", "10.0.0.7", 404)


def test_a_revoked_node_is_named_by_its_agent_and_site(door, tmp_path):
    agent = agents()[0]
    agent.node_public_key, agent.revoked = pki.make_node_key(tmp_path / "node.key"), timezone.now()
    agent.save()
    door("/v1/fleet/activate-node", pki.check_node_public_key(agent.node_public_key), 401)
    assert refused.write_down() == 1
    assert (rows()[0].site, rows()[0].data["agent"], rows()[0].data["revoked"]) == ("square", str(agent.pk), True)


def test_a_node_that_calls_with_a_replaced_key_is_named_by_its_agent(door, tmp_path):
    agent = agents()[0]
    former = FormerKeys.objects.create(agent=agent, public_key="before", node_public_key=pki.make_node_key(tmp_path / "node.key"))
    door("/v1/fleet/activate-node", pki.check_node_public_key(former.node_public_key), 401)
    refused.write_down()
    assert rows()[0].data["agent"] == str(agent.pk)


def test_an_unregistered_node_is_a_row_without_a_name(door):
    door("/v1/fleet/activate-node", b"nobody's key", 401)
    refused.write_down()
    assert (rows()[0].site, "agent" in rows()[0].data) == ("", False)


def test_a_worker_killed_before_it_settled_writes_no_row_twice(door, monkeypatch):
    door("/v1/control/start-run")
    monkeypatch.setattr(refusals, "settle", lambda folder: None)
    assert [refused.write_down(), refused.write_down()] == [1, 0]


def test_where_no_superlink_ever_ran_there_is_nothing_to_write(settings, tmp_path):
    settings.HOME = tmp_path
    assert refused.write_down() == 0


def test_an_agent_whose_stored_key_is_no_key_stops_nobody(door):
    agent = agents()[0]
    agent.node_public_key = "nonsense"
    agent.save()
    door("/v1/fleet/activate-node", b"x", 401)
    assert refused.write_down() == 1
