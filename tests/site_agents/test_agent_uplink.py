"""Sending: pictures before events, in order, until believed; heartbeats and live frames."""

from __future__ import annotations

import threading
import time

import pytest
from agent_lab import event, identity, jpeg, wait_for
from portal_peer import serve

from federated.contract.heartbeat import Heartbeat
from site_agents import uplink
from site_agents.errors import PortalRefused, PortalUnreachable
from site_agents.outbox import Outbox
from site_agents.store import Medium
from site_agents.uplink import Heart, Sender


@pytest.fixture
def outbox(tmp_path):
    made = Outbox(tmp_path / "box")
    yield made
    made.close()


@pytest.fixture
def sender(outbox, link, peer):
    return Sender(outbox, link, identity(peer))


def fill(outbox: Outbox, count: int) -> list[str]:
    return [outbox.add(event(1000.0 + n)).id for n in range(count)]


def with_picture(outbox: Outbox, shade: int) -> str:
    picture = Medium(jpeg(shade), 0.7, 1.0)
    return outbox.add(event(1000.0, snapshot=picture.sha256), [picture]).id


def test_events_arrive_in_order_and_leave_the_outbox(sender, outbox, peer):
    ids = fill(outbox, 20)
    assert sender.send_once()
    assert [each["id"] for each in peer.events] == ids
    assert [each["seq"] for each in peer.events] == list(range(1, 21))
    assert not sender.send_once()


def test_a_picture_goes_before_its_event_and_only_once(sender, outbox, peer):
    with_picture(outbox, 1)
    with_picture(outbox, 1)
    sender.send_once()
    assert [kind for kind, _ in peer.order] == ["media", "event", "event"]
    assert list((outbox.media.folder).iterdir()) == []


def test_a_late_clip_fills_in_its_event(sender, outbox, peer):
    made = outbox.add(event(1000.0))
    sender.send_once()
    outbox.add_clip(made, Medium(b"\x1a\x45\xdf\xa3 webm", 0.7, 1000.0))
    sender.send_once()
    assert len(peer.events) == 1
    assert peer.media[peer.events[0]["clip"]].startswith(b"\x1a\x45\xdf\xa3")


def test_more_than_a_batch_goes_in_batches(sender, outbox, peer):
    sizes = []
    peer.refuse = lambda method, path, body: sizes.append(body.count(b'"seq"')) if path == "/events" else None
    fill(outbox, 25)
    while sender.send_once(limit=10):
        pass
    assert sizes == [10, 10, 5]


def test_a_lost_answer_is_asked_again_and_nothing_is_twice(sender, outbox, peer):
    """The portal stores the batch, but its answer never comes."""
    ids, take = fill(outbox, 5), peer.take
    peer.take = lambda *arguments: (take(*arguments), (500, {}))[1]
    with pytest.raises(PortalUnreachable):
        sender.send_once()
    peer.take = take
    sender.send_once()
    assert [each["id"] for each in peer.events] == ids
    assert outbox.batch() == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_while_the_portal_is_unwell_everything_stays(sender, outbox, peer, status):
    fill(outbox, 3)
    peer.refuse = lambda *_: (status, {})
    with pytest.raises(PortalUnreachable):
        sender.send_once()
    assert outbox.stats()["pending"] == 3


def test_a_revoked_agent_keeps_its_events(sender, outbox, peer):
    fill(outbox, 3)
    peer.refuse = lambda *_: (403, {"error": "revoked"})
    with pytest.raises(PortalRefused):
        sender.send_once()
    assert outbox.stats() == {"pending": 3, "oldest_t": 1000.0, "media_bytes": 0, "dead": 0, "unsaved": 0}


def test_a_rejected_event_is_put_aside_and_the_others_go(sender, outbox, peer):
    ids = fill(outbox, 3)
    take = peer.take_events

    def reject_second(events):
        status, result = take([each for each in events if each["id"] != ids[1]])
        return status, {**result, "rejected": [{"id": ids[1], "reason": "kind: small letters"}]}

    peer.take_events = reject_second
    sender.send_once()
    assert [each["id"] for each in peer.events] == [ids[0], ids[2]]
    assert [(each["id"], each["reason"]) for each in outbox.dead()] == [(ids[1], "kind: small letters")]
    assert outbox.batch() == []


@pytest.mark.parametrize("status", [400, 413])
def test_one_event_that_poisons_a_batch_is_found_by_halves(sender, outbox, peer, status):
    ids = fill(outbox, 9)
    peer.refuse = lambda method, path, body: (status, {"error": "malformed"}) if path == "/events" and ids[6].encode() in body else None
    sender.send_once()
    assert [each["id"] for each in peer.events] == [each for each in ids if each != ids[6]]
    assert [each["id"] for each in outbox.dead()] == [ids[6]]


def test_a_refused_picture_does_not_hold_up_its_event(sender, outbox, peer):
    with_picture(outbox, 1)
    peer.refuse = lambda method, path, body: (413, {"error": "too large"}) if path.startswith("/media") else None
    sender.send_once()
    assert len(peer.events) == 1
    assert not sender.send_once()


def test_events_of_an_earlier_enrolment_are_put_aside(sender, outbox, peer):
    outbox.add(event(1.0, camera="gate"))
    (good,) = fill(outbox, 1)
    sender.send_once()
    assert [each["id"] for each in peer.events] == [good]
    assert "enrolled as miracles/square" in outbox.dead()[0]["reason"]


def test_only_foreign_events_are_not_an_endless_loop(sender, outbox):
    outbox.add(event(1.0, camera="gate"))
    assert not sender.send_once()
    assert outbox.stats()["dead"] == 1


@pytest.mark.parametrize("answer", [{}, [], {"accepted": [], "duplicates": [], "rejected": []}, {"accepted": 3}, b"<html>"])
def test_a_senseless_answer_settles_nothing(sender, outbox, peer, answer):
    fill(outbox, 2)
    peer.take_events = lambda events: (200, answer)
    with pytest.raises(PortalUnreachable):
        sender.send_once()
    assert outbox.stats()["pending"] == 2


def test_the_thread_sends_what_comes_and_stops_when_asked(sender, outbox, peer):
    sender.start()
    for n in range(3):
        outbox.add(event(1000.0 + n))
        wait_for(lambda n=n: len(peer.events) == n + 1, "the event")
    sender.stop()
    assert not sender.is_alive()


def test_the_thread_outlives_an_outage_of_the_portal(outbox, link, peer):
    port = int(link.portal.rsplit(":", 1)[1])
    link.portal = "http://127.0.0.1:9"
    sender = Sender(outbox, link, identity(peer))
    sender.start()
    ids = fill(outbox, 30)
    link.portal = f"http://127.0.0.1:{port}"
    wait_for(lambda: len(peer.events) == 30, "all events", 20)
    assert [each["id"] for each in peer.events] == ids
    sender.stop()


def test_stopping_sends_what_waits(outbox, link, peer):
    sender = Sender(outbox, link, identity(peer))
    fill(outbox, 50)
    sender.start()
    sender.stop(10)
    assert len(peer.events) == 50


class Ears:
    """What a heart was told."""

    def __init__(self) -> None:
        self.received, self.revoked = [], 0

    def revoke(self) -> None:
        self.revoked += 1


@pytest.fixture
def ears():
    return Ears()


@pytest.fixture
def heart(link, ears):
    made = Heart(link, lambda: Heartbeat(t=time.time(), config_version=0), ears.received.append, ears.revoke)
    yield made
    made.stop()


def test_a_heartbeat_tells_and_hears(heart, ears, peer):
    peer.answer["stop_biometrics"] = True
    heart.beat()
    assert ears.received[0].stop_biometrics is True
    assert peer.beats[0]["config_version"] == 0


def test_heartbeats_go_on(heart, peer, monkeypatch):
    monkeypatch.setattr(uplink, "BEAT_S", 0.05)
    heart.start()
    wait_for(lambda: len(peer.beats) >= 3, "three heartbeats")


def test_frames_are_wanted_only_while_somebody_looks(heart, peer):
    heart.beat()
    assert not heart.wants_frame
    peer.answer["watch"] = True
    heart.beat()
    assert heart.wants_frame
    heart.offer(jpeg(1))
    assert not heart.wants_frame
    peer.answer["watch"] = False
    heart.beat()
    assert not heart.wants_frame


def test_a_frame_that_is_offered_is_sent(heart, peer):
    peer.answer["watch"] = True
    heart.beat()
    heart.start()
    heart.offer(jpeg(1))
    wait_for(lambda: peer.frames == [jpeg(1)], "the frame")


def test_a_frame_offered_when_nobody_looks_any_more_is_not_sent(heart, peer):
    heart.offer(jpeg(1))
    heart.send_frame()
    assert peer.frames == []


def test_without_answers_nobody_is_thought_to_look(heart, peer, monkeypatch):
    monkeypatch.setattr(uplink, "WATCH_S", 0.0)
    peer.answer["watch"] = True
    heart.beat()
    assert not heart.wants_frame


def test_a_revoked_agent_hears_it(heart, ears, peer):
    peer.refuse = lambda *_: (403, {"error": "revoked"})
    heart.start()
    wait_for(lambda: ears.revoked, "the revocation")


def test_a_refusal_that_new_keys_have_mended_is_followed_by_a_beat_at_once(heart, peer, monkeypatch):
    monkeypatch.setattr(uplink, "REVOKED_S", 3600.0)
    answers = iter([(401, {"error": "this key was replaced"})])
    peer.refuse, heart.revoked = (lambda *_: next(answers, None)), lambda: True
    heart.start()
    wait_for(lambda: peer.beats, "the next heartbeat")


@pytest.mark.parametrize("answer", [{"now": "late"}, {}, b"<html>", []])
def test_a_senseless_answer_is_not_obeyed(heart, ears, peer, answer):
    peer.take = lambda *_: (200, answer)
    with pytest.raises(PortalUnreachable):
        heart.beat()
    assert ears.received == []


def test_the_heart_learns_the_portals_clock(heart, peer, link):
    peer.clock = lambda: time.time() + 60
    heart.beat()
    assert link.clock.skew == pytest.approx(60, abs=3)


def test_two_threads_share_one_line(link, peer):
    def call() -> None:
        for _ in range(10):
            link.call("POST", "/heartbeat", {"config_version": 0})

    threads = [threading.Thread(target=call) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(peer.beats) == 30


def test_a_portal_that_comes_back_on_the_same_port_is_found(link, peer):
    with serve(peer) as url:
        link.portal = url
        link.call("POST", "/heartbeat", {"config_version": 0})
    with serve(peer, int(url.rsplit(":", 1)[1])):
        link.call("POST", "/heartbeat", {"config_version": 0})
