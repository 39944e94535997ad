"""A camera's state by this portal's clock: what is old is never called live, and nonsense in a heartbeat breaks no page."""

from __future__ import annotations

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from federated.contract.camera_problem import PROBLEMS
from portal.live import queries as live
from portal.sites import health, problems, queries, state
from tests.portal.portal_scene import machine, place, signed_in

NOW = datetime.datetime(2026, 5, 4, 12, 0, tzinfo=datetime.UTC)
SENSELESS = [
    None,
    7,
    "live",
    [],
    {"camera": None},
    {"camera": []},
    {"camera": {"state": 7, "fps": "many", "last_frame_t": "now"}},
    {"camera": {"state": "flying"}},
]


def agent(seen=1.0, frame=1.0, skew=0.0, revoked=None, enrolled=30.0, **status):
    """An agent enrolled and heard that many seconds ago whose last frame is `frame` seconds old."""
    t = None if frame is None else NOW.timestamp() - frame - skew
    health = {"camera": {"state": "live", "last_frame_t": t, **status}}
    received = None if seen is None else NOW - datetime.timedelta(seconds=seen)
    since = NOW - datetime.timedelta(seconds=enrolled)
    return state.Agent(enrolled=since, last_seen=received, clock_skew=skew, revoked=revoked, health=health)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "none"),
        (agent(seen=None), "starting"),
        (agent(seen=None, enrolled=61.0), "silent"),
        (agent(), "live"),
        (agent(seen=11), "live"),
        (agent(seen=13), "silent"),
        (agent(frame=7), "live"),
        (agent(frame=9), "stale"),
        (agent(frame=None), "stale"),
        (agent(state="stale"), "stale"),
        (agent(state="tampered", frame=60), "tampered"),
        (agent(state="starting"), "starting"),
        (agent(state="flying"), "starting"),
        (agent(revoked=NOW), "revoked"),
        (agent(seen=13, state="tampered"), "silent"),
    ],
)
def test_the_state_is_judged_by_what_was_heard_when(given, name):
    assert state.of(given, NOW).name == name


@pytest.mark.parametrize("skew", [-3600.0, -5.0, 5.0, 3600.0])
def test_an_agent_whose_clock_is_off_is_judged_by_the_portals(skew):
    assert state.of(agent(frame=1, skew=skew), NOW).name == "live"
    assert state.of(agent(frame=20, skew=skew), NOW).name == "stale"


@pytest.mark.parametrize("name", state.WORDS)
def test_every_state_has_a_word_in_both_languages(name):
    with translation.override("it"):
        italian = state.State(name).label
    assert italian
    assert italian != state.State(name).label


@pytest.mark.parametrize(("name", "style"), [("live", "is-ok"), ("stale", "is-warning"), ("silent", "is-alarm"), ("tampered", "is-alarm"), ("none", "")])
def test_states_differ_in_style_too(name, style):
    assert state.State(name).style == style


@pytest.mark.parametrize("health", SENSELESS)
def test_nonsense_in_a_heartbeat_is_no_error(health):
    odd = state.Agent(last_seen=NOW, health=health)
    assert state.of(odd, NOW).name in ("starting", "stale")


@pytest.mark.parametrize("t", [1e30, -1e30, float("inf"), float("nan"), True])
def test_an_impossible_time_of_capture_is_never_live(t):
    odd = state.Agent(last_seen=NOW, health={"camera": {"state": "live", "last_frame_t": t}})
    assert state.of(odd, NOW).name != "live"


@pytest.mark.parametrize("size", [(0, 10), (-1, 10), (10, 10**9), ("10", 10), (None, None), (10.5, 10)])
def test_an_impossible_size_becomes_four_to_three(size):
    shown = state.of(agent(width=size[0], height=size[1]), NOW)
    assert (shown.width, shown.height) == (4, 3)


def test_people_are_counted_only_while_the_picture_is_now():
    assert state.of(agent(people=3), NOW).people == 3
    assert state.of(agent(people=3, frame=60), NOW).people is None


def test_the_agent_that_enrolled_last_counts_and_a_revoked_one_does_not():
    early, late, gone = (state.Agent(camera_id=1, enrolled=NOW + datetime.timedelta(hours=n)) for n in range(3))
    gone.revoked = NOW
    assert state.newest([late, gone, early]) == {1: late}


@pytest.fixture
def square(db):
    return place()


def receive(camera, ago=0, **status):
    given = machine(camera).agent
    given.last_seen = timezone.now() - datetime.timedelta(seconds=ago)
    given.health = {"camera": {"state": "live", "last_frame_t": given.last_seen.timestamp(), "fps": 5.0, **status}}
    given.save()
    return given


@pytest.mark.parametrize(
    ("ago", "status", "level"), [(0, {}, "ok"), (0, {"state": "stale"}, "warning"), (0, {"state": "tampered"}, "alarm"), (60, {}, "alarm")]
)
def test_a_site_is_as_well_as_its_worst_camera(square, ago, status, level):
    receive(square.square)
    receive(square.door, ago, **status)
    (glance,) = queries.glance(square.person("operator"))
    assert glance.level == level


def test_a_site_without_agents_is_neither_well_nor_ill(square):
    (glance,) = queries.glance(square.person("operator"))
    assert (glance.level, glance.live) == ("", 0)


def test_the_overview_costs_the_same_few_queries_for_any_number_of_sites(square, django_assert_max_num_queries):
    for n in range(5):
        receive(place(f"museum-{n}").door)
    reader = square.person("operator")
    reader.memberships.create(role="operator", site=None)
    with django_assert_max_num_queries(5):
        assert len(queries.glance(reader)) == 6


@pytest.mark.parametrize(
    ("health", "skew", "found"),
    [
        ({}, 0, []),
        ({}, 6, ["clock"]),
        ({}, -6, ["clock"]),
        ({"outbox": {"pending": 201}}, 0, ["backlog"]),
        ({"outbox": {"pending": "many"}}, 0, []),
        ({"outbox": 7}, 0, []),
        ({"disk_free": 2**20}, 0, ["disk"]),
        ({"disk_free": 0}, 0, ["disk"]),
        ({"outbox": {"unsaved": 3}}, 0, ["unsaved"]),
        ({"disk_free": True}, 0, []),
        (7, 9, ["clock"]),
    ],
)
def test_an_administrator_is_shown_what_wants_a_look(health, skew, found):
    tile = queries.Tile(None, state.Agent(health=health, clock_skew=skew), state.State("live"))
    assert queries.troubles(tile) == found


def test_the_wall_shows_every_camera_of_the_reader_and_no_other(square):
    place("museum")
    assert {row["camera"] for row in live.wall(square.person("operator"))} == {"Gate of square", "Lawn of square"}


@pytest.mark.parametrize(
    ("ago", "status", "name"), [(0, {}, "live"), (60, {}, "silent"), (0, {"state": "tampered"}, "tampered"), (0, {"last_frame_t": 1.0}, "stale")]
)
def test_the_wall_calls_nothing_live_that_is_old(square, ago, status, name):
    receive(square.door, ago, **status)
    states = {row["camera"]: row["state"] for row in live.wall(square.person("operator"))}
    assert states == {"Gate of square": name, "Lawn of square": "none"}


@pytest.mark.parametrize("health", SENSELESS)
@pytest.mark.parametrize("page", ["/wall/", "/sites/", "/sites/square/", "/sites/square/tiles/", "/sites/square/cameras/gate/", "/agents/", "/api/v1/agents"])
def test_nonsense_in_a_heartbeat_breaks_no_page(square, page, health):
    given = receive(square.door)
    given.health = health
    if health is not None:
        given.save()
    assert signed_in(square.person("administrator")).get(page).status_code == 200


def test_every_way_in_which_a_camera_fails_has_its_own_sentence_in_both_languages():
    assert set(problems.WORDS) == set(PROBLEMS) - {"failed"}  # of which a person reads only that the log says more
    shown = {}
    for language in ("en", "it"):
        with translation.override(language):
            shown[language] = [state.of(agent(state="stale", problem="technical", problem_code=code), NOW).problem for code in PROBLEMS]
            assert state.of(agent(state="stale", problem="technical", problem_code="newer"), NOW).problem.count("(newer)") == 1
            assert state.of(agent(problem_code=""), NOW).problem == ""
    assert len({*shown["en"], *shown["it"]}) == 2 * len(PROBLEMS)


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "words"), [("en", "does not accept this user name"), ("it", "La telecamera non accetta")])
def test_the_cameras_page_says_why_there_is_no_picture(language, words):
    square = place()
    found = machine(square.square).agent
    found.health, found.last_seen = {"camera": {"state": "stale", "problem": "technical", "problem_code": "password"}}, timezone.now()
    found.save()
    page = signed_in(square.person("operator")).get(reverse("sites:camera", args=[square.site.slug, square.square.slug]), headers={"accept-language": language})
    assert words in page.content.decode()


@pytest.mark.parametrize(("language", "words"), [("en", "turned or moved"), ("it", "girata o spostata")])
def test_a_turned_camera_is_told_in_words_and_that_its_rules_are_suspended(language, words):
    with translation.override(language):
        found = state.of(agent(state="tampered", faults=["moved", "smoked_over"], suspended=True), NOW)
    assert found.name == "tampered"
    assert words in found.faults[0]
    assert found.faults[1] == "smoked over"
    assert len(found.faults) == 3
    assert state.of(agent(), NOW).faults == ()


@pytest.mark.django_db
def test_a_camera_whose_turning_would_go_unnoticed_says_so_where_masks_rely_on_it():
    square = place()
    agent = machine(square.square).agent
    agent.health, agent.last_seen = {"camera": {"state": "live", "last_frame_t": timezone.now().timestamp(), "people": 0, "featureless": True}}, timezone.now()
    agent.save()
    reader = square.person("manager")
    page = reverse("sites:camera", args=[square.site.slug, square.square.slug])
    words = "Troppo poco sta fermo in questa immagine"
    browser = signed_in(reader)
    assert words not in browser.get(page, headers={"accept-language": "it"}).content.decode(), "there are no masks that would be in the wrong place"
    assert health.views(reader).level == "ok"
    square.square.masks = [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]]
    square.square.save()
    assert words in browser.get(page, headers={"accept-language": "it"}).content.decode()
    assert (health.views(reader).level, str(square.square) in health.views(reader).detail) == ("warning", True)
