"""A neighbour that has a good certificate and bad intentions: no message of it may end the agent, name anybody or bring anybody back."""

from __future__ import annotations

import copy
import json
import random

import numpy as np
import pytest
from neighbours_lab import KEY, NOW, SITE, STRANGER_KEY, answer, decided, deliver, document, entry, face, follow, load, node, query, seen, sent

from federated.trust.staff_list import pack
from site_agents.errors import MessageRefused
from site_agents.neighbours import gallery, protocol
from site_agents.neighbours.messages import FIELDS, PeerMessage, decode, encode
from site_agents.neighbours.node import REMEMBERED, Sight, Wake

GOOD = {
    "SEEN": seen(),
    "LEFT": {"person": "anna", "t": NOW},
    "QUERY": query(),
    "ANSWER": answer("gate-1", "person", entry("anna", 0)),
    "LOAD": load(),
    "GALLERY": {"version": 2, "documents": [document(2)]},
}
ODD = [
    None,
    True,
    0,
    -1,
    1e308,
    2**70,
    "",
    "anna",
    "\ud800",
    "x" * 5_000,
    [],
    [{}],
    {},
    {"person": []},
    {"signature": 5},
    {"template": "AAAA", "signature": "AAAA"},
]


def broken(rng: random.Random, n: int) -> bytes:
    """A good message with one or two of its values, or of its documents' values, replaced by odd ones."""
    body = json.loads(json.dumps(GOOD[kind := rng.choice(list(FIELDS))]))
    for _ in range(rng.randint(1, 2)):
        inner = rng.choice([body, *(value for value in body.values() if isinstance(value, dict) and value)])
        inner[rng.choice(list(inner))] = copy.deepcopy(rng.choice(ODD))
    return json.dumps({"kind": kind, "src": rng.choice(["hall", "yard", "server", "tower"]), "id": f"m{n}", **body}).encode()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("complete", [False, True])
def test_no_message_ends_the_agent_or_lets_it_say_what_cannot_be_sent(seed, complete):
    rng, gate, received = random.Random(seed), node(complete=complete), 0
    for n in range(500):
        try:
            message = decode(broken(rng, n))
        except MessageRefused:
            continue
        received += 1
        follow(gate, Sight(f"v{n}", face(rng.randint(0, 5))), NOW + n)
        for _, result in [pair for kind in FIELDS for pair in sent(protocol.handle(gate, message, NOW + n), kind)]:
            assert decode(encode(result)) == result
    assert received > 20


@pytest.mark.parametrize("seed", range(4))
def test_no_lie_gives_a_stranger_a_name(seed):
    rng, gate = random.Random(seed), node()
    deliver(gate, "LOAD", "hall", **load())
    for n in range(100):
        actions = follow(gate, Sight(f"v{n}", face(100)), NOW + n)
        name = sent(actions, "QUERY")[0][1].id
        person, n_th, key = rng.choice([("anna", 0, KEY), ("eva", 100, KEY), ("anna", 100, STRANGER_KEY), ("anna", 0, STRANGER_KEY)])
        lie = entry(person, n_th, key=key)
        result = decided(deliver(gate, "ANSWER", "hall", NOW + n, **answer(name, "person", rng.choice([lie, {**lie, "template": pack(face(100))}]))))
        assert [each.person for each in result if each.person] == []


def test_bytes_that_were_flipped_on_the_way_never_give_a_name():
    gate, rng = node(), np.random.default_rng(1)
    content = bytearray(encode(PeerMessage("SEEN", "hall", "s1", seen())))
    for _ in range(300):
        at = int(rng.integers(len(content)))
        flipped = bytes([*content[:at], content[at] ^ (1 << int(rng.integers(7))), *content[at + 1 :]])
        try:
            protocol.handle(gate, decode(flipped), NOW)
        except MessageRefused:
            continue
    assert all(np.allclose(hot.entry.template, face(0)) and person == "anna" for person, hot in gate.hot.items())


def test_a_neighbours_query_cannot_take_the_place_of_our_own_face():
    gate = node(complete=True)
    protocol.handle(gate, Sight("v1", face(0)), NOW)
    deliver(gate, "QUERY", "hall", id="v1", **query(9))
    assert np.array_equal(gate.asks["v1"].probe, face(0))


def test_a_flood_of_messages_does_not_fill_the_memory():
    gate = node(room=8)
    for n in range(REMEMBERED + 50):
        deliver(gate, "LEFT", "hall", person=f"p{n}", t=NOW)
    assert (len(gate.seen_ids), len(gate.hot), len(gate.asks)) == (REMEMBERED, 0, 0)


def test_a_flood_of_queries_makes_us_say_busy_and_not_wait():
    hall = node("hall", ("gate",), complete=True, capacity=10.0)
    verdicts = [message.body["verdict"] for n in range(20) for _, message in sent(deliver(hall, "QUERY", "gate", id=f"q{n}", **query()), "ANSWER")]
    assert verdicts == ["busy"] * 19
    assert hall.busy_until <= NOW + hall.settings.help_wait_s


def test_a_query_that_gives_no_time_is_answered_busy():
    hall = node("hall", ("gate",), complete=True)
    ((_, message),) = sent(deliver(hall, "QUERY", "gate", **query(0, -5.0)), "ANSWER")
    assert message.body["verdict"] == "busy"


def test_a_probe_that_is_no_embedding_is_refused_and_counted():
    hall = node("hall", ("gate",), complete=True)
    assert deliver(hall, "QUERY", "gate", probe="AAAA", within_s=1.0) == []
    assert (hall.refused, hall.asks) == (1, {})


def test_an_entry_that_expires_while_the_agent_is_offline_names_nobody_any_more():
    gate = node(complete=True, listed=False)
    gallery.apply(gate.gallery, document(expires=NOW + 100), NOW)
    assert decided(follow(gate, Sight("v1", face(0)), NOW + 99))[0].person == "anna"
    assert decided(follow(gate, Sight("v2", face(0)), NOW + 101))[0].person is None


def test_the_word_of_a_hot_set_with_the_whole_lists_flag_off_is_not_final():
    gate = node()
    deliver(gate, "LOAD", "hall", **load(complete=False))
    gate.peers["server"].silent_until = NOW + 100
    actions = follow(gate, Sight("v1", face(0)))
    ((to, message),) = sent(actions, "QUERY")
    assert to in ("hall", "yard")
    assert decided(deliver(gate, "ANSWER", to, **answer(message.id, "unknown"))) == []


def test_a_timer_that_nobody_set_changes_nothing():
    assert protocol.handle(node(), Wake(NOW, "late", "gate-99"), NOW) == []
    assert protocol.handle(node(), Wake(NOW, "searched", "v9"), NOW) == []


def test_the_portals_key_of_another_site_signs_nothing_here():
    gate = node(listed=False)
    foreign = gallery.sign_gallery("museum", 0, 1, [entry("anna", 0, site="museum")], [], KEY)
    deliver(gate, "GALLERY", "server", version=1, documents=[foreign])
    assert (SITE, gate.gallery.version, gate.refused) == ("square", 0, 1)
