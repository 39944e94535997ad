"""Somebody is erased while a door still reports of them: the report comes before or after, it never breaks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alert_scene import scene
from django.db import connection, transaction
from test_portal_people_log import enrolled, report, visit_of

from portal.alerts.models import Event
from portal.people.models import Person, Recognition
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone()[0] > 0


def test_the_end_of_a_visit_that_comes_while_its_person_is_erased_is_taken_and_leaves_no_row():
    square = scene()
    anna = enrolled(square, "Anna")
    report(square, visit_of(anna))
    later = visit_of(anna)

    def door() -> None:
        try:
            report(square, {**later, "ended": later["started"] + 4})
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Person.objects.select_for_update(of=("self",)).get(pk=anna.pk)
            Recognition.objects.filter(person=anna).delete()
            Person.objects.filter(pk=anna.pk).delete()
            reporting = pool.submit(door)
            wait_for(waits_for_a_lock, "the door's report waits for the erasing")
        reporting.result(30)
    assert Recognition.objects.count() == 0
    assert Event.objects.filter(kind="recognised").count() == 2
