"""The worker makes agents' training nodes known to the SuperLink and takes revoked ones away; what is refused stands in the audit log."""

from __future__ import annotations

import pytest
from django.utils import timezone

from federated.learning import control
from federated.trust import pki
from portal.core.models import AuditRow
from portal.sites import nodes, tasks
from portal.sites.models import Agent, FormerKeys
from tests.portal.keys_scene import Renewal, beat, enrolled
from tests.portal.portal_scene import machine, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(tmp_path):
    """An agent that wants to train."""
    agent = machine(place().door).agent
    agent.node_public_key = pki.make_node_key(tmp_path / "node.key")
    agent.save()
    return agent


@pytest.fixture
def superlink(monkeypatch):
    """What the SuperLink would be told; it answers 77 to every key."""
    asked_of = []
    monkeypatch.setattr(control, "register_node", lambda key: asked_of.append(key) or "77")
    monkeypatch.setattr(control, "unregister_node", asked_of.append)
    return asked_of


def register(agent):
    tasks.register_node(agent_id=str(agent.pk))
    agent.refresh_from_db()


def unregister(agent):
    tasks.unregister_node(agent_id=str(agent.pk))
    agent.refresh_from_db()


def revoked(agent, node="77"):
    agent.revoked, agent.node_id = timezone.now(), node
    agent.save()
    return agent


def rows(verb):
    return [row.data for row in AuditRow.objects.filter(verb=verb)]


def test_a_node_is_registered_and_its_number_kept(agent, superlink):
    register(agent)
    assert (superlink, agent.node_id) == ([agent.node_public_key], "77")
    assert rows("agent.node_registered") == [{"node": "77"}]


@pytest.mark.parametrize("key", ["not a key", "ssh-ed25519 AAAA", "ecdsa-sha2-nistp384 AAAA", "è"])
def test_a_key_that_cannot_be_used_is_refused_with_the_reason_and_not_tried_again(agent, key):
    Agent.objects.filter(pk=agent.pk).update(node_public_key=key)
    register(agent)
    assert agent.node_id == ""
    ((refusal),) = rows("agent.node_refused")
    assert refusal["reason"]


def test_a_key_of_another_kind_is_refused_in_words(agent):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = other.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    Agent.objects.filter(pk=agent.pk).update(node_public_key=text)
    register(agent)
    assert "P-384" in rows("agent.node_refused")[0]["reason"]


def test_what_the_superlink_refuses_is_written_down(agent, monkeypatch):
    def refuse(_):
        raise control.Refused("this key was revoked before", 23)

    monkeypatch.setattr(control, "register_node", refuse)
    register(agent)
    assert rows("agent.node_refused") == [{"reason": "this key was revoked before"}]


def test_a_superlink_that_is_away_is_asked_again(agent, monkeypatch):
    def refuse(_):
        raise control.Unreachable("nothing answers")

    monkeypatch.setattr(control, "register_node", refuse)
    with pytest.raises(control.Unreachable):
        register(agent)
    assert tasks.PATIENCE.get_retry_decision(exception=control.Unreachable(""), job=type("Job", (), {"attempts": 3})()) is not None


def test_patience_ends_after_half_a_day_and_covers_nothing_else():
    attempts = sum(2 * n for n in range(tasks.PATIENCE.max_attempts))
    assert 6 * 3600 < attempts < 24 * 3600
    assert tasks.PATIENCE.get_retry_decision(exception=ValueError(), job=type("Job", (), {"attempts": 0})()) is None


def test_an_agent_that_does_not_train_is_left_alone(superlink):
    register(machine(place().door).agent)
    assert superlink == []


def test_an_agent_revoked_meanwhile_is_not_registered(agent, superlink):
    register(revoked(agent, node=""))
    assert (superlink, agent.node_id) == ([], "")


def test_an_agent_that_is_gone_is_no_error(superlink):
    tasks.register_node(agent_id="00000000-0000-0000-0000-000000000000")
    tasks.unregister_node(agent_id="00000000-0000-0000-0000-000000000000")
    assert superlink == []


def test_a_revoked_agents_node_is_taken_away(agent, superlink):
    unregister(revoked(agent))
    assert (superlink, agent.node_id) == (["77"], "")
    assert rows("agent.node_unregistered") == [{"node": "77"}]


def test_a_node_is_taken_away_once(agent, superlink):
    unregister(revoked(agent))
    unregister(agent)
    assert superlink == ["77"]


def test_an_agent_that_enrolled_again_meanwhile_keeps_its_node(agent, superlink):
    agent.node_id = "77"
    agent.save()
    unregister(agent)
    assert (superlink, agent.node_id) == ([], "77")


def test_a_node_stays_known_until_the_superlink_has_let_it_go(agent, monkeypatch):
    def refuse(_):
        raise control.Unreachable("nothing answers")

    monkeypatch.setattr(control, "unregister_node", refuse)
    with pytest.raises(control.Unreachable):
        unregister(revoked(agent))
    agent.refresh_from_db()
    assert agent.node_id == "77"


@pytest.fixture
def renewed(square, superlink, monkeypatch):
    """An agent with node 1 that has come with new keys and has spoken with them; its new node is 2. What the SuperLink says of both is `states`."""
    numbers = iter("123456789")
    monkeypatch.setattr(control, "register_node", lambda key: next(numbers))
    gate = enrolled(square.door)
    register(gate.agent)
    renewal = Renewal(gate)
    renewal.send()
    beat(renewal.new)
    register(gate.agent)
    return renewal.new


@pytest.fixture
def square():
    return place()


def settle(monkeypatch, agent, **states):
    """A minute passes; `n1="online"` is what the SuperLink says of node 1."""
    found = [control.NodeInfo(name[1:], state, "", 0.0, "") for name, state in states.items()]
    monkeypatch.setattr(control, "nodes", lambda: found)
    tasks.settle_keys(timestamp=0)
    agent.refresh_from_db()
    return agent.node_id, agent.next_node_id


def test_the_new_node_waits_beside_the_old_one(renewed):
    assert (renewed.agent.node_id, renewed.agent.next_node_id) == ("1", "2")
    assert rows("agent.node_registered") == [{"node": "1"}, {"node": "2"}]


def test_the_old_node_stays_while_the_agent_still_works_with_it(renewed, superlink, monkeypatch):
    assert settle(monkeypatch, renewed.agent, n1="online", n2="registered") == ("1", "2")
    assert superlink == []


@pytest.mark.parametrize("states", [{"n1": "online", "n2": "online"}, {"n1": "offline", "n2": "online"}, {"n1": "registered", "n2": "registered"}])
def test_the_old_node_goes_when_the_new_one_is_there_or_neither_is(renewed, superlink, monkeypatch, states):
    assert settle(monkeypatch, renewed.agent, **states) == ("2", "")
    assert superlink == ["1"]
    assert rows("agent.node_unregistered") == [{"node": "1"}]
    settle(monkeypatch, renewed.agent, n2="online")
    assert superlink == ["1"]


def test_an_agent_that_has_not_spoken_with_its_new_key_keeps_its_old_node(renewed, superlink, monkeypatch):
    FormerKeys.objects.update(retired=None)
    assert settle(monkeypatch, renewed.agent, n1="offline", n2="registered") == ("1", "2")


def test_an_old_node_goes_after_a_day_in_any_case(renewed, superlink, monkeypatch):
    FormerKeys.objects.update(replaced=timezone.now() - tasks.NODE_OVERLAP)
    assert settle(monkeypatch, renewed.agent, n1="online", n2="registered") == ("2", "")


def test_a_superlink_that_is_away_is_asked_in_the_next_minute(renewed, superlink, monkeypatch):
    def away():
        raise control.Unreachable("nothing answers")

    monkeypatch.setattr(control, "nodes", away)
    tasks.settle_keys(timestamp=0)
    assert superlink == []
    assert settle(monkeypatch, renewed.agent, n2="online") == ("2", "")


def test_while_nobody_renews_the_superlink_is_not_asked(agent, monkeypatch):
    monkeypatch.setattr(control, "nodes", lambda: pytest.fail("asked"))
    tasks.settle_keys(timestamp=0)


def test_revoking_in_the_middle_takes_both_nodes_away(renewed, superlink):
    unregister(revoked(renewed.agent, node="1"))
    assert superlink == ["1", "2"]
    assert (renewed.agent.node_id, renewed.agent.next_node_id) == ("", "")
    assert rows("agent.node_unregistered") == [{"node": "1"}, {"node": "2"}]


def test_a_superlink_that_goes_away_between_the_nodes_of_a_revoked_agent_is_asked_again(renewed, superlink, monkeypatch):
    def answer_once(number):
        if superlink:
            raise control.Unreachable("nothing answers")
        superlink.append(number)

    with monkeypatch.context() as away:
        away.setattr(control, "unregister_node", answer_once)
        with pytest.raises(control.Unreachable):
            unregister(revoked(renewed.agent, node="1"))
    unregister(renewed.agent)
    assert superlink == ["1", "2"]


def test_an_agent_revoked_while_its_node_is_registered_loses_it_at_once(agent, superlink, monkeypatch):
    def register_and_revoke(key):
        Agent.objects.update(revoked=timezone.now())
        return "77"

    monkeypatch.setattr(control, "register_node", register_and_revoke)
    register(agent)
    assert (superlink, agent.node_id) == (["77"], "")


def test_keys_renewed_while_a_node_is_registered_leave_no_node_behind(agent, superlink, monkeypatch):
    def register_and_renew(key):
        Agent.objects.update(node_public_key="another")
        return "77"

    monkeypatch.setattr(control, "register_node", register_and_renew)
    register(agent)
    assert (superlink, agent.node_id) == (["77"], "")


def test_renewing_twice_in_a_row_leaves_only_the_last_node(renewed, superlink, monkeypatch):
    again = Renewal(renewed)
    again.send()
    beat(again.new)
    register(renewed.agent)
    assert (renewed.agent.node_id, renewed.agent.next_node_id) == ("1", "3")
    assert settle(monkeypatch, renewed.agent, n1="offline", n2="registered", n3="online") == ("3", "")
    assert superlink == ["1", "2"]


def test_plans_and_runs_find_the_agent_under_each_of_its_numbers(renewed, superlink, monkeypatch):
    assert {number: agent.pk for number, agent in nodes.owners().items()} == dict.fromkeys("12", renewed.agent.pk)
    assert (nodes.present(["1", "9"]), nodes.reachable(["1", "9"])) == (["1", "9"], ["1", "9", "2"])
    settle(monkeypatch, renewed.agent, n2="online")
    assert (nodes.present(["1", "2", "9"]), nodes.reachable(["1"])) == (["2", "9"], ["2"])
