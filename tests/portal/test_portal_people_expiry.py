"""End dates: who comes to theirs, extending with a reason, and what goes by itself."""

from __future__ import annotations

import datetime

import pytest
from alert_scene import scene
from django.core.exceptions import ValidationError
from django.urls import reverse
from test_portal_people import enrolled, in_days

from portal.core.models import AuditRow
from portal.people import expiry, tasks
from portal.people.models import Person

pytestmark = pytest.mark.django_db


def ended(at, days: float) -> Person:
    person = enrolled(at)
    Person.objects.filter(pk=person.pk).update(expires=in_days(-days))
    return Person.objects.get(pk=person.pk)


@pytest.mark.parametrize(("days", "soon", "over"), [(29, 1, 0), (31, 0, 0), (-1, 0, 1)])
def test_the_list_holds_who_ends_within_thirty_days_and_who_has_ended(days, soon, over):
    at = scene()
    ended(at, -days)
    found = expiry.ending(at.manager)
    assert (len(found.soon), len(found.over), expiry.count(at.manager)) == (soon, over, soon + over)


def test_nobody_reads_the_end_dates_of_another_site():
    at, other = scene(), scene("tower")
    ended(other, 1)
    assert expiry.ending(at.manager) == expiry.Ending([], [])


def test_the_page_extends_with_a_reason_that_the_audit_log_keeps(client):
    at = scene()
    person = ended(at, 1)
    client.force_login(at.manager)
    day = in_days(90).date()
    client.post(reverse("people:extend", args=[person.uid]), {"expires": day.isoformat(), "reason": "new contract"})
    person.refresh_from_db()
    assert person.valid
    assert person.expires > in_days(89)
    assert AuditRow.objects.get(verb="person.extended").data == {"reason": "new contract"}


@pytest.mark.parametrize(
    "row", [{"expires": "", "reason": "x"}, {"expires": "2026-02-31", "reason": "x"}, {"expires": "2090-01-01", "reason": "x"}, {"reason": " "}]
)
def test_without_a_sound_day_and_a_reason_nothing_is_extended(client, row):
    at = scene()
    person = ended(at, 1)
    client.force_login(at.manager)
    day = (in_days(9).date()).isoformat()
    assert client.post(reverse("people:extend", args=[person.uid]), {"expires": day, **row}).status_code == 422
    assert Person.objects.get().expires == person.expires


def test_the_nightly_task_deletes_the_templates_of_who_ended_long_ago_and_raises_the_version():
    at = scene()
    person = ended(at, 31)
    tasks.clean_up(0)
    at.site.refresh_from_db()
    assert person.templates.count() == 0
    assert at.site.people_version == 3
    assert AuditRow.objects.get(verb="person.expired").subject == f"person:{person.uid}"
    tasks.clean_up(0)
    assert AuditRow.objects.filter(verb="person.expired").count() == 1


def test_the_templates_of_who_ended_lately_are_kept_and_the_owner_is_told():
    at = scene()
    person = ended(at, 29)
    assert expiry.clean_up() == (1, 0)
    assert person.templates.count() == 1
    assert AuditRow.objects.get(verb="people.ending").data == {"owner": at.manager.email, "people": 1}


def test_somebody_without_templates_is_not_extended_but_enrolled_again():
    at = scene()
    person = ended(at, 31)
    expiry.clean_up()
    with pytest.raises(ValidationError, match="enrol"):
        expiry.extend(user=at.manager, uid=person.uid, expires=in_days(9) + datetime.timedelta(), reason="late")
