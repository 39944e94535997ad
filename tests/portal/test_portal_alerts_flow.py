"""Visitor flow: every crossing of a line is counted once, in its quarter of an hour, also on the days when the clock changes."""

from __future__ import annotations

import datetime
import zoneinfo

import pytest
from django.utils import timezone, translation

from portal.alerts.flow import STEP, visitor_flow
from portal.alerts.models import Event
from portal.sites.queries import midnight
from tests.portal.alert_scene import scene
from tests.portal.portal_scene import signed_in

pytestmark = pytest.mark.django_db
DATE = datetime.date
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


@pytest.mark.parametrize(
    ("first", "last", "step", "steps"),
    [
        (DAY, DAY, 900, 96),
        (DAY, DAY + datetime.timedelta(days=6), 3600, 7 * 24),
        (DAY, DAY + datetime.timedelta(days=30), 0, 31),
        (DATE(2025, 10, 20), DATE(2025, 10, 26), 3600, 169),
    ],
)
def test_a_longer_stretch_has_wider_steps_and_every_crossing_in_one_of_them(square, first, last, step, steps):
    for when in (at(0, day=first), at(23, 59, last)):
        cross(square, when)
    shown = visitor_flow(square.site, first, last)
    (line,) = shown["lines"]
    assert (shown["step"], len(shown["t"]), line["totals"]) == (step, steps, [2, 0])
    assert (line["a_to_b"][0], line["a_to_b"][-1]) == (1, 1)


def test_days_are_days_of_the_clock_here_also_when_it_changes(square):
    for day in (DATE(2026, 3, 28), DATE(2026, 3, 29), DATE(2026, 3, 30)):
        cross(square, at(0, 1, day))
        cross(square, at(23, 58, day))
    shown = visitor_flow(square.site, DATE(2026, 3, 1), DATE(2026, 3, 31))
    assert shown["labels"][27:30] == ["28 Mar 2026", "29 Mar 2026", "30 Mar 2026"]
    assert shown["lines"][0]["a_to_b"][26:31] == [0, 2, 2, 2, 0]


def test_both_hours_of_the_night_when_clocks_go_back_are_told_apart_on_the_axis(square):
    night = DATE(2025, 10, 26)
    first, second = (datetime.datetime(2025, 10, 26, hour, 31, tzinfo=datetime.UTC) for hour in (0, 1))
    cross(square, first)
    cross(square, second, "b_to_a")
    shown = visitor_flow(square.site, night)
    crossed = [(shown["labels"][i], ways) for i, ways in enumerate(zip(shown["lines"][0]["a_to_b"], shown["lines"][0]["b_to_a"], strict=True)) if any(ways)]
    assert crossed == [("26 Oct, 02:30 CEST", (1, 0)), ("26 Oct, 02:30 CET", (0, 1))]
    assert [text for _, rank, text in shown["ticks"] if rank == 0] == ["26 Oct", "02:00 CEST", "02:00 CET", "06:00", "12:00", "18:00"]
    assert "comes twice, first as CEST, then as CET" in shown["note"]
    with translation.override("it"):
        assert "prima come CEST (ora legale), poi come CET (ora solare)" in visitor_flow(square.site, night)["note"]
    assert visitor_flow(square.site, DAY)["note"] == ""


def test_the_page_asks_for_stretches_and_a_day_that_is_none_is_refused_in_a_sentence(square):
    yesterday, client = timezone.now() - datetime.timedelta(hours=23, minutes=30), signed_in(square.operator)
    cross(square, yesterday)
    asked = lambda **chosen: client.get("/sites/square/flow/", chosen)  # noqa: E731
    assert [asked(range=each).json()["lines"][0]["totals"] for each in ("24h", "7d")] == [[1, 0], [1, 0]]
    day = timezone.localtime(yesterday).date().isoformat()
    assert asked(range="days", **{"from": day, "to": day}).json()["lines"][0]["totals"] == [1, 0]
    for first, last in (("", ""), ("2026-02-30", day), (day, "x"), ("2026-05-02", "2026-05-01"), ("0001-01-01", day)):
        refused = asked(range="days", **{"from": first, "to": last})
        assert (refused.status_code, refused.json()["error"]) == (400, "Choose two days, the first not after the last.")


def test_a_day_costs_one_query_for_any_number_of_visitors(square, django_assert_num_queries):
    for n in range(30):
        cross(square, at(10, n % 60), seq=n)
    with django_assert_num_queries(1):
        assert counts(square)["totals"] == [30, 0]
