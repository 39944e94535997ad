"""Who is asked in which order, and what is believed of the answers."""

from __future__ import annotations

import pytest
from neighbours_lab import NOW, STRANGER_KEY, answer, decided, deliver, entry, face, follow, load, node, query, seen, sent, wakes

from site_agents.neighbours import protocol
from site_agents.neighbours.node import Sight, Wake, meet


def asked(actions) -> list[str]:
    return [to for to, _ in sent(actions, "QUERY")]


def late(actions) -> Wake:
    return next(wake for wake in wakes(actions) if wake.what == "late")


def ask(of, n: int = 0, now: float = NOW):
    """Sight the n-th face; the orders and the id of the query."""
    actions = follow(of, Sight("v1", face(n)), now)
    return actions, sent(actions, "QUERY")[0][1].id


def test_whoever_may_come_is_recognised_here_and_nobody_is_asked():
    gate = node()
    deliver(gate, "SEEN", "hall", **seen())
    actions = follow(gate, Sight("v1", face(0)), NOW + 5)
    (made,) = decided(actions)
    assert (made.person, made.where, asked(actions)) == ("anna", "local", [])


def test_a_camera_with_the_whole_list_says_unknown_by_itself():
    (made,) = decided(follow(node(complete=True), Sight("v1", face(9))))
    assert (made.person, made.where) == (None, "local")


def test_with_an_empty_hot_set_and_no_helper_the_server_is_asked():
    assert asked(follow(node(), Sight("v1", face(0)))) == ["server"]


def test_a_stranger_to_the_hot_set_is_no_stranger_yet():
    gate = node()
    deliver(gate, "SEEN", "hall", **seen())
    actions = follow(gate, Sight("v1", face(1)), NOW + 1)
    assert (decided(actions), asked(actions)) == ([], ["server"])


def test_the_idlest_neighbour_with_the_whole_list_is_asked_before_the_server():
    gate = node()
    deliver(gate, "LOAD", "hall", **load(wait_s=0.2))
    deliver(gate, "LOAD", "yard", **load(wait_s=0.1))
    assert asked(follow(gate, Sight("v1", face(0)))) == ["yard"]


@pytest.mark.parametrize("changes", [{"complete": False}, {"wait_s": 9.0}, {"version": 0}])
def test_a_neighbour_that_is_busy_or_behind_or_has_no_list_is_not_asked_before_the_server(changes):
    gate = node()
    deliver(gate, "LOAD", "hall", **load(**changes))
    assert asked(follow(gate, Sight("v1", face(0)))) == ["server"]


def test_the_servers_answer_decides_and_is_remembered():
    gate = node()
    _, name = ask(gate)
    (made,) = decided(deliver(gate, "ANSWER", "server", NOW + 0.1, **answer(name, "person", entry("anna", 0))))
    assert (made.person, made.where, made.seconds) == ("anna", "server", pytest.approx(0.1))
    assert decided(follow(gate, Sight("v2", face(0)), NOW + 9))[0].where == "local"


def test_unknown_is_never_remembered():
    gate = node()
    _, name = ask(gate, 9)
    (made,) = decided(deliver(gate, "ANSWER", "server", **answer(name, "unknown")))
    assert (made.person, gate.hot, gate.asks) == (None, {}, {})
    assert asked(follow(gate, Sight("v2", face(9)))) == ["server"]


@pytest.mark.parametrize("bad", [entry("bruno", 1), entry("anna", 0, key=STRANGER_KEY), entry("anna", 0, expires=1.0), entry("eva", 0), {}])
def test_a_name_that_is_forged_expired_not_listed_or_of_another_face_is_not_believed(bad):
    gate = node()
    deliver(gate, "LOAD", "hall", **load())
    _, name = ask(gate)
    actions = deliver(gate, "ANSWER", "hall", **answer(name, "person", bad))
    assert (decided(actions), asked(actions)) == ([], ["server"])


@pytest.mark.parametrize("verdict", ["busy", "elsewhere"])
def test_a_neighbour_that_cannot_say_sends_us_on_to_the_server(verdict):
    gate = node()
    deliver(gate, "LOAD", "hall", **load())
    _, name = ask(gate)
    assert asked(deliver(gate, "ANSWER", "hall", **answer(name, verdict))) == ["server"]


def test_the_unknown_of_an_older_list_is_not_final():
    gate = node()
    deliver(gate, "LOAD", "hall", **load())
    _, name = ask(gate)
    actions = deliver(gate, "ANSWER", "hall", **answer(name, "unknown", version=0))
    assert (decided(actions), asked(actions)) == ([], ["server"])


def test_an_answer_of_somebody_who_was_not_asked_changes_nothing():
    gate = node()
    _, name = ask(gate)
    assert deliver(gate, "ANSWER", "yard", **answer(name, "person", entry("anna", 0))) == []


def test_an_answer_that_comes_twice_decides_once():
    gate = node()
    _, name = ask(gate)
    body = answer(name, "person", entry("anna", 0))
    assert len(decided(deliver(gate, "ANSWER", "server", id="a1", **body) + deliver(gate, "ANSWER", "server", id="a1", **body))) == 1


def test_a_silent_server_costs_time_and_then_a_neighbour_is_asked():
    gate = node()
    actions, _ = ask(gate)
    wake = late(actions)
    assert (wake.at - NOW, asked(protocol.handle(gate, wake, wake.at))) == (gate.settings.server_s, ["hall"])


def test_a_silent_server_is_asked_last_for_a_while_and_first_again_after_it():
    gate = node()
    wake = late(ask(gate)[0])
    protocol.handle(gate, wake, wake.at)
    assert asked(follow(gate, Sight("v2", face(0)), wake.at + 1)) == ["yard"]  # the hall still owes an answer
    assert asked(follow(gate, Sight("v3", face(0)), wake.at + gate.settings.silent_s + 1)) == ["server"]


def test_whoever_speaks_again_is_not_silent_any_more():
    gate = node()
    gate.peers["hall"].silent_until = NOW + 100
    deliver(gate, "LOAD", "hall", **load())
    assert asked(follow(gate, Sight("v1", face(0)))) == ["hall"]


def test_when_nobody_answers_the_door_hears_unknown_and_that_nobody_answered():
    gate = node()
    actions = follow(gate, Sight("v1", face(0)))
    while not decided(actions):
        wake = late(actions)
        actions = protocol.handle(gate, wake, wake.at)
    (made,) = decided(actions)
    assert (made.person, made.where, gate.asks) == (None, "nobody", {})
    assert made.seconds <= gate.settings.deadline_s


def test_a_timer_that_rings_after_the_answer_changes_nothing():
    gate = node()
    actions, name = ask(gate)
    deliver(gate, "ANSWER", "server", **answer(name, "unknown"))
    assert protocol.handle(gate, late(actions), NOW + 2) == []
    assert gate.peers["server"].silent_until == 0


def test_a_full_queue_sends_a_face_straight_to_the_others():
    gate = node(complete=True)
    gate.busy_until = NOW + 10
    assert asked(follow(gate, Sight("v1", face(0)))) == ["server"]


def test_comparisons_stand_in_a_queue():
    gate = node(complete=True, capacity=30.0)
    first, second = (protocol.handle(gate, Sight(key, face(0)), NOW)[0] for key in ("v1", "v2"))
    assert (first.at, second.at) == (pytest.approx(NOW + 0.1), pytest.approx(NOW + 0.2))


def test_a_query_is_answered_with_the_signed_entry():
    hall = node("hall", ("gate",), complete=True)
    actions = deliver(hall, "QUERY", "gate", id="q1", **query(1))
    ((to, message),) = sent(protocol.handle(hall, wakes(actions)[0], NOW + 0.1), "ANSWER")
    assert (to, message.body["query"], message.body["verdict"], message.body["entry"]["person"]) == ("gate", "q1", "person", "bruno")
    assert hall.asks == {}


@pytest.mark.parametrize(("complete", "verdict"), [(True, "unknown"), (False, "elsewhere")])
def test_only_the_whole_list_makes_an_unknown_final(complete, verdict):
    hall = node("hall", ("gate",), complete=complete)
    deliver(hall, "SEEN", "gate", **seen(origin="gate"))
    (wake,) = wakes(deliver(hall, "QUERY", "gate", **query(9)))
    ((_, message),) = sent(protocol.handle(hall, wake, wake.at), "ANSWER")
    assert message.body["verdict"] == verdict


@pytest.mark.parametrize(("busy_s", "within_s"), [(10.0, 20.0), (0.2, 0.1)])
def test_a_busy_neighbour_says_so_at_once(busy_s, within_s):
    hall = node("hall", ("gate",), complete=True)
    hall.busy_until = NOW + busy_s
    ((_, message),) = sent(deliver(hall, "QUERY", "gate", **query(0, within_s)), "ANSWER")
    assert message.body["verdict"] == "busy"


def test_any_camera_of_the_site_may_ask_and_only_neighbours_may_tell():
    hall = node("hall", ("gate",), complete=True)
    assert len(wakes(deliver(hall, "QUERY", "tower", **query()))) == 1
    assert [deliver(hall, "SEEN", "tower", **seen(origin="tower")), hall.hot] == [[], {}]


def test_a_helper_farther_away_is_asked_when_the_server_is_silent():
    gate = node(helpers=("tower",))
    wake = late(ask(gate)[0])
    ((to, message),) = sent(protocol.handle(gate, wake, wake.at), "QUERY")
    assert to == "tower"
    body = answer(message.id, "person", entry("anna", 0))
    assert decided(deliver(gate, "ANSWER", "tower", wake.at, **body))[0].person == "anna"


def test_in_mode_m0_nothing_is_taken_looked_at_or_answered():
    gate = node(biometrics=False, complete=True)
    everything = [follow(gate, Sight("v1", face(0))), deliver(gate, "SEEN", "hall", **seen()), deliver(gate, "QUERY", "hall", **query())]
    assert (everything, gate.hot, gate.asks) == ([[], [], []], {}, {})


def test_helpers_may_still_be_asked_when_the_neighbours_have_changed():
    gate = node(helpers=("tower",))
    meet(gate, {"yard": False})
    actions, _ = ask(gate, 9)
    assert asked(actions) == ["server"]
    assert asked(protocol.handle(gate, late(actions), late(actions).at)) == ["tower"]
