"""Orders: only what our portal has signed for this camera is obeyed, and nothing that makes no sense."""

from __future__ import annotations

import json
import logging
import time

import pytest
from agent_lab import identity
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from portal_peer import Peer

from detectors.rules.scene import WatchedZone
from federated.trust import signing
from site_agents import signed_config
from site_agents.errors import DocumentRejected
from site_agents.signed_config import M0, M1, NO_CONFIG, SignedConfig, verify

SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
STEPS = {"name": "steps", "polygon": SQUARE}


def refusal(document, peer, **more) -> str:
    with pytest.raises(DocumentRejected) as caught:
        verify(document, identity(peer), **more)
    return str(caught.value)


def test_signed_orders_are_believed_whole(peer):
    line = {"name": "path", "a": [0, 0], "b": [1, 1]}
    rules = [{"kind": "person_in_zone", "zone": "steps", "min_s": 2}, {"kind": "line_crossed", "line": "path"}]
    found = verify(peer.config(version=7, zones=[STEPS], lines=[line], rules=rules, masks=[SQUARE]), identity(peer))
    assert (found.version, found.present, found.mode(time.time())) == (7, True, M0)
    assert [(rule.kind, rule.values) for rule in found.rules] == [("person_in_zone", {"min_s": 2}), ("line_crossed", {})]
    assert (found.rules[0].zone.name, found.rules[1].line.b, len(found.masks)) == ("steps", (1.0, 1.0), 1)


@pytest.mark.parametrize("field", ["version", "legal_mode", "valid_until", "masks", "rules", "site", "detectors"])
def test_any_change_after_signing_is_noticed(peer, field):
    document = peer.config()
    document[field] = "M1" if field == "legal_mode" else 99
    assert "not signed by our portal" in refusal(document, peer)


def test_another_portals_signature_is_refused(peer, tmp_path):
    foreign = Peer(tmp_path)
    assert "not signed by our portal" in refusal(foreign.config(), peer)


@pytest.mark.parametrize("document", [None, [], "text", 3, {}, {"version": 1}])
def test_what_is_no_signed_document_is_refused(peer, document):
    assert refusal(document, peer)


@pytest.mark.parametrize("place", [{"site": "elsewhere"}, {"camera": "gate"}])
def test_orders_for_another_camera_are_refused(peer, place):
    assert "not for miracles/square" in refusal(peer.config(**place), peer)


def test_old_orders_are_not_taken_twice(peer):
    assert "version 3 is older than 4" in refusal(peer.config(version=3), peer, newer_than=4)
    assert verify(peer.config(version=4), identity(peer), newer_than=4).version == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 0}, "version: expected"),
        ({"version": True}, "version: expected"),
        ({"version": "2"}, "version: expected"),
        ({"legal_mode": "M9"}, "legal_mode: "),
        ({"legal_mode": None}, "legal_mode: "),
        ({"valid_until": "tomorrow"}, "tomorrow"),
        ({"valid_until": "2031-01-01T00:00:00"}, "no time zone"),
        ({"valid_until": True}, "valid_until: "),
        ({"masks": [[[0, 0], [1, 1]]]}, "masks[0]: expected `array` of length >= 3"),
        ({"masks": [[[0, 0], [1, 1], [0, 500]]]}, "masks[0][2][1]: expected `float` <= 1.01"),
        ({"masks": 3}, "masks: "),
        ({"zones": [{"name": "steps"}]}, "zones[0].polygon: missing"),
        ({"lines": [{"name": "path", "a": [0, 0]}]}, "lines[0].b: missing"),
        ({"rules": [{"zone": None}]}, "rules[0].kind: missing"),
        ({"timezone": 3}, "timezone: "),
        ({"timezone": "../etc/passwd"}, "TZPATH"),
    ],
)
def test_orders_that_make_no_sense_are_refused_with_the_reason(peer, changes, words):
    assert words in refusal(peer.config(**changes), peer)


def test_a_gallery_in_the_orders_is_refused_by_name(peer):
    """Portals before the sealed staff lists sent templates in clear with the orders."""
    assert "gallery: unknown field" in refusal(peer.config(legal_mode="M1", gallery=[{"person": "p1", "templates": [[1.0] * 128]}]), peer)


def test_what_a_newer_portal_adds_to_the_orders_is_left_out(peer):
    assert verify(peer.config(contract="1.9", wheels=4), identity(peer)).version == 1


def test_rules_know_the_sites_time_zone(peer):
    found = verify(peer.config(rules=[{"kind": "anomaly"}], timezone="Europe/Rome"), identity(peer))
    assert [rule.timezone for rule in found.rules] == ["Europe/Rome"]


def test_a_time_zone_that_is_not_known_here_is_said_and_the_rest_obeyed(peer, caplog):
    found = verify(peer.config(rules=[{"kind": "anomaly"}], timezone="Mars/Olympus"), identity(peer))
    assert [rule.timezone for rule in found.rules] == [""]
    assert "closed at every hour" in caplog.text


def test_an_end_date_may_be_iso_8601(peer):
    found = verify(peer.config(valid_until="2031-01-01T01:00:00+01:00"), identity(peer))
    assert found.valid_until == 1924992000


@pytest.mark.parametrize("mode", ["M2", "M3"])
def test_modes_this_agent_does_not_know_are_m0(peer, mode):
    assert verify(peer.config(legal_mode=mode), identity(peer)).mode(time.time()) == M0


def test_expired_orders_fall_back_to_m0(peer):
    found = verify(peer.config(legal_mode="M1", valid_until=time.time() + 100), identity(peer))
    assert found.mode(time.time()) == M1
    assert found.mode(time.time() + 100) == M0


def test_without_orders_it_is_m0():
    assert (NO_CONFIG.present, NO_CONFIG.mode(0), SignedConfig().rules) == (False, M0, ())


def test_a_rule_about_a_zone_that_is_not_there_is_left_out_and_said(peer, caplog):
    caplog.set_level(logging.WARNING)
    rules = [{"kind": "loitering", "zone": "gone"}, {"kind": "person_in_zone", "zone": "steps"}, {"kind": "line_crossed", "line": "gone"}]
    found = verify(peer.config(zones=[STEPS], rules=rules), identity(peer))
    assert [rule.kind for rule in found.rules] == ["person_in_zone"]
    assert caplog.text.count("there is no gone") == 2


def test_what_was_kept_is_obeyed_again_after_a_restart(peer, tmp_path):
    signed_config.save(tmp_path, peer.config(version=5, legal_mode="M1"))
    assert signed_config.load(tmp_path, identity(peer)).version == 5
    assert signed_config.load(tmp_path, identity(peer)).mode(time.time()) == M1


def test_without_kept_orders_there_are_none(peer, tmp_path):
    assert signed_config.load(tmp_path, identity(peer)) is NO_CONFIG


@pytest.mark.parametrize("content", ["", "{", "null", "[]", '{"version": 1}', "\x00"])
def test_damaged_kept_orders_are_none(peer, tmp_path, caplog, content):
    (tmp_path / signed_config.FILE).write_text(content)
    assert signed_config.load(tmp_path, identity(peer)) is NO_CONFIG
    assert "not used" in caplog.text


def test_kept_orders_changed_by_hand_are_none(peer, tmp_path):
    signed_config.save(tmp_path, {**peer.config(), "legal_mode": "M1"})
    assert signed_config.load(tmp_path, identity(peer)) is NO_CONFIG


def test_kept_orders_of_an_earlier_enrolment_are_none(peer, tmp_path):
    signed_config.save(tmp_path, peer.config())
    other = signed_config.Identity("miracles", "square", signing.public_text(Ed25519PrivateKey.generate()))
    assert signed_config.load(tmp_path, other) is NO_CONFIG


def test_saving_leaves_nothing_half_written_behind(peer, tmp_path):
    for version in range(1, 4):
        signed_config.save(tmp_path, peer.config(version=version))
    assert [file.name for file in tmp_path.iterdir()] == [signed_config.FILE]
    assert json.loads((tmp_path / signed_config.FILE).read_text())["version"] == 3


@pytest.mark.parametrize(("point", "inside"), [((0.5, 0.5), True), ((0.1, 0.5), False), ((0.9, 0.9), False), ((0.21, 0.79), True)])
def test_a_zone_knows_what_is_inside(point, inside):
    assert WatchedZone("steps", tuple(map(tuple, SQUARE))).contains(point) is inside


def test_a_hollow_zone_is_hollow():
    horseshoe = WatchedZone("u", ((0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.3), (0.3, 0.3), (0.3, 1), (0, 1)))
    assert horseshoe.contains((0.1, 0.9))
    assert horseshoe.contains((0.5, 0.1))
    assert not horseshoe.contains((0.5, 0.9))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(peer, number):
    """JSON as Python reads it knows NaN; no portal can sign it, and a document with it is refused, not crashed on."""
    document = peer.config(zones=[STEPS])
    document["rules"] = [{"kind": "loitering", "zone": "steps", "min_s": number}]
    assert "not signed by our portal" in refusal(document, peer)
