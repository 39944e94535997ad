"""A portal's answer that is not what the contract says is one clear sentence: nothing changes, nothing dies, and the call comes again."""

from __future__ import annotations

from typing import Any

import pytest
from agent_lab import enrolled, event, identity

from federated.contract.heartbeat import Heartbeat
from site_agents.errors import PortalUnreachable
from site_agents.link import PortalLink
from site_agents.outbox import Outbox
from site_agents.uplink import Heart, Sender

ODD: list[Any] = [[], None, 5, {}, {"now": "noon"}, {"now": 1.0, "models": 5}, {"now": 1.0, "config": []}, {"now": 1.0, "wheels": 4, "contract": "1.1"}]


@pytest.fixture
def link(tmp_path, peer, address):
    made = enrolled(tmp_path, peer)
    made.portal = address
    yield made
    made.close()


def answering(peer, path: str, answer: Any) -> None:
    peer.refuse = lambda method, asked, body: (200, answer) if asked == path else None


@pytest.mark.parametrize("answer", ODD, ids=str)
def test_a_malformed_answer_to_a_heartbeat_changes_nothing(link: PortalLink, peer, answer):
    answering(peer, "/heartbeat", answer)
    taken: list[Any] = []
    heart = Heart(link, lambda: Heartbeat(t=1.0), taken.append, lambda: False)
    with pytest.raises(PortalUnreachable, match="makes no sense"):
        heart.beat()
    assert taken == []
    assert not heart.wants_frame


def test_what_a_newer_portal_adds_is_dropped(link: PortalLink, peer):
    answering(peer, "/heartbeat", {"now": 1.0, "wheels": 4, "contract": "1.9", "stop_biometrics": True})
    taken: list[Any] = []
    Heart(link, lambda: Heartbeat(t=1.0), taken.append, lambda: False).beat()
    assert taken[0].stop_biometrics is True


@pytest.mark.parametrize("answer", [[], {}, {"accepted": 5, "duplicates": [], "rejected": []}, {"accepted": [], "duplicates": [], "rejected": [5]}], ids=str)
def test_a_malformed_answer_to_events_leaves_them_waiting(link: PortalLink, peer, answer, tmp_path):
    answering(peer, "/events", answer)
    outbox = Outbox(tmp_path)
    outbox.add(event())
    with pytest.raises(PortalUnreachable, match="makes no sense"):
        Sender(outbox, link, identity(peer)).send_once()
    assert outbox.stats()["pending"] == 1
    outbox.close()
