"""Pictures of disagreements on their way to the portal: the word first, then the picture; again while it is away; none that it does not want."""

from __future__ import annotations

import hashlib

import pytest
from agent_lab import jpeg, wait_for

from site_agents import disagreements
from site_agents.disagreements import Courier
from site_agents.errors import Unreachable
from site_agents.shadow import Disagreement

SAID = Disagreement("anomaly", "a" * 64, 1000.0, 0.1, 0.9, 0.5)


@pytest.fixture
def courier(link):
    made = Courier(link)
    yield made
    made.stop()


def test_the_word_comes_first_then_the_picture(courier, peer):
    courier.add(SAID, jpeg(1))
    assert courier.send_once()
    sha256 = hashlib.sha256(jpeg(1)).hexdigest()
    said = {"detector": "anomaly", "sha256": "a" * 64, "t": 1000.0, "old_score": 0.1, "new_score": 0.9, "threshold": 0.5, "snapshot": sha256}
    assert peer.disagreements == [said]
    assert peer.media == {sha256: jpeg(1)}
    assert not courier.send_once()


@pytest.mark.parametrize("lost", ["/agents/disagreements", "/media/"])
def test_while_the_portal_is_away_it_waits_and_is_said_again(courier, peer, lost):
    peer.refuse = lambda method, path, body: (503, {}) if path.startswith(lost) else None
    courier.add(SAID, jpeg(1))
    with pytest.raises(Unreachable):
        courier.send_once()
    peer.refuse = lambda *_: None
    courier.send_once()
    assert (courier.waiting, len(peer.media)) == (0, 1)


def test_only_the_newest_are_kept_while_the_portal_is_away(courier):
    for shade in range(disagreements.WAITING + 5):
        courier.add(SAID, jpeg(shade))
    assert courier.waiting == disagreements.WAITING
    assert courier._waiting[0][1] == jpeg(5)


def test_a_refusal_closes_the_trial_without_a_picture_more(courier, peer):
    peer.refuse = lambda method, path, body: (403, {"error": "no such trial"})
    for shade in range(3):
        courier.add(SAID, jpeg(shade))
    courier.send_once()
    courier.add(SAID, jpeg(9))
    assert (courier.waiting, peer.media, len(peer.nonces)) == (0, {}, 1)


def test_a_full_trial_takes_no_more_but_another_one_does(courier, peer):
    peer.full = True
    courier.add(SAID, jpeg(1))
    courier.send_once()
    courier.add(SAID, jpeg(2))
    courier.add(Disagreement("anomaly", "b" * 64, 1000.0, 0.1, 0.9, 0.5), jpeg(3))
    assert (courier.waiting, peer.media) == (1, {})


def test_a_closed_trial_may_open_again(courier, peer, monkeypatch):
    monkeypatch.setattr(disagreements, "CLOSED_S", 0.0)
    peer.full = True
    courier.add(SAID, jpeg(1))
    courier.send_once()
    courier.add(SAID, jpeg(2))
    assert courier.waiting == 1


def test_an_answer_that_makes_no_sense_is_no_answer(courier, peer):
    peer.refuse = lambda method, path, body: (200, [])
    courier.add(SAID, jpeg(1))
    with pytest.raises(Unreachable, match="no sense"):
        courier.send_once()


def test_the_thread_sends_what_is_added_and_ends_when_asked(courier, peer):
    courier.start()
    courier.add(SAID, jpeg(1))
    wait_for(lambda: peer.media, "the picture")
    courier.stop()
    courier.join(5)
    assert not courier.is_alive()


def test_the_thread_outlives_a_portal_that_is_away(courier, peer, monkeypatch):
    monkeypatch.setattr(disagreements.Backoff, "fail", lambda self: 0.01)
    peer.refuse = lambda *_: (503, {})
    courier.start()
    courier.add(SAID, jpeg(1))
    wait_for(lambda: peer.nonces, "a try")
    peer.refuse = lambda *_: None
    wait_for(lambda: peer.media, "the picture")
