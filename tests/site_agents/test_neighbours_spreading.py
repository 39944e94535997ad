"""What a recognition tells the neighbours, what they learn from it, and how a list travels."""

from __future__ import annotations

import pytest
from neighbours_lab import KEY, NOW, STRANGER_KEY, decided, deliver, document, entry, face, follow, load, node, seen, sent

from site_agents.neighbours import gallery, protocol
from site_agents.neighbours.messages import PeerMessage
from site_agents.neighbours.node import Lost, Sight


def recognised(by, now: float = NOW, key: str = "v1"):
    """The orders of `by` after it has recognised Anna out of its whole list."""
    return follow(by, Sight(key, face(0)), now)


def test_a_recognition_is_told_to_the_neighbours_with_the_signed_entry():
    recorded = sent(recognised(node(complete=True)), "SEEN")
    assert [to for to, _ in recorded] == ["hall", "yard"]
    assert recorded[0][1].body["entry"] == entry("anna", 0)


def test_a_stranger_is_told_to_nobody():
    assert sent(follow(node(complete=True), Sight("v1", face(9))), "SEEN") == []


def test_whoever_is_told_expects_the_person_until_the_expiry_and_no_longer():
    gate = node()
    deliver(gate, "SEEN", "hall", **seen())
    until = gate.hot["anna"].until
    assert until == NOW + gate.settings.stay_s + gate.settings.transit_s
    assert decided(follow(gate, Sight("v1", face(0)), until)) == []
    assert gate.hot == {}


def test_whoever_left_is_expected_by_the_learned_time():
    gate = node()
    for _ in range(6):
        gate.transit.arrived("hall", 20)
    deliver(gate, "SEEN", "hall", **seen())
    deliver(gate, "LEFT", "hall", NOW + 8, person="anna", t=NOW + 8)
    assert gate.hot["anna"].until == pytest.approx(NOW + 8 + 26)


def test_a_left_of_another_camera_than_the_last_changes_nothing():
    gate = node()
    deliver(gate, "SEEN", "hall", **seen())
    before = gate.hot["anna"].until
    deliver(gate, "LEFT", "yard", person="anna", t=NOW)
    assert gate.hot["anna"].until == before


def test_a_known_person_who_leaves_is_announced_and_a_stranger_is_not():
    gate = node(complete=True)
    recognised(gate)
    assert [to for to, _ in sent(protocol.handle(gate, Lost("v1"), NOW + 9), "LEFT")] == ["hall", "yard"]
    follow(gate, Sight("v2", face(9)))
    assert protocol.handle(gate, Lost("v2"), NOW + 9) == []


def test_both_ends_learn_the_way_from_one_walk():
    gate, hall = node(), node("hall", ("gate",))
    deliver(gate, "SEEN", "hall", **seen())
    deliver(gate, "LEFT", "hall", NOW + 5, person="anna", t=NOW + 5)
    ((_, recorded),) = [each for each in sent(follow(gate, Sight("v1", face(0)), NOW + 25), "SEEN") if each[0] == "hall"]
    protocol.handle(hall, recorded, NOW + 25)
    assert gate.transit.arrivals["hall"].mean == pytest.approx(20)
    assert (recorded.body["via"], hall.transit.departures) == ("hall", {"gate": 1})


def test_a_message_that_comes_twice_is_done_once():
    gate = node()
    for _ in range(2):
        deliver(gate, "SEEN", "hall", id="s1", **seen(origin="hall", via="gate"))
    assert gate.transit.departures == {"hall": 1}


def test_an_older_sight_does_not_overwrite_a_newer_one():
    gate = node()
    deliver(gate, "SEEN", "yard", NOW + 9, **seen(origin="yard", t=NOW + 9))
    deliver(gate, "SEEN", "hall", NOW + 9, **seen(t=NOW))
    assert gate.hot["anna"].origin == "yard"


def test_a_clock_that_is_ahead_does_not_keep_a_person_expected_for_ever():
    gate = node()
    deliver(gate, "SEEN", "hall", **seen(t=NOW + 1e6))
    assert gate.hot["anna"].until <= NOW + gate.settings.stay_s + gate.settings.transit_s


@pytest.mark.parametrize("changes", [{"key": STRANGER_KEY}, {"site": "museum"}, {"expires": NOW}, {"version": 7}])
def test_a_forged_foreign_expired_or_unlisted_sight_is_refused_and_counted(changes):
    gate = node()
    deliver(gate, "SEEN", "hall", **seen(**changes))
    assert (gate.hot, gate.refused) == ({}, 1)


def test_with_a_silent_neighbour_the_word_goes_one_camera_further():
    gate = node(complete=True)
    gate.peers["yard"].silent_until = NOW + 10
    recorded = sent(recognised(gate), "SEEN")[0][1]
    hall = node("hall", ("gate", "tower"))
    assert [(to, message.body["ttl"]) for to, message in sent(protocol.handle(hall, recorded, NOW), "SEEN")] == [("tower", 1)]


def test_the_hot_set_is_bounded_and_the_first_to_expire_goes():
    gate = node(room=2)
    for n, person in enumerate(("anna", "bruno", "carla")):
        deliver(gate, "SEEN", "hall", NOW + n, **seen(person, n, t=NOW + n))
    assert sorted(gate.hot) == ["bruno", "carla"]


def test_a_person_revoked_is_forgotten_at_once_and_the_news_goes_on_once():
    gate = node()
    deliver(gate, "SEEN", "hall", **seen())
    news = {"version": 2, "documents": [document(2, 1, {}, removed=("anna",))]}
    assert [to for to, _ in sent(deliver(gate, "GALLERY", "server", **news), "GALLERY")] == ["hall", "yard"]
    assert (gate.hot, gate.gallery.version) == ({}, 2)
    assert deliver(gate, "GALLERY", "hall", **news) == []


def test_a_revoked_person_cannot_be_brought_back_by_an_old_message():
    gate = node()
    deliver(gate, "GALLERY", "server", version=2, documents=[document(2, 1, {}, removed=("anna",))])
    deliver(gate, "SEEN", "hall", **seen())
    assert gate.hot == {}


def test_a_camera_that_is_behind_is_given_the_newer_list_by_its_neighbour():
    gate, hall = node(complete=True), node("hall", ("gate",), complete=True)
    gallery.apply(gate.gallery, document(2, 1, {"dario": 3}), NOW)
    ((_, message),) = sent(deliver(gate, "LOAD", "hall", **load(version=1)), "GALLERY")
    protocol.handle(hall, message, NOW)
    assert (hall.gallery.version, "dario" in hall.gallery.entries) == (2, True)


def test_a_forged_list_is_refused_and_counted():
    gate = node(complete=True)
    forged = gallery.sign_gallery("square", 0, 9, [], [], STRANGER_KEY)
    assert deliver(gate, "GALLERY", "hall", version=9, documents=[forged]) == []
    assert (gate.gallery.version, len(gate.gallery.entries), gate.refused) == (1, 3, 1)


def test_a_list_of_nonsense_that_the_portal_signed_is_refused():
    gate = node(complete=True)
    nonsense = gallery.sign_gallery("square", 0, 9, [{"person": "x"}], [], KEY)
    assert deliver(gate, "GALLERY", "server", version=9, documents=[nonsense]) == []
    assert gate.gallery.version == 1


def test_in_mode_m0_a_list_is_refused_whatever_the_portal_says():
    gate = node(biometrics=False, complete=True)
    assert protocol.handle(gate, PeerMessage("GALLERY", "server", "g1", {"version": 1, "documents": [document()]}), NOW) == []
    assert (gate.gallery.version, gate.gallery.entries) == (0, {})
