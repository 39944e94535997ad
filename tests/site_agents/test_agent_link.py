"""The signed line to the portal, and the clock it is signed with."""

from __future__ import annotations

import json
import time

import pytest
from portal_peer import serve

from federated.trust import signing
from site_agents.clock import Clock
from site_agents.errors import NotEnrolled, PortalRefused, PortalUnreachable
from site_agents.link import RetryDelay, identity_of, post_unsigned, read_portal


def test_a_signed_call_is_believed(link, peer):
    link.call("POST", "/heartbeat", {"config_version": 0})
    assert len(peer.beats) == 1


def test_bytes_go_as_they_are(link, peer):
    link.call("PUT", "/frame", b"\xff\xd8\xff123", content_type="image/jpeg")
    assert peer.frames == [b"\xff\xd8\xff123"]


def test_a_query_is_covered_by_the_signature(link, peer):
    peer.refuse = lambda method, path, body: (200, {"seen": path})
    assert link.call("GET", "/models/abc?part=1").json() == {"seen": "/models/abc"}


@pytest.mark.parametrize("skew", [-7200.0, -900.0, 900.0, 86400.0 * 400])
def test_a_wrong_clock_is_corrected_by_the_portals_answer(link, peer, skew):
    peer.clock = lambda: time.time() + skew
    link.call("POST", "/heartbeat", {"config_version": 0})
    assert link.clock.skew == pytest.approx(skew, abs=3)
    link.call("POST", "/heartbeat", {"config_version": 0})
    assert len(peer.beats) == 2


def test_a_clock_that_changes_again_is_corrected_again(link, peer):
    for skew in (5000.0, 0.0, -5000.0):
        peer.clock = lambda skew=skew: time.time() + skew
        link.call("POST", "/heartbeat", {"config_version": 0})
    assert link.clock.skew == pytest.approx(-5000, abs=3)


def test_a_replayed_nonce_is_signed_anew(link, peer):
    answers = iter([(409, {"error": "replayed"}), None])
    peer.refuse = lambda method, path, body: next(answers)
    link.call("POST", "/heartbeat", {"config_version": 0})
    assert len(peer.beats) == 1


def test_a_foreign_key_is_refused(link, peer):
    link.key = signing.Ed25519PrivateKey.generate()
    with pytest.raises(PortalRefused) as caught:
        link.call("POST", "/heartbeat", {})
    assert caught.value.status == 401


@pytest.mark.parametrize("status", [400, 401, 403, 409, 413, 422])
def test_a_refusal_carries_status_and_reason(link, peer, status):
    peer.refuse = lambda method, path, body: (status, {"error": "because"})
    with pytest.raises(PortalRefused, match="because") as caught:
        link.call("POST", "/heartbeat", {})
    assert caught.value.status == status


@pytest.mark.parametrize("status", [404, 408, 429, 500, 502, 503, 507, 302])
def test_what_passes_by_itself_is_unreachable(link, peer, status):
    peer.refuse = lambda method, path, body: (status, {})
    with pytest.raises(PortalUnreachable, match=str(status)):
        link.call("POST", "/heartbeat", {})


def test_a_portal_that_is_not_there_is_unreachable(link):
    link.portal = "http://127.0.0.1:9"
    with pytest.raises(PortalUnreachable, match="does not answer"):
        link.call("POST", "/heartbeat", {})


@pytest.mark.parametrize("skew", [None, "much", True, 1e300, float("nan")])
def test_a_senseless_skew_is_not_believed(link, peer, skew):
    peer.refuse = lambda method, path, body: (401, {"error": "stale", "skew_s": skew})
    with pytest.raises(PortalRefused):
        link.call("POST", "/heartbeat", {})
    assert link.clock.skew == 0


def test_an_unsigned_call_tells_its_refusal(address):
    with pytest.raises(PortalRefused, match="wrong, used or expired"):
        post_unsigned(address, "/agents/enrol", {"code": "guess", "public_key": "x"})


def test_another_program_in_the_portals_place_is_unreachable(peer):
    peer.handle = lambda *_: (200, b"<html>a printer</html>")
    with serve(peer) as url, pytest.raises(PortalUnreachable, match="no portal of ours"):
        post_unsigned(url, "/agents/enrol", {})


def test_waits_grow_with_jitter_and_are_bounded():
    backoff = RetryDelay(1.0, 8.0)
    waits = [backoff.fail() for _ in range(30)]
    assert all(0.5 * min(8, 2**n) <= wait <= min(8, 2**n) for n, wait in enumerate(waits))
    assert len(set(waits[5:])) > 10
    backoff.succeed()
    assert backoff.fail() <= 1.0


def test_an_enrolled_folder_is_read(folder, peer):
    assert identity_of(read_portal(folder)).camera == "square"
    assert identity_of(read_portal(folder)).portal_public_key == peer.public


def test_a_folder_that_is_not_enrolled_says_what_to_do(tmp_path):
    with pytest.raises(NotEnrolled, match="enrol"):
        read_portal(tmp_path)


@pytest.mark.parametrize("change", [{"agent_id": None}, {"portal_public_key": "abc"}, {"site": ""}, {"camera": 7}])
def test_a_damaged_enrolment_says_what_to_do(folder, change):
    result = json.loads((folder / "portal.json").read_text())
    (folder / "portal.json").write_text(json.dumps({**result, **change}))
    with pytest.raises(NotEnrolled, match="enrol the agent again"):
        read_portal(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"agent_id": "a"}'])
def test_a_cut_off_enrolment_says_what_to_do(tmp_path, content):
    (tmp_path / "portal.json").write_text(content)
    with pytest.raises(NotEnrolled):
        read_portal(tmp_path)


def test_the_clock_learns_from_answers_and_ignores_the_way():
    clock = Clock()
    clock.observe(1000.5, 1000.0, 1000.2)
    assert clock.skew == 0
    clock.observe(1100.0, 1000.0, 1000.2)
    assert clock.skew == pytest.approx(99.9)
    clock.observe(1000.5, 1000.0, 1000.2)
    assert clock.skew == 0


def test_what_ends_ends_by_the_later_clock():
    clock = Clock()
    clock.correct(-5000)
    assert clock.latest() == pytest.approx(time.time(), abs=1)
    clock.correct(10000)
    assert clock.latest() == pytest.approx(time.time() + 5000, abs=1)
