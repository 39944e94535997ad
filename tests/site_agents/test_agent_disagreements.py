"""Pictures of disagreements on their way to the portal: the word first, then the picture; again while it is away; none that it does not want."""

from __future__ import annotations

import hashlib

import pytest
from agent_lab import jpeg, wait_for

from federated.contract.message import VERSION
from site_agents import disagreements
from site_agents.canary import CanaryDisagreement
from site_agents.disagreements import DisagreementSender
from site_agents.errors import PortalUnreachable

BODY = CanaryDisagreement("anomaly", "a" * 64, 1000.0, 0.1, 0.9, 0.5)


@pytest.fixture
def disagreement_sender(link):
    made = DisagreementSender(link)
    yield made
    made.stop()


def test_the_word_comes_first_then_the_picture(disagreement_sender, peer):
    disagreement_sender.add(BODY, jpeg(1))
    assert disagreement_sender.send_once()
    sha256 = hashlib.sha256(jpeg(1)).hexdigest()
    result = {
        "detector": "anomaly",
        "sha256": "a" * 64,
        "t": 1000.0,
        "old_score": 0.1,
        "new_score": 0.9,
        "threshold": 0.5,
        "snapshot": sha256,
        "contract": VERSION,
    }
    assert peer.disagreements == [result]
    assert peer.media == {sha256: jpeg(1)}
    assert not disagreement_sender.send_once()


@pytest.mark.parametrize("lost", ["/agents/disagreements", "/media/"])
def test_while_the_portal_is_away_it_waits_and_is_said_again(disagreement_sender, peer, lost):
    peer.refuse = lambda method, path, body: (503, {}) if path.startswith(lost) else None
    disagreement_sender.add(BODY, jpeg(1))
    with pytest.raises(PortalUnreachable):
        disagreement_sender.send_once()
    peer.refuse = lambda *_: None
    disagreement_sender.send_once()
    assert (disagreement_sender.waiting, len(peer.media)) == (0, 1)


def test_only_the_newest_are_kept_while_the_portal_is_away(disagreement_sender, peer):
    for shade in range(disagreements.WAITING + 5):
        disagreement_sender.add(BODY, jpeg(shade))
    assert disagreement_sender.waiting == disagreements.WAITING
    disagreement_sender.send_once()
    assert list(peer.media.values()) == [jpeg(5)]


def test_a_refusal_closes_the_trial_without_a_picture_more(disagreement_sender, peer):
    peer.refuse = lambda method, path, body: (403, {"error": "no such trial"})
    for shade in range(3):
        disagreement_sender.add(BODY, jpeg(shade))
    disagreement_sender.send_once()
    disagreement_sender.add(BODY, jpeg(9))
    assert (disagreement_sender.waiting, peer.media, len(peer.nonces)) == (0, {}, 1)


def test_a_full_trial_takes_no_more_but_another_one_does(disagreement_sender, peer):
    peer.full = True
    disagreement_sender.add(BODY, jpeg(1))
    disagreement_sender.send_once()
    disagreement_sender.add(BODY, jpeg(2))
    disagreement_sender.add(CanaryDisagreement("anomaly", "b" * 64, 1000.0, 0.1, 0.9, 0.5), jpeg(3))
    assert (disagreement_sender.waiting, peer.media) == (1, {})


def test_a_closed_trial_may_open_again(disagreement_sender, peer, monkeypatch):
    monkeypatch.setattr(disagreements, "CLOSED_S", 0.0)
    peer.full = True
    disagreement_sender.add(BODY, jpeg(1))
    disagreement_sender.send_once()
    disagreement_sender.add(BODY, jpeg(2))
    assert disagreement_sender.waiting == 1


def test_an_answer_that_makes_no_sense_is_no_answer(disagreement_sender, peer):
    peer.refuse = lambda method, path, body: (200, [])
    disagreement_sender.add(BODY, jpeg(1))
    with pytest.raises(PortalUnreachable, match="no sense"):
        disagreement_sender.send_once()


def test_the_thread_sends_what_is_added_and_ends_when_asked(disagreement_sender, peer):
    disagreement_sender.start()
    disagreement_sender.add(BODY, jpeg(1))
    wait_for(lambda: peer.media, "the picture")
    disagreement_sender.stop()
    disagreement_sender.join(5)
    assert not disagreement_sender.is_alive()


def test_the_thread_outlives_a_portal_that_is_away(disagreement_sender, peer, monkeypatch):
    monkeypatch.setattr(disagreements.RetryDelay, "fail", lambda self: 0.01)
    peer.refuse = lambda *_: (503, {})
    disagreement_sender.start()
    disagreement_sender.add(BODY, jpeg(1))
    wait_for(lambda: peer.nonces, "a try")
    peer.refuse = lambda *_: None
    wait_for(lambda: peer.media, "the picture")
