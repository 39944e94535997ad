"""What a reader sees of the alerts: own sites only, filtered, searched, counted, in few queries."""

from __future__ import annotations

import time

import pytest
from django.utils import timezone

from portal.alerts import actions, queries
from portal.alerts.queries import AlertFilters
from tests.portal.alert_scene import scene, user

pytestmark = pytest.mark.django_db
NOW = time.time()


@pytest.fixture
def square():
    return scene()


@pytest.fixture
def museum():
    return scene("museum")


def test_a_reader_sees_own_sites_only(square, museum):
    mine, theirs = square.alert(), museum.alert()
    assert list(queries.inbox(square.operator)) == [mine]
    assert list(queries.inbox(user("all@specola.example", "manager"))) == [theirs, mine]
    assert list(queries.inbox(user("nobody@specola.example", "operator", scene("empty").site))) == []


def test_the_newest_occurrence_stands_first(square):
    old, new, middle = [square.alert(t=NOW - age, kind=kind) for age, kind in ((300, "anomaly"), (0, "loitering"), (100, "object_left"))]
    assert list(queries.inbox(square.operator)) == [new, middle, old]


@pytest.mark.parametrize("rows", [1, 12])
def test_the_inbox_costs_the_same_few_queries_for_any_number_of_rows(square, rows, django_assert_num_queries):
    square.record(*[square.event(kind=f"kind_{n}", seq=n) for n in range(rows)])
    with django_assert_num_queries(2):  # the reader's sites, the rows
        shown = [(row.camera.site.name, row.last.t, row.assignee) for row in queries.inbox(square.operator)]
    assert len(shown) == rows


def test_the_counters_cost_three_queries(square, django_assert_num_queries):
    square.alert()
    with django_assert_num_queries(3):  # the reader's sites, open ones, today's
        assert queries.counts(square.operator) == {"new": 1, "acknowledged": 0, "mine": 0, "ring": 2, "today": 1}


def test_the_counters_follow_the_deeds(square):
    alert = square.alert()
    actions.acknowledge(user=square.operator, alert_id=alert.pk)
    assert queries.counts(square.operator) == {"new": 0, "acknowledged": 1, "mine": 1, "ring": None, "today": 1}
    actions.resolve(user=square.operator, alert_id=alert.pk, reason="real")
    assert queries.counts(square.operator) == {"new": 0, "acknowledged": 0, "mine": 0, "ring": None, "today": 1}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, True),
        ({"site": "square"}, True),
        ({"site": "museum"}, False),
        ({"camera": "none"}, False),
        ({"camera": "9" * 30}, False),
        ({"kind": "person_in_zone"}, True),
        ({"kind": "anomaly"}, False),
        ({"state": "new"}, True),
        ({"state": "open"}, True),
        ({"state": "resolved"}, False),
        ({"mine": "1"}, False),
        ({"q": "GATE altar"}, True),
        ({"q": "gate roof"}, False),
        ({"q": "person"}, True),
        ({"q": "%"}, False),
        ({"q": "#999999999999999999999"}, False),
    ],
    ids=str,
)
def test_filters_and_search(square, filters, found):
    square.alert()
    assert queries.inbox(square.operator, AlertFilters.read(filters)).exists() is found


def test_a_number_finds_its_alert(square):
    alert = square.alert()
    assert list(queries.inbox(square.operator, AlertFilters(q=f"#{alert.pk}"))) == [alert]


def test_a_note_is_found_by_its_words(square):
    alert = square.alert()
    actions.add_note(user=square.operator, alert_id=alert.pk, text="a lost umbrella")
    assert list(queries.inbox(square.operator, AlertFilters(q="umbrella"))) == [alert]


@pytest.mark.parametrize("given", [{"q": 7}, {"q": None}, {"q": "a\x00b"}, {"colour": "red"}, {"site": ["x"]}], ids=str)
def test_filters_that_make_no_sense_filter_nothing(given):
    assert AlertFilters.read(given) == AlertFilters()


def test_a_browser_that_was_away_gets_what_changed_and_what_fell_out(square):
    start = timezone.now()
    kept, gone = square.alert(), square.alert(kind="anomaly")
    actions.resolve(user=square.operator, alert_id=gone.pk, reason="real")
    rows, out = queries.changed_since(square.operator, AlertFilters(state="open"), start)
    assert (rows, out) == ([kept], [gone.pk])


def test_too_many_changes_are_not_sent_one_by_one(square, monkeypatch):
    monkeypatch.setattr(queries, "CAUGHT_UP", 3)
    start = timezone.now()
    square.record(*[square.event(kind=f"kind_{n}", seq=n) for n in range(4)])
    assert queries.changed_since(square.operator, AlertFilters(), start) is None


def test_a_stranger_learns_of_no_change(square, museum):
    start = timezone.now()
    square.alert()
    assert queries.changed_since(museum.operator, AlertFilters(), start) == ([], [])


def test_media_are_found_through_an_alert_the_reader_may_see(square, museum):
    alert = square.alert(snapshot="ab" * 32)
    assert queries.media_of(square.operator, alert.pk, "snapshot") == "ab" * 32
    assert queries.media_of(square.operator, alert.pk, "clip") is None
    assert queries.media_of(museum.operator, alert.pk, "snapshot") is None


@pytest.mark.parametrize("event", ["not-a-uuid", "00000000-0000-7000-8000-000000000000"])
def test_a_picture_of_an_event_that_is_not_the_alerts_is_not_found(square, event):
    alert = square.alert(snapshot="ab" * 32)
    assert queries.media_of(square.operator, alert.pk, "snapshot", event) is None


def test_only_those_who_may_act_can_be_given_an_alert(square, museum):
    everywhere = user("all@specola.example", "operator")
    assert set(queries.assignable(square.alert())) == {square.operator, square.manager, everywhere}
