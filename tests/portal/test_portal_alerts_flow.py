"""Visitor flow: every crossing of a line is counted once, in its quarter of an hour, also on the days when the clock changes."""

from __future__ import annotations

import datetime
import zoneinfo

import pytest
from django.utils import timezone

from portal.alerts.flow import STEP, visitor_flow
from portal.alerts.models import Event
from portal.sites.queries import midnight
from tests.portal.alert_scene import scene
from tests.portal.portal_scene import signed_in

pytestmark = pytest.mark.django_db
ROME = zoneinfo.ZoneInfo("Europe/Rome")
DAY = datetime.date(2026, 5, 4)


@pytest.fixture
def square():
    return scene()


def cross(scene, at, way="a_to_b", line="path", **changes):
    scene.record(scene.event(t=at.timestamp(), kind="line_crossed", data={"line": line, "direction": way}, **changes))


def at(hour, minute=0, day=DAY):
    return datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=ROME)


def counts(scene, day=DAY):
    (line,) = visitor_flow(scene.site, day)["lines"]
    return line


def test_a_day_without_crossings_has_no_lines(square):
    assert visitor_flow(square.site, DAY)["lines"] == []


def test_both_ways_are_counted_apart(square):
    for way in ("a_to_b", "a_to_b", "b_to_a"):
        cross(square, at(10), way)
    assert counts(square)["totals"] == [2, 1]


def test_a_crossing_counts_in_its_quarter_of_an_hour(square):
    cross(square, at(0))
    cross(square, at(0, 14))
    cross(square, at(0, 15))
    assert counts(square)["a_to_b"][:3] == [2, 1, 0]


def test_lines_and_cameras_are_counted_apart(square):
    cross(square, at(10), line="path")
    cross(square, at(10), line="bridge")
    assert [(line["camera"], line["line"], line["totals"]) for line in visitor_flow(square.site, DAY)["lines"]] == [
        ("Gate of square", "bridge", [1, 0]),
        ("Gate of square", "path", [1, 0]),
    ]


@pytest.mark.parametrize("when", [at(23, 59, DAY - datetime.timedelta(days=1)), at(0, 0, DAY + datetime.timedelta(days=1))])
def test_yesterday_and_tomorrow_do_not_count(square, when):
    cross(square, when)
    assert visitor_flow(square.site, DAY)["lines"] == []


def test_another_sites_visitors_do_not_count(square):
    cross(scene("museum"), at(10))
    assert visitor_flow(square.site, DAY)["lines"] == []


@pytest.mark.parametrize("data", [{}, {"line": "path"}, {"line": "path", "direction": "up"}, {"direction": "a_to_b"}, {"line": "", "direction": "a_to_b"}])
def test_an_event_that_does_not_say_line_and_way_is_not_counted(square, data):
    square.record(square.event(t=at(10).timestamp(), kind="line_crossed", data=data))
    assert Event.objects.count() == 1
    assert visitor_flow(square.site, DAY)["lines"] == []


@pytest.mark.parametrize(("day", "hours"), [(DAY, 24), (datetime.date(2026, 3, 29), 23), (datetime.date(2025, 10, 26), 25)])
def test_a_day_has_as_many_quarters_as_its_clock(square, day, hours):
    shown = visitor_flow(square.site, day)
    assert shown["from"] == at(0, day=day).timestamp()
    assert len(shown["t"]) == hours * 4


def test_the_last_quarter_of_a_long_day_counts(square):
    day = datetime.date(2025, 10, 26)
    cross(square, at(23, 50, day))
    line = counts(square, day)
    assert (line["a_to_b"][-1], len(line["a_to_b"])) == (1, 100)


def test_today_ends_now(square):
    shown = visitor_flow(square.site)
    assert shown["from"] == midnight().timestamp()
    assert shown["t"][-1] <= timezone.now().timestamp() + STEP.total_seconds()


def test_the_chart_gets_what_the_reader_may_see(square):
    now = timezone.localtime()
    cross(square, now)
    answer = signed_in(square.operator).get("/sites/square/flow/").json()
    assert answer["lines"][0]["totals"] == [1, 0]


def test_a_day_costs_one_query_for_any_number_of_visitors(square, django_assert_num_queries):
    for n in range(30):
        cross(square, at(10, n % 60), seq=n)
    with django_assert_num_queries(1):
        assert counts(square)["totals"] == [30, 0]
