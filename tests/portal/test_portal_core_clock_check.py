"""A clock that jumps ahead, or a portal that was off: for one night nothing is deleted by date, at whatever hour it jumped and whichever job asks first."""

from __future__ import annotations

import datetime

import pytest
from alert_scene import scene
from django.utils import timezone

from portal.alerts import tasks as alert_tasks
from portal.analysis import actions
from portal.analysis import tasks as case_tasks
from portal.analysis.models import Case
from portal.core import audit, clock_check, media
from portal.core import tasks as core_tasks
from portal.core.models import AuditRow
from portal.house import tasks as house_tasks
from portal.training.rollout import tasks as rollout_tasks
from tests.portal.test_portal_analysis import file

pytestmark = pytest.mark.django_db
AHEAD = datetime.timedelta(days=730)
NIGHTLY = {  # as their crontabs have them, in the time of the portal
    house_tasks.walk_audit: "03:20",
    alert_tasks.clean_up: "03:47",
    case_tasks.forget_ended: "04:17",
    rollout_tasks.forget_pictures: "04:41",
    core_tasks.sweep_media: "05:05",
}


@pytest.fixture
def at(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path
    return scene()


@pytest.fixture
def clock(monkeypatch):
    """Set the portal's clock."""

    def to(moment: datetime.datetime) -> datetime.datetime:
        monkeypatch.setattr(timezone, "now", lambda: moment)
        return moment

    return to


def of_day(day: datetime.date, hour: str) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.fromisoformat(hour)))


def something_happens() -> None:
    audit.record(actor="system", verb="events.recorded", subject="camera:1")


@pytest.mark.parametrize("jumped_to", ["00:10", "03:30", "04:00", "05:30", "12:00", "23:50"])
@pytest.mark.parametrize("order", [list(NIGHTLY), list(reversed(NIGHTLY))], ids=["by the clock", "late jobs in disorder"])
def test_a_jump_at_any_hour_makes_every_job_wait_for_one_night(at, clock, jumped_to, order):
    case = actions.open_case(user=at.operator, files=[file("torre.jpg")], site=at.site)
    case_tasks.run_case(case_id=case.pk)
    something_happens()
    first_day = (timezone.localtime(timezone.now()) + AHEAD).date()
    jump = clock(of_day(first_day, jumped_to))
    something_happens()  # agents go on reporting in the new time
    hours = [NIGHTLY[job] for job in NIGHTLY]
    night = first_day + datetime.timedelta(days=of_day(first_day, hours[0]) < jump)
    for job, hour in zip(order, hours, strict=True):
        clock(of_day(night, hour))
        job(timestamp=0)
        something_happens()
    assert Case.objects.filter(pk=case.pk).exists()
    assert AuditRow.objects.filter(verb="clock.jumped").count() == 1
    for job, hour in zip(order, hours, strict=True):
        clock(of_day(night + datetime.timedelta(days=1), hour))
        job(timestamp=0)
    assert not Case.objects.exists()  # a portal that was off for two years says the same: it goes a night later
    assert AuditRow.objects.filter(verb="clock.jumped").count() == 1


def test_a_second_jump_is_a_jump_of_its_own(at, clock):
    something_happens()
    for times in (1, 2):
        clock(timezone.now() + AHEAD)
        something_happens()
        assert clock_check.jumped()
        assert AuditRow.objects.filter(verb="clock.jumped").count() == times


def test_a_stray_file_waits_too(at, clock):
    stray = media.put(b"a killed process left it")
    something_happens()
    clock(timezone.now() + AHEAD)
    core_tasks.sweep_media(timestamp=0)
    assert media.exists(stray)


def test_a_quiet_week_is_no_jump(at, clock):
    something_happens()
    now = timezone.now()
    clock(now + datetime.timedelta(days=6))
    assert not clock_check.jumped()
    clock(now + datetime.timedelta(days=9))
    assert clock_check.jumped()
