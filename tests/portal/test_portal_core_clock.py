"""The two 02:30 of the night when clocks go back are told apart on every page, and opening hours hold in both."""

from __future__ import annotations

import datetime

import pytest
from django.template import Context, Template
from django.utils import timezone

from detectors.rules.unknown_person import Hours
from portal.core.templatetags.clock import is_twice
from tests.portal.alert_scene import scene
from tests.portal.portal_scene import signed_in

FIRST, SECOND = (datetime.datetime(2026, 10, 25, hour, 30, 7, tzinfo=datetime.UTC) for hour in (0, 1))
NOON, FORWARD = datetime.datetime(2026, 10, 25, 11, 30, tzinfo=datetime.UTC), datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ('date:"H:i"', ["02:30 CEST", "02:30 CET", "12:30", "03:30"]),
        ('date:"j M Y, H:i:s"', ["25 Oct 2026, 02:30:07 CEST", "25 Oct 2026, 02:30:07 CET", "25 Oct 2026, 12:30:00", "29 Mar 2026, 03:30:00"]),
        ('time:"H:i"', ["02:30 CEST", "02:30 CET", "12:30", "03:30"]),
        ('date:"Y-m-d"', ["2026-10-25", "2026-10-25", "2026-10-25", "2026-03-29"]),
        (r'date:"j \H"', ["25 H", "25 H", "25 H", "29 H"]),
        ('date:"H:i T"', ["02:30 CEST", "02:30 CET", "12:30 CET", "03:30 CEST"]),
    ],
)
def test_an_hour_that_comes_twice_names_its_time_and_no_other_does(form, shown):
    template = Template("{{ t|" + form + " }}")
    assert [template.render(Context({"t": t})) for t in (FIRST, SECOND, NOON, FORWARD)] == shown


def test_machines_read_the_same_as_ever():
    template = Template('{{ t|date:"c" }} {{ t|date:"U" }} {{ nothing|date:"H:i" }}')
    assert template.render(Context({"t": SECOND})) == f"2026-10-25T02:30:07+01:00 {SECOND.timestamp():.0f} "


@pytest.mark.django_db
def test_the_pages_of_an_alert_tell_them_apart():
    square = scene()
    for t in (FIRST, SECOND):
        square.record(square.event(t=t.timestamp(), kind="anomaly", data={}))
    client = signed_in(square.operator)
    page = client.get("/").content.decode()
    assert page.count("02:30:07 CEST</time>") == page.count("02:30:07 CET</time>") == 1
    assert [is_twice(timezone.localtime(t)) for t in (FIRST, SECOND, NOON, FORWARD)] == [True, True, False, False]


@pytest.mark.parametrize(("start", "end", "open_"), [(2, 3, True), (2.25, 2.75, True), (3, 20, False), (22, 2.75, True), (22, 2, False)])
def test_opening_hours_hold_in_both(start, end, open_):
    hours = Hours(start, end, 7, "Europe/Rome")
    assert [hours.contain(t.timestamp()) for t in (FIRST, SECOND)] == [open_, open_]
